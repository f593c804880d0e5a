//! Units into batches, and batches back.

use super::Engine;
use super::live::{Alarm, Entry, InFlight, Live, Open, Ready, Told};
use super::output::{Event, Heard};
use super::prepare::{self, open_card};
use super::setup::Places;
use crate::base::{BatchId, Few, Mono, RedemptionId, Text, planted, scrub_stack};
use crate::flow::{self, Effect, Input, Redemption, SIDE_CARD, Setting, Step, Summary};
use crate::issuer::{Answer, CardTag, OpKind};
use crate::record::{Batch, Frame, Handed, Record, Refusal, Side, SideMark, Unit};
use crate::risk::Reason;
use crate::vault::VaultError;
use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::mem::{replace, swap};

impl Engine {
    /// Closes the open batch, if there is something in it and none is on its way.
    pub(super) fn seal(&mut self) -> Option<Batch> {
        if self.in_flight.is_some() || self.open.units.is_empty() {
            return None;
        }
        let open = replace(&mut self.open, core::mem::take(&mut self.spare.open));
        let (last, digest) = self.durable.end();
        let id = BatchId { epoch: self.epoch, sequence: last.sequence + 1 };
        self.in_flight = Some(InFlight { id, entries: open.entries });
        let frame =
            Frame { id, log: self.durable.log, wall: self.now.wall, previous: digest, units: open.units };
        Some(Batch::reusing(frame, open.sides, core::mem::take(&mut self.spare.batch)))
    }

    /// The batch is durable: everything that waited for it goes on.
    pub(super) fn batch_done(&mut self, mut batch: Batch) {
        let Some(mut in_flight) = self.in_flight.take() else { return };
        self.durable.take(batch.frame(), batch.digest(), &|i| batch.verdicts()[i].is_accepted());
        let mut verdicts = batch.take_verdicts();
        for ((entry, unit), verdict) in in_flight.entries.drain(..).zip(batch.units()).zip(verdicts.drain(..))
        {
            match entry {
                Entry::Intake { prepared, turned_away } => self.admitted(prepared, turned_away, verdict),
                Entry::Step { ready, wait_ms, group, inbound, recalls } => {
                    let id = unit.redemption;
                    if matches!(
                        verdict.refusal,
                        Some(Refusal::Stale { .. } | Refusal::Known { .. } | Refusal::Held { .. })
                    ) {
                        // A step claims nothing but the use of a token.
                        match verdict.refusal {
                            Some(Refusal::Held { .. }) => {
                                self.token_replayed(id);
                                inbound.into_iter().for_each(|id| self.inbound_done(id));
                            }
                            _ => self.let_go(id, inbound),
                        }
                        group.into_iter().for_each(|group| self.joined(group, false));
                    } else {
                        self.step_done(id, unit, ready, wait_ms);
                        group.into_iter().for_each(|group| self.joined(group, true));
                        if recalls {
                            self.seen_again(id, verdict.seen);
                        }
                        self.drain(id);
                        inbound.into_iter().for_each(|id| self.inbound_done(id));
                    }
                }
                Entry::Session { ready } => {
                    ready.into_iter().for_each(|ready| self.release(ready));
                    self.let_out();
                }
                Entry::Sighting | Entry::Ring => {}
            }
        }
        let (mut units, sides, batch) = batch.into_scrap(verdicts);
        units.drain(..).for_each(|unit| self.spare.unit_over(unit));
        self.spare.open = Open { units, entries: in_flight.entries, sides };
        self.spare.batch = batch;
    }

    fn step_done(&mut self, id: RedemptionId, unit: &Unit, ready: Few<Ready>, wait_ms: Option<i64>) {
        ready.into_iter().for_each(|ready| self.release(ready));
        let Some(live) = self.live.get_mut(&id) else { return };
        live.busy = false;
        live.parked = unit.dormant;
        // What came in since its unit was written has not been told to it yet.
        let summary = Summary::of(&live.r);
        let done = live.ask.take().map(|ask| (ask, Heard::Done(Box::new(summary.clone()))));
        self.event(Event::Moved { redemption: id, summary });
        if let Some((ask, done)) = done {
            self.heard(id, Some(ask), done);
        }
        if !unit.dormant && wait_ms.is_some() {
            self.set_timer(id, wait_ms);
        }
        self.let_out();
    }

