//! The world as scrip sees it: through the adapters and the transport.

use super::*;
use crate::adapters::signed_json::{SignedJson, SignedJsonRail};
use crate::base::{Mono, RedemptionId, Secret, Text};
use crate::engine::{Call, CallId, ChannelId, Sent};
use crate::host::{Arrival, InboundToken, Transport};
use crate::issuer::{
    Answer, CardData, Context, Decline, Issuer, Message, OpKind, Operation, Outcome, Payment, Profiles, Rail,
    Reference,
};
use crate::money::{Amount, Currency};
use std::path::Path;
use std::vec::Vec;
use zeroize::Zeroizing;

const SHIPPED: &str = include_str!("../../examples/data/issuers.toml");
const DAY_MS: i64 = 86_400_000;

fn config() -> SimConfig {
    let profiles = Profiles::parse(SHIPPED).unwrap();
    let issuers = profiles.issuers.into_values().map(SimIssuer::new).collect();
    SimConfig::new(issuers, profiles.rails.into_values().map(SimRail::new).collect())
}

/// The far end of a line: encodes like an engine and decodes what comes.
struct Till {
    net: SimTransport,
    config: SimConfig,
    calls: u64,
}

/// What came, decoded.
#[derive(Debug, PartialEq)]
enum Came {
    Told(Vec<(Reference, Answer)>),
    Brought(InboundToken, Vec<(Reference, Answer)>),
    Garbage,
    Lost(Sent),
}

fn context() -> Context<'static> {
    Context { session: &[], now: Default::default(), nonce: [1; 16] }
}

fn debit(n: u16) -> Reference {
    Reference::debit(redemption(n))
}

fn redemption(n: u16) -> RedemptionId {
    let mut id = [9; 16];
    id[..2].copy_from_slice(&n.to_le_bytes());
    RedemptionId(id)
}

fn cny(minor: i64) -> Amount {
    Amount::new(minor, Currency::CNY)
}

impl Till {
    fn open(config: SimConfig) -> Self {
        Self { net: SimTransport::open(&config).unwrap(), config, calls: 0 }
    }

    fn issuer(&self, name: &str) -> SignedJson {
        let issuer = self.config.issuers.iter().find(|issuer| issuer.profile.name == name);
        issuer.unwrap().adapter().unwrap()
    }

    fn rail(&self) -> SignedJsonRail {
        self.config.rails[0].adapter().unwrap()
    }

    fn ask(&mut self, name: &str, kind: OpKind, n: u16, attempt: u32) -> CallId {
        self.ask_card(name, kind, n, attempt, &std::format!("card {n}"))
    }

    fn ask_card(&mut self, name: &str, kind: OpKind, n: u16, attempt: u32, number: &str) -> CallId {
        let product = Text::new("p").unwrap();
        let card = CardData { number: Some(number.as_bytes()), secret: b"1234" };
        let card = Some(card).filter(|_| !matches!(kind, OpKind::Query | OpKind::Receipt));
        let reference = debit(n);
        let operation = Operation { kind, reference, product: &product, card, amount: cny(10_000), attempt };
        let mut message = Message::default();
        self.issuer(name).encode(&[operation], &context(), &mut message).unwrap();
        self.send(name, kind, n, attempt, message)
    }

    fn pay(&mut self, kind: OpKind, n: u16, attempt: u32) -> CallId {
        let payee = Text::new("seller-7").unwrap();
        let reference = Reference::payout(redemption(n), 1);
        let payment = Payment { kind, reference, payee: &payee, amount: cny(9_000), attempt };
        let mut message = Message::default();
        self.rail().encode(&[payment], &context(), &mut message).unwrap();
        self.send("payout", kind, n, attempt, message)
    }

    fn send(&mut self, name: &str, kind: OpKind, n: u16, attempt: u32, message: Message) -> CallId {
        let channel = self.net.world().channel(name).unwrap();
        self.calls += 1;
        let id = CallId { channel, number: self.calls };
        let now = self.net.now().mono;
        self.net.start(Call {
            id,
            endpoint: 0,
            kind,
            redemption: redemption(n),
            attempt,
            send_by: now.plus(1_000),
            answer_by: now.plus(3_000),
            head: message.head.clone(),
            bytes: Zeroizing::new(message.body.clone()),
        });
        id
    }

