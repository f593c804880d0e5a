//! Broken bytes: cut off, with a bit changed, joined, and noise.

use super::far::Says;
use super::trial::{FACE, Sent, Trial};
use super::{Breach, Rule};
use crate::issuer::{Accepted, Answer, Decline, OpKind, Outcome, Reference};
use crate::vault::Entropy;
use std::format;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::vec::Vec;

/// How much noise is tried with each question.
const NOISE: usize = 200;
/// So many bits at the most are changed in one answer.
const FLIPS: usize = 1_024;

/// How bytes were broken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    CutOff,
    Flipped,
    Joined,
    Noise,
}

/// What the whole bytes say.
struct Honest {
    heard: Vec<(Reference, Answer)>,
    signs: bool,
}

impl Trial<'_> {
    pub(super) fn broken(&mut self) -> Result<(), Breach> {
        if !self.far.signs() {
            self.leave_out("changed bytes, for answers are not signed");
        }
        let mut entropy = Entropy::new([0x5c; 32]);
        for sent in self.questions()? {
            for says in [Says::Yes, Says::No(Decline::AlreadyUsed), Says::Pending] {
                let Some(reply) = self.far.write(&sent.message, &[self.said(&sent, says)]) else { continue };
                let signs = self.far.signs();
                self.breaks(&sent, &reply, &mut entropy, signs)?;
            }
        }
        Ok(())
    }

    /// `signs`: the bytes bear a signature, so that no changed bit may change what they say.
    pub(super) fn breaks(
        &mut self,
        sent: &Sent,
        reply: &[u8],
        entropy: &mut Entropy,
        signs: bool,
    ) -> Result<(), Breach> {
        let heard = [self.hear(reply, &sent.asked).0, self.overhear(reply).0].concat();
        let honest = Honest { heard, signs };
        for end in 0..reply.len() {
            self.broken_as(sent, &reply[..end], &honest, How::CutOff)?;
        }
        let bits = reply.len() * 8;
        let mut bent = reply.to_vec();
        // An odd step comes by every bit of a byte.
        for bit in (0..bits).step_by(bits.div_ceil(FLIPS) | 1) {
            bent[bit / 8] ^= 1 << (bit % 8);
            self.broken_as(sent, &bent, &honest, How::Flipped)?;
            bent[bit / 8] ^= 1 << (bit % 8);
        }
        let half = reply.len() / 2;
        for joined in [[reply, reply].concat(), [&reply[half..], &reply[..half]].concat()] {
            self.broken_as(sent, &joined, &honest, How::Joined)?;
        }
        for _ in 0..NOISE {
            let noise: [u8; 64] = entropy.bytes();
            let len = usize::from(noise[0]) % noise.len();
            let at = usize::from(noise[1]) * reply.len() / 256;
            let mixed = [&reply[..at], &noise[..len]].concat();
            self.broken_as(sent, &noise[..len], &honest, How::Noise)?;
            self.broken_as(sent, &mixed, &honest, How::Noise)?;
        }
        Ok(())
    }

    fn broken_as(&mut self, sent: &Sent, bytes: &[u8], honest: &Honest, how: How) -> Result<(), Breach> {
        self.checked.broken += 1;
        let read = catch_unwind(AssertUnwindSafe(|| {
            let heard = [self.hear(bytes, &sent.asked).0, self.overhear(bytes).0].concat();
            // What it changes in the session is its own affair.
            let _ = self.issuer.learn(
                bytes,
                &crate::issuer::Context {
                    session: self.session(),
                    now: crate::base::Wall(0),
                    nonce: [0; 16],
                },
            );
            heard
        }));
        let kind = sent.asked.kind;
        let Ok(heard) = read else {
            let what = format!("{how:?} bytes of an answer to {}: a panic", kind.name());
            return Err(self.breach(Rule::Broken, what));
        };
        let wrong = heard.iter().find(|answer| !may_stand(answer, sent, honest, how));
        let what = || format!("{how:?} bytes of an answer to {}: {wrong:?}", kind.name());
        self.check(Rule::Broken, wrong.is_none(), what)
    }
}

/// Whether an answer may be read from broken bytes.
fn may_stand((about, answer): &(Reference, Answer), sent: &Sent, honest: &Honest, how: How) -> bool {
    let given = honest.heard.iter().any(|(reference, given)| reference == about && alike(given, answer));
    if given || super::says::says_nothing(&answer.outcome) {
        return true;
    }
    match how {
        // Without a signature a changed letter says what it says; but never of another question,
        // and never yes to what was asked where no yes was given.
        How::Flipped | How::Joined if !honest.signs => {
            let yes = |answer: &Answer| match &answer.outcome {
                Outcome::Accepted(yes) => yes.amount == FACE && answer.kind == OpKind::Redeem,
                _ => false,
            };
            let gave = honest.heard.iter().any(|(_, answer)| yes(answer));
            *about != sent.asked.reference || !yes(answer) || gave
        }
        _ => false,
    }
}

/// The same answer, but for the card, which may be cut off.
fn alike(given: &Answer, answer: &Answer) -> bool {
    let outcome = |answer: &Answer| match &answer.outcome {
        Outcome::Accepted(yes) => Outcome::Accepted(Accepted { card: None, generation: None, ..yes.clone() }),
        other => other.clone(),
    };
    given == answer
        || (matches!(&answer.outcome, Outcome::Accepted(yes) if yes.card.is_none())
            && given.kind == answer.kind
            && outcome(given) == outcome(answer))
}