    /// Tells a redemption's inbox to it, one by one, until a unit is on its way; lets go of it
    /// once it is parked and nothing is left.
    pub(super) fn drain(&mut self, id: RedemptionId) {
        while let Some(live) = self.live.get_mut(&id) {
            if live.busy {
                return;
            }
            let Some(told) = live.inbox.pop_front() else { break };
            self.take_input(id, told);
        }
        match self.live.get_mut(&id) {
            Some(live) if live.parked => self.forget(id),
            // Something came in that changed nothing, and nothing else is on its way: the
            // machine is asked what to wait for, so that no redemption is ever left alone.
            Some(live) if live.is_idle() => {
                live.inbox.push_back(Told::of(Input::Timer));
                self.drain(id);
            }
            _ => {}
        }
    }

    pub(super) fn forget(&mut self, id: RedemptionId) {
        self.set_timer(id, None);
        let Some(mut live) = self.live.remove(&id) else { return };
        for inbound in live.inbox.drain(..).filter_map(|told| told.inbound) {
            self.inbound_done(inbound);
        }
        self.idle.keep(live);
    }

    /// Another writer has gone on with it. What brought news of it is not acknowledged: it comes
    /// again, and to whoever has the redemption then.
    fn let_go(&mut self, id: RedemptionId, inbound: Option<super::InboundId>) {
        let mut inbound = Vec::from_iter(inbound);
        self.set_timer(id, None);
        let live = self.live.remove(&id);
        inbound.extend(live.into_iter().flat_map(|live| live.inbox).filter_map(|told| told.inbound));
        self.exposures.set_back(id, &self.durable.exposures);
        let unacknowledged = self.abandon(inbound);
        self.event(Event::TakenOver { redemption: id, unacknowledged });
    }

    /// Another node has it in memory: what was to be brought to it is left undone.
    pub(super) fn is_elsewhere(&mut self, id: RedemptionId) {
        let waiting = self.loading.remove(&id).unwrap_or_default();
        if self.live.contains_key(&id) {
            return waiting.into_iter().for_each(|told| self.tell(id, told));
        }
        let unacknowledged = self.abandon(waiting.into_iter().filter_map(|told| told.inbound));
        self.event(Event::Elsewhere { redemption: id, unacknowledged });
    }

    /// Inbound messages that will not be acknowledged.
    fn abandon(&mut self, inbound: impl IntoIterator<Item = super::InboundId>) -> Vec<super::InboundId> {
        inbound.into_iter().filter(|id| self.inbound.remove(id).is_some()).collect()
    }

    /// Brings an input to a redemption: at once, later if a unit of it is on its way, or after
    /// the store has handed it in.
    pub(super) fn tell(&mut self, id: RedemptionId, told: Told) {
        if let Some(live) = self.live.get_mut(&id) {
            if live.busy || !live.inbox.is_empty() {
                live.inbox.push_back(told);
            } else {
                self.take_input(id, told);
            }
            return self.drain(id);
        }
        let waiting = self.loading.entry(id).or_default();
        waiting.push(told);
        if waiting.len() == 1 {
            self.outputs.push_back(super::Output::Load(id));
        }
    }

    pub(super) fn tell_now(&mut self, id: RedemptionId, input: Input) {
        if let Some(live) = self.live.get_mut(&id) {
            live.inbox.push_front(Told::of(input));
        }
    }

