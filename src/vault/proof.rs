//! Both ends of a leg prove to each other that they hold the same card secret, and show nothing of
//! it (双向证明).
//!
//! ```text
//! asker                                  answerer
//!   ── challenge a ───────────────────────▶
//!   ◀─────────────────────── challenge b ──
//!   ── proof of the asker over a and b ───▶   checked
//!   ◀── proof of the answerer over a and b ──
//! checked
//! ```
//! A proof is HMAC-SHA-256 under a key derived from the leg's transport key, over the leg, who
//! proves, redemption, card, both challenges and the secret, each after its length. So
//! - who listens cannot try the million PINs of six digits: without the transport key no guess can
//!   be told from another. The other end could, for it has the key; it is the one that may know;
//! - a proof sent back to its maker is that of the wrong role, one sent again meets another
//!   challenge, and one of another redemption, card or leg is about something else;
//! - each end chooses one challenge, so that neither can have the other prove in advance.
//!
//! Order matters: the answerer, whose end is the one that many can call, checks before it proves.

use super::mac::{tag, tag_matches};
use super::{Entropy, VaultError};
use crate::base::{RedemptionId, Secret};
use core::fmt;

const KEY: &str = "scrip proof key v1";
const PROOF: &str = "scrip proof v1";

/// Between which two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leg {
    /// A terminal (终端) asks, the core answers.
    Terminal = 1,
    /// The core asks, an issuer answers.
    Issuer = 2,
}

/// Which end of the leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that begins: the terminal, or the core towards an issuer.
    Asker = 1,
    /// The other end.
    Answerer = 2,
}

impl Role {
    const fn other(self) -> Self {
        match self {
            Self::Asker => Self::Answerer,
            Self::Answerer => Self::Asker,
        }
    }
}

/// What one end wants to see proven about: 16 fresh random bytes, used once. Not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Challenge(pub [u8; 16]);

impl Challenge {
    /// A fresh one.
    pub fn draw(entropy: &mut Entropy) -> Self {
        Self(entropy.bytes())
    }
}

/// What a proof is about, besides the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Whose card.
    pub redemption: RedemptionId,
    /// Which card, by a name that both ends can make: a card key, or a tag under the leg's key.
    pub card: &'a [u8],
}

/// A proof, as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof(pub [u8; 32]);

/// Makes and checks the proofs of one leg. Zeroised when dropped.
///
/// # Examples
/// ```
/// use scrip::base::{RedemptionId, Secret};
/// use scrip::vault::{Challenge, Entropy, Leg, Prover, Role, Subject};
///
/// # fn main() -> Result<(), scrip::vault::VaultError> {
/// // Each end has the leg's transport key, and makes its own challenge.
/// let key = Secret::new(vec![7; 32]);
/// let (terminal, core) = (Prover::new(&key, Leg::Terminal), Prover::new(&key, Leg::Terminal));
/// let (a, b) = (Challenge::draw(&mut Entropy::new([1; 32])), Challenge::draw(&mut Entropy::new([2; 32])));
/// let subject = Subject { redemption: RedemptionId([5; 16]), card: b"card key" };
///
/// let asking = terminal.begin(Role::Asker, subject, a).meet(b)?;
/// let answering = core.begin(Role::Answerer, subject, b).meet(a)?;
/// let from_terminal = asking.prove(b"739164");
/// let from_core = answering.prove(b"739164");
/// answering.check(b"739164", &from_terminal)?;
/// asking.check(b"739164", &from_core)?;
/// # Ok(())
/// # }
/// ```
pub struct Prover {
    key: Secret,
    leg: Leg,
}

impl Prover {
    /// For one leg under its transport key. The key is used through one derived for this purpose
    /// alone; proofs are as hard to forge as it is long and random.
    pub fn new(transport: &Secret, leg: Leg) -> Self {
        Self { key: Secret::new(tag(transport, KEY, &[&[leg as u8]]).to_vec()), leg }
    }

