//! One card, one issuer that speaks some protocol, and what is seen of it.

use scrip::adapters::rest::{RestTerms, profile};
use scrip::base::{Mono, Now, Secret, Text};
use scrip::card::Catalogue;
use scrip::engine::{Call, Policy, Request, Setup};
use scrip::host::{Arrival, Driver, InboundToken, Memory, Outcome, Source, Transport};
use scrip::issuer::{OpKind, Profiles};
use scrip::money::{Amount, Currency};
use scrip::sim::{
    CardStatus, Fault, Faults, InRest, Oracle, SimCard, SimConfig, SimIssuer, SimRail, SimTransport,
};
use scrip::vault::{KeyId, KeyRing, PepperVersion};
use std::collections::BTreeMap;

/// A protocol, by the name of its shipped profile or `signed_json`.
#[derive(Debug)]
pub(crate) struct Protocol {
    pub(crate) name: &'static str,
    /// What verifies a card; a sign-in stands for nothing.
    pub(crate) verify: OpKind,
    echoes: bool,
    /// Whether cards have a number beside their secret.
    numbered: bool,
    /// Whether every order is answered "later".
    pub(crate) later: bool,
}

const fn protocol(name: &'static str, verify: OpKind) -> Protocol {
    Protocol { name, verify, echoes: false, numbered: true, later: false }
}

pub(crate) const PROTOCOLS: &[Protocol] = &[
    Protocol { echoes: true, ..protocol("signed_json", OpKind::Balance) },
    Protocol { numbered: false, ..protocol("jd", OpKind::Balance) },
    protocol("walmart", OpKind::Balance),
    protocol("silkroute", OpKind::PinCheck),
    Protocol { later: true, ..protocol("beehive", OpKind::SignIn) },
    Protocol { later: true, ..protocol("cardharbor", OpKind::SignIn) },
    protocol("redleaf", OpKind::SignIn),
];

const CATALOGUE: &str = r#"
[product.gift]
issuer = "gate"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1.00", max = "1000.00" }
rate = "0.90"
secret = { kind = "digits", lengths = [6] }
"#;

const NUMBER: &str = "8812345678901234";
const SECRET: &str = "246810";

pub(crate) struct Stage {
    config: SimConfig,
    numbered: bool,
}

/// What came of it.
pub(crate) struct Seen {
    pub(crate) state: &'static str,
    sent: BTreeMap<OpKind, u32>,
    oracle: Oracle,
}

fn profiles(protocol: &Protocol) -> Profiles {
    let verify = match protocol.verify {
        OpKind::Balance => "balance",
        OpKind::PinCheck => "pin_check",
        _ => "none",
    };
    let text = format!(
        "[issuer.gate]\nadapter = \"rest\"\nverify = \"{verify}\"\nevidence = \"online\"\nidempotency = \"issuer\"\n\
         recipe = \"query\"\nlate_debit = \"owe\"\nechoes_card = {}\nendpoints = [\"a\"]\n\
         [rail.wallet]\nadapter = \"signed_json\"\nidempotent = true\nendpoints = [\"b\"]\n",
        protocol.echoes
    );
    Profiles::parse(&text).unwrap()
}

/// The shipped profile with something in every parameter.
fn terms(name: &str) -> RestTerms {
    let terms = RestTerms::parse(profile(name).unwrap()).unwrap();
    let missing: Vec<String> = terms.missing_params().map(String::from).collect();
    terms.with_params(missing.iter().map(|param| (param.as_str(), "P-77"))).unwrap()
}

impl Stage {
    pub(crate) fn new(protocol: &Protocol, fault: Option<(OpKind, Fault)>) -> Self {
        let profiles = profiles(protocol);
        let mut issuers: Vec<_> = profiles.issuers.into_values().map(SimIssuer::new).collect();
        if protocol.name != "signed_json" {
            issuers =
                issuers.into_iter().map(|issuer| issuer.speaking(InRest(terms(protocol.name)))).collect();
        }
        let rails = profiles.rails.into_values().map(SimRail::new).collect();
        let mut config = SimConfig::new(issuers, rails);
        config.cards = Some(vec![SimCard {
            product: Text::new("gift").unwrap(),
            number: protocol.numbered.then(|| Secret::from(NUMBER)),
            secret: Secret::from(SECRET),
            balance: Amount::new(10_000, Currency::CNY),
            status: CardStatus::Active,
        }]);
        config.faults = fault.map_or(Faults::None, |(kind, fault)| Faults::First(kind, fault));
        Self { config, numbered: protocol.numbered }
    }

