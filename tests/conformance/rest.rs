//! The other ends of the REST profiles that answer at once.

use scrip::adapters::rest::{Rest, RestKeys, RestTerms, Server, profile};
use scrip::adapters::served::{Asked, OpenCard};
use scrip::base::{RedemptionId, Secret, Wall};
use scrip::codec::envelope;
use scrip::issuer::{Issuer, Message, Reference};
use scrip::sim::kit::{self, CardText, Heard, Said};

pub(crate) struct Protocol {
    pub(crate) name: &'static str,
    /// How a card is verified.
    pub(crate) verify: &'static str,
    /// Whether cards have a number beside their secret.
    pub(crate) numbered: bool,
    /// Whether a debit can be undone.
    pub(crate) undoes: bool,
}

/// When the suite asks: the profiles look at the time of a message.
const NOW: Wall = Wall(1_795_390_215_000);

impl Protocol {
    fn terms(&self) -> RestTerms {
        let terms = RestTerms::parse(profile(self.name).unwrap()).unwrap();
        let missing: Vec<String> = terms.missing_params().map(String::from).collect();
        terms.with_params(missing.iter().map(|param| (param.as_str(), "P-77"))).unwrap()
    }

    fn keys(&self) -> RestKeys {
        let key = |name: &str| match name {
            "seal" => Secret::new(vec![9; 16]),
            name => Secret::from(&*format!("{name}-key-of-the-test")),
        };
        let terms = self.terms();
        let keys = terms.keys().into_iter();
        keys.fold(RestKeys::new(crate::key()), |keys, name| keys.with(name, key(name)))
    }

    pub(crate) fn issuer(&self) -> Box<dyn Issuer> {
        let lines = format!(
            "verify = \"{}\"\nidempotency = \"issuer\"\nrecipe = \"query\"\nlate_debit = \"owe\"",
            self.verify
        );
        let mut profile = crate::profile("rest", &lines);
        profile.can_reverse = self.undoes;
        Box::new(Rest::new(profile, self.terms(), self.keys()).unwrap())
    }

    pub(crate) fn end(&self) -> End {
        End { far: Server::new(self.terms(), self.keys()).unwrap(), numbered: self.numbered }
    }
}

pub(crate) struct End {
    far: Server,
    numbered: bool,
}

impl kit::FarEnd for End {
    fn signs(&self) -> bool {
        false
    }

    fn cards(&self) -> [CardText; 2] {
        let number = |number| self.numbered.then_some(number);
        [
            CardText { number: number("6222021234567894"), secret: "739164" },
            CardText { number: number("6222021234560017"), secret: "285093" },
        ]
    }

    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let mut whole = request.head.clone();
        envelope::end(&request.body, &mut whole);
        let fits = |open: &OpenCard| {
            open.secret.expose() == card.data().secret
                && open.number.as_ref().map(Secret::expose) == card.data().number
        };
        let asked = self.far.read(&whole, NOW).ok()?;
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
        let outcome = said.outcome(None)?;
        let card = OpenCard {
            number: said.card.data().number.map(|number| Secret::new(number.to_vec())),
            secret: Secret::new(said.card.data().secret.to_vec()),
        };
        let asked = Asked {
            kind: said.kind,
            reference: said.reference,
            product: None,
            payee: None,
            amount: said.amount,
            attempt: 1,
            card: Some(card),
        };
        self.far.answer(&asked, &outcome, NOW, [5; 16]).ok()
    }
}
