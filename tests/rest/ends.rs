//! Both ends of a shipped profile, with keys and a card.

use scrip::adapters::rest::{Rest, RestKeys, RestTerms, Server, profile};
use scrip::adapters::served;
use scrip::base::{RedemptionId, Secret, Text, Wall};
use scrip::codec::envelope;
use scrip::issuer::{
    Answer, Asked, CardData, Context, Issuer, IssuerProfile, Message, OpKind, Operation, Profiles, Reference,
};
use scrip::money::{Amount, Currency};

pub(crate) const NOW: Wall = Wall(1_795_390_215_000);
pub(crate) const NUMBER: &str = "2326880001234567";
pub(crate) const SECRET: &str = "739164";

pub(crate) fn cny(minor: i64) -> Amount {
    Amount::new(minor, Currency::CNY)
}

pub(crate) fn debit(n: u8) -> Reference {
    Reference::debit(RedemptionId([n; 16]))
}

/// The profile of an issuer that the terms can serve.
pub(crate) fn behaviour(name: &str) -> IssuerProfile {
    let (verify, more) = match name {
        "jd" => ("balance", "late_debit = \"owe\""),
        "walmart" => ("balance", "can_reverse = true\nechoes_card = true"),
        "lantern" => ("balance", "can_reverse = true"),
        "silkroute" => ("pin_check", "can_reverse = true\nechoes_card = true"),
        "beehive" => ("none", "late_debit = \"owe\"\nechoes_card = true"),
        _ => ("none", "late_debit = \"owe\""),
    };
    let text = format!(
        "[issuer.{name}]\nadapter = \"rest\"\nverify = \"{verify}\"\nevidence = \"online\"\n\
         idempotency = \"issuer\"\nrecipe = \"query\"\nendpoints = [\"a\"]\n{more}\n"
    );
    Profiles::parse(&text).unwrap().issuers.remove(name).unwrap()
}

/// The terms, with a value for every parameter that is left open.
pub(crate) fn terms_of(text: &str) -> RestTerms {
    let terms = RestTerms::parse(text).unwrap();
    let open: Vec<String> = terms.missing_params().map(String::from).collect();
    terms.with_params(open.iter().map(|name| (name.as_str(), "P-77"))).unwrap()
}

pub(crate) fn keys_of(terms: &RestTerms) -> RestKeys {
    let key = |name: &str| match name {
        "seal" => Secret::new(vec![9; 16]),
        name => Secret::from(&*format!("{name}-key-of-the-test")),
    };
    let keys = RestKeys::new(Secret::new(vec![5; 32]));
    terms.keys().into_iter().fold(keys, |keys, name| keys.with(name, key(name)))
}

/// Our end and the issuer's.
pub(crate) struct Ends {
    pub(crate) rest: Rest,
    pub(crate) server: Server,
    /// What our end keeps, once it has signed in.
    pub(crate) session: Vec<u8>,
}

impl Ends {
    pub(crate) fn of(name: &str) -> Self {
        Self::with(name, profile(name).unwrap())
    }

    pub(crate) fn with(name: &str, text: &str) -> Self {
        let terms = terms_of(text);
        let rest = Rest::new(behaviour(name), terms.clone(), keys_of(&terms)).unwrap();
        let server = Server::new(terms.clone(), keys_of(&terms)).unwrap();
        let mut ends = Self { rest, server, session: Vec::new() };
        ends.open(NOW);
        ends
    }

    /// Opens the session, where the protocol has one.
    pub(crate) fn open(&mut self, now: Wall) {
        let mut message = Message::default();
        let context = Context { session: &self.session, now, nonce: [7; 16] };
        if self.rest.sign_in(&context, &mut message).unwrap() {
            let reply = self.server.session(&wrapped(&message.head, &message.body), now).unwrap();
            let context = Context { session: message.session.as_ref().unwrap(), ..context };
            self.session = self.rest.learn(&reply, &context).unwrap();
        }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context { session: &self.session, now: NOW, nonce: [7; 16] }
    }

    /// The request as the issuer gets it.
    pub(crate) fn request(&self, operation: &Operation<'_>) -> Option<Vec<u8>> {
        let mut message = Message::default();
        self.rest.encode(std::slice::from_ref(operation), &self.context(), &mut message).ok()?;
        let mut bytes = std::mem::take(&mut message.head);
        envelope::end(&message.body, &mut bytes);
        Some(bytes)
    }

    /// What our end makes of a reply.
    pub(crate) fn heard(&self, bytes: &[u8], asked: &served::Asked) -> Option<Answer> {
        let asked = Asked { kind: asked.kind, reference: asked.reference, amount: asked.amount, trace: None };
        let mut heard = None;
        let told = &mut |reference, answer| {
            assert_eq!(reference, asked.reference);
            heard = Some(answer);
        };
        self.rest.decode_reply(bytes, &asked, &self.context(), told).ok()?;
        heard
    }

    /// What our end makes of a callback.
    pub(crate) fn called(&self, bytes: &[u8]) -> Option<(Reference, Answer)> {
        let mut heard = None;
        self.rest
            .decode(bytes, &self.context(), &mut |reference, answer| heard = Some((reference, answer)))
            .ok()?;
        heard
    }
}

pub(crate) fn product() -> Text {
    Text::new("GIFT-100 沃").unwrap()
}

pub(crate) fn card() -> CardData<'static> {
    CardData { number: Some(NUMBER.as_bytes()), secret: SECRET.as_bytes() }
}

pub(crate) fn operation<'a>(kind: OpKind, product: &'a Text, minor: i64) -> Operation<'a> {
    let by_card = matches!(kind, OpKind::Balance | OpKind::PinCheck | OpKind::Redeem);
    let card = by_card.then(card);
    Operation { kind, reference: debit(7), product, card, amount: cny(minor), attempt: 1 }
}

/// The same operation as an issuer reads it.
pub(crate) fn asked(kind: OpKind, minor: i64) -> served::Asked {
    let card = served::OpenCard { number: Some(NUMBER.into()), secret: SECRET.into() };
    served::Asked {
        kind,
        reference: debit(7),
        product: None,
        payee: None,
        amount: cny(minor),
        attempt: 1,
        card: Some(card),
    }
}

pub(crate) const KINDS: [OpKind; 6] =
    [OpKind::Balance, OpKind::PinCheck, OpKind::Redeem, OpKind::Query, OpKind::Reverse, OpKind::Receipt];

/// A message as it arrives: lines, an empty line, the body.
pub(crate) fn wrapped(head: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    envelope::end(body, &mut bytes);
    bytes
}
