//! What a scenario is played with: catalogue, policy, channels and peppers.

use super::codec::{Script, TestIssuer, TestRail};
use scrip::base::Secret;
use scrip::card::Catalogue;
use scrip::engine::{Policy, Setup, TokenSecret};
use scrip::issuer::{Issuer, IssuerProfile, Profiles, Rail, RailProfile};
use scrip::vault::{KeyId, KeyRing, PepperVersion};

const CHANNELS: &str = r#"
[issuer.bank]
adapter = "test"
verify = "balance"
evidence = "online"
idempotency = "issuer"
recipe = "query"
can_reverse = true
echoes_card = true
endpoints = ["a", "b"]
[rail.pay]
adapter = "test"
idempotent = true
endpoints = ["r"]
"#;

/// `gift` has two forms of number, `platform-gift` are the same cards through a platform,
/// `code` has no number, and `reload` can be loaded again.
const CATALOGUE: &str = r#"
[product.gift]
issuer = "bank"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1", max = "500" }
rate = "0.90"
number = { kind = "digits", lengths = [16, 19] }
secret = { kind = "digits", lengths = [6] }
aliases = [{ when_length = 19, drop_last = 3 }]
[product.platform-gift]
scheme = "gift"
issuer = "platform"
family = "supermarket"
currencies = ["CNY"]
face = { min = "1", max = "500" }
rate = "0.88"
number = { kind = "digits", lengths = [16, 19] }
secret = { kind = "digits", lengths = [6] }
aliases = [{ when_length = 19, drop_last = 3 }]
[product.code]
issuer = "bank"
family = "ecommerce"
currencies = ["CNY"]
face = { min = "1", max = "500" }
rate = "0.95"
secret = { kind = "letters-and-digits", lengths = [16], group = 4 }
identity = "secret"
[product.reload]
issuer = "bank"
family = "fuel"
currencies = ["CNY"]
face = { min = "1", max = "500" }
rate = "0.90"
number = { kind = "digits", lengths = [16] }
secret = { kind = "digits", lengths = [6] }
reloadable = true
"#;

/// What a scenario is played with. Changed before the engine is opened, or between openings.
pub(crate) struct Plan {
    pub(crate) bank: IssuerProfile,
    pub(crate) rail: RailProfile,
    pub(crate) policy: Policy,
    pub(crate) catalogue: String,
    pub(crate) peppers: Vec<u16>,
    /// The keys of tokens, where the catalogue was given a rule for them.
    pub(crate) tokens: Vec<TokenSecret>,
}

impl Plan {
    pub(crate) fn new() -> Self {
        let mut profiles = Profiles::parse(CHANNELS).unwrap();
        Self {
            bank: profiles.issuers.remove("bank").unwrap(),
            rail: profiles.rails.remove("pay").unwrap(),
            policy: Policy::default(),
            catalogue: CATALOGUE.into(),
            peppers: vec![1],
            tokens: Vec::new(),
        }
    }

    /// Channels: 0 is `bank`, 1 is `platform`, 2 the rail.
    pub(crate) fn setup(&self, script: &Script) -> Setup {
        let catalogue = Catalogue::parse(&self.catalogue).unwrap();
        let platform = IssuerProfile { name: "platform".into(), ..self.bank.clone() };
        let issuer =
            |profile| -> Box<dyn Issuer> { Box::new(TestIssuer { profile, script: script.clone() }) };
        let issuers = vec![issuer(self.bank.clone()), issuer(platform)];
        let rail: Box<dyn Rail> = Box::new(TestRail { profile: self.rail.clone(), script: script.clone() });
        let key = (KeyId(1), Secret::new(vec![7; 32]));
        let pepper = |v: &u16| (PepperVersion(*v), Secret::new(vec![u8::try_from(*v).unwrap(); 32]));
        let ring = KeyRing::new(vec![key], self.peppers.iter().map(pepper).collect()).unwrap();
        let setup = Setup::new(catalogue, self.policy.clone(), issuers, vec![rail], ring).unwrap();
        if self.tokens.is_empty() { setup } else { setup.token_keys(self.tokens.clone()).unwrap() }
    }
}
