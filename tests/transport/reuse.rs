//! Connections that are kept.

use crate::server::{Server, answer, echo, read_request};
use crate::stage::{ask, call, id, next, reply, terms, wire};
use scrip::engine::Sent;
use scrip::host::{Arrival, Transport};
use std::io::Write;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn calls_one_after_the_other_share_a_connection() {
    let server = Server::new(|mut stream, _| echo(&mut stream));
    let mut wire = wire(terms(&server.http()));
    for number in 0..50 {
        let body = format!("call {number}");
        assert_eq!(ask(&mut wire, number, body.as_bytes()), reply(number, body.as_bytes()));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_kept_connection_that_has_died_costs_nothing() {
    // Serves one request per connection and hangs up without saying so.
    let (hung_up, gone) = channel();
    let hung_up = Mutex::new(hung_up);
    let server = Server::new(move |mut stream, _| {
        let (_, body) = read_request(&mut stream).unwrap();
        answer(&mut stream, &String::from_utf8(body).unwrap());
        drop(stream);
        hung_up.lock().unwrap().send(()).unwrap();
    });
    let mut wire = wire(terms(&server.http()));
    for number in 0..50 {
        assert_eq!(ask(&mut wire, number, b"{}"), reply(number, b"{}"), "call {number}");
        gone.recv().unwrap();
    }
    assert_eq!(server.connections(), 50);
}

#[test]
fn a_kept_connection_is_not_used_when_it_is_too_old() {
    let server = Server::new(|mut stream, _| echo(&mut stream));
    let mut terms = terms(&server.http());
    terms.idle_ms = 50;
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, b"a"), reply(1, b"a"));
    sleep(Duration::from_millis(80));
    assert_eq!(ask(&mut wire, 2, b"b"), reply(2, b"b"));
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_second_answer_that_nobody_asked_for_is_never_the_next_call_s() {
    let server = Server::new(|mut stream, _| {
        while let Some((_, body)) = read_request(&mut stream) {
            let body = String::from_utf8(body).unwrap();
            answer(&mut stream, &body);
            answer(&mut stream, "again");
        }
    });
    let mut wire = wire(terms(&server.http()));
    for number in 0..20 {
        let body = format!("call {number}");
        let arrival = ask(&mut wire, number, body.as_bytes());
        let lost = Arrival::Lost(id(number), Sent::MaybeSent);
        assert!(arrival == reply(number, body.as_bytes()) || arrival == lost, "{arrival:?}");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_that_says_it_closes_is_believed() {
    let server = Server::new(|mut stream, _| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\ny").unwrap();
        sleep(Duration::from_secs(5));
    });
    let mut wire = wire(terms(&server.http()));
    for number in 0..3 {
        assert_eq!(ask(&mut wire, number, b"{}"), reply(number, b"y"));
    }
    assert_eq!(server.connections(), 3);
}

#[test]
fn no_more_connections_than_allowed_and_every_call_gets_its_own_answer() {
    let server = Server::new(|mut stream, _| {
        while let Some((_, body)) = read_request(&mut stream) {
            sleep(Duration::from_millis(10));
            answer(&mut stream, &String::from_utf8(body).unwrap());
        }
    });
    let mut terms = terms(&server.http());
    terms.connections_max = 4;
    let mut wire = wire(terms);
    for number in 0..40 {
        let call = call(&mut wire, number, format!("call {number}").as_bytes());
        wire.start(call);
    }
    let mut seen = Vec::new();
    for _ in 0..40 {
        let Arrival::Reply(id, bytes) = next(&mut wire) else { panic!("a reply") };
        assert_eq!(bytes, format!("call {}", id.number).into_bytes());
        seen.push(id.number);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..40));
    assert!(server.connections() <= 4);
}
