use super::*;
use crate::base::{Text, Wall};
use crate::engine::ChannelId;
use crate::engine::Sent;
use crate::flow::State;
use crate::money::{Amount, Currency};
use std::string::ToString;
use std::vec::Vec;

const ID: RedemptionId = RedemptionId([7; 16]);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn call(number: u64, kind: OpKind) -> Call {
    Call {
        id: CallId { channel: ChannelId(0), number },
        endpoint: 0,
        kind,
        redemption: ID,
        attempt: 1,
        send_by: Mono(1_000),
        answer_by: Mono(3_000),
        head: Vec::new(),
        bytes: Vec::new().into(),
    }
}

fn reply(number: u64) -> Arrival {
    Arrival::Reply(CallId { channel: ChannelId(0), number }, Vec::new())
}

fn moved(state: State, verified: bool, paid: bool) -> Event {
    let text = |text| Text::new(text).unwrap();
    let amount = Amount::new(100, Currency::CNY);
    let summary = Summary {
        state,
        since: Wall(0),
        reason: None,
        until: None,
        request_id: text("r"),
        seller: text("s"),
        product: text("p"),
        issuer: text("i"),
        face: amount,
        verified: verified.then_some(amount),
        verified_age_ms: None,
        debited: None,
        payout: paid.then_some(amount),
        fee: None,
    };
    Event::Moved { redemption: ID, summary }
}

#[test]
fn the_own_part_is_what_neither_issuers_nor_the_store_took() {
    let mut marks = Marks::default();
    marks.submitted(ID, ms(0));
    marks.committed(ms(4));
    marks.called(&call(1, OpKind::Balance), Mono(0), ms(5));
    marks.committed(ms(50)); // Of others, while the issuer is asked.
    marks.arrived(&reply(1), ms(85));
    marks.committed(ms(3));
    marks.event(&moved(State::Verified, true, false), ms(90));
    marks.called(&call(2, OpKind::Redeem), Mono(0), ms(92));
    marks.arrived(&reply(2), ms(192));
    marks.event(&moved(State::Paid, true, true), ms(200));
    assert_eq!(marks.own_part().max(), ms(1 + 4 + 8));
    assert_eq!(marks.in_store().max(), ms(4 + 3));
    assert_eq!(marks.whole().max(), ms(200));
    let of = |mark| (marks.kept(mark).times.max(), marks.kept(mark).within);
    assert_eq!(of(Mark::DeviceComparison), (ms(5), 1));
    assert_eq!(of(Mark::Balance), (ms(80), 1));
    assert_eq!(of(Mark::Validation), (ms(90), 1));
    let beyond = |mark| (marks.kept(mark).beyond.max(), marks.kept(mark).within_beyond);
    assert_eq!(beyond(Mark::Balance), (ms(5 + 5), 1), "before its question left, and after the answer");
    assert_eq!(beyond(Mark::Validation), (ms(90 - 80), 1));
    assert_eq!(beyond(Mark::DeviceComparison), (ms(5), 1));
    assert_eq!(marks.kept(Mark::SecretCheck).holds(Mark::SecretCheck), None);
}

#[test]
fn an_issuer_that_is_slow_by_itself_breaks_the_mark_and_not_what_is_beyond() {
    let mut marks = Marks::default();
    for number in 0..100 {
        marks.submitted(ID, ms(0));
        marks.called(&call(number, OpKind::Balance), Mono(0), ms(4));
        marks.arrived(&reply(number), ms(404));
        marks.event(&moved(State::Verified, true, false), ms(if number == 0 { 709 } else { 410 }));
        marks.event(&moved(State::Declined, true, false), ms(800));
    }
    let kept = marks.kept(Mark::Balance);
    assert_eq!((kept.holds(Mark::Balance), kept.share()), (Some(false), Some(0)));
    assert_eq!((kept.share_beyond(), kept.beyond.max()), (Some(99_000), ms(309)), "99 of 100, wanted 99.85");
    assert_eq!(kept.holds_beyond(Mark::Balance), Some(false));
    let whole = marks.kept(Mark::Validation);
    assert_eq!(
        (whole.holds(Mark::Validation), whole.holds_beyond(Mark::Validation)),
        (Some(false), Some(true))
    );
    let table = marks.to_string();
    assert!(table.contains("| 0 | 99.000 % | 12.990 |"), "{table}");
    let columns = |line: &str| line.matches('|').count();
    assert!(table.lines().all(|line| columns(line) == columns(table.lines().next().unwrap())), "{table}");
}

#[test]
fn an_issuer_that_does_not_answer_is_an_outage_and_no_time() {
    let mut marks = Marks::default();
    marks.submitted(ID, ms(0));
    marks.called(&call(1, OpKind::PinCheck), Mono(0), ms(1));
    marks.arrived(&Arrival::Lost(CallId { channel: ChannelId(0), number: 1 }, Sent::MaybeSent), ms(60));
    marks.called(&call(2, OpKind::PinCheck), Mono(0), ms(61));
    marks.arrived(&reply(2), ms(4_000));
    marks.event(&moved(State::Paid, true, true), ms(4_010));
    let kept = marks.kept(Mark::SecretCheck);
    assert_eq!((kept.outages, kept.times.count()), (2, 0), "the second came later than it was waited for");
    assert_eq!(marks.whole().count() + marks.own_part().count(), 0);
    assert_eq!(marks.kept(Mark::Validation).times.count(), 0);
}

#[test]
fn a_slow_answer_breaks_the_mark_and_the_table_says_so() {
    let mut marks = Marks::default();
    for number in 0..1_000 {
        marks.submitted(ID, ms(0));
        marks.called(&call(number, OpKind::Balance), Mono(0), ms(0));
        marks.arrived(&reply(number), ms(if number < 2 { 301 } else { 290 }));
    }
    let kept = marks.kept(Mark::Balance);
    assert_eq!((kept.share(), kept.holds(Mark::Balance)), (Some(99_800), Some(false)));
    let table = marks.to_string();
    assert!(table.contains("| balance | 300.000 | 99.850 % | 99.800 % | 1000 | 290.022 |"), "{table}");
    assert!(table.contains("| secret check | 100.000 | 99.970 % | - | 0 |"), "{table}");
}