    /// Begins an exchange with one's own challenge, drawn for it alone.
    pub fn begin<'a>(&'a self, role: Role, subject: Subject<'a>, own: Challenge) -> Begun<'a> {
        Begun { prover: self, role, subject, own }
    }
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prover({:?})", self.leg)
    }
}

/// An exchange that waits for the other end's challenge.
#[derive(Debug)]
pub struct Begun<'a> {
    prover: &'a Prover,
    role: Role,
    subject: Subject<'a>,
    own: Challenge,
}

impl<'a> Begun<'a> {
    /// One's own challenge, to send.
    pub fn challenge(&self) -> Challenge {
        self.own
    }

    /// Takes the other end's challenge.
    ///
    /// # Errors
    /// [`VaultError::Unproven`] if it is one's own sent back.
    pub fn meet(self, theirs: Challenge) -> Result<Met<'a>, VaultError> {
        if theirs == self.own {
            return Err(VaultError::Unproven);
        }
        let Self { prover, role, subject, own } = self;
        let challenges = match role {
            Role::Asker => [own, theirs],
            Role::Answerer => [theirs, own],
        };
        Ok(Met { prover, role, subject, challenges })
    }
}

/// An exchange with both challenges. Its check can be done once: a wrong guess at the secret costs
/// an exchange, and the host can count those.
#[derive(Debug)]
pub struct Met<'a> {
    prover: &'a Prover,
    role: Role,
    subject: Subject<'a>,
    /// The asker's, then the answerer's.
    challenges: [Challenge; 2],
}

