//! The other ends of the REST profiles.

use scrip::adapters::rest::{Rest, RestKeys, RestTerms, Server, profile};
use scrip::adapters::served::{Asked, OpenCard};
use scrip::base::{RedemptionId, Secret, Wall};
use scrip::codec::envelope;
use scrip::issuer::{Issuer, Message, Reference};
use scrip::sim::kit::{self, CardText, Heard, Said, Says};

#[derive(Clone, Copy)]
pub(crate) struct Protocol {
    /// The profile file.
    pub(crate) text: &'static str,
    /// The kind of the pairs of keys, where signatures are made with those.
    pub(crate) pairs: Option<&'static str>,
    /// How a card is verified.
    pub(crate) verify: &'static str,
    /// Whether cards have a number beside their secret.
    pub(crate) numbered: bool,
    /// Whether a debit can be undone.
    pub(crate) undoes: bool,
    /// Whether a debit is only taken in at once.
    pub(crate) later: bool,
}

impl Protocol {
    /// One that comes with the library and answers at once.
    pub(crate) fn of(name: &str, verify: &'static str) -> Self {
        let text = profile(name).unwrap();
        Self { text, pairs: None, verify, numbered: true, undoes: false, later: false }
    }

    /// With signatures by pairs of keys in place of HMACs.
    pub(crate) fn signed_by(self, algorithm: &str) -> Self {
        let text = self.text.replace("hmac_sha256\"", &format!("{algorithm}\"\ndigits = \"base64\""));
        let pairs = if algorithm == "rsa_sha256" { "rsa" } else { "sm2" };
        Self { text: text.leak(), pairs: Some(pairs), ..self }
    }

    /// Whether replies are signed.
    pub(crate) fn signs(&self) -> bool {
        self.text.contains("[answer.sign]")
    }

    fn terms(&self) -> RestTerms {
        let terms = RestTerms::parse(self.text).unwrap();
        let missing: Vec<String> = terms.missing_params().map(String::from).collect();
        terms.with_params(missing.iter().map(|param| (param.as_str(), "P-77"))).unwrap()
    }

    fn keys(&self, owner: &str) -> RestKeys {
        let key = |name: &str| match name {
            "seal" => Secret::new(vec![9; 16]),
            name => {
                Secret::from(&*format!("{name}-key-of-{}", if owner == "theirs" { "ours" } else { owner }))
            }
        };
        let terms = self.terms();
        let keys = terms.keys().into_iter();
        let keys = keys.fold(RestKeys::new(crate::key()), |keys, name| keys.with(name, key(name)));
        let Some(kind) = self.pairs else { return keys };
        let file = |name: &str| {
            let path = format!("{}/tests/pair/keys/{kind}{name}.pem", env!("CARGO_MANIFEST_DIR"));
            std::fs::read(path).unwrap()
        };
        // Each end has its own private key and the other's public one.
        let (private, public) = match owner {
            "ours" => ("", "-theirs-public"),
            "theirs" => ("-theirs", "-public"),
            _ => ("-strangers", "-strangers-public"),
        };
        keys.signing_with(Secret::new(file(private))).verifying_with(&file(public))
    }

    pub(crate) fn issuer(&self) -> Box<dyn Issuer> {
        self.issuer_with_the_keys_of("ours")
    }

    pub(crate) fn issuer_with_the_keys_of(&self, owner: &str) -> Box<dyn Issuer> {
        let lines = format!(
            "verify = \"{}\"\nidempotency = \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"",
            self.verify
        );
        let mut profile = crate::profile("rest", &lines);
        profile.can_reverse = self.undoes;
        Box::new(Rest::new(profile, self.terms(), self.keys(owner)).unwrap())
    }

    fn server(&self, owner: &str) -> Server {
        Server::new(self.terms(), self.keys(owner)).unwrap()
    }

    pub(crate) fn end(&self) -> End {
        End { far: self.server("theirs"), forger: self.server("nobody"), protocol: *self, now: Wall(0) }
    }
}

pub(crate) struct End {
    far: Server,
    forger: Server,
    protocol: Protocol,
    now: Wall,
}

/// What is said, as the issuer's side of the library takes it.
fn asked(said: &Said) -> Asked {
    let card = OpenCard {
        number: said.card.data().number.map(|number| Secret::new(number.to_vec())),
        secret: Secret::new(said.card.data().secret.to_vec()),
    };
    Asked {
        kind: said.kind,
        reference: said.reference,
        product: None,
        payee: None,
        amount: said.amount,
        attempt: 1,
        card: Some(card),
    }
}

impl kit::FarEnd for End {
    fn cards(&self) -> [CardText; 2] {
        let number = |number| self.protocol.numbered.then_some(number);
        [
            CardText { number: number("6222021234567894"), secret: "739164" },
            CardText { number: number("6222021234560017"), secret: "285093" },
        ]
    }

    fn at(&mut self, now: Wall) {
        self.now = now;
    }

    fn open(&mut self, request: &Message) -> Option<Vec<u8>> {
        let mut whole = request.head.clone();
        envelope::end(&request.body, &mut whole);
        self.far.session(&whole, self.now)
    }

    fn later(&self) -> bool {
        self.protocol.later
    }

    fn signs(&self) -> bool {
        self.protocol.signs()
    }

    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let mut whole = request.head.clone();
        envelope::end(&request.body, &mut whole);
        let fits = |open: &OpenCard| {
            open.secret.expose() == card.data().secret
                && open.number.as_ref().map(Secret::expose) == card.data().number
        };
        let asked = self.far.read(&whole, self.now).ok()?;
        // What the request does not carry reads as zeros.
        let told = asked.reference != Reference::debit(RedemptionId([0; 16]));
        let heard = Heard {
            kind: asked.kind,
            reference: told.then_some(asked.reference),
            key: asked.reference.to_string(),
            amount: (asked.amount.minor() != 0).then_some(asked.amount),
            card_fits: asked.card.as_ref().is_none_or(fits),
        };
        Some(vec![heard])
    }

    fn write(&mut self, _request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        let [said] = said else { return None };
        match said.says {
            Says::Strange(number) => self.far.strange(&asked(said), number, self.now, [5; 16]).ok(),
            _ => self.far.answer(&asked(said), &said.outcome(None)?, self.now, [5; 16]).ok(),
        }
    }

    fn call_back(&mut self, said: &Said) -> Option<Vec<u8>> {
        match said.says {
            Says::Strange(number) => self.far.strange_callback(&asked(said), number, self.now, [5; 16]).ok(),
            _ => self.far.callback(&asked(said), &said.outcome(None)?, self.now, [5; 16]).ok(),
        }
    }

    fn forge(&mut self, said: &Said) -> Option<Vec<u8>> {
        self.forger.callback(&asked(said), &said.outcome(None)?, self.now, [5; 16]).ok()
    }
}
