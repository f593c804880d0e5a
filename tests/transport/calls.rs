//! What is told of a call, whatever the server does with it.

use crate::port::free_port;
use crate::server::{Server, answer, echo, read_request, reset};
use crate::stage::{ask, call, id, next, nothing_for, reply, terms, wire};
use scrip::base::Mono;
use scrip::engine::Sent;
use scrip::host::transport::{ChannelTerms, Form};
use scrip::host::{Arrival, Transport};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

const MAYBE: Arrival = Arrival::Lost(id_1(), Sent::MaybeSent);
const NOT: Arrival = Arrival::Lost(id_1(), Sent::NotSent);

const fn id_1() -> scrip::engine::CallId {
    scrip::engine::CallId { channel: scrip::engine::ChannelId(0), number: 1 }
}

/// What comes of one call to a server that does this with its first connection.
fn outcome_with(
    serve: impl Fn(TcpStream) + Send + Sync + 'static,
    change: impl Fn(&mut ChannelTerms),
) -> Arrival {
    let server = Server::new(move |stream, _| serve(stream));
    let mut terms = terms(&server.http());
    terms.linger_ms = 200;
    change(&mut terms);
    let mut wire = wire(terms);
    let mut call = call(&mut wire, 1, b"{}");
    call.answer_by = wire.now().mono.plus(300);
    wire.start(call);
    let arrival = next(&mut wire);
    nothing_for(&mut wire, 50);
    arrival
}

fn outcome(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Arrival {
    outcome_with(serve, |_| ())
}

#[test]
fn a_refused_connection_is_not_sent_and_told_at_once() {
    let mut wire = wire(terms(&format!("http://{}", free_port())));
    let began = Instant::now();
    assert_eq!(ask(&mut wire, 1, b"{}"), NOT);
    assert!(began.elapsed() < Duration::from_millis(500));
}

#[test]
fn a_free_port_is_given_to_nobody_but_who_names_it() {
    let at = free_port();
    let others: Vec<_> = (0..200).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    assert!(others.iter().all(|other| other.local_addr().unwrap() != at));
    assert!(TcpStream::connect(at).is_err());
    let named = TcpListener::bind(at).unwrap();
    assert!(TcpStream::connect(at).is_ok());
    drop(named);
    assert!(TcpStream::connect(at).is_err());
}

#[test]
fn a_name_that_nobody_has_is_not_sent() {
    let mut wire = wire(terms("http://nobody.invalid:9"));
    let mut call = call(&mut wire, 1, b"{}");
    call.send_by = wire.now().mono.plus(500);
    wire.start(call);
    assert_eq!(next(&mut wire), NOT);
}

#[test]
fn a_site_or_channel_that_is_not_there_is_not_sent() {
    let mut wire = wire(terms(&format!("http://{}", free_port())));
    let mut call = call(&mut wire, 1, b"{}");
    call.endpoint = 1;
    wire.start(call);
    assert_eq!(next(&mut wire), NOT);
}

#[test]
fn an_answer_comes_back_and_the_request_is_as_asked() {
    let (sender, heard) = mpsc::sync_channel(1);
    let server = Server::new(move |mut stream, _| {
        sender.send(read_request(&mut stream).unwrap()).unwrap();
        answer(&mut stream, "yes");
    });
    let mut wire = wire(terms(&format!("{}/base/", server.http())));
    let mut call = call(&mut wire, 1, b"{\"a\":1}");
    call.head = b"PUT /redeem?x=1\nx-sign: 9f\nhost: elsewhere\ncontent-length: 1".to_vec();
    wire.start(call);
    assert_eq!(next(&mut wire), reply(1, b"yes"));
    let (head, body) = heard.recv().unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines[0], "PUT /base/redeem?x=1 HTTP/1.1");
    assert!(lines.contains(&"x-sign: 9f") && lines.contains(&"content-length: 7"), "{head}");
    assert!(
        lines.contains(&format!("host: {}", server.at).as_str()) && !head.contains("elsewhere"),
        "{head}"
    );
    assert_eq!(body, b"{\"a\":1}");
}