    fn decode(&mut self, channel: ChannelId, bytes: &[u8]) -> Option<Vec<(Reference, Answer)>> {
        let mut heard = Vec::new();
        let mut hear = |reference, answer| heard.push((reference, answer));
        let names: Vec<_> = self.config.issuers.iter().map(|issuer| issuer.profile.name.clone()).collect();
        let name = names.iter().find(|name| self.net.world().channel(name) == Some(channel));
        let decoded = match name {
            Some(name) => self.issuer(name).decode(bytes, &context(), &mut hear),
            None => self.rail().decode(bytes, &context(), &mut hear),
        };
        decoded.ok().map(|()| heard)
    }

    fn next(&mut self, within_ms: i64) -> Option<Came> {
        let until = self.net.now().mono.plus(within_ms);
        Some(match self.net.next(Some(until))? {
            Arrival::Reply(call, bytes) => {
                self.decode(call.channel, &bytes).map_or(Came::Garbage, Came::Told)
            }
            Arrival::Lost(_, sent) => Came::Lost(sent),
            Arrival::Inbound(channel, token, bytes) => {
                Came::Brought(token, self.decode(channel, &bytes).expect("the world signs"))
            }
        })
    }

    /// The outcome of the only answer that comes by reply.
    fn told(&mut self) -> Outcome {
        match self.next(600_000) {
            Some(Came::Told(answers)) if answers.len() == 1 => answers[0].1.outcome.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn debited(&mut self, n: u16) -> usize {
        self.net.world().oracle().debited(debit(n))
    }
}

/// The first redemption that this fault befalls at its first attempt.
fn struck(fault: Fault, kind: OpKind) -> u16 {
    let reference = |n| match kind {
        OpKind::Pay => Reference::payout(redemption(n), 1),
        _ => debit(n),
    };
    (0..5_000).find(|&n| Faults::Heavy.fault(7, reference(n), kind, 1) == Some(fault)).unwrap()
}

fn faulty() -> Till {
    Till::open(SimConfig { faults: Faults::Heavy, seed: 7, ..config() })
}

#[test]
fn channels_are_numbered_as_the_engine_numbers_them() {
    let mut config = config();
    config.issuers.reverse();
    let world = SimWorld::open(&config).unwrap();
    let names = ["bank", "fuel", "jd", "regional", "telecom", "walmart", "payout"];
    for (place, name) in (0..).zip(names) {
        assert_eq!(world.channel(name), Some(ChannelId(place)), "{name}");
    }
    let paces: Vec<_> =
        config.issuers.iter().map(|issuer| (issuer.profile.name.as_str(), issuer.pace)).collect();
    assert!(paces.contains(&("bank", Pace::Bank)) && paces.contains(&("regional", Pace::File)));
    config.issuers.push(config.issuers[0].clone());
    assert!(matches!(SimWorld::open(&config), Err(SimError::Name(_))));
}

#[test]
fn a_card_is_asked_debited_and_paid_in_virtual_time() {
    let mut till = Till::open(config());
    for (name, range) in [("bank", 500..=1_200), ("walmart", 100..=400)] {
        for (kind, n) in
            [OpKind::Balance, OpKind::Redeem, OpKind::Query, OpKind::Receipt].into_iter().zip([1; 4])
        {
            let before = till.net.now().mono.0;
            till.ask(name, kind, n, 1);
            assert!(matches!(till.told(), Outcome::Accepted(accepted) if accepted.amount == cny(10_000)));
            let took = till.net.now().mono.0 - before;
            assert!(range.contains(&took), "{name} {kind:?} took {took} ms");
        }
    }
    let before = till.net.now().mono.0;
    till.pay(OpKind::Pay, 1, 1);
    assert!(matches!(till.told(), Outcome::Accepted(_)));
    assert!((30..=120).contains(&(till.net.now().mono.0 - before)));
    let oracle = till.net.world().oracle();
    assert_eq!((oracle.debits().len(), oracle.payouts().len()), (2, 1));
    assert_eq!(oracle.debit_totals()[&("bank", Currency::CNY)], 10_000);
    assert_eq!(oracle.payout_totals()[&("payout", Currency::CNY)], 9_000);
    assert_eq!(till.net.next(None), None, "nothing more will come");
}

#[test]
fn time_goes_to_until_and_no_further() {
    let mut till = Till::open(config());
    let start = till.net.now();
    assert_eq!(till.net.next(Some(Mono(500))), None);
    assert_eq!(till.net.now().mono, Mono(500));
    assert_eq!(till.net.now().wall, start.wall.plus(500));
    till.ask("bank", OpKind::Balance, 1, 1);
    assert_eq!(till.net.next(Some(Mono(600))), None, "the bank takes longer");
    assert_eq!(till.net.now().mono, Mono(600));
    assert_eq!(till.net.next(Some(Mono(100))), None);
    assert_eq!(till.net.now().mono, Mono(600), "time does not go back");
    assert!(matches!(till.told(), Outcome::Accepted(_)));
}

#[test]
fn a_late_call_is_not_sent() {
    let mut till = Till::open(config());
    till.net.next(Some(Mono(10_000)));
    let channel = till.net.world().channel("bank").unwrap();
    let id = CallId { channel, number: 1 };
    let call = Call {
        id,
        endpoint: 0,
        kind: OpKind::Redeem,
        redemption: redemption(1),
        attempt: 1,
        send_by: Mono(9_999),
        answer_by: Mono(20_000),
        head: Vec::new(),
        bytes: Zeroizing::new(b"{}".to_vec()),
    };
    till.net.start(call);
    assert_eq!(till.net.next(None), Some(Arrival::Lost(id, Sent::NotSent)));
}

#[test]
fn a_request_that_cannot_be_read_gets_no_answer_of_the_protocol() {
    let mut till = Till::open(config());
    let mut message = Message::default();
    message.body = b"hello".to_vec();
    till.send("bank", OpKind::Redeem, 1, 1, message);
    assert_eq!(till.next(10_000), Some(Came::Garbage));
}

#[test]
fn a_file_issuer_answers_in_one_file_until_it_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let at = |dir: &Path| SimConfig { dir: Some(dir.into()), ..config() };
    let mut till = Till::open(at(dir.path()));
    let sent = till.net.now().wall;
    for n in 1..=3 {
        till.ask("regional", OpKind::Redeem, n, 1);
    }
    assert_eq!(till.next(DAY_MS / 2), None, "no reply");
    assert_eq!(till.debited(1), 1, "debited when the file came");
    // The process is killed; what was promised is kept.
    let mut till = Till::open(at(dir.path()));
    assert_eq!(till.net.now().wall, sent.plus(DAY_MS / 2), "time goes on where it was");
    let Some(Came::Brought(first, answers)) = till.next(DAY_MS) else { panic!("a file is due") };
    assert_eq!(answers.len(), 3, "one file for all");
    assert!(answers.iter().all(|(_, answer)| answer.by_file && answer.kind == OpKind::Redeem));
    assert!(answers.iter().all(|(_, answer)| matches!(answer.outcome, Outcome::Accepted(_))));
    let took = till.net.now().wall.0 - sent.0;
    assert!(took <= DAY_MS && took > DAY_MS - 7_200_000, "{took}");
    assert!(matches!(till.next(DAY_MS), Some(Came::Brought(again, _)) if again == first));
    till.net.sever();
    let Some(Came::Brought(other, again)) = till.next(DAY_MS) else { panic!("still due") };
    assert_eq!((again, other == first), (answers, false), "to a new process under a new token");
    till.net.acknowledge(other, b"ok");
    assert_eq!(till.net.next(None), None);
    let mut till = Till::open(at(dir.path()));
    assert_eq!(till.next(3 * DAY_MS), None, "acknowledged for ever");
}

#[test]
fn a_repeat_to_a_file_issuer_is_answered_again_and_debits_once() {
    let mut till = Till::open(config());
    till.ask("regional", OpKind::Redeem, 1, 1);
    let Some(Came::Brought(token, first)) = till.next(2 * DAY_MS) else { panic!() };
    till.net.acknowledge(token, b"ok");
    till.ask("regional", OpKind::Redeem, 1, 2);
    let Some(Came::Brought(_, second)) = till.next(2 * DAY_MS) else { panic!() };
    assert_eq!((first, till.debited(1)), (second, 1));
}

#[test]
fn a_line_that_its_file_leaves_out_is_debited_and_told_when_it_is_asked_again() {
    let mut till = faulty();
    let n = struck(Fault::AnswerLost, OpKind::Redeem);
    till.ask("regional", OpKind::Redeem, n, 1);
    assert_eq!(till.next(3 * DAY_MS), None);
    assert_eq!(till.debited(n), 1);
    till.ask("regional", OpKind::Redeem, n, 6);
    assert!(matches!(till.next(3 * DAY_MS), Some(Came::Brought(..))));
    assert_eq!(till.debited(n), 1);
}

#[test]
fn nothing_is_debited_by_what_was_not_sent_or_lost_on_its_way() {
    let mut till = faulty();
    let n = struck(Fault::NotSent, OpKind::Redeem);
    till.ask("walmart", OpKind::Redeem, n, 1);
    assert_eq!(till.next(10_000), Some(Came::Lost(Sent::NotSent)));
    assert_eq!(till.debited(n), 0);
    let n = struck(Fault::RequestLost, OpKind::Redeem);
    till.ask("walmart", OpKind::Redeem, n, 1);
    let came = till.next(600_000);
    assert!(matches!(came, None | Some(Came::Lost(Sent::MaybeSent))), "{came:?}");
    assert_eq!(till.debited(n), 0);
}

#[test]
fn a_query_overtakes_a_delayed_request_and_finds_nothing() {
    let mut till = faulty();
    let n = struck(Fault::RequestDelayed, OpKind::Redeem);
    till.ask("walmart", OpKind::Redeem, n, 1);
    till.ask("walmart", OpKind::Query, n, 6);
    assert_eq!(till.told(), Outcome::NotFound);
    assert_eq!(till.debited(n), 0);
    let sent = till.net.now().mono.0;
    assert!(matches!(till.told(), Outcome::Accepted(_)), "late, but it comes");
    let waited = till.net.now().mono.0 - sent;
    assert!(waited > 2_000 && waited < 600_000, "after the deadline, before an absence is final: {waited}");
    assert_eq!(till.debited(n), 1);
}

#[test]
fn a_request_under_way_arrives_after_its_sender_has_died() {
    let mut till = faulty();
    let n = struck(Fault::RequestDelayed, OpKind::Redeem);
    till.ask("walmart", OpKind::Redeem, n, 1);
    till.net.sever();
    assert_eq!(till.next(600_000), None, "the reply has nowhere to go");
    assert_eq!(till.debited(n), 1);
}

#[test]
fn an_effect_stands_whatever_becomes_of_its_answer() {
    let answered = |fault| {
        let mut till = faulty();
        let n = struck(fault, OpKind::Redeem);
        till.ask("walmart", OpKind::Redeem, n, 1);
        let came: Vec<_> = core::iter::from_fn(|| till.next(590_000)).take(2).collect();
        assert_eq!(till.debited(n), 1, "{fault:?}");
        till.ask("walmart", OpKind::Redeem, n, 6);
        assert!(matches!(till.told(), Outcome::Accepted(_)), "{fault:?}");
        assert_eq!(till.debited(n), 1, "{fault:?}");
        came
    };
    assert!(matches!(&answered(Fault::AnswerLost)[..], [] | [Came::Lost(Sent::MaybeSent)]));
    assert!(matches!(&answered(Fault::AnswerLate)[..], [Came::Told(_)]));
    assert!(matches!(&answered(Fault::Garbage)[..], [Came::Garbage]));
    let doubled = answered(Fault::AnswerDoubled);
    assert_eq!((doubled.len(), &doubled[0]), (2, &doubled[1]));
}

#[test]
fn a_late_answer_comes_after_its_deadline() {
    let mut till = faulty();
    let n = struck(Fault::AnswerLate, OpKind::Redeem);
    till.ask("walmart", OpKind::Redeem, n, 1);
    assert_eq!(till.next(3_000), None);
    assert!(matches!(till.told(), Outcome::Accepted(_)));
}

#[test]
fn what_is_pending_is_brought_later_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = || SimConfig { faults: Faults::Heavy, seed: 7, dir: Some(dir.path().into()), ..config() };
    let mut till = Till::open(world());
    let n = struck(Fault::Pending, OpKind::Redeem);
    till.ask("bank", OpKind::Redeem, n, 1);
    assert_eq!(till.told(), Outcome::Pending);
    let mut till = Till::open(world());
    let Some(Came::Brought(token, answers)) = till.next(60_000) else { panic!("it is owed") };
    assert!(
        matches!(&answers[..], [(of, Answer { outcome: Outcome::Accepted(_), by_file: false, .. })] if *of == debit(n))
    );
    till.net.acknowledge(token, b"ok");
    assert_eq!(till.net.next(None), None);
}

