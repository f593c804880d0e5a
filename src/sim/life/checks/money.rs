//! 2: a card is debited at most once per pay-out and paid at most once.

use super::{ensure, redemption};
use crate::base::{Key16, RedemptionId};
use crate::flow::State;
use crate::issuer::Reference;
use crate::sim::life::town::Town;
use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec::Vec;

pub(super) fn check(town: &mut Town) -> Result<(), String> {
    let oracle = town.transport.world().oracle();
    for payout in oracle.unbacked() {
        let id = payout.reference.redemption;
        let r = redemption(town, id);
        let returned = |state| matches!(state, State::Recovered | State::WrittenOff);
        let advanced = r.as_ref().is_some_and(|r| r.advance.is_some() || returned(r.state));
        let known = advanced || town.watch.is_corrected(id) || (r.is_none() && town.watch.forgot);
        // What a restored store has forgotten of an advance is told anew by the same request.
        let again = town.watch.forgot && r.as_ref().is_some_and(|r| &*r.facts.issuer == "file");
        ensure(known || again, || format!("paid without a debit: {} #{}", town.name(id), payout.reference))?;
    }
    let mut paid: BTreeMap<RedemptionId, u32> = BTreeMap::new();
    for payout in oracle.payouts().filter(|payout| !payout.returned) {
        *paid.entry(payout.reference.redemption).or_default() += 1;
    }
    for (id, times) in &paid {
        // A restored store has forgotten to which other account people had it paid.
        let elsewhere = oracle.payouts().any(|payout| payout.reference == Reference::payout(*id, 2));
        ensure(*times == 1 || (town.watch.forgot && elsewhere), || {
            format!("{} is paid {times} times", town.name(*id))
        })?;
    }
    let mut debits: BTreeMap<RedemptionId, u32> = BTreeMap::new();
    for debit in oracle.debits() {
        *debits.entry(debit.reference.redemption).or_default() += u32::from(!debit.reversed);
    }
    for (id, times) in &debits {
        ensure(*times <= 1, || format!("{} is debited {times} times", town.name(*id)))?;
    }
    if town.watch.forgot {
        return Ok(());
    }
    let mut cards: BTreeMap<Key16, Vec<RedemptionId>> = BTreeMap::new();
    for id in paid.keys() {
        let r = redemption(town, *id).ok_or("a paid redemption is gone")?;
        for key in &r.facts.keys {
            cards.entry(*key).or_default().push(*id);
        }
    }
    for sold in cards.values().filter(|sold| sold.len() > 1) {
        let backed =
            |id: &&RedemptionId| debits.get(id).copied().unwrap_or(0) > 0 || town.watch.is_corrected(**id);
        let debited = sold.iter().filter(backed).count();
        ensure(debited == sold.len(), || {
            format!("a card is paid {} times for {debited} debits", sold.len())
        })?;
    }
    Ok(())
}
