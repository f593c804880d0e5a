//! Calls: encoded with their intent, released after it is durable, and heard of or not.

use super::live::{Alarm, Pending, Ready, Told};
use super::session::Held;
use super::{Call, CallId, ChannelId, Engine};
use crate::base::{Few, Mono, RedemptionId, Secret, scrub_stack};
use crate::card::Card;
use crate::flow::{Input, Redemption};
use crate::issuer::{
    Answer, CardData, Cause, Context, EncodeError, Message, OpKind, Operation, Outcome, Payment, Reference,
};
use crate::money::Amount;
use crate::route::Heard;
use alloc::string::ToString;
use zeroize::Zeroizing;

/// A call may take so long from its making to its release where answers are expected sooner than that.
const STALE_MS: i64 = 5_000;

/// A card as adapters see it.
pub(super) fn card_data(card: &Card) -> CardData<'_> {
    CardData { number: card.number().map(Secret::expose), secret: card.secret().expose() }
}

fn needs_card(kind: OpKind) -> bool {
    matches!(kind, OpKind::Balance | OpKind::PinCheck | OpKind::Redeem)
}

impl Engine {
    /// The encoded call for one question about a redemption. If it cannot be encoded nothing
    /// can have been sent, and the redemption is told so.
    pub(super) fn call_for(
        &mut self,
        id: RedemptionId,
        kind: OpKind,
        endpoint: u32,
        attempt: u32,
    ) -> Option<Ready> {
        let attempt = self.ordered(id, kind, attempt);
        let endpoint = self.site_for(id, kind, endpoint);
        self.encoded_call(id, kind, endpoint, attempt)
    }

    /// The same, at this very site.
    pub(super) fn encoded_call(
        &mut self,
        id: RedemptionId,
        kind: OpKind,
        endpoint: u32,
        attempt: u32,
    ) -> Option<Ready> {
        let nonce = self.entropy.bytes();
        let mut message = Message::default();
        if self.live.get(&id)?.sealed.is_some() {
            let mut live = self.live.remove(&id)?;
            self.open_sealed(&mut live);
            self.live.insert(id, live);
        }
        let live = self.live.get(&id)?;
        let pays = matches!(kind, OpKind::Pay | OpKind::PayQuery);
        let place = if pays { None } else { live.places.issuer };
        let channel = place.map_or(self.setup.rail_channel(), |place| ChannelId(place as u16));
        if place.is_some() && self.holds(channel, nonce, Held { id, kind, endpoint, attempt }) {
            return None;
        }
        self.placed(channel, endpoint);
        let live = self.live.get(&id)?;
        let session = self.session_of(self.setup.channel_name(channel).unwrap_or_default());
        let context = Context { session, now: self.now.wall, nonce };
        let encoded = match place {
            None => self.encode_payment(&live.r, kind, attempt, &context, &mut message),
            Some(place) => match operation(&live.r, live.card.as_ref(), kind, attempt) {
                Some(operation) => {
                    let trace = self.trace_of(id);
                    self.setup.issuers[place].encode_traced(&operation, trace, &context, &mut message)
                }
                None => Err(EncodeError::Field("card")),
            },
        };
        if needs_card(kind) {
            scrub_stack();
        }
        if encoded.is_err() {
            let answer = Answer { kind, outcome: Outcome::NotSent, by_file: false };
            let live = self.live.get_mut(&id)?;
            live.inbox.push_back(Told::of(Input::Answer(answer)));
            self.queue.push_back(super::live::Queued::Nudge(id));
            return None;
        }
        Some(self.ready(channel, endpoint, attempt, message, Few::One((id, kind)), false))
    }

