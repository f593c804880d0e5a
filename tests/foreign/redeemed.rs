//! Cards redeemed at the peer, with and without nginx between.

use crate::asked_for;
use crate::desk::{Way, redeem, wire};
use crate::nginx::Nginx;
use crate::peer::{Peer, ask};
use scrip::base::RedemptionId;
use scrip::engine::{Call, CallId, ChannelId, Sent};
use scrip::host::transport::{ChannelTerms, Tls, Wire};
use scrip::host::{Arrival, Transport};
use scrip::issuer::OpKind;

const CARDS: u64 = 60;

#[test]
fn an_issuer_in_python_is_answered_and_calls_back() {
    if !asked_for(&["python3"]) {
        return;
    }
    for how in [r#"{"call_back":true}"#, r#"{"call_back":true,"chunked":true,"trouble":true}"#] {
        let peer = Peer::start(how);
        let url = format!("http://{}", peer.at);
        let wired = wire(&url, |terms| terms);
        let back = format!("http://{}", wired.listening().unwrap());
        redeem(how, &peer, wired, CARDS, Way::BothWays(&back));
    }
}

#[test]
fn behind_nginx_answers_come_in_chunks_and_connections_end_and_nothing_is_lost_or_doubled() {
    if !asked_for(&["python3", "nginx"]) {
        return;
    }
    for trouble in [false, true] {
        for door in ["chunked", "closing", "flaky", "forward"] {
            let what = format!("nginx, {door}, trouble {trouble}");
            let peer = Peer::start(&format!("{{\"trouble\":{trouble}}}"));
            let nginx = Nginx::before(&peer.at);
            let (at, proxy, way) = match door {
                "chunked" => (&nginx.chunked, None, Way::Good),
                "closing" => (&nginx.closing, None, Way::Good),
                "flaky" => (&nginx.flaky, None, Way::Bad),
                _ => (&peer.at, Some(format!("http://{}", nginx.forward)), Way::Good),
            };
            let wired = wire(&format!("http://{at}"), |terms| ChannelTerms { proxy: proxy.clone(), ..terms });
            redeem(&what, &peer, wired, CARDS, way);
            let answer = ask(at, "GET", "/books", "").to_ascii_lowercase();
            assert_eq!(answer.contains("transfer-encoding: chunked"), door == "chunked", "{answer}");
        }
    }
}

#[test]
fn nginx_ends_tls_and_knows_us_by_our_certificate() {
    if !asked_for(&["python3", "nginx"]) {
        return;
    }
    let peer = Peer::start(r#"{"trouble":true}"#);
    let nginx = Nginx::before(&peer.at);
    let url = format!("https://{}", nginx.tls);
    let with = |tls: Tls| wire(&url, |terms| ChannelTerms { tls: tls.clone(), ..terms });
    // Without a certificate it is told so by a page, which is no answer of the issuer.
    let arrival = one(with(nginx.trust(false)));
    let Arrival::Reply(_, page) = &arrival else { panic!("{arrival:?}") };
    assert!(page.starts_with(b"400\n"), "{}", String::from_utf8_lossy(page));
    // Whom we do not trust gets no byte.
    let stranger = Nginx::before(&peer.at);
    let arrival = one(with(stranger.trust(true)));
    assert!(matches!(arrival, Arrival::Lost(_, Sent::NotSent)), "{arrival:?}");
    let books = peer.books();
    assert_eq!(books["counts"]["creates"], serde_json::Value::Null, "{books}");
    redeem("nginx, TLS", &peer, with(nginx.trust(true)), CARDS, Way::Good);
}

/// One call, and what comes of it.
pub(crate) fn one(mut wire: Wire) -> Arrival {
    let now = wire.now().mono;
    wire.start(Call {
        id: CallId { channel: ChannelId(0), number: 1 },
        endpoint: 0,
        kind: OpKind::Redeem,
        redemption: RedemptionId([7; 16]),
        attempt: 1,
        send_by: now.plus(5_000),
        answer_by: now.plus(5_000),
        head: b"POST /open/order/create\n".to_vec(),
        bytes: b"{}".to_vec().into(),
    });
    wire.next(Some(now.plus(20_000))).expect("something comes of it")
}
