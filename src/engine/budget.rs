//! What a request counts against: the subjects of its budgets, and which it finds used up.

use super::live::Live;
use super::prepare::open_device;
use super::{Engine, Setup};
use crate::base::{Few, Key16, RedemptionId, Text, Writer};
use crate::card::Card;
use crate::flow::{Facts, Input, SIDE_PERSONAL, State};
use crate::risk::{BudgetKind, Reason, Seen};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Under which subjects a request counts, in the order of the kinds.
pub(super) type Counted = Vec<(BudgetKind, Key16)>;

/// The subjects of a request that was received when its facts say: those whose budget is off, or
/// that it has nothing for, are left out. Under the oldest pepper, so that a new one forgets no
/// question.
pub(super) fn subjects(setup: &Setup, facts: &Facts, device: Option<&Text>, card: Option<&Card>) -> Counted {
    let budget = &setup.policy.risk.budget;
    let oldest = setup.keys.pepper_versions().next().expect("a ring holds a pepper");
    let window = budget.window_of(facts.received_at);
    let subject = |kind: BudgetKind| {
        let mut value = zeroize::Zeroizing::new(Vec::with_capacity(96));
        let mut w = Writer::new(&mut value);
        w.i64(window);
        match kind {
            BudgetKind::Caller => w.text(&facts.caller),
            BudgetKind::Device => w.text(device?),
            BudgetKind::Prefix => {
                let scheme = setup.catalogue.product(&facts.product)?.scheme();
                w.text(scheme).bytes(budget.prefix_of(card?.identity().expose())?)
            }
        };
        setup.keys.subject_key(oldest, kind.name(), &value).map(|key| (kind, key))
    };
    let mut counted = Vec::with_capacity(BudgetKind::ALL.len());
    counted.extend(BudgetKind::ALL.into_iter().filter(|kind| budget.limit(*kind) > 0).filter_map(subject));
    counted
}

/// Takes the answers about budgets off the end of what was seen, and tells which are used up.
pub(super) fn used_up(setup: &Setup, counted: &Counted, seen: &mut Vec<Seen>) -> Vec<Reason> {
    let answers = seen.drain(seen.len().saturating_sub(counted.len())..);
    let asked: Few<_> = counted
        .iter()
        .zip(answers)
        .filter_map(|((kind, _), seen)| match seen {
            Seen::Moments(moments) => Some((*kind, moments.count)),
            Seen::Recent(_) => None,
        })
        .collect();
    setup.policy.risk.budget.used_up(asked.as_slice())
}

impl Engine {
    /// What was seen before, asked again after a crash.
    pub(super) fn seen_again(&mut self, id: RedemptionId, mut seen: Vec<Seen>) {
        let Some(live) = self.live.get_mut(&id) else { return };
        live.over = used_up(&self.setup, &live.counted, &mut seen);
        self.tell_now(id, Input::Seen(seen));
    }

    /// A redemption that a crash cut off before its decision counts under the same subjects.
    pub(super) fn count_again(&self, live: &mut Live, sides: &BTreeMap<u8, Vec<u8>>) {
        if live.r.state == State::Claimed {
            let sealed = sides.get(&SIDE_PERSONAL);
            let device = sealed.and_then(|sealed| open_device(&self.setup, live.r.id, &live.r.facts, sealed));
            live.counted = subjects(&self.setup, &live.r.facts, device.as_ref(), live.card.as_ref());
        }
    }
}