    fn encode_payment(
        &self,
        r: &Redemption,
        kind: OpKind,
        attempt: u32,
        context: &Context<'_>,
        message: &mut Message,
    ) -> Result<(), EncodeError> {
        let (number, payee, amount) = match (&r.payout, &r.quote) {
            (Some(payout), _) => (payout.number, &payout.payee, payout.amount),
            // Whether one was ordered that the store has forgotten.
            (None, Some(quote)) if kind == OpKind::PayQuery => (1, &r.facts.seller, quote.payout),
            _ => return Err(EncodeError::Field("payout")),
        };
        let reference = Reference::payout(r.id, number);
        let payment = Payment { kind, reference, payee, amount, attempt };
        self.setup.rails[0].encode(&[payment], context, message)
    }

    /// Gives an encoded message its call, and its session a unit if it changed.
    pub(super) fn ready(
        &mut self,
        channel: ChannelId,
        endpoint: u32,
        attempt: u32,
        mut message: Message,
        waiting: Few<(RedemptionId, OpKind)>,
        batch: bool,
    ) -> Ready {
        let id = CallId { channel, number: self.next_call };
        self.next_call += 1;
        let timing = match self.setup.issuers.get(usize::from(channel.0)) {
            Some(issuer) => &issuer.profile().timing,
            None => &self.setup.rails[0].profile().timing,
        };
        let (send_within_ms, answer_within_ms) = (timing.send_within_ms, timing.answer_within_ms);
        let (redemption, kind) =
            waiting.as_slice().first().copied().unwrap_or((RedemptionId::default(), OpKind::Query));
        let (session, trace) = (message.session.take(), message.trace.take());
        let call = Call {
            id,
            endpoint,
            kind,
            redemption,
            attempt,
            send_by: Mono(0),
            answer_by: Mono(0),
            head: core::mem::take(&mut message.head),
            bytes: Zeroizing::new(core::mem::take(&mut message.body)),
        };
        let pending = Pending {
            channel,
            answer_by: Mono(0),
            endpoint,
            sent_at: Mono(0),
            hedge: false,
            batch,
            waiting,
            session,
            trace,
        };
        let stale_ms = answer_within_ms.max(STALE_MS.min(timing.absent_after_ms / 2));
        let stale_at = self.now.mono.plus(stale_ms);
        Ready { call, pending, stale_at, send_within_ms, answer_within_ms }
    }

    /// Releases a call whose intent needs no writing; if it changed the channel's session, that
    /// is written first.
    pub(super) fn release_or_wait(&mut self, mut ready: Ready) {
        let tally = self.channel_tally(&ready);
        match (ready.pending.session.take(), tally) {
            (None, None) => self.release(ready),
            (None, Some(tally)) => self.write_tally(&tally, Few::One(ready)),
            (Some(state), tally) => {
                // In the same batch, before the session that the call waits for.
                if let Some(tally) = tally {
                    self.write_tally(&tally, Few::None);
                }
                let name = self.setup.channel_name(ready.pending.channel).unwrap_or_default().to_string();
                self.write_session(&name, &state, Few::One(ready));
            }
        }
    }

    /// Hands the call out: its intent is durable. Its times start to run now; it does not leave where it has
    /// taken too long until here.
    pub(super) fn release(&mut self, mut ready: Ready) {
        let number = ready.call.id.number;
        let send_by = self.now.mono.plus(ready.send_within_ms).min(ready.stale_at);
        ready.call.send_by = self.lease.map_or(send_by, |lease| lease.min(send_by));
        ready.call.answer_by = self.now.mono.plus(ready.answer_within_ms);
        ready.pending.answer_by = ready.call.answer_by;
        ready.pending.sent_at = self.now.mono;
        self.note_asked(&ready);
        for (id, kind) in ready.pending.waiting.iter().filter(|_| !ready.pending.hedge) {
            if let Some(live) = self.live.get_mut(id) {
                live.awaits(*kind, number);
            }
        }
        self.alarms.insert((ready.call.answer_by, Alarm::Call(number)));
        self.calls.insert(number, ready.pending);
        self.outputs.push_back(super::Output::Call(ready.call));
    }