#[test]
fn a_rail_refuses_and_returns() {
    let mut till = faulty();
    let n = struck(Fault::PayeeRefused, OpKind::Pay);
    till.pay(OpKind::Pay, n, 1);
    assert_eq!(till.told(), Outcome::Declined(Decline::PayeeInvalid));
    till.pay(OpKind::PayQuery, n, 6);
    assert_eq!(till.told(), Outcome::Declined(Decline::PayeeInvalid));
    let n = struck(Fault::PayoutReturned, OpKind::Pay);
    till.pay(OpKind::Pay, n, 1);
    assert!(matches!(till.told(), Outcome::Accepted(_)));
    assert_eq!(till.next(DAY_MS / 2), None);
    let Some(Came::Brought(token, answers)) = till.next(DAY_MS) else { panic!("it comes back") };
    assert_eq!((answers[0].1.kind, &answers[0].1.outcome), (OpKind::Pay, &Outcome::Reversed));
    till.net.acknowledge(token, b"ok");
    let oracle = till.net.world().oracle();
    assert!(oracle.payouts().all(|payout| payout.returned) && oracle.payouts().len() == 1);
    assert_eq!(oracle.payout_totals().values().sum::<i128>(), 0);
}

#[test]
fn the_oracle_shows_what_happened_twice() {
    let dir = tempfile::tempdir().unwrap();
    let number = Secret::from("one card");
    let product = Text::new("p").unwrap();
    // More on the card than is asked, or the issuer itself would refuse the second debit.
    let card = SimCard {
        product,
        number: Some(number),
        secret: "1234".into(),
        balance: cny(50_000),
        status: CardStatus::Active,
    };
    let config = SimConfig { cards: Some([card].into()), dir: Some(dir.path().into()), ..config() };
    let mut till = Till::open(config);
    for n in 1..=3 {
        till.ask_card("fuel", OpKind::Redeem, n, 1, "one card");
        assert!(matches!(till.told(), Outcome::Accepted(_)));
    }
    till.ask_card("fuel", OpKind::Reverse, 3, 1, "one card");
    assert_eq!(till.told(), Outcome::Reversed);
    till.pay(OpKind::Pay, 1, 1);
    till.told();
    till.pay(OpKind::Pay, 9, 1);
    till.told();
    let oracle = Oracle::read(dir.path()).unwrap();
    let twice = oracle.twice();
    assert!(
        matches!(&twice[..], [Twice::Card { issuer, references, .. }] if issuer == "fuel" && *references == [debit(1), debit(2)]),
        "{twice:?}"
    );
    assert_eq!((oracle.debited(debit(1)), oracle.debited(debit(3))), (1, 0));
    assert_eq!(oracle.debit_totals()[&("fuel", Currency::CNY)], 20_000);
    assert_eq!(oracle.unbacked()[0].reference, Reference::payout(redemption(9), 1));
    assert_eq!(oracle.unpaid().iter().map(|debit| debit.reference).collect::<Vec<_>>(), [debit(2)]);
    let echoed = till.issuer("fuel").card_tag(CardData { number: Some(b"one card"), secret: b"" });
    assert_eq!(oracle.debits().next().map(|debit| debit.card), echoed, "cards go by the adapter's tag");
}

#[test]
fn real_time_passes_while_waiting() {
    let config = config().in_real_time();
    let mut till = Till::open(SimConfig { file: FileTimes { delay_ms: 40, window_ms: 20 }, ..config });
    let began = std::time::Instant::now();
    till.ask("regional", OpKind::Redeem, 1, 1);
    till.pay(OpKind::Pay, 1, 1);
    assert!(matches!(till.told(), Outcome::Accepted(_)));
    assert!(began.elapsed().as_millis() >= 30);
    assert!(matches!(till.next(5_000), Some(Came::Brought(..))));
    assert!(till.net.trouble().is_none());
}

#[test]
fn profiles_for_real_time_are_profiles() {
    let profiles = Profiles::parse(SHIPPED).unwrap();
    for (name, profile) in profiles.issuers {
        let hurried = SimConfig::in_a_hurry(profile.clone());
        assert_eq!(hurried == profile, name != "regional");
        assert!(hurried.timing.answer_within_ms <= hurried.timing.absent_after_ms);
        assert!(hurried.timing.absent_after_ms <= hurried.timing.age_limit_ms);
        assert!(hurried.timing.send_within_ms <= hurried.timing.answer_within_ms);
    }
}
