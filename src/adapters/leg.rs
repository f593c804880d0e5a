//! One leg of a card's way, from a terminal (终端) to the core or from the core to an issuer: the card
//! goes sealed, and each end proves to the other that it holds the same secret.
//!
//! Both ends hold the leg's transport key of 32 bytes. Sealing and proving go under keys derived
//! from it. The asker is the terminal, or the core towards an issuer; the answerer is the other
//! end. Four messages, each a kind (1 byte), the redemption (16), and
//! ```text
//! asker → answerer   1 hello     product (text), the asker's challenge (16)
//! answerer → asker   2 greeting  the answerer's challenge (16)
//! asker → answerer   3 card      the sealed card (bytes), the asker's proof (32)
//! answerer → asker   4 confirm   the answerer's proof (32)
//! ```
//! in the canonical binary form ([`crate::base::Writer`]). The card is sealed for the purpose of
//! the leg and direction, bound to the redemption, the product and both challenges; in it lie
//! whether there is a number (1 byte), the number and the secret, each after its length. So a card
//! message opens in its own exchange only, cannot be sent back or on to the other leg, and cannot
//! be sent again: the answerer's challenge is another one then. Proofs are those of
//! [`crate::vault::Prover`], over number and secret as they were sealed.
//!
//! The answerer refuses a card whose proof fails before it does anything with it, and confirms only
//! what it has opened and, with [`Greeted::take_if`], found to be the card that it knows itself: an
//! asker that gets the confirmation knows that the other end holds the card that was typed.
//!
//! The engine's own calls to issuers are single round trips, in which there is no place for the
//! other end's challenge: there the adapter's sealing and signature bind the card to reference,
//! operation and direction. A host runs this exchange with an issuer that asks for it, over
//! whatever line there is, before it submits. Where two ends are one process none of it is needed.
//!
//! # Examples
//! ```
//! use scrip::adapters::leg::SecretLeg;
//! use scrip::base::{Secret, Text};
//! use scrip::engine::Request;
//! use scrip::vault::{Challenge, Entropy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut entropy = Entropy::new([1; 32]); // each end its own
//! let terminal = SecretLeg::terminal(Secret::new(vec![7; 32]))?;
//! let core = SecretLeg::terminal(Secret::new(vec![7; 32]))?;
//!
//! let request = Request::new("R-1", "seller-7", "jd-ecard");
//! let product = Text::new("jd-ecard")?;
//! let (asking, hello) = terminal.hello(request.redemption(), &product, Challenge::draw(&mut entropy));
//! let (greeted, greeting) = core.greet(&hello, Challenge::draw(&mut entropy))?;
//! let secret = "ABCD-EFGH-JKLM-NPQR";
//! let (shown, card) = asking.show(&greeting, None, secret, entropy.bytes())?;
//! let (card, confirm) = greeted.take(&card)?;
//! shown.confirmed(&confirm)?;
//! let request = request.secret(std::str::from_utf8(card.secret.expose())?); // to be submitted
//! # Ok(())
//! # }
//! ```

use super::AdapterError;
use super::signed_json::{OpenCard, read_card, write_card};
use crate::base::{Reader, RedemptionId, Secret, ShortInput, Text, Writer, scrub_stack};
use crate::issuer::DecodeError;
use crate::vault::{
    Challenge, Context, KeyId, KeyRing, Leg, Met, PepperVersion, Proof, Prover, Purpose, Role, Subject,
    Tally, VaultError, tag,
};
use alloc::vec::Vec;

/// A leg's ring has one key: its number says nothing.
const SEALING: KeyId = KeyId(1);
const SEAL_KEY: &str = "scrip leg seal key v1";
const PEPPER: &str = "scrip leg pepper v1";
const CARD: &str = "scrip leg card v1";

const HELLO: u8 = 1;
const GREETING: u8 = 2;
const SHOWN: u8 = 3;
const CONFIRM: u8 = 4;

/// One end of a leg: both ends make it from the same key.
pub struct SecretLeg {
    leg: Leg,
    key: Secret,
    ring: KeyRing,
    prover: Prover,
}

impl core::fmt::Debug for SecretLeg {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SecretLeg({:?})", self.leg)
    }
}

/// An asker that has said hello and waits for the other end's challenge.
#[derive(Debug)]
pub struct Asking<'a> {
    leg: &'a SecretLeg,
    place: Place,
    own: Challenge,
}

/// An answerer that has greeted and waits for the card.
#[derive(Debug)]
pub struct Greeted<'a> {
    leg: &'a SecretLeg,
    place: Place,
    theirs: Challenge,
    own: Challenge,
}