#[test]
fn a_head_that_is_no_request_line_is_a_post_to_the_site() {
    let (sender, heard) = mpsc::sync_channel(2);
    let server = Server::new(move |mut stream, _| {
        while let Some((head, _)) = read_request(&mut stream) {
            sender.send(head).unwrap();
            answer(&mut stream, "");
        }
    });
    let mut wire = wire(terms(&format!("{}/api", server.http())));
    for head in ["", "000123"] {
        let mut call = call(&mut wire, 1, b"{}");
        call.head = head.into();
        wire.start(call);
        assert_eq!(next(&mut wire), reply(1, b""));
        assert!(heard.recv().unwrap().starts_with("POST /api HTTP/1.1\r\n"));
    }
}

#[test]
fn an_envelope_holds_status_and_wanted_lines_and_a_body_alone_comes_whatever_the_status() {
    let serve = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        let head = "HTTP/1.1 503 Busy\r\nX-Sign: 1f\r\nX-Other: 2\r\nContent-Length: 4\r\n\r\n";
        stream.write_all(format!("{head}page").as_bytes()).unwrap();
    };
    let envelope = outcome_with(serve, |terms| {
        terms.form = Form::Envelope;
        terms.reply_lines = vec!["X-Sign".into()];
    });
    assert_eq!(envelope, reply(1, b"503\nx-sign: 1f\n\npage"));
    assert_eq!(outcome(serve), reply(1, b"page"));
}

#[test]
fn a_chunked_answer_and_one_that_ends_with_the_connection_are_whole() {
    let chunked = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nye\r\n1\r\ns\r\n0\r\n\r\n";
        stream.write_all(text.as_bytes()).unwrap();
    };
    assert_eq!(outcome(chunked), reply(1, b"yes"));
    let closing = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nyes").unwrap();
    };
    assert_eq!(outcome(closing), reply(1, b"yes"));
}

#[test]
fn a_receipt_without_a_body_is_no_reply() {
    let server = Server::new(|mut stream, _| {
        for status in ["202 Accepted", "204 No Content", "202 Accepted"] {
            read_request(&mut stream).unwrap();
            let body = if status.starts_with("204") { "" } else { "Content-Length: 0\r\n" };
            stream.write_all(format!("HTTP/1.1 {status}\r\n{body}\r\n").as_bytes()).unwrap();
        }
        echo(&mut stream);
    });
    let mut wire = wire(terms(&server.http()));
    for number in 0..3 {
        let call = call(&mut wire, number, b"file");
        wire.start(call);
        nothing_for(&mut wire, 60);
    }
    assert_eq!(ask(&mut wire, 4, b"x"), reply(4, b"x"));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_reset_before_or_after_reading_may_have_been_sent() {
    assert_eq!(outcome(|stream| reset(&stream)), MAYBE);
    assert_eq!(outcome(|mut stream| drop(read_request(&mut stream))), MAYBE);
}

#[test]
fn half_an_answer_is_none() {
    for part in [
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    ] {
        let arrival = outcome(move |mut stream| {
            read_request(&mut stream).unwrap();
            stream.write_all(part.as_bytes()).unwrap();
        });
        assert_eq!(arrival, MAYBE, "{part}");
    }
}

#[test]
fn garbage_is_no_answer() {
    for garbage in [
        &b"\x00\xff\x13\x37 garbage\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 xyz\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ] {
        let arrival = outcome(move |mut stream| {
            read_request(&mut stream).unwrap();
            stream.write_all(garbage).unwrap();
            sleep(Duration::from_secs(2));
        });
        assert_eq!(arrival, MAYBE, "{garbage:?}");
    }
}

#[test]
fn an_answer_beyond_its_limits_is_none() {
    let body = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        answer(&mut stream, &"x".repeat(1_001));
        sleep(Duration::from_secs(2));
    };
    assert_eq!(outcome_with(body, |terms| terms.body_max = 1_000), MAYBE);
    assert!(matches!(outcome_with(body, |terms| terms.body_max = 1_001), Arrival::Reply(..)));
    let head = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        let long = "y".repeat(100_000);
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n").as_bytes());
        sleep(Duration::from_secs(2));
    };
    assert_eq!(outcome(head), MAYBE);
    let lines = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        let many = "a: b\r\n".repeat(500);
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes());
        sleep(Duration::from_secs(2));
    };
    assert_eq!(outcome(lines), MAYBE);
}

