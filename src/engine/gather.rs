//! Batch issuers: debits are gathered for one message, and the message leaves once every one of
//! its intents is durable.

use super::calls::operation;
use super::live::{Alarm, Group, Queued, Ready, Told};
use super::{ChannelId, Engine};
use crate::base::{RedemptionId, scrub_stack};
use crate::flow::{Effect, Input};
use crate::issuer::{Answer, Context, EncodeError, Message, OpKind, Operation, Outcome};
use alloc::vec::Vec;

/// How soon the next message is made for those that found no place in this one.
const AGAIN_MS: i64 = 100;

impl Engine {
    /// Puts a redemption into its issuer's next message.
    pub(super) fn gather(&mut self, id: RedemptionId) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let Some(place) = live.places.issuer else { return };
        if core::mem::replace(&mut live.gathered, true) {
            return;
        }
        let profile = self.setup.issuers[place].profile();
        let channel = place as u16;
        let waiting = self.gathering.entry(channel).or_default();
        waiting.push(id);
        if waiting.len() == 1 {
            let at = self.now.mono.plus(profile.batch_window_ms);
            self.alarms.insert((at, Alarm::Gather(channel)));
        } else if waiting.len() == profile.batch_max {
            self.alarms.retain(|(_, alarm)| *alarm != Alarm::Gather(channel));
            self.alarms.insert((self.now.mono, Alarm::Gather(channel)));
        }
    }

    /// The window closes: the message is made, and every debit in it gets its intent.
    pub(super) fn dispatch(&mut self, channel: u16) {
        let place = usize::from(channel);
        let all = self.gathering.remove(&channel).unwrap_or_default();
        let most = self.setup.issuers[place].profile().batch_max;
        let (now, later) = all.split_at(all.len().min(most));
        let mut steps = Vec::new();
        let mut again = Vec::new();
        // A call names the first of its redemptions, and how often that one was sent.
        let mut attempt = None;
        for &id in now {
            let Some(mut live) = self.live.remove(&id) else { continue };
            if live.busy {
                self.live.insert(id, live);
                again.push(id);
                continue;
            }
            live.gathered = false;
            let step = self.step_of(&mut live, Input::Dispatch);
            self.live.insert(id, live);
            if let Ok(step) = step {
                let sent = step.effects.iter().find_map(|effect| match effect {
                    Effect::Ask { kind: OpKind::Redeem, attempt, .. } => Some(*attempt),
                    _ => None,
                });
                attempt = attempt.or(sent);
                steps.push((id, step));
            }
        }
        again.extend_from_slice(later);
        self.gather_again(channel, again);
        if steps.is_empty() {
            return;
        }
        let group = self.next_call;
        let ids: Vec<RedemptionId> = steps.iter().map(|(id, _)| *id).collect();
        let (mut ready, unfit) = self.batch_message(place, &ids, attempt.unwrap_or(1));
        // Before the intents, so that the next message is not made with the same session.
        if let Some(ready) = &mut ready {
            self.keep_channel_tally(ready);
            self.keep_session(ready);
        }
        self.groups.insert(group, Group { missing: ids.len(), whole: true, ready });
        for id in unfit {
            let answer = Answer { kind: OpKind::Redeem, outcome: Outcome::NotSent, by_file: false };
            let Some(live) = self.live.get_mut(&id) else { continue };
            live.inbox.push_back(Told::of(Input::Answer(answer)));
            self.queue.push_back(Queued::Nudge(id));
        }
        for (id, step) in steps {
            self.stage(id, step, None, Some(group));
        }
    }

    /// Those that found no place, or are still being written, come soon.
    fn gather_again(&mut self, channel: u16, again: Vec<RedemptionId>) {
        if !again.is_empty() {
            self.alarms.insert((self.now.mono.plus(AGAIN_MS), Alarm::Gather(channel)));
            self.gathering.insert(channel, again);
        }
    }

    /// The message, and those that could not be put into it: one debit that does not fit does not
    /// hold up the others.
    fn batch_message(
        &mut self,
        place: usize,
        ids: &[RedemptionId],
        attempt: u32,
    ) -> (Option<Ready>, Vec<RedemptionId>) {
        let nonce = self.entropy.bytes();
        let issuer = &self.setup.issuers[place];
        let name = issuer.profile().name.as_str();
        let session = self.session_of(name);
        let context = Context { session, now: self.now.wall, nonce };
        let (mut fit, mut unfit) = (Vec::new(), Vec::new());
        let mut operations = Vec::new();
        for &id in ids {
            let live = self.live.get(&id);
            let made = live.and_then(|live| {
                let attempt = live.r.redeem.as_ref().map_or(1, |redeem| redeem.attempt);
                operation(&live.r, live.card.as_ref(), OpKind::Redeem, attempt)
            });
            match made {
                Some(made) => {
                    fit.push(id);
                    operations.push(made);
                }
                None => unfit.push(id),
            }
        }
        let mut message = Message::default();
        let mut encoded = issuer.encode(&operations, &context, &mut message);
        if encoded.is_err() {
            let fits = |operation: &Operation<'_>| {
                let mut alone = Message::default();
                issuer.encode(core::slice::from_ref(operation), &context, &mut alone).is_ok()
            };
            let sound: Vec<bool> = operations.iter().map(fits).collect();
            let mut each = sound.iter().copied();
            operations.retain(|_| each.next().unwrap_or(false));
            let (good, bad): (Vec<_>, Vec<_>) = fit.into_iter().zip(sound).partition(|(_, sound)| *sound);
            fit = good.into_iter().map(|(id, _)| id).collect();
            unfit.extend(bad.into_iter().map(|(id, _)| id));
            message = Message::default();
            encoded = match operations.is_empty() {
                true => Err(EncodeError::Field("card")),
                false => issuer.encode(&operations, &context, &mut message),
            };
        }
        scrub_stack();
        if encoded.is_err() {
            unfit.append(&mut fit);
            return (None, unfit);
        }
        let waiting = fit.iter().map(|id| (*id, OpKind::Redeem)).collect();
        (Some(self.ready(ChannelId(place as u16), 0, attempt, message, waiting, true)), unfit)
    }

    /// One intent of a batch message is durable, or was refused: then the message must not
    /// leave, for it holds a debit that is another writer's. The others are asked for again
    /// when they are due.
    pub(super) fn joined(&mut self, group: u64, stands: bool) {
        let Some(joined) = self.groups.get_mut(&group) else { return };
        joined.missing -= 1;
        joined.whole &= stands;
        if joined.missing == 0 {
            let done = self.groups.remove(&group).filter(|group| group.whole);
            if let Some(ready) = done.and_then(|group| group.ready) {
                self.release_or_wait(ready);
            }
        }
    }
}
