//! 2, for cards that show tokens: a token is spent once, ever, and one that must be refused never.

use super::{ensure, redemptions};
use crate::base::{Key16, RedemptionId};
use crate::flow::{Event, Redemption, State, next};
use crate::record::{ClaimStatus, Record};
use crate::sim::life::town::Town;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};

/// The use of a token is claimed by its redemption, for ever.
pub(super) fn claimed(town: &Town, r: &Redemption) -> Result<(), String> {
    for key in r.token.iter().flat_map(|used| &used.claims) {
        let held = town.depot.look(|index| index.claim(*key));
        ensure(held == Some((r.id, ClaimStatus::Consumed)), || {
            format!("{} has used a token, and the use is claimed as {held:?}", town.name(r.id))
        })?;
    }
    Ok(())
}

/// Over all redemptions: by card, key and step, not by the names under which uses are claimed.
pub(super) fn check(town: &Town) -> Result<(), String> {
    let mut spent: BTreeMap<(Key16, u32, u64), RedemptionId> = BTreeMap::new();
    for id in redemptions(town) {
        let name = town.name(id);
        let log = town.depot.look(|index| index.row(id).map(|row| row.log.clone())).unwrap_or_default();
        let records = Record::decode_all(&log).map_err(|error| error.to_string())?;
        let r = Redemption::replay(id, &records).map_err(|error| error.to_string())?;
        let asked = town.plan.requests.iter().filter(|asked| asked.request.redemption() == id);
        let all_bad = asked.filter_map(|asked| asked.shown.as_ref()).all(|shown| shown.bad);
        let mut state = State::Received;
        for record in &records {
            let (_, event) = Event::from_record(record).map_err(|error| error.to_string())?;
            if let Event::TokenUsed(used) = &event {
                ensure(!(all_bad && state == State::Claimed), || {
                    format!("{name} has passed with a token that must be refused")
                })?;
                for card in &r.facts.keys {
                    let first = *spent.entry((*card, used.key, used.step)).or_insert(id);
                    ensure(first == id, || {
                        format!("one token is spent by {} and by {name}", town.name(first))
                    })?;
                }
            }
            state = next(state, event.kind()).ok_or("a step that is not allowed")?;
        }
    }
    Ok(())
}