#[test]
fn silence_and_drops_that_never_end_are_waited_for_so_long_and_no_longer() {
    let silent = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        sleep(Duration::from_secs(15));
    };
    let began = Instant::now();
    assert_eq!(outcome(silent), MAYBE);
    assert!(began.elapsed() > Duration::from_millis(450) && began.elapsed() < Duration::from_secs(3));
    let dripping = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
        while stream.write_all(b".").is_ok() {
            sleep(Duration::from_millis(50));
        }
    };
    let began = Instant::now();
    assert_eq!(outcome(dripping), MAYBE);
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[test]
fn an_answer_after_its_time_is_delivered_all_the_same() {
    let late = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        sleep(Duration::from_millis(500));
        answer(&mut stream, "late");
    };
    assert_eq!(outcome_with(late, |terms| terms.linger_ms = 5_000), reply(1, b"late"));
}

#[test]
fn a_connection_closed_to_one_side_still_brings_its_answer() {
    let half = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        stream.shutdown(std::net::Shutdown::Read).unwrap();
        answer(&mut stream, "half");
    };
    assert_eq!(outcome(half), reply(1, b"half"));
    let shut = |mut stream: TcpStream| {
        read_request(&mut stream).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        sleep(Duration::from_secs(2));
    };
    assert_eq!(outcome(shut), MAYBE);
}

#[test]
fn a_call_that_is_too_late_never_leaves() {
    let (sender, heard) = mpsc::channel();
    let server = Server::new(move |mut stream, _| {
        while let Some(request) = read_request(&mut stream) {
            sender.send(request).unwrap();
            answer(&mut stream, "yes");
        }
    });
    let mut wire = wire(terms(&server.http()));
    let mut late = call(&mut wire, 1, b"{}");
    late.send_by = Mono(wire.now().mono.0 - 1);
    wire.start(late);
    assert_eq!(next(&mut wire), NOT);
    assert_eq!(ask(&mut wire, 2, b"{}"), reply(2, b"yes"));
    assert_eq!(heard.try_iter().count(), 1);
}

#[test]
fn a_call_that_waits_for_a_connection_until_it_is_too_late_never_leaves() {
    let server = Server::new(|mut stream, _| {
        while let Some((_, body)) = read_request(&mut stream) {
            assert_eq!(body, b"first");
            sleep(Duration::from_millis(400));
            answer(&mut stream, "first");
        }
    });
    let mut terms = terms(&server.http());
    terms.connections_max = 1;
    let mut wire = wire(terms);
    let first = call(&mut wire, 1, b"first");
    wire.start(first);
    let mut second = call(&mut wire, 2, b"second");
    second.send_by = wire.now().mono.plus(100);
    wire.start(second);
    assert_eq!(next(&mut wire), Arrival::Lost(id(2), Sent::NotSent));
    assert_eq!(next(&mut wire), reply(1, b"first"));
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_body_of_a_mebibyte_goes_and_comes() {
    let server = Server::new(|mut stream, _| echo(&mut stream));
    let mut wire = wire(terms(&server.http()));
    let body = "0123456789abcdef".repeat(65_536);
    assert_eq!(ask(&mut wire, 1, body.as_bytes()), reply(1, body.as_bytes()));
}
