//! When nothing is left to do: 4, no money is stranded; 7, no secret is seen; 8, proofs verify.

use super::{claims, ensure, leaves, money, redemption, redemptions, tokens};
use crate::audit;
use crate::flow::{Event, Redemption, SIDE_CARD, State, next};
use crate::host::Store;
use crate::issuer::Reference;
use crate::record::Record;
use crate::sim::life::town::Town;
use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

pub(in crate::sim::life) fn at_the_end(town: &mut Town) -> Result<(), String> {
    money::check(town)?;
    let oracle = town.transport.world().oracle();
    for id in redemptions(town) {
        let name = town.name(id);
        let Some(r) = redemption(town, id) else { return Err(format!("{name} cannot be replayed")) };
        let rests = r.state.is_end() || r.state.waits_for_people();
        ensure(rests, || format!("{name} is left in {}", r.state.name()))?;
        let debited = oracle.debited(Reference::debit(id)) > 0;
        let explained = match r.state {
            State::Retired | State::Owed | State::Held | State::Suspended | State::ClawbackDue => true,
            State::Recovered | State::WrittenOff => true,
            // What a store that was put back has forgotten only the issuer's file brings to light.
            // Nor can a node tell how long ago another one, with another clock, has asked.
            _ => !debited || town.watch.forgot || town.wrong_clocks(),
        };
        ensure(explained, || format!("{name} is {} and stands debited", r.state.name()))?;
        let corrected = town.watch.is_corrected(id);
        ensure(r.state != State::Retired || debited || corrected || town.watch.forgot, || {
            format!("{name} is retired and not debited")
        })?;
        let log = town.depot.look(|index| index.row(id).map(|row| row.log.clone())).unwrap_or_default();
        let records = Record::decode_all(&log).map_err(|error| error.to_string())?;
        claims(town, &r, &records)?;
        if let (State::Retired, Some(quote), Some(debit)) = (r.state, &r.quote, &r.debit) {
            ensure(quote.value == debit.amount, || format!("{name}: {} of {}", quote.value, debit.amount))?;
        }
    }
    exposures(town)?;
    tokens::check(town)?;
    secrets(town)?;
    (0..town.nodes.len()).try_for_each(|n| proofs(town, n))
}

/// What counts against the limits of advances is what is open, each in one log.
fn exposures(town: &mut Town) -> Result<(), String> {
    let counted: Vec<_> = town.nodes.iter().flat_map(|node| node.engine.advances()).collect();
    let mut open = BTreeSet::new();
    for id in redemptions(town) {
        if redemption(town, id).is_some_and(|r| r.exposed) {
            open.insert(id);
        }
    }
    let distinct: BTreeSet<_> = counted.iter().copied().collect();
    ensure(distinct.len() == counted.len(), || "an advance counts in two logs".into())?;
    ensure(distinct == open, || format!("{} advances are open, and {} count", open.len(), distinct.len()))
}

fn secrets(town: &mut Town) -> Result<(), String> {
    let mut found = None;
    let secrets = town.plan.secrets.clone();
    let shown = town.depot.open(town.depot.log_of(0)).frames(&mut |bytes, _| {
        let seen = |secret: &&String| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        found = found.take().or_else(|| secrets.iter().find(seen).cloned());
    });
    shown.map_err(|error| error.to_string())?;
    ensure(found.is_none(), || format!("{found:?} stands in a frame"))?;
    for id in redemptions(town) {
        let sides = |index: &crate::record::Index| {
            index.row(id).map(|row| row.due.is_none() && row.side(SIDE_CARD).is_none())
        };
        let ended = town.depot.look(sides).ok_or("a row is gone")?;
        let state = redemption(town, id).ok_or("a row is gone")?.state;
        let must = state.is_end() && state != State::Reversed;
        let name = town.name(id);
        ensure(!must || ended, || format!("{name} is {} and its card is not erased", state.name()))?;
    }
    Ok(())
}

fn proofs(town: &mut Town, n: usize) -> Result<(), String> {
    let leaves = leaves(town, town.nodes[n].log)?;
    let (size, root) = town.nodes[n].engine.audit();
    for index in (0..size).step_by(7) {
        let mut all = &leaves[..];
        let proof = audit::inclusion_proof(&mut all, index, size).map_err(|error| error.to_string())?;
        let leaf = &leaves[usize::try_from(index).expect("there are few")];
        audit::verify_inclusion(leaf, index, size, &proof, &root).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Notes the steps that were taken.
pub(in crate::sim::life) fn cover(town: &mut Town) -> Result<(), String> {
    let (mut taken, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for id in redemptions(town) {
        let log = town.depot.look(|index| index.row(id).map(|row| row.log.clone())).unwrap_or_default();
        let records = Record::decode_all(&log).map_err(|error| error.to_string())?;
        let (mut state, mut steps) = (State::Received, Vec::new());
        for record in &records {
            let (_, event) = Event::from_record(record).map_err(|error| error.to_string())?;
            let kind = event.kind();
            if let Event::TurnedAway { reason } = &event {
                if reason.starts_with("token_") {
                    town.coverage.token(reason);
                }
            }
            taken.insert((state, kind));
            steps.push((state, event));
            state = next(state, kind).ok_or("a step that is not allowed")?;
        }
        town.coverage.of_steps(&steps);
        kinds.extend(records.iter().map(|record| record.kind));
        debug_assert!(Redemption::replay(id, &records).is_ok_and(|r| r.state == state));
    }
    town.coverage.taken(taken);
    town.life.kinds = kinds.into_iter().collect();
    Ok(())
}
