//! A thousand calls at once.

use crate::server::{Server, answer, read_request};
use crate::stage::{call, next, terms, wire};
use scrip::host::{Arrival, Transport};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn a_thousand_calls_at_once_are_carried_by_one_thread() {
    let server = Server::new(|mut stream, _| {
        while let Some((_, body)) = read_request(&mut stream) {
            sleep(Duration::from_millis(1_000));
            answer(&mut stream, &String::from_utf8(body).unwrap());
        }
    });
    let mut terms = terms(&server.http());
    terms.connections_max = 1_000;
    let mut wire = wire(terms);
    let began = Instant::now();
    for number in 0..1_000 {
        let mut call = call(&mut wire, number, format!("call {number}").as_bytes());
        call.send_by = wire.now().mono.plus(20_000);
        call.answer_by = wire.now().mono.plus(30_000);
        wire.start(call);
    }
    let mut seen = vec![false; 1_000];
    for _ in 0..1_000 {
        let Arrival::Reply(id, bytes) = next(&mut wire) else { panic!("a reply") };
        assert_eq!(bytes, format!("call {}", id.number).into_bytes());
        seen[id.number as usize] = true;
    }
    assert!(seen.into_iter().all(|seen| seen));
    // One after the other they would take a quarter of an hour.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
