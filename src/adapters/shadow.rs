//! A shadow (影子): an issuer that is only asked, never told to do anything, so that a new
//! issuer's channel can be tried against production.
//!
//! Only what changes nothing there is ever encoded: a query by reference, and the balance where
//! the profile says that asking for it is not counted. Everything else is
//! [`EncodeError::Unsupported`], and the redemption ends without a byte having left.

use crate::base::{Text, Wall};
use crate::issuer::{
    Answer, Asked, Balance, CardData, CardTag, Context, DecodeError, EncodeError, Issuer, IssuerProfile,
    Message, OpKind, Operation, Reference, Verify,
};
use crate::vault::Tally;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// An adapter of which only questions get through.
pub struct Shadow {
    issuer: Box<dyn Issuer>,
    signs_in: bool,
}

impl Shadow {
    /// The shadow of an adapter. It signs in nowhere: a channel that asks for that is not asked.
    pub fn new(issuer: Box<dyn Issuer>) -> Self {
        Self { issuer, signs_in: false }
    }

    /// Lets it sign in (签到): only with a terminal of its own, for a sign-in ends the session that
    /// the same terminal has elsewhere.
    #[must_use]
    pub fn signing_in(mut self) -> Self {
        self.signs_in = true;
        self
    }

    fn lets(&self, kind: OpKind) -> Result<(), EncodeError> {
        match kind {
            OpKind::Query => Ok(()),
            OpKind::Balance if self.issuer.profile().verify == Verify::Balance => Ok(()),
            _ => Err(EncodeError::Unsupported(kind.name())),
        }
    }
}

impl Issuer for Shadow {
    fn profile(&self) -> &IssuerProfile {
        self.issuer.profile()
    }

    fn encode(
        &self,
        operations: &[Operation<'_>],
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        operations.iter().try_for_each(|operation| self.lets(operation.kind))?;
        self.issuer.encode(operations, context, out)
    }

    fn encode_traced(
        &self,
        operation: &Operation<'_>,
        trace: Option<&Text>,
        context: &Context<'_>,
        out: &mut Message,
    ) -> Result<(), EncodeError> {
        self.lets(operation.kind)?;
        self.issuer.encode_traced(operation, trace, context, out)
    }

    fn decode(
        &self,
        bytes: &[u8],
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        self.issuer.decode(bytes, context, answers)
    }

    fn decode_reply(
        &self,
        bytes: &[u8],
        asked: &Asked,
        context: &Context<'_>,
        answers: &mut dyn FnMut(Reference, Answer),
    ) -> Result<(), DecodeError> {
        self.issuer.decode_reply(bytes, asked, context, answers)
    }

    fn sign_in(&self, context: &Context<'_>, out: &mut Message) -> Result<bool, EncodeError> {
        if self.signs_in {
            return self.issuer.sign_in(context, out);
        }
        match self.issuer.sign_in(context, &mut Message::default())? {
            true => Err(EncodeError::Unsupported(OpKind::SignIn.name())),
            false => Ok(false),
        }
    }

    fn learn(&self, bytes: &[u8], context: &Context<'_>) -> Option<Vec<u8>> {
        self.issuer.learn(bytes, context)
    }

    fn balances_listed(
        &self,
        bytes: &[u8],
        rows: &mut dyn FnMut(Balance<'_>),
    ) -> Result<Option<Wall>, DecodeError> {
        self.issuer.balances_listed(bytes, rows)
    }

    fn card_tag(&self, card: CardData<'_>) -> Option<CardTag> {
        self.issuer.card_tag(card)
    }

    fn tally(&self) -> Option<Tally> {
        self.issuer.tally()
    }

    fn sealed_before(&self, messages: u64) {
        self.issuer.sealed_before(messages);
    }

    fn acknowledge(&self, out: &mut Vec<u8>) {
        self.issuer.acknowledge(out);
    }
}

impl core::fmt::Debug for Shadow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Shadow({})", self.profile().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::plain::Plain;
    use crate::base::{RedemptionId, Secret, Wall};
    use crate::issuer::Profiles;
    use crate::money::{Amount, Currency};

    fn shadow(verify: &str) -> Shadow {
        let text = alloc::format!(
            "[issuer.a]\nadapter = \"plain\"\nverify = \"{verify}\"\nevidence = \"online\"\n\
             idempotency = \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"\nendpoints = [\"x\"]"
        );
        let profile = Profiles::parse(&text).unwrap().issuers["a"].clone();
        Shadow::new(Box::new(Plain::new(profile, Secret::new([7; 32].to_vec())).unwrap()))
    }

    #[test]
    fn nothing_but_questions_that_cost_nothing_gets_through() {
        let product = Text::new("gift").unwrap();
        let context = Context { session: &[], now: Wall(0), nonce: [0; 16] };
        for (verify, free) in
            [("balance", &[OpKind::Balance, OpKind::Query][..]), ("pin_check", &[OpKind::Query])]
        {
            let shadow = shadow(verify);
            for kind in OpKind::ALL {
                let operation = Operation {
                    kind,
                    reference: Reference::debit(RedemptionId([1; 16])),
                    product: &product,
                    card: Some(CardData { number: Some(b"6222021234567894"), secret: b"739164" }),
                    amount: Amount::new(10_000, Currency::CNY),
                    attempt: 1,
                };
                let mut out = Message::default();
                let alone = shadow.encode_traced(&operation, None, &context, &mut out);
                assert_eq!(
                    (alone.is_ok(), !out.body.is_empty()),
                    (free.contains(&kind), free.contains(&kind))
                );
                let mut out = Message::default();
                let query = Operation { kind: OpKind::Query, card: None, ..operation.clone() };
                let together = shadow.encode(&[query, operation], &context, &mut out);
                assert_eq!(
                    (together.is_ok(), !out.body.is_empty()),
                    (free.contains(&kind), free.contains(&kind))
                );
            }
        }
    }
}
