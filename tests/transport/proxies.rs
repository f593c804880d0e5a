//! Through a proxy, and from an address of ours.

use crate::server::{Server, answer, echo, nobody, read_request};
use crate::stage::{ask, id, reply, terms, wire};
use scrip::engine::Sent;
use scrip::host::Arrival;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;

/// Answers CONNECT and passes bytes on both ways.
fn tunnels(mut stream: TcpStream) -> String {
    let (head, _) = read_request(&mut stream).unwrap();
    let to: SocketAddr = head.split(' ').nth(1).unwrap().parse().unwrap();
    let Ok(mut there) = TcpStream::connect(to) else {
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").unwrap();
        return head;
    };
    stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").unwrap();
    let (mut back, mut from) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut from, &mut back));
    std::thread::spawn(move || std::io::copy(&mut stream, &mut there));
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
    let proxy = Server::new(|stream, _| drop(tunnels(stream)));
    let mut terms = terms(&server.tcp());
    terms.proxy = Some(proxy.http());
    terms.framing = Some(crate::lines::framing());
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, b"\0\x04k1ab"), reply(1, b"\0\x04k1ab"));
    assert_eq!((proxy.connections(), server.connections()), (1, 1));
}

#[test]
fn a_proxy_that_makes_no_tunnel_has_sent_nothing() {
    let proxy = Server::new(|stream, _| drop(tunnels(stream)));
    let mut terms = terms(&format!("https://{}", nobody()));
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
