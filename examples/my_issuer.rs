//! A new issuer in one file: its adapter, the other end of its protocol, the conformance suite and
//! one redemption. `cargo run --example my_issuer`; docs/issuers-kit.md tells the rest.
use scrip::sim::kit::{CardText, FarEnd, Heard, Said, Says, conformance, driver};
use scrip::{base::Text, card::Catalogue, engine::Request, issuer::*, money::Amount, money::Currency};

/// The corner shop's words: `redeem REF CENTS NUMBER SECRET`, one operation to a message, `balance`
/// and `query` alike; back come `REF redeem OK CENTS ITS-OWN-NUMBER.` or a code, `REF redeem 41.`
struct Corner(IssuerProfile); // how the shop behaves, as data: the engine goes by it
type Answers<'a> = &'a mut dyn FnMut(Reference, Answer);
impl Issuer for Corner {
    fn profile(&self) -> &IssuerProfile {
        &self.0
    }
    fn encode(&self, ops: &[Operation<'_>], _: &Context<'_>, out: &mut Message) -> Result<(), EncodeError> {
        let [op] = ops else { return Err(EncodeError::Unsupported("several at once")) };
        let (number, secret): (&[u8], &[u8]) = match (op.kind, op.card) {
            (OpKind::Query | OpKind::Receipt, _) => (b"-", b"-"), // these go by our reference
            (OpKind::Balance | OpKind::Redeem, Some(card)) => (card.number.unwrap_or(b"-"), card.secret),
            (OpKind::Balance | OpKind::Redeem, None) => return Err(EncodeError::Field("card")),
            _ => return Err(EncodeError::Unsupported(op.kind.name())), // with nothing in `out`
        };
        let cents = u64::try_from(op.amount.minor()).map_err(|_| EncodeError::Field("amount"))?;
        let head = format!("{} {} {cents} ", op.kind.name(), op.reference);
        out.body = [head.as_bytes(), number, b" ", secret].concat();
        Ok(())
    }
    fn decode(&self, bytes: &[u8], _: &Context<'_>, answers: Answers<'_>) -> Result<(), DecodeError> {
        let wrong = DecodeError { at: 0, what: "REF OPERATION CODE and a full stop" };
        let text = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('.')).ok_or(wrong)?;
        let [about, kind, ref code @ ..] = text.split(' ').collect::<Vec<_>>()[..] else { return Err(wrong) };
        let about = Reference::parse(about).filter(|about| about.leg == Leg::Debit).ok_or(wrong)?;
        let kind = OpKind::from_name(kind).ok_or(wrong)?;
        let amount = |cents: &str| Some(Amount::new(cents.parse::<u32>().ok()?.into(), Currency::CNY));
        let yes = |cents, own| Some(Accepted::new(Text::new(own).ok()?, amount(cents)?));
        let outcome = match *code {
            ["OK", cents, own] => {
                yes(cents, own).map_or(Outcome::Unknown(Cause::Unmapped), Outcome::Accepted)
            }
            ["41"] => Outcome::Declined(Decline::WrongSecret),
            ["44"] => Outcome::NotFound,
            _ => Outcome::Unknown(Cause::Unmapped), // what is not in the list is never a no
        };
        answers(about, Answer { kind, outcome, by_file: false });
        Ok(())
    }
}
struct Shop; // the other end: what a request says, and an answer in the shop's words
impl FarEnd for Shop {
    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let text = std::str::from_utf8(&request.body).ok()?;
        let [kind, key, cents, number, secret] = text.split(' ').collect::<Vec<_>>()[..] else { return None };
        let card_fits = number == "-" || (Some(number), secret) == (card.number, card.secret);
        let (kind, amount) = (OpKind::from_name(kind)?, Amount::new(cents.parse().ok()?, Currency::CNY));
        let (reference, amount) = (Reference::parse(key), Some(amount));
        Some(vec![Heard { kind, reference, key: key.into(), amount, card_fits }])
    }
    fn write(&mut self, _: &Message, said: &[Said]) -> Option<Vec<u8>> {
        let Said { kind, reference, amount, own, says, .. } = &said[0];
        let code = match says {
            Says::Yes if amount.currency() == Currency::CNY => format!("OK {} {own}", amount.minor()),
            Says::No(Decline::WrongSecret) => "41".into(),
            Says::NotFound => "44".into(),
            Says::Strange(number) => (50 + number).to_string(),
            _ => return None, // the shop has no words for it
        };
        Some(format!("{reference} {} {code}.", kind.name()).into_bytes())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let profile = Profiles::parse(include_str!("data/corner-issuer.toml"))?.issuers["corner"].clone();
    let corner = || Box::new(Corner(profile.clone())) as Box<dyn Issuer>;
    println!("{}", conformance(&corner, &mut Shop)?); // one line: the contract is kept, or the breach
    let mut driver = driver(corner(), Box::new(Shop), Catalogue::parse(include_str!("data/corner.toml"))?)?;
    let request = Request::new("R-1", "seller-7", "gift").number("6222021234567894").secret("739164");
    let outcome = driver.redeem(&request.face(Amount::new(10_000, Currency::CNY)))?;
    assert_eq!((outcome.state(), driver.transport().debits()), ("retired", 1));
    Ok(())
}
