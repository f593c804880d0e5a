//! Channel sessions: opened before anything else is asked, kept durable, learned from replies.
//! What cannot be sent before the session stands is held back, its intent durable all the while.

use super::live::{Entry, Ready, Told};
use super::{CallId, ChannelId, Engine};
use crate::base::{Few, RedemptionId, Text};
use crate::flow::{Input, Step};
use crate::issuer::{Answer, Asked, Context, Message, OpKind, Outcome};
use alloc::vec::Vec;

/// A question that waits for its channel's session.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) id: RedemptionId,
    pub(super) kind: OpKind,
    pub(super) endpoint: u32,
    pub(super) attempt: u32,
}

/// For a look at whether a session stands; the message is not sent.
const LOOKING: [u8; 16] = [0; 16];

/// What is held for one channel.
#[derive(Default)]
pub(super) struct Door {
    held: Vec<Held>,
    /// The call that opens it, while it is out.
    opening: Option<u64>,
}

impl Engine {
    /// The message that opens the channel's session, if it needs one. `Err` if it needs one and
    /// has none.
    fn opening(&self, channel: ChannelId, nonce: [u8; 16]) -> Result<Option<Message>, ()> {
        let Some(issuer) = self.setup.issuers.get(usize::from(channel.0)) else { return Ok(None) };
        let session = self.session_of(&issuer.profile().name);
        let context = Context { session, now: self.now.wall, nonce };
        let mut message = Message::default();
        match issuer.sign_in(&context, &mut message) {
            Ok(true) => Ok(Some(message)),
            Ok(false) => Ok(None),
            Err(_) => Err(()),
        }
    }

    /// Whether the question must wait for the channel's session; then it is held back, and the
    /// session is being opened.
    pub(super) fn holds(&mut self, channel: ChannelId, nonce: [u8; 16], held: Held) -> bool {
        let Ok(opening) = self.opening(channel, nonce) else {
            // Nothing will open it; the question itself says so when it is encoded.
            return false;
        };
        let Some(message) = opening else { return false };
        if let Some(live) = self.live.get_mut(&held.id) {
            live.held = true;
        }
        let door = self.doors.entry(channel).or_default();
        door.held.push(held);
        if door.opening.is_none() {
            let nobody = Few::One((RedemptionId::default(), OpKind::SignIn));
            let ready = self.ready(channel, held.endpoint, 1, message, nobody, false);
            self.doors.entry(channel).or_default().opening = Some(ready.call.id.number);
            self.release_or_wait(ready);
        }
        true
    }

    /// What a reply answers, while it is waited for.
    pub(super) fn asked(&self, id: CallId) -> Option<Asked> {
        let pending = self.calls.get(&id.number).filter(|pending| pending.channel == id.channel)?;
        let [(redemption, kind)] = pending.waiting.as_slice() else { return None };
        let live = self.live.get(redemption)?;
        let operation = super::calls::operation(&live.r, live.card.as_ref(), *kind, 1)?;
        Some(Asked {
            kind: *kind,
            reference: operation.reference,
            amount: operation.amount,
            trace: pending.trace.clone(),
        })
    }

    /// Keeps what a message changes in the channel's session.
    pub(super) fn learn(&mut self, channel: ChannelId, bytes: &[u8]) {
        let Some(issuer) = self.setup.issuers.get(usize::from(channel.0)) else { return };
        let name = &issuer.profile().name;
        let context = Context { session: self.session_of(name), now: self.now.wall, nonce: [0; 16] };
        if let Some(state) = issuer.learn(bytes, &context) {
            let name = name.clone();
            self.write_session(&name, &state, Few::None);
        }
    }

    /// The call that was to open the session has ended. If the session does not stand now, what
    /// was held was not sent. Otherwise it goes out once the session is durable.
    pub(super) fn opened(&mut self, channel: ChannelId, number: u64) {
        let Some(door) = self.doors.get_mut(&channel).filter(|door| door.opening == Some(number)) else {
            return;
        };
        door.opening = None;
        if matches!(self.opening(channel, LOOKING), Ok(None)) {
            return;
        }
        let held = self.doors.remove(&channel).map(|door| door.held).unwrap_or_default();
        for Held { id, kind, .. } in held {
            if let Some(live) = self.live.get_mut(&id) {
                live.held = false;
            }
            let answer = Answer { kind, outcome: Outcome::NotSent, by_file: false };
            self.tell(id, Told::of(Input::Answer(answer)));
        }
    }

    /// A session is durable, or a redemption is free again: what was held goes out if the session
    /// stands. Intents are durable by then, for they stood in the log before the session.
    pub(super) fn let_out(&mut self) {
        let open: Vec<ChannelId> = self
            .doors
            .iter()
            .filter(|(_, door)| door.opening.is_none())
            .map(|(channel, _)| *channel)
            .collect();
        for channel in open {
            if !matches!(self.opening(channel, LOOKING), Ok(None)) {
                continue;
            }
            let held = self.doors.remove(&channel).map(|door| door.held).unwrap_or_default();
            for Held { id, kind, endpoint, attempt } in held {
                match self.live.get_mut(&id) {
                    // Its own write comes first.
                    Some(live) if live.busy => {
                        self.doors.entry(channel).or_default().held.push(Held {
                            id,
                            kind,
                            endpoint,
                            attempt,
                        });
                    }
                    Some(live) => {
                        live.held = false;
                        let endpoint = self.site_for(id, kind, endpoint);
                        if let Some(ready) = self.encoded_call(id, kind, endpoint, attempt) {
                            self.send_held(id, ready);
                        }
                    }
                    None => {}
                }
            }
        }
    }

    /// Releases a call whose intent is durable; what its adapter must know again is written first.
    fn send_held(&mut self, id: RedemptionId, mut ready: Ready) {
        let mut step = Step::default();
        self.trace(id, &mut step, &ready);
        if step.records.is_empty() {
            return self.release_or_wait(ready);
        }
        self.keep_session(&mut ready);
        let Some(mut live) = self.live.remove(&id) else { return };
        live.busy = true;
        let unit = self.unit_of(&live.r, live.places, live.r.records - 1, step);
        self.live.insert(id, live);
        self.open.units.push(unit);
        let (ready, inbound) = (Few::One(ready), None);
        self.open.entries.push(Entry::Step { ready, wait_ms: None, group: None, inbound, recalls: false });
    }

    /// Adds to a step what the adapter of a debit's call must know again.
    pub(super) fn trace(&mut self, id: RedemptionId, step: &mut Step, ready: &Ready) {
        let debit = ready.call.kind == OpKind::Redeem && !ready.pending.batch;
        let Some(trace) = ready.pending.trace.clone().filter(|_| debit) else { return };
        let Some(live) = self.live.get_mut(&id) else { return };
        if live.r.trace.as_ref() != Some(&trace) {
            step.trace(&mut live.r, self.now.wall, trace).expect("a debit is not the first step");
        }
    }

    /// What was left with the debit of a redemption.
    pub(super) fn trace_of(&self, id: RedemptionId) -> Option<&Text> {
        self.live.get(&id).and_then(|live| live.r.trace.as_ref())
    }
}
