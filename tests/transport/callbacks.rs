//! Callbacks: what is not durable is not acknowledged.

use crate::port::free_port;
use crate::stage::next;
use scrip::engine::ChannelId;
use scrip::host::transport::{ChannelTerms, Form, Wire, WireOptions};
use scrip::host::{Arrival, InboundToken, Transport};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Two channels: envelopes at /cb, bodies at /cb/jd. Callbacks wait for 600 ms.
fn open() -> Wire {
    let terms = |form, path: &str| ChannelTerms {
        form,
        callback_path: Some(path.to_string()),
        body_max: 1_000,
        ..ChannelTerms::new(vec![format!("http://{}", free_port())])
    };
    Wire::open(WireOptions {
        channels: vec![terms(Form::Envelope, "/cb"), terms(Form::Body, "/cb/jd")],
        listen: Some("127.0.0.1:0".parse().unwrap()),
        acknowledge_within_ms: 600,
    })
    .unwrap()
}

fn send(wire: &Wire, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(wire.listening().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

fn post(wire: &Wire, path: &str, body: &str) -> TcpStream {
    let len = body.len();
    send(
        wire,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: us\r\nX-Sign: 9f\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}"
        ),
    )
}

fn answered(mut stream: TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_string())
}

fn inbound(wire: &mut Wire) -> (ChannelId, InboundToken, Vec<u8>) {
    match next(wire) {
        Arrival::Inbound(channel, token, bytes) => (channel, token, bytes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_callback_is_answered_when_it_is_acknowledged_and_not_before() {
    let mut wire = open();
    let stream = post(&wire, "/cb/walmart?day=1", "{\"ref\":1}");
    let (channel, token, bytes) = inbound(&mut wire);
    assert_eq!(channel, ChannelId(0));
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("POST /cb/walmart?day=1\n") && text.contains("\nx-sign: 9f\n"), "{text}");
    assert!(text.ends_with("\n\n{\"ref\":1}"), "{text}");
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!((&stream).read(&mut [0]).is_err(), "nothing is said before it is durable");
    wire.acknowledge(token, b"SUCCESS");
    assert_eq!(answered(stream), (200, "SUCCESS".to_string()));
}

#[test]
fn the_longest_path_decides_and_a_body_channel_gets_the_body() {
    let mut wire = open();
    let stream = post(&wire, "/cb/jd/notify", "a=1");
    let (channel, token, bytes) = inbound(&mut wire);
    assert_eq!((channel, bytes.as_slice()), (ChannelId(1), &b"a=1"[..]));
    wire.acknowledge(token, b"");
    assert_eq!(answered(stream), (200, String::new()));
}

#[test]
fn one_that_is_not_acknowledged_in_time_is_told_to_come_again() {
    let mut wire = open();
    let began = Instant::now();
    let stream = post(&wire, "/cb", "1");
    let (_, token, _) = inbound(&mut wire);
    assert_eq!(answered(stream).0, 503);
    assert!(began.elapsed() >= Duration::from_millis(550));
    wire.acknowledge(token, b"too late");
    let stream = post(&wire, "/cb", "1");
    let (_, again, _) = inbound(&mut wire);
    assert_ne!(again, token);
    wire.acknowledge(again, b"ok");
    assert_eq!(answered(stream), (200, "ok".to_string()));
}

#[test]
fn one_that_is_refused_is_told_so() {
    let mut wire = open();
    let stream = post(&wire, "/cb", "nonsense");
    let (_, token, _) = inbound(&mut wire);
    wire.refuse(token);
    assert_eq!(answered(stream).0, 400);
}

#[test]
fn what_is_no_callback_never_reaches_a_channel() {
    let mut wire = open();
    let long = "x".repeat(1_001);
    for (text, status) in [
        (
            "POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_string(),
            404,
        ),
        ("GET /cb HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_string(), 405),
        (
            format!(
                "POST /cb HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nConnection: close\r\n\r\n{long}"
            ),
            413,
        ),
        (format!("POST /cb HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n", "y".repeat(20_000)), 431),
        ("garbage\r\n\r\n".to_string(), 400),
    ] {
        assert_eq!(answered(send(&wire, &text)).0, status, "{}", &text[..20.min(text.len())]);
    }
    crate::stage::nothing_for(&mut wire, 20);
}

#[test]
fn a_caller_that_hangs_up_leaves_nothing_behind() {
    let mut wire = open();
    drop(post(&wire, "/cb", "1"));
    let mut half = send(&wire, "POST /cb HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf");
    half.flush().unwrap();
    drop(half);
    // The first may have been heard before its caller went.
    if let Some(Arrival::Inbound(_, token, bytes)) = {
        let until = wire.now().mono.plus(100);
        wire.next(Some(until))
    } {
        assert!(bytes.ends_with(b"\n\n1"));
        wire.acknowledge(token, b"ok");
    }
    crate::stage::nothing_for(&mut wire, 100);
}