/// An asker that has shown its card, sealed, and waits for the confirmation.
#[derive(Debug)]
pub struct Shown<'a> {
    leg: &'a SecretLeg,
    place: Place,
    own: Challenge,
    theirs: Challenge,
    /// What was sealed.
    plain: Secret,
}

/// What both ends speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    redemption: RedemptionId,
    product: Text,
}

impl SecretLeg {
    /// An end of the leg from a terminal to the core. `key` is 32 bytes that only the two know, one
    /// key per terminal.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn terminal(key: Secret) -> Result<Self, AdapterError> {
        Self::new(Leg::Terminal, key)
    }

    /// An end of the leg from the core to an issuer. `key` is 32 bytes that only the two know; it
    /// may be that of the issuer's `signed_json` channel.
    ///
    /// # Errors
    /// [`AdapterError::KeyLength`].
    pub fn issuer(key: Secret) -> Result<Self, AdapterError> {
        Self::new(Leg::Issuer, key)
    }

    fn new(leg: Leg, key: Secret) -> Result<Self, AdapterError> {
        if key.len() != KeyRing::KEY_LEN {
            return Err(AdapterError::KeyLength { len: key.len() });
        }
        let derived = |domain| Secret::new(tag(&key, domain, &[&[leg as u8]]).to_vec());
        let keys = [(SEALING, derived(SEAL_KEY))].into();
        let ring = KeyRing::new(keys, [(PepperVersion(1), derived(PEPPER))].into());
        let ring = ring.expect("one derived key and one derived pepper of 32 bytes");
        let prover = Prover::new(&key, leg);
        Ok(Self { leg, key, ring, prover })
    }

    /// What a card is sealed for, from the asker to the answerer.
    const fn purpose(&self) -> Purpose {
        match self.leg {
            Leg::Terminal => Purpose::TerminalToCore,
            Leg::Issuer => Purpose::CoreToIssuer,
        }
    }

    /// The asker begins: a hello to send. `own` is drawn for this exchange alone.
    pub fn hello(&self, redemption: RedemptionId, product: &Text, own: Challenge) -> (Asking<'_>, Vec<u8>) {
        let mut out = Vec::new();
        Writer::new(&mut out).u8(HELLO).raw(&redemption.0).text(product).raw(&own.0);
        (Asking { leg: self, place: Place { redemption, product: product.clone() }, own }, out)
    }

    /// The answerer greets back. `own` is drawn for this exchange alone; the exchange is kept until
    /// the card comes, for as long as the host lets an asker take.
    ///
    /// # Errors
    /// [`AdapterError::Message`] for bytes that are no hello.
    pub fn greet(&self, hello: &[u8], own: Challenge) -> Result<(Greeted<'_>, Vec<u8>), AdapterError> {
        let read = |r: &mut Reader<'_>| {
            let place = Place { redemption: begin(r, HELLO, None)?, product: r.text()? };
            end((place, Challenge(r.array()?)), r)
        };
        let (place, theirs) = read(&mut Reader::new(hello)).map_err(|at| wrong(at, "a hello"))?;
        let mut out = Vec::new();
        Writer::new(&mut out).u8(GREETING).raw(&place.redemption.0).raw(&own.0);
        Ok((Greeted { leg: self, place, theirs, own }, out))
    }

    /// How many cards this end has sealed. An asker keeps the number and gives it to
    /// [`SecretLeg::sealed_before`] when it starts again, so that the limit of a key holds.
    pub fn tally(&self) -> Tally {
        self.ring.tally()
    }

    /// Told at the start: at least so many cards were sealed before.
    pub fn sealed_before(&self, messages: u64) {
        self.ring.sealed_before(SEALING, messages);
    }

    /// What a card is called on this leg: a keyed digest, which both ends can make.
    fn card(&self, place: &Place, plain: &[u8]) -> [u8; 32] {
        tag(&self.key, CARD, &[place.product.as_bytes(), plain])
    }

    fn meet<'a>(
        &'a self,
        role: Role,
        place: &Place,
        card: &'a [u8],
        own: Challenge,
        theirs: Challenge,
    ) -> Result<Met<'a>, AdapterError> {
        let subject = Subject { redemption: place.redemption, card };
        Ok(self.prover.begin(role, subject, own).meet(theirs)?)
    }
}