    /// Something is wrong with the card: `used`, `unknown`, or its `secret`.
    pub(crate) fn with_card(mut self, wrong: &str) -> Self {
        let cards = self.config.cards.as_mut().unwrap();
        match wrong {
            "used" => cards[0].status = CardStatus::Used,
            "secret" => cards[0].secret = Secret::from("135791"),
            _ => cards.clear(),
        }
        self
    }

    /// Redeems the card, and waits for all that still comes.
    pub(crate) fn redeem(self) -> Seen {
        let issuers = self.config.issuers.iter().map(|issuer| issuer.issuer().unwrap()).collect();
        let rails = self.config.rails.iter().map(|rail| Box::new(rail.adapter().unwrap()) as _).collect();
        let keys = KeyRing::new(
            vec![(KeyId(1), Secret::new(vec![7; 32]))],
            vec![(PepperVersion(1), Secret::new(vec![9; 32]))],
        );
        let number = if self.numbered { "number = { kind = \"digits\", lengths = [16] }" } else { "" };
        let catalogue = Catalogue::parse(&format!("{CATALOGUE}\n{number}")).unwrap();
        let setup = Setup::new(catalogue, Policy::default(), issuers, rails, keys.unwrap()).unwrap();
        let counted = Counted { inner: SimTransport::open(&self.config).unwrap(), sent: BTreeMap::new() };
        let mut driver = Driver::open(setup, Memory::new(), counted).unwrap();
        let mut request =
            Request::new("R-1", "seller-1", "gift").secret(SECRET).face(Amount::new(10_000, Currency::CNY));
        if self.numbered {
            request = request.number(NUMBER);
        }
        let mut one = One { request: Some(request), state: "" };
        driver.run(&mut one).unwrap();
        let (_, mut counted) = driver.close().unwrap();
        assert!(counted.inner.trouble().is_none());
        Seen { state: one.state, sent: counted.sent, oracle: counted.inner.world().oracle() }
    }
}

impl Seen {
    /// How often a question was sent.
    pub(crate) fn asked(&self, kind: OpKind) -> u32 {
        self.sent.get(&kind).copied().unwrap_or(0)
    }

    /// The issuer debited, and the rail paid, so often; each debit is backed by a pay-out.
    pub(crate) fn assert_books(&self, times: u32, told: &str) {
        let debited: i128 = self.oracle.debit_totals().values().sum();
        assert_eq!(debited, 10_000 * i128::from(times), "{told}: debited");
        let paid: i128 = self.oracle.payout_totals().values().sum();
        assert_eq!(paid > 0, times > 0, "{told}: paid {paid}");
        let wrong = (self.oracle.twice().len(), self.oracle.unbacked().len(), self.oracle.unpaid().len());
        assert_eq!(wrong, (0, 0, 0), "{told}: twice, unbacked, unpaid");
    }
}

/// One request, and how it stands in the end.
struct One {
    request: Option<Request>,
    state: &'static str,
}

impl Source for One {
    fn next(&mut self) -> Option<Request> {
        self.request.take()
    }

    fn settled(
        &mut self,
        _place: u64,
        _redemption: Option<scrip::base::RedemptionId>,
        outcome: Result<Outcome, scrip::engine::SubmitError>,
    ) {
        let outcome = outcome.unwrap();
        self.state = outcome.state();
    }
}

/// Counts what is sent, by its kind.
struct Counted {
    inner: SimTransport,
    sent: BTreeMap<OpKind, u32>,
}

impl Transport for Counted {
    fn now(&mut self) -> Now {
        self.inner.now()
    }

    fn start(&mut self, call: Call) {
        *self.sent.entry(call.kind).or_default() += 1;
        self.inner.start(call);
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        self.inner.next(until)
    }

    fn expects_more(&mut self) -> bool {
        self.inner.expects_more()
    }

    fn acknowledge(&mut self, token: InboundToken, bytes: &[u8]) {
        self.inner.acknowledge(token, bytes);
    }
}
