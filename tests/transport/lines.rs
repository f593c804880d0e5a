//! Framed messages over TCP.

use crate::port::free_port;
use crate::server::Server;
use crate::stage::{ask, call, id, next, nothing_for, reply, terms, wire};
use scrip::codec::iso8583::{Frame, LengthPrefix};
use scrip::engine::{ChannelId, Sent};
use scrip::host::transport::{Framing, Wire, WireError, WireOptions};
use scrip::host::{Arrival, Transport};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A length of two bytes, a key of two, and the rest.
pub(crate) fn framing() -> Framing {
    let frame = Frame { length: LengthPrefix::Binary2, ..Frame::NONE };
    Framing { frame, key: Arc::new(|bytes| bytes.get(2..4).map(<[u8]>::to_vec)) }
}

fn message(key: u64, text: &str) -> Vec<u8> {
    let body = format!("{key:02}{text}");
    let mut out = u16::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(body.as_bytes());
    out
}

fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).ok()?;
    let mut out = len.to_vec();
    out.resize(2 + usize::from(u16::from_be_bytes(len)), 0);
    stream.read_exact(&mut out[2..]).ok()?;
    Some(out)
}

fn open(server: &Server) -> Wire {
    let mut terms = terms(&server.tcp());
    terms.framing = Some(framing());
    terms.linger_ms = 300;
    wire(terms)
}