    /// A reply came: whoever waited for this call and was not answered does not know.
    pub(super) fn call_replied(
        &mut self,
        id: CallId,
        answered: &[(RedemptionId, OpKind)],
        undecodable: bool,
    ) {
        let Some(mut pending) = self.close(id.number) else { return };
        let after_ms = self.now.mono.0.saturating_sub(pending.sent_at.0);
        self.note_heard(&pending, if undecodable { Heard::Garbage } else { Heard::Answer { after_ms } });
        self.opened(id.channel, id.number);
        let cause = if undecodable { Cause::Undecodable } else { Cause::Unmapped };
        for (redemption, kind) in core::mem::take(&mut pending.waiting) {
            let heard = self.live.get_mut(&redemption).is_some_and(|live| live.heard(id.number));
            let told = answered.contains(&(redemption, kind));
            // The other one that was asked need not answer any more.
            if let Some(live) = self.live.get_mut(&redemption).filter(|_| told && pending.hedge) {
                live.answered(kind);
            }
            let unheard = heard && !told && !pending.batch;
            if unheard && !(undecodable && self.tries_again(redemption, kind, &pending)) {
                self.tell_outcome(redemption, kind, Outcome::Unknown(cause));
            }
        }
    }

    pub(super) fn call_lost(&mut self, number: u64, not_sent: bool) {
        let outcome = if not_sent { Outcome::NotSent } else { Outcome::Unknown(Cause::Lost) };
        self.unheard(number, &outcome);
    }

    pub(super) fn call_overdue(&mut self, number: u64) {
        self.unheard(number, &Outcome::Unknown(Cause::Timeout));
    }

    /// Nothing will come, or nothing came in time. What was in a batch message that left waits
    /// on for its file; what never left is told so.
    fn unheard(&mut self, number: u64, outcome: &Outcome) {
        let Some(mut pending) = self.close(number) else { return };
        let heard = match outcome {
            Outcome::NotSent if self.was_late(&pending) => Heard::Withdrawn,
            Outcome::NotSent => Heard::Refused,
            Outcome::Unknown(Cause::Timeout) => Heard::Silence,
            _ => Heard::Reset,
        };
        self.note_heard(&pending, heard);
        self.opened(pending.channel, number);
        for (redemption, kind) in core::mem::take(&mut pending.waiting) {
            let heard = match self.live.get_mut(&redemption) {
                Some(live) => live.heard(number) || pending.batch,
                None => pending.batch,
            };
            let silent = pending.batch && *outcome != Outcome::NotSent;
            if heard && !silent && !self.tries_again(redemption, kind, &pending) {
                self.tell_outcome(redemption, kind, outcome.clone());
            }
        }
    }

    fn close(&mut self, number: u64) -> Option<Pending> {
        let pending = self.calls.remove(&number)?;
        self.alarms.remove(&(pending.answer_by, Alarm::Call(number)));
        Some(pending)
    }

    fn tell_outcome(&mut self, id: RedemptionId, kind: OpKind, outcome: Outcome) {
        let answer = Answer { kind, outcome, by_file: false };
        self.tell(id, Told::of(Input::Answer(answer)));
    }
}

/// The question as the adapter gets it; `None` if it needs a card that is not at hand.
pub(super) fn operation<'a>(
    r: &'a Redemption,
    card: Option<&'a Card>,
    kind: OpKind,
    attempt: u32,
) -> Option<Operation<'a>> {
    if needs_card(kind) && card.is_none() {
        return None;
    }
    let asked = r.debit.as_ref().map(|debit| debit.amount);
    let quoted: Option<Amount> = asked.or(r.quote.as_ref().map(|quote| quote.value));
    Some(Operation {
        kind,
        reference: Reference::debit(r.id),
        product: &r.facts.product,
        card: card.filter(|_| needs_card(kind)).map(card_data),
        amount: quoted.unwrap_or(r.facts.face),
        attempt,
    })
}
