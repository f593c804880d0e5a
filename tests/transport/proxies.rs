//! Through a proxy, and from an address of ours.

use crate::port::free_port;
use crate::server::{Server, answer, echo, read_request};
use crate::stage::{ask, id, next, reply, terms, wire};
use crate::tls;
use scrip::engine::Sent;
use scrip::host::Arrival;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// What a proxy says that has made a tunnel.
const MADE: &str = "200 Connection established";

/// All that went through, one way.
type Heard = Arc<Mutex<Vec<u8>>>;

/// Passes on what comes until the end of it, and keeps a copy.
fn pass_on(mut from: TcpStream, mut to: TcpStream, heard: &Heard) {
    let mut chunk = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        heard.lock().unwrap().extend_from_slice(&chunk[..count]);
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Answers CONNECT and passes bytes on both ways.
fn tunnels(mut stream: TcpStream, status: &str, heard: &Heard) -> String {
    let (head, _) = read_request(&mut stream).unwrap();
    let to: SocketAddr = head.split(' ').nth(1).unwrap().parse().unwrap();
    let Ok(there) = TcpStream::connect(to) else {
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").unwrap();
        return head;
    };
    stream.write_all(format!("HTTP/1.1 {status}\r\nVia: test\r\n\r\n").as_bytes()).unwrap();
    let (back, from) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
    std::thread::spawn(move || pass_on(from, back, &Heard::default()));
    let heard = Arc::clone(heard);
    std::thread::spawn(move || pass_on(stream, there, &heard));
    head
}

#[test]
fn a_plain_call_is_handed_to_the_proxy_whole() {
    let (sender, heard) = mpsc::sync_channel(1);
    let proxy = Server::new(move |mut stream, _| {
        sender.send(read_request(&mut stream).unwrap().0).unwrap();
        answer(&mut stream, "passed on");
    });
    let mut terms = terms("http://issuer.example:8080/api");
    terms.proxy = Some(proxy.http());
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, b"{}"), reply(1, b"passed on"));
    let head = heard.recv().unwrap();
    assert!(head.starts_with("POST http://issuer.example:8080/api HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("host: issuer.example:8080\r\n"), "{head}");
}

#[test]
fn a_line_goes_through_a_tunnel() {
    let server = Server::new(|mut stream, _| {
        let mut frame = [0; 6];
        while stream.read_exact(&mut frame).is_ok() {
            stream.write_all(&frame).unwrap();
        }
    });
    let proxy = Server::new(|stream, _| drop(tunnels(stream, MADE, &Heard::default())));
    let mut terms = terms(&server.tcp());
    terms.proxy = Some(proxy.http());
    terms.framing = Some(crate::lines::framing());
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, b"\0\x04k1ab"), reply(1, b"\0\x04k1ab"));
    assert_eq!((proxy.connections(), server.connections()), (1, 1));
}

#[test]
fn a_site_with_tls_is_reached_through_a_tunnel_that_is_kept_and_the_proxy_reads_nothing() {
    let ours = tls::authority();
    // Any 2xx will do.
    for status in [MADE, "201 Made"] {
        let (heard, heads) = (Heard::default(), Arc::new(Mutex::new(Vec::new())));
        let server = tls::server(&ours, &ours);
        let proxy = Server::new({
            let (heard, heads) = (Arc::clone(&heard), Arc::clone(&heads));
            move |stream, _| {
                let head = tunnels(stream, status, &heard);
                heads.lock().unwrap().push(head);
            }
        });
        let mut terms = terms(&format!("https://{}/api", server.at));
        (terms.proxy, terms.tls) = (Some(proxy.http()), tls::tls(&ours, Some(&ours)));
        let mut wire = wire(terms);
        for number in 0..3 {
            assert_eq!(ask(&mut wire, number, b"a secret"), reply(number, b"a secret"), "{status}");
        }
        assert_eq!((proxy.connections(), server.connections()), (1, 1), "{status}");
        let head = heads.lock().unwrap().concat();
        assert_eq!(head, format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", server.at));
        let heard = heard.lock().unwrap();
        assert!(heard.len() > 100 && !heard.windows(6).any(|window| window == b"secret"), "{status}");
    }
}

#[test]
fn whatever_a_proxy_says_in_place_of_a_tunnel_nothing_was_sent() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(9_000));
    for said in [
        "HTTP/1.1 403 Filtered\r\n\r\n",
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\n\r\noops",
        "HTTP/1.1 504 Gateway Timeout\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 200 cut",
        "SSH-2.0-proxy\r\n\r\n",
        &long,
        "",
    ] {
        let after = Heard::default();
        let proxy = Server::new({
            let (said, after) = (said.to_string(), Arc::clone(&after));
            move |mut stream, _| {
                read_request(&mut stream).unwrap();
                let _ = stream.write_all(said.as_bytes());
                let _ = stream.shutdown(Shutdown::Write);
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
                after.lock().unwrap().extend(rest);
            }
        });
        for site in [format!("https://{}", free_port()), free_port().to_string()] {
            let is_line = !site.starts_with("https");
            let mut terms = terms(&if is_line { format!("tcp://{site}") } else { site });
            terms.proxy = Some(proxy.http());
            terms.framing = is_line.then(crate::lines::framing);
            let mut wire = wire(terms);
            assert_eq!(
                ask(&mut wire, 1, b"\0\x04k1ab"),
                Arrival::Lost(id(1), Sent::NotSent),
                "{said:?}, a line {is_line}"
            );
        }
        assert_eq!(after.lock().unwrap().as_slice(), b"", "{said:?}: something came after it");
    }
}