    fn take_input(&mut self, id: RedemptionId, mut told: Told) {
        let Some(mut live) = self.live.remove(&id) else { return };
        let scan = told.scan.take();
        match scan.map(|scan| self.scanned(&live, &scan, &mut told.ask)).transpose() {
            Ok(checked) => checked.into_iter().for_each(|input| told.input = input),
            Err(error) => {
                self.live.insert(id, live);
                self.event(Event::Refused { redemption: id, error: Some(error) });
                return self.heard(id, told.ask, Heard::Refused(error));
            }
        }
        if told.is_outdated(&live.r) {
            let accepted = matches!(&told.input, Input::Answer(a) | Input::Told(a) if matches!(a.outcome, crate::issuer::Outcome::Accepted(_)));
            told.input =
                if accepted { Input::Note("paid_under_old_id") } else { Input::Note("outdated_answer") };
        }
        if let Input::Told(Answer { kind, by_file: true, .. }) = told.input {
            // The file message that this file answers is not waited for any more.
            live.answered(kind);
        }
        let asked = matches!(told.input, Input::Person(_));
        let (before, said) = (live.r.state, super::snapshots::said(&told.input));
        let result = self.step_of(&mut live, told.input);
        match result {
            Ok(step) => {
                self.keep_snapshot(&live, said);
                let moved = live.r.state != before;
                self.live.insert(id, live);
                // A wait goes on through what changes nothing.
                if moved || !step.effects.is_empty() {
                    self.set_timer(id, None);
                }
                self.stage(id, step, told.inbound, None);
                self.asked_and_staged(id, told.ask);
            }
            Err(error) => {
                // People may ask again; anything else starts over from the records.
                let keep = asked || matches!(error, flow::FlowError::NotNow(_));
                if keep {
                    self.live.insert(id, live);
                }
                self.event(Event::Refused { redemption: id, error: Some(error) });
                self.heard(id, told.ask, Heard::Refused(error));
                told.inbound.into_iter().for_each(|id| self.inbound_done(id));
            }
        }
    }

    /// A named ask is heard when what it wrote is durable, at once if that is nothing.
    fn asked_and_staged(&mut self, id: RedemptionId, ask: Option<u64>) {
        match self.live.get_mut(&id).filter(|_| ask.is_some()) {
            Some(live) if live.busy => live.ask = ask,
            Some(live) => {
                let summary = Summary::of(&live.r);
                self.heard(id, ask, Heard::Done(Box::new(summary)));
            }
            None => {}
        }
    }

    pub(super) fn step_of(&mut self, live: &mut Live, input: Input) -> Result<Step, flow::FlowError> {
        let step = self.spare.step();
        let Some(mut setting) = self.setting_for(live.places, &live.hits) else {
            return Err(flow::FlowError::NotNow(live.r.state));
        };
        setting.site = self.first_site(live, &input);
        setting.tag = live.tag;
        setting.over = &live.over;
        setting.snapshot = self.remembered(live);
        setting.advance_room = self.advance_room(&live.r);
        let mut step = flow::handle_in(step, &mut live.r, &mut live.tries, input, &setting)?;
        self.adopt_exposure(&mut live.r, &mut step);
        Ok(step)
    }

    /// Opens a redemption's sealed card, unless that was done. Where the key's holder cannot be
    /// reached the card stays sealed, and is tried again when it is asked for.
    pub(super) fn open_sealed(&self, live: &mut Live) {
        let Some(sealed) = live.sealed.take() else { return };
        match open_card(&self.setup, live.r.id, &live.r.facts, &sealed) {
            Err(VaultError::Unavailable(_)) => live.sealed = Some(sealed),
            opened => live.card = opened.ok().flatten(),
        }
        live.tag = self.card_tag(live);
        scrub_stack();
    }

    pub(super) fn card_tag(&self, live: &Live) -> Option<CardTag> {
        let (issuer, card) = self.setup.issuer_at(live.places).zip(live.card.as_ref())?;
        issuer.card_tag(super::calls::card_data(card))
    }

    /// What the machine may know; `None` if the issuer is not in the set-up any more.
    pub(super) fn setting_for<'a>(&'a self, places: Places, hits: &'a [Reason]) -> Option<Setting<'a>> {
        Some(Setting {
            now: self.now.wall,
            jumps: &self.jumps,
            policy_digest: self.setup.policy_digest,
            policy: &self.setup.policy.flow,
            risk: &self.setup.policy.risk,
            terms: &self.setup.policy.terms,
            product: self.setup.product_at(places),
            issuer: self.setup.issuer_at(places)?.profile(),
            rail: self.setup.rails[0].profile(),
            hits,
            over: &[],
            tag: None,
            advance_room: false,
            snapshot: None,
            site: 0,
        })
    }