impl Met<'_> {
    /// The proof that this end holds `secret`: its canonical bytes.
    pub fn prove(&self, secret: &[u8]) -> Proof {
        self.with_parts(self.role, secret, |parts| Proof(tag(&self.prover.key, PROOF, parts)))
    }

    /// Checks the other end's proof that it holds the same `secret`, in constant time.
    ///
    /// # Errors
    /// [`VaultError::Unproven`].
    pub fn check(self, secret: &[u8], theirs: &Proof) -> Result<(), VaultError> {
        let matches = self.with_parts(self.role.other(), secret, |parts| {
            tag_matches(&self.prover.key, PROOF, parts, &theirs.0)
        });
        if matches { Ok(()) } else { Err(VaultError::Unproven) }
    }

    fn with_parts<T>(&self, role: Role, secret: &[u8], then: impl FnOnce(&[&[u8]]) -> T) -> T {
        let Subject { redemption, card } = self.subject;
        let [asker, answerer] = &self.challenges;
        let who = [self.prover.leg as u8, role as u8];
        then(&[&who, &redemption.0, card, &asker.0, &answerer.0, secret])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::hmac_sha256;
    use alloc::vec::Vec;

    const A: Challenge = Challenge([0xa; 16]);
    const B: Challenge = Challenge([0xb; 16]);
    const PIN: &[u8] = b"739164";

    fn prover(byte: u8) -> Prover {
        Prover::new(&Secret::new([byte; 32].to_vec()), Leg::Terminal)
    }

    fn subject() -> Subject<'static> {
        Subject { redemption: RedemptionId([5; 16]), card: b"card key" }
    }

    fn asker(prover: &Prover) -> Met<'_> {
        prover.begin(Role::Asker, subject(), A).meet(B).unwrap()
    }

    fn answerer(prover: &Prover) -> Met<'_> {
        prover.begin(Role::Answerer, subject(), B).meet(A).unwrap()
    }

    #[test]
    fn both_ends_prove_the_same_secret() {
        let (terminal, core) = (prover(1), prover(1));
        let (asking, answering) = (asker(&terminal), answerer(&core));
        let (there, back) = (asking.prove(PIN), answering.prove(PIN));
        assert_ne!(there, back);
        assert_eq!(answering.check(PIN, &there), Ok(()));
        assert_eq!(asking.check(PIN, &back), Ok(()));
    }

    #[test]
    fn another_secret_is_not_proven() {
        let prover = prover(1);
        for wrong in [&b"739165"[..], b"73916", b"7391640", b""] {
            let proof = asker(&prover).prove(wrong);
            assert_eq!(answerer(&prover).check(PIN, &proof), Err(VaultError::Unproven));
        }
    }

    #[test]
    fn a_proof_sent_back_proves_nothing() {
        let prover = prover(1);
        let proof = asker(&prover).prove(PIN);
        assert_eq!(asker(&prover).check(PIN, &proof), Err(VaultError::Unproven));
        let proof = answerer(&prover).prove(PIN);
        assert_eq!(answerer(&prover).check(PIN, &proof), Err(VaultError::Unproven));
        // Nor does one's own challenge sent back as the other end's.
        let begun = prover.begin(Role::Asker, subject(), A);
        assert_eq!(begun.meet(A).unwrap_err(), VaultError::Unproven);
        // Nor an answerer that is made to act as an asker with the challenges turned round.
        let turned = prover.begin(Role::Asker, subject(), B).meet(A).unwrap().prove(PIN);
        assert_eq!(answerer(&prover).check(PIN, &turned), Err(VaultError::Unproven));
        assert_eq!(asker(&prover).check(PIN, &turned), Err(VaultError::Unproven));
    }

    #[test]
    fn a_proof_is_about_one_exchange_redemption_card_and_leg() {
        let prover = prover(1);
        let proof = asker(&prover).prove(PIN);
        let refused = |met: Met<'_>| assert_eq!(met.check(PIN, &proof), Err(VaultError::Unproven));
        let answer = |subject, own, theirs| prover.begin(Role::Answerer, subject, own).meet(theirs).unwrap();
        refused(answer(subject(), Challenge([0xc; 16]), A));
        refused(answer(subject(), B, Challenge([0xc; 16])));
        refused(answer(Subject { redemption: RedemptionId([6; 16]), ..subject() }, B, A));
        refused(answer(Subject { card: b"card kez", ..subject() }, B, A));
        refused(answer(Subject { card: b"", ..subject() }, B, A));
        let leg = Prover::new(&Secret::new([1; 32].to_vec()), Leg::Issuer);
        refused(leg.begin(Role::Answerer, subject(), B).meet(A).unwrap());
        answer(subject(), B, A).check(PIN, &proof).unwrap();
    }

    #[test]
    fn any_changed_bit_is_refused() {
        let prover = prover(1);
        let mut proof = asker(&prover).prove(PIN);
        for bit in 0..256 {
            proof.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(answerer(&prover).check(PIN, &proof), Err(VaultError::Unproven));
            proof.0[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_pin_cannot_be_found_without_the_transport_key() {
        // Who saw all that was sent tries every PIN, with each key he could think of.
        let seen = asker(&prover(1)).prove(PIN);
        let guesses: [Prover; 3] = [prover(0), prover(2), Prover::new(&Secret::default(), Leg::Terminal)];
        for pin in (0..1_000_000).step_by(997).chain([739_164]) {
            let pin = alloc::format!("{pin:06}");
            for guess in &guesses {
                assert_eq!(answerer(guess).check(pin.as_bytes(), &seen), Err(VaultError::Unproven));
            }
        }
        // With the key the right one is found at once: it is the key that keeps the PIN.
        assert_eq!(answerer(&prover(1)).check(PIN, &seen), Ok(()));
    }

    #[test]
    fn the_layout_is_as_documented() {
        let field = |bytes: &[u8]| [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat();
        let all = |fields: &[&[u8]]| fields.iter().flat_map(|bytes| field(bytes)).collect::<Vec<u8>>();
        let key = hmac_sha256(&[1; 32], &all(&[KEY.as_bytes(), &[1]]));
        let fields = [PROOF.as_bytes(), &[1, 1], &[5; 16], b"card key", &A.0, &B.0, PIN];
        assert_eq!(asker(&prover(1)).prove(PIN).0, hmac_sha256(&key, &all(&fields)));
        assert_eq!(alloc::format!("{:?}", prover(1)), "Prover(Terminal)");
    }
}