impl<'a> Asking<'a> {
    /// Shows the card, sealed. Number and secret go as they are: typed ones to the core, which reads
    /// them by its catalogue, canonical ones to an issuer. `nonce` is drawn for this message alone.
    ///
    /// # Errors
    /// [`AdapterError::Message`] for bytes that are no greeting for this redemption,
    /// [`AdapterError::Vault`] if the greeting is one's own challenge or the key is spent.
    pub fn show(
        self,
        greeting: &[u8],
        number: Option<&str>,
        secret: &str,
        nonce: [u8; 24],
    ) -> Result<(Shown<'a>, Vec<u8>), AdapterError> {
        let Self { leg, place, own } = self;
        let read = |r: &mut Reader<'_>| {
            begin(r, GREETING, Some(place.redemption))?;
            end(Challenge(r.array()?), r)
        };
        let theirs = read(&mut Reader::new(greeting)).map_err(|at| wrong(at, "a greeting"))?;
        let plain = write_card(number.map(str::as_bytes), secret.as_bytes());
        let name = leg.card(&place, plain.expose());
        let met = leg.meet(Role::Asker, &place, &name, own, theirs)?;
        let bound = bound(&place.product, own, theirs);
        let context = Context { purpose: leg.purpose(), redemption: place.redemption, bound: &bound };
        let sealed = leg.ring.seal(&context, plain.expose(), nonce)?;
        let proof = met.prove(plain.expose());
        let mut out = Vec::new();
        Writer::new(&mut out).u8(SHOWN).raw(&place.redemption.0).bytes(&sealed).raw(&proof.0);
        scrub_stack();
        Ok((Shown { leg, place, own, theirs, plain }, out))
    }
}

impl Greeted<'_> {
    /// For which redemption.
    pub fn redemption(&self) -> RedemptionId {
        self.place.redemption
    }

    /// For which product.
    pub fn product(&self) -> &Text {
        &self.place.product
    }

    /// Takes the card: opens it, checks the asker's proof, and makes the confirmation to send.
    /// The exchange is over in any case.
    ///
    /// # Errors
    /// [`AdapterError::Message`] for bytes that are no card for this redemption,
    /// [`AdapterError::Vault`] for a card that was not sealed in this exchange, or a proof that
    /// fails.
    pub fn take(self, card: &[u8]) -> Result<(OpenCard, Vec<u8>), AdapterError> {
        self.take_if(card, |_| true)
    }

    /// As [`Greeted::take`], by an end that knows the card already, such as an issuer: what is shown
    /// must be what `known` says yes to, or nothing is confirmed. It should compare in constant
    /// time, as [`Secret`]'s own comparison does.
    ///
    /// # Errors
    /// Those of [`Greeted::take`]; for another card than the known one, [`AdapterError::Vault`] as
    /// for a proof that fails.
    pub fn take_if(
        self,
        card: &[u8],
        known: impl FnOnce(&OpenCard) -> bool,
    ) -> Result<(OpenCard, Vec<u8>), AdapterError> {
        let Self { leg, place, theirs, own } = self;
        let read = |r: &mut Reader<'_>| {
            begin(r, SHOWN, Some(place.redemption))?;
            let sealed = r.bytes()?.to_vec();
            end((sealed, Proof(r.array()?)), r)
        };
        let (sealed, proof) = read(&mut Reader::new(card)).map_err(|at| wrong(at, "a card"))?;
        let bound = bound(&place.product, theirs, own);
        let context = Context { purpose: leg.purpose(), redemption: place.redemption, bound: &bound };
        let plain = leg.ring.open(&context, &sealed)?;
        let opened = read_card(&mut Reader::new(plain.expose())).map_err(|at| wrong(at, "a card"))?;
        let name = leg.card(&place, plain.expose());
        let met = leg.meet(Role::Answerer, &place, &name, own, theirs)?;
        let confirm = met.prove(plain.expose());
        let checked = met.check(plain.expose(), &proof);
        scrub_stack();
        checked?;
        if !known(&opened) {
            return Err(VaultError::Unproven.into());
        }
        let mut out = Vec::new();
        Writer::new(&mut out).u8(CONFIRM).raw(&place.redemption.0).raw(&confirm.0);
        Ok((opened, out))
    }
}

impl Shown<'_> {
    /// Whether the other end holds the card that was shown.
    ///
    /// # Errors
    /// [`AdapterError::Message`] for bytes that are no confirmation for this redemption,
    /// [`AdapterError::Vault`] if its proof fails.
    pub fn confirmed(self, confirm: &[u8]) -> Result<(), AdapterError> {
        let Self { leg, place, own, theirs, plain } = self;
        let read = |r: &mut Reader<'_>| {
            begin(r, CONFIRM, Some(place.redemption))?;
            end(Proof(r.array()?), r)
        };
        let proof = read(&mut Reader::new(confirm)).map_err(|at| wrong(at, "a confirmation"))?;
        let name = leg.card(&place, plain.expose());
        let met = leg.meet(Role::Asker, &place, &name, own, theirs)?;
        let checked = met.check(plain.expose(), &proof);
        scrub_stack();
        Ok(checked?)
    }
}