    /// Puts a step into the open batch, or does at once what needs no writing.
    pub(super) fn stage(
        &mut self,
        id: RedemptionId,
        mut step: Step,
        inbound: Option<super::InboundId>,
        group: Option<u64>,
    ) {
        let (wait_ms, recalls) = (step.wait_ms(), step.effects.contains(&Effect::Recall));
        let mut ready = Few::None;
        for effect in &step.effects {
            self.forget_snapshot(id, effect);
            match *effect {
                Effect::Ask { kind: OpKind::Redeem, .. } if group.is_some() => {}
                Effect::Ask { kind, endpoint, attempt } => {
                    ready.extend(self.call_for(id, kind, endpoint, attempt));
                }
                Effect::Gather => self.gather(id),
                Effect::Recall | Effect::Wait(_) => {}
            }
        }
        if step.with_next {
            if let Some(live) = self.live.get_mut(&id) {
                live.unwritten = replace(&mut step.records, self.spare.records());
            }
        }
        if step.records.is_empty() {
            if wait_ms.is_some() {
                self.set_timer(id, wait_ms);
            }
            self.spare.step_over(step);
            inbound.into_iter().for_each(|id| self.inbound_done(id));
            return ready.into_iter().for_each(|ready| self.release_or_wait(ready));
        }
        for ready in ready.iter_mut() {
            self.keep_channel_tally(ready);
            self.trace(id, &mut step, ready);
            self.keep_session(ready);
        }
        if planted!(ReleaseBeforeCommit) {
            core::mem::take(&mut ready).into_iter().for_each(|ready| self.release(ready));
        }
        let Some(mut live) = self.live.remove(&id) else { return };
        live.busy = true;
        let fresh = core::mem::take(&mut live.resealed);
        if !live.unwritten.is_empty() {
            let mut joined = core::mem::take(&mut live.unwritten);
            joined.append(&step.records);
            self.spare.records_over(replace(&mut step.records, joined));
        }
        let written = u32::try_from(step.records.len()).expect("a step writes few records");
        let r = &live.r;
        self.count_exposure(id, r.records - written, &step);
        let mut unit = self.unit_of(r, live.places, r.records - written, step);
        if recalls {
            let faces = prepare::faces_subject(&self.setup, &r.facts);
            unit.recalls = self.recalls(&r.facts, faces, &live.counted);
        }
        self.live.insert(id, live);
        self.put_resealed(&mut unit, fresh);
        self.open.units.push(unit);
        self.open.entries.push(Entry::Step { ready, wait_ms, group, inbound, recalls });
    }

    /// The unit of a step that `r` has taken.
    pub(super) fn unit_of(&mut self, r: &Redemption, places: Places, expected: u32, mut step: Step) -> Unit {
        let setting = self.setting_for(places, &[]);
        let (dormant, due) = setting.map_or((true, None), |s| flow::rest(r, &step, &s));
        let mut unit = self.spare.unit();
        (unit.redemption, unit.expected, unit.dormant, unit.due) = (r.id, expected, dormant, due);
        swap(&mut unit.records, &mut step.records);
        swap(&mut unit.claims, &mut step.claims);
        swap(&mut unit.changes, &mut step.changes);
        swap(&mut unit.postings, &mut step.postings);
        for &slot in &step.erase {
            self.put_side(&mut unit, Side { redemption: r.id, slot, content: None });
        }
        self.spare.step_over(step);
        Summary::encode_of(r, &mut unit.summary);
        debug_assert_eq!(Summary::decode(&unit.summary).as_ref(), Ok(&Summary::of(r)));
        unit
    }

    pub(super) fn put_side(&mut self, unit: &mut Unit, side: Side) {
        let content = side.content.as_deref().map(Frame::digest);
        unit.sides.push(SideMark { slot: side.slot, content });
        self.open.sides.push(side);
    }

    /// Writes the session that a call's message changed, in the same batch as its intent.
    pub(super) fn keep_session(&mut self, ready: &mut Ready) {
        if let Some(state) = ready.pending.session.take() {
            let name = self.setup.channel_name(ready.pending.channel).unwrap_or_default().to_string();
            self.write_session(&name, &state, Few::None);
        }
    }