#[test]
fn answers_out_of_order_find_their_calls_over_one_line() {
    let server = Server::new(|mut stream, _| {
        let mut asked: Vec<_> = (0..90).map(|_| read(&mut stream).unwrap()).collect();
        asked.reverse();
        // In pieces that respect no message.
        for piece in asked.concat().chunks(7) {
            stream.write_all(piece).unwrap();
        }
        sleep(Duration::from_secs(5));
    });
    let mut wire = open(&server);
    for number in 0..90 {
        let call = call(&mut wire, number, &message(number, &"x".repeat(number as usize)));
        wire.start(call);
    }
    for number in (0..90).rev() {
        assert_eq!(next(&mut wire), reply(number, &message(number, &"x".repeat(number as usize))));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_doubled_answer_is_the_same_call_s_and_a_stranger_is_inbound() {
    let (sender, acked) = mpsc::sync_channel(1);
    let server = Server::new(move |mut stream, _| {
        let asked = read(&mut stream).unwrap();
        stream.write_all(&[asked.clone(), asked, message(77, "news")].concat()).unwrap();
        sender.send(read(&mut stream)).unwrap();
    });
    let mut wire = open(&server);
    assert_eq!(ask(&mut wire, 1, &message(1, "a")), reply(1, &message(1, "a")));
    assert_eq!(next(&mut wire), reply(1, &message(1, "a")));
    let Arrival::Inbound(channel, token, bytes) = next(&mut wire) else { panic!("the news") };
    assert_eq!((channel, bytes), (ChannelId(0), message(77, "news")));
    wire.acknowledge(token, &message(77, "heard"));
    assert_eq!(acked.recv().unwrap(), Some(message(77, "heard")));
}

#[test]
fn a_refused_line_is_not_sent_and_told_at_once() {
    let mut terms = terms(&format!("tcp://{}", free_port()));
    terms.framing = Some(framing());
    let mut wire = wire(terms);
    for number in 0..5 {
        let began = Instant::now();
        let told = ask(&mut wire, number, &message(1, ""));
        assert_eq!(told, Arrival::Lost(id(number), Sent::NotSent));
        assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    }
}

#[test]
fn a_line_that_ends_leaves_what_it_carried_unknown_and_is_made_anew() {
    let server = Server::new(|mut stream, number| {
        while let Some(asked) = read(&mut stream) {
            if number == 0 {
                // Reads the first call, and half of the second's answer leaves.
                let second = read(&mut stream).unwrap();
                stream.write_all(&second[..3]).unwrap();
                return;
            }
            stream.write_all(&asked).unwrap();
        }
    });
    let mut wire = open(&server);
    for number in [1, 2] {
        let call = call(&mut wire, number, &message(number, "ab"));
        wire.start(call);
    }
    let mut lost = [next(&mut wire), next(&mut wire)];
    lost.sort_by_key(|arrival| format!("{arrival:?}"));
    assert_eq!(lost, [1, 2].map(|number| Arrival::Lost(id(number), Sent::MaybeSent)));
    assert_eq!(ask(&mut wire, 3, &message(3, "c")), reply(3, &message(3, "c")));
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_line_comes_back_by_itself_when_the_bank_does() {
    let at = free_port();
    let mut terms = terms(&format!("tcp://{at}"));
    terms.framing = Some(framing());
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, &message(1, "")), Arrival::Lost(id(1), Sent::NotSent));
    let listener = TcpListener::bind(at).unwrap();
    let mut stream = listener.accept().unwrap().0;
    std::thread::spawn(move || {
        while let Some(asked) = read(&mut stream) {
            stream.write_all(&asked).unwrap();
        }
    });
    assert_eq!(ask(&mut wire, 2, &message(2, "")), reply(2, &message(2, "")));
}

#[test]
fn a_length_beyond_every_limit_and_a_silent_line_are_given_up() {
    let server = Server::new(|mut stream, number| {
        read(&mut stream).unwrap();
        match number {
            0 => stream.write_all(&[0xff; 64]).unwrap(),
            1 => sleep(Duration::from_secs(8)),
            _ => stream.write_all(&message(3, "")).unwrap(),
        }
        sleep(Duration::from_secs(2));
    });
    let mut wire = open(&server);
    assert_eq!(ask(&mut wire, 1, &message(1, "")), Arrival::Lost(id(1), Sent::MaybeSent));
    let mut silent = call(&mut wire, 2, &message(2, ""));
    silent.answer_by = wire.now().mono.plus(200);
    wire.start(silent);
    assert_eq!(next(&mut wire), Arrival::Lost(id(2), Sent::MaybeSent));
    assert_eq!(ask(&mut wire, 3, &message(3, "")), reply(3, &message(3, "")));
    assert_eq!(server.connections(), 3);
}

#[test]
fn a_line_on_which_only_unreadable_things_come_is_given_up_as_a_silent_one() {
    let server = Server::new(|mut stream, number| {
        read(&mut stream).unwrap();
        match number {
            // A heartbeat, or what follows where messages no longer begin where they seem to.
            0 => {
                while stream.write_all(b"\0\x01x").is_ok() {
                    sleep(Duration::from_millis(20));
                }
            }
            _ => stream.write_all(&message(2, "")).unwrap(),
        }
        sleep(Duration::from_secs(2));
    });
    let mut wire = open(&server);
    let mut first = call(&mut wire, 1, &message(1, ""));
    first.answer_by = wire.now().mono.plus(200);
    wire.start(first);
    loop {
        match next(&mut wire) {
            Arrival::Inbound(_, token, _) => wire.refuse(token),
            lost => break assert_eq!(lost, Arrival::Lost(id(1), Sent::MaybeSent)),
        }
    }
    let second = call(&mut wire, 2, &message(2, ""));
    wire.start(second);
    let answer = loop {
        match next(&mut wire) {
            Arrival::Inbound(_, token, _) => wire.refuse(token),
            told => break told,
        }
    };
    assert_eq!((answer, server.connections()), (reply(2, &message(2, "")), 2));
}

#[test]
fn a_repeat_with_the_same_key_takes_the_answer() {
    let server = Server::new(|mut stream, _| {
        let (_, second) = (read(&mut stream).unwrap(), read(&mut stream).unwrap());
        stream.write_all(&second).unwrap();
        sleep(Duration::from_secs(2));
    });
    let mut wire = open(&server);
    for number in [1, 2] {
        let call = call(&mut wire, number, &message(5, "same"));
        wire.start(call);
    }
    assert_eq!(next(&mut wire), Arrival::Lost(id(1), Sent::MaybeSent));
    assert_eq!(next(&mut wire), reply(2, &message(5, "same")));
}

#[test]
fn a_message_without_a_key_or_too_late_never_leaves() {
    let server = Server::new(|mut stream, _| {
        while let Some(asked) = read(&mut stream) {
            assert_eq!(asked, message(3, ""));
            stream.write_all(&asked).unwrap();
        }
    });
    let mut wire = open(&server);
    assert_eq!(ask(&mut wire, 1, b"\0\x01x"), Arrival::Lost(id(1), Sent::NotSent));
    let mut late = call(&mut wire, 2, &message(2, ""));
    late.send_by = scrip::base::Mono(wire.now().mono.0 - 1);
    wire.start(late);
    assert_eq!(next(&mut wire), Arrival::Lost(id(2), Sent::NotSent));
    assert_eq!(ask(&mut wire, 3, &message(3, "")), reply(3, &message(3, "")));
    nothing_for(&mut wire, 20);
}

#[test]
fn a_line_without_framing_or_length_is_refused_when_it_is_opened() {
    let none = Framing { frame: Frame::NONE, ..framing() };
    for framing in [None, Some(none)] {
        let mut terms = terms("tcp://127.0.0.1:9");
        terms.framing = framing;
        let error = Wire::open(WireOptions { channels: vec![terms], ..WireOptions::default() }).unwrap_err();
        assert!(matches!(error, WireError::Endpoint { channel: 0, .. }), "{error}");
    }
}