#[test]
fn a_proxy_that_says_nothing_has_sent_nothing_when_the_time_to_send_is_over() {
    let proxy = Server::new(|mut stream, _| {
        read_request(&mut stream).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "something came without a tunnel");
    });
    let mut terms = terms(&format!("https://{}", free_port()));
    (terms.proxy, terms.connect_within_ms) = (Some(proxy.http()), 60_000);
    let mut wire = wire(terms);
    let began = Instant::now();
    let call = crate::stage::call(&mut wire, 1, b"{}");
    scrip::host::Transport::start(&mut wire, call);
    assert_eq!(next(&mut wire), Arrival::Lost(id(1), Sent::NotSent));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_site_behind_the_tunnel_that_hangs_up_when_it_was_asked_leaves_the_outcome_open() {
    let ours = tls::authority();
    let server = tls::server(&ours, &ours);
    // The tunnel breaks with the first byte of the call: it is behind the handshake.
    let proxy = Server::new(move |mut stream, _| {
        let (head, _) = read_request(&mut stream).unwrap();
        let to: SocketAddr = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut there = TcpStream::connect(to).unwrap();
        stream.write_all(format!("HTTP/1.1 {MADE}\r\n\r\n").as_bytes()).unwrap();
        let (back, from) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
        std::thread::spawn(move || pass_on(from, back, &Heard::default()));
        let mut chunk = [0; 4_096];
        // Records of TLS 1.3: the certificate is in the second flight, the call behind it.
        let mut passed = 0;
        while let Ok(count @ 1..) = stream.read(&mut chunk) {
            passed += count;
            if passed > 4_000 {
                let _ = there.shutdown(Shutdown::Both);
                return;
            }
            there.write_all(&chunk[..count]).unwrap();
        }
    });
    let mut terms = terms(&format!("https://{}", server.at));
    (terms.proxy, terms.tls) = (Some(proxy.http()), tls::tls(&ours, Some(&ours)));
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, &[b'x'; 20_000]), Arrival::Lost(id(1), Sent::MaybeSent));
}

#[test]
fn a_proxy_that_makes_no_tunnel_has_sent_nothing() {
    let proxy = Server::new(|stream, _| drop(tunnels(stream, MADE, &Heard::default())));
    let mut terms = terms(&format!("https://{}", free_port()));
    terms.proxy = Some(proxy.http());
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, b"{}"), Arrival::Lost(id(1), Sent::NotSent));
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn calls_come_from_the_address_that_the_issuer_allows() {
    let (sender, seen) = mpsc::sync_channel(1);
    let server = Server::new(move |mut stream, _| {
        sender.send(stream.peer_addr().unwrap().ip()).unwrap();
        echo(&mut stream);
    });
    let mut terms = terms(&server.http());
    terms.source = Some("127.0.0.7".parse().unwrap());
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, b"{}"), reply(1, b"{}"));
    assert_eq!(seen.recv().unwrap().to_string(), "127.0.0.7");
}