    /// Writes a channel's session; the calls that were made with it wait for it.
    pub(super) fn write_session(&mut self, name: &str, state: &[u8], ready: Few<Ready>) {
        for ready in ready.iter() {
            // They are on their way: whoever waits for them does not ask again meanwhile.
            for (id, kind) in ready.pending.waiting.iter() {
                if let Some(live) = self.live.get_mut(id) {
                    live.awaits(*kind, ready.call.id.number);
                }
            }
        }
        let name = Text::new(name).expect("channel names were checked");
        let session = self.sessions.entry(name.clone()).or_default();
        let expected = session.records;
        session.records += 1;
        session.state = state.to_vec();
        let mut body = Vec::new();
        crate::base::Writer::new(&mut body).text(&name).raw(state);
        let kind = super::recovery::SESSION_KIND;
        let redemption = super::recovery::channel_row(self.durable.log, &name);
        let records = [Record { kind, version: 1, body: &body }].into();
        self.open.units.push(Unit { redemption, expected, dormant: true, records, ..Unit::default() });
        self.open.entries.push(Entry::Session { ready });
    }

    /// A redemption comes from the store: with inputs that waited for it, or because it is due.
    pub(super) fn take_up(&mut self, id: RedemptionId, handed: Option<Handed>) {
        let waiting = self.loading.remove(&id).unwrap_or_default();
        if self.live.contains_key(&id) {
            return waiting.into_iter().for_each(|told| self.tell(id, told));
        }
        let replayed = handed.map(|handed| {
            let records = Record::decode_all(&handed.log).map_err(flow::FlowError::from)?;
            Redemption::replay(id, &records).map(|r| (r, handed))
        });
        let error = match replayed {
            Some(Ok((r, handed))) => {
                let resealed = self.resealed(id, &r.facts, &handed);
                let places = self.setup.places(&r.facts);
                let mut live = Box::new(Live::new(r, places));
                live.hits = prepare::hits(&self.setup, &live.r.facts, None, None);
                live.resealed = resealed;
                live.sealed = handed.sides.get(&SIDE_CARD).cloned();
                self.open_sealed(&mut live);
                self.count_again(&mut live, &handed.sides);
                live.parked = true;
                self.live.insert(id, live);
                let resume = waiting.is_empty().then(|| Told::of(Input::Resume));
                let live = self.live.get_mut(&id).expect("it was put there");
                live.inbox.extend(resume.into_iter().chain(waiting));
                return self.drain(id);
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.event(Event::Refused { redemption: id, error });
        for told in waiting {
            self.heard(id, told.ask, error.map_or(Heard::NotKnown, Heard::Refused));
            told.inbound.into_iter().for_each(|id| self.inbound_done(id));
        }
    }

    /// A timer of a redemption fired.
    pub(super) fn timer(&mut self, id: RedemptionId, at: Mono) {
        let Some(live) = self.live.get_mut(&id).filter(|live| live.timer == Some(at)) else { return };
        live.timer = None;
        self.tell(id, Told::of(Input::Timer));
    }

    pub(super) fn set_timer(&mut self, id: RedemptionId, wait_ms: Option<i64>) {
        let Some(live) = self.live.get_mut(&id) else { return };
        if let Some(at) = live.timer.take() {
            self.alarms.remove(&(at, Alarm::Redemption(id)));
        }
        if let Some(ms) = wait_ms {
            let at = self.now.mono.plus(ms);
            live.timer = Some(at);
            self.alarms.insert((at, Alarm::Redemption(id)));
        }
    }

    /// One thing less that an inbound message waits for.
    pub(super) fn inbound_done(&mut self, id: super::InboundId) {
        let Some((channel, missing)) = self.inbound.get_mut(&id) else { return };
        *missing -= 1;
        if *missing > 0 {
            return;
        }
        let channel = *channel;
        self.inbound.remove(&id);
        let mut bytes = Vec::new();
        match self.setup.issuers.get(usize::from(channel.0)) {
            Some(issuer) => issuer.acknowledge(&mut bytes),
            None => {
                self.setup.rails[usize::from(channel.0) - self.setup.issuers.len()].acknowledge(&mut bytes)
            }
        }
        self.outputs.push_back(super::Output::Ack(id, bytes));
    }
}