/// What a card is bound to beside its redemption.
fn bound(product: &Text, asker: Challenge, answerer: Challenge) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + product.len() + 32);
    Writer::new(&mut out).text(product).raw(&asker.0).raw(&answerer.0);
    out
}

/// The kind and the redemption of a message, which is `expected` where that is known.
fn begin(r: &mut Reader<'_>, kind: u8, expected: Option<RedemptionId>) -> Result<RedemptionId, ShortInput> {
    if r.u8()? != kind {
        return Err(ShortInput { at: 0 });
    }
    let redemption = RedemptionId(r.array()?);
    if expected.is_some_and(|expected| expected != redemption) {
        return Err(ShortInput { at: 1 });
    }
    Ok(redemption)
}

fn end<T>(read: T, r: &Reader<'_>) -> Result<T, ShortInput> {
    if r.is_empty() { Ok(read) } else { r.fail() }
}

fn wrong(at: ShortInput, what: &'static str) -> AdapterError {
    AdapterError::Message(DecodeError { at: at.at, what })
}

impl From<VaultError> for AdapterError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: RedemptionId = RedemptionId([5; 16]);
    const A: Challenge = Challenge([0xa; 16]);
    const B: Challenge = Challenge([0xb; 16]);
    const NUMBER: &str = "6212345678901234";
    const PIN: &str = "739164";

    fn leg(byte: u8) -> SecretLeg {
        SecretLeg::terminal(Secret::new([byte; 32].to_vec())).unwrap()
    }

    fn product() -> Text {
        Text::new("bank-prepaid").unwrap()
    }

    /// The exchange up to the card message.
    fn shown<'a>(terminal: &'a SecretLeg, core: &'a SecretLeg) -> (Shown<'a>, Greeted<'a>, Vec<u8>) {
        let (asking, hello) = terminal.hello(ID, &product(), A);
        let (greeted, greeting) = core.greet(&hello, B).unwrap();
        let (shown, card) = asking.show(&greeting, Some(NUMBER), PIN, [1; 24]).unwrap();
        (shown, greeted, card)
    }

    const UNOPENED: AdapterError = AdapterError::Vault(VaultError::Unopened);
    const UNPROVEN: AdapterError = AdapterError::Vault(VaultError::Unproven);

    #[test]
    fn a_card_arrives_and_both_ends_know_it() {
        let (terminal, core) = (leg(1), leg(1));
        let (shown, greeted, card) = shown(&terminal, &core);
        assert_eq!((greeted.redemption(), greeted.product()), (ID, &product()));
        let (opened, confirm) = greeted.take(&card).unwrap();
        assert_eq!(opened.number.as_ref().map(Secret::expose), Some(NUMBER.as_bytes()));
        assert_eq!(opened.secret.expose(), PIN.as_bytes());
        assert_eq!(shown.confirmed(&confirm), Ok(()));
        for clear in [NUMBER, PIN] {
            let holds = |bytes: &[u8]| bytes.windows(clear.len()).any(|part| part == clear.as_bytes());
            assert!(!holds(&card) && !holds(&confirm), "a number or secret stands in the clear");
        }
    }

    #[test]
    fn a_card_of_another_exchange_is_refused() {
        let (terminal, core) = (leg(1), leg(1));
        let (_, greeted, card) = shown(&terminal, &core);
        greeted.take(&card).unwrap();
        // Sent again: the core has drawn another challenge.
        let (_, hello) = terminal.hello(ID, &product(), A);
        let (again, _) = core.greet(&hello, Challenge([0xc; 16])).unwrap();
        assert_eq!(again.take(&card).unwrap_err(), UNOPENED);
        let other = RedemptionId([6; 16]);
        let (_, hello) = terminal.hello(other, &product(), A);
        let (again, _) = core.greet(&hello, B).unwrap();
        assert!(matches!(again.take(&card), Err(AdapterError::Message(DecodeError { at: 1, .. }))));
        let (_, hello) = terminal.hello(ID, &Text::new("other").unwrap(), A);
        let (again, _) = core.greet(&hello, B).unwrap();
        assert_eq!(again.take(&card).unwrap_err(), UNOPENED);
    }

    #[test]
    fn an_end_without_the_key_proves_nothing() {
        let (terminal, core, stranger) = (leg(1), leg(1), leg(2));
        let (_, greeted, card) = shown(&stranger, &core);
        assert_eq!(greeted.take(&card).unwrap_err(), UNOPENED);
        let (shown, greeted, _) = shown(&terminal, &core);
        // It could not open the card, and can only guess at the proof.
        let confirm = [&[CONFIRM][..], &ID.0, &[0; 32]].concat();
        assert_eq!(shown.confirmed(&confirm).unwrap_err(), UNPROVEN);
        drop(greeted);
    }

    #[test]
    fn a_card_message_does_not_pass_from_one_leg_to_the_other() {
        let key = || Secret::new([1; 32].to_vec());
        let (terminal, core) = (SecretLeg::terminal(key()).unwrap(), SecretLeg::issuer(key()).unwrap());
        let (_, greeted, card) = shown(&terminal, &core);
        assert_eq!(greeted.take(&card).unwrap_err(), UNOPENED);
        let (asker, issuer) = (SecretLeg::issuer(key()).unwrap(), SecretLeg::issuer(key()).unwrap());
        let (shown, greeted, card) = shown(&asker, &issuer);
        let (_, confirm) = greeted.take(&card).unwrap();
        assert_eq!(shown.confirmed(&confirm), Ok(()));
    }

    #[test]
    fn an_issuer_confirms_no_other_card_than_its_own() {
        let (core, issuer) = (leg(1), leg(1));
        let (_, greeted, card) = shown(&core, &issuer);
        let other = Secret::from("739165");
        assert_eq!(greeted.take_if(&card, |card| card.secret == other).unwrap_err(), UNPROVEN);
        let (shown, greeted, card) = shown(&core, &issuer);
        let (_, confirm) = greeted.take_if(&card, |card| card.secret == Secret::from(PIN)).unwrap();
        assert_eq!(shown.confirmed(&confirm), Ok(()));
    }

    #[test]
    fn nothing_can_be_sent_back() {
        let (terminal, core) = (leg(1), leg(1));
        // The hello or one's own challenge as the greeting.
        let (asking, hello) = terminal.hello(ID, &product(), A);
        assert!(matches!(asking.show(&hello, None, PIN, [1; 24]), Err(AdapterError::Message(_))));
        let (asking, _) = terminal.hello(ID, &product(), A);
        let mirrored = [&[GREETING][..], &ID.0, &A.0].concat();
        assert_eq!(asking.show(&mirrored, None, PIN, [1; 24]).unwrap_err(), UNPROVEN);
        // The terminal's own proof as the confirmation.
        let (shown, _, card) = shown(&terminal, &core);
        let proof = &card[card.len() - 32..];
        assert_eq!(shown.confirmed(&[&[CONFIRM][..], &ID.0, proof].concat()).unwrap_err(), UNPROVEN);
    }

    #[test]
    fn every_changed_bit_of_every_message_is_refused() {
        let (terminal, core) = (leg(1), leg(1));
        let (_, _, card) = shown(&terminal, &core);
        for bit in 0..card.len() * 8 {
            let (_, greeted, mut changed) = shown(&terminal, &core);
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(greeted.take(&changed).is_err(), "bit {bit} of the card");
        }
        for len in 0..card.len() {
            let (_, greeted, card) = shown(&terminal, &core);
            assert!(greeted.take(&card[..len]).is_err(), "{len} bytes of the card");
        }
        for bit in 0..(1 + 16 + 32) * 8 {
            let (shown, greeted, card) = shown(&terminal, &core);
            let (_, mut confirm) = greeted.take(&card).unwrap();
            confirm[bit / 8] ^= 1 << (bit % 8);
            assert!(shown.confirmed(&confirm).is_err(), "bit {bit} of the confirmation");
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let short = SecretLeg::terminal(Secret::new([1; 31].to_vec()));
        assert_eq!(short.unwrap_err(), AdapterError::KeyLength { len: 31 });
        assert_eq!(alloc::format!("{:?}", leg(1)), "SecretLeg(Terminal)");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), kind in 1_u8..5) {
            let (terminal, core) = (leg(1), leg(1));
            for bytes in [bytes.clone(), [&[kind][..], &ID.0, &bytes].concat()] {
                let _ = core.greet(&bytes, B);
                let (shown, greeted, _) = shown(&terminal, &core);
                prop_assert!(greeted.take(&bytes).is_err());
                prop_assert!(shown.confirmed(&bytes).is_err());
                let (asking, _) = terminal.hello(ID, &product(), A);
                let _ = asking.show(&bytes, None, PIN, [1; 24]);
            }
        }
    }
}
