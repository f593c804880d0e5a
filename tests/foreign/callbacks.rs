//! Callbacks that nginx brings.

use crate::asked_for;
use crate::desk::{Way, redeem, wire_at};
use crate::job::{CARDS, Desk, ISSUER_CARDS, run};
use crate::nginx::Nginx;
use crate::peer::Peer;
use crate::servers::Servers;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// What comes in at our door of a callback in chunks that is brought to another one.
fn as_brought(ours: &str, door: &str) -> String {
    let listener = TcpListener::bind(ours).unwrap();
    let mut there = TcpStream::connect(door).unwrap();
    there
        .write_all(b"POST /callback/beehive HTTP/1.1\r\nHost: us\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    // What is there at once has a length, even for whoever does not wait for the rest.
    std::thread::sleep(Duration::from_millis(200));
    there.write_all(b"2\r\n{}\r\n0\r\n\r\n").unwrap();
    let (mut here, _) = listener.accept().unwrap();
    here.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut text = Vec::new();
    while !(text.ends_with(b"{}") || text.ends_with(b"0\r\n\r\n")) {
        let mut byte = [0];
        here.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap().to_ascii_lowercase()
}

#[test]
fn callbacks_through_nginx_count_once_with_a_length_in_chunks_and_repeated() {
    if !asked_for(&["python3", "nginx"]) {
        return;
    }
    for door in ["whole", "chunked", "twice"] {
        let peer = Peer::start(r#"{"call_back":true,"call_back_chunked":true}"#);
        let nginx = Nginx::before(&peer.at);
        let at = match door {
            "whole" => &nginx.whole,
            "chunked" => &nginx.in_chunks,
            _ => &nginx.twice,
        };
        let head = as_brought(&nginx.ours, at);
        let in_chunks = head.contains("transfer-encoding: chunked\r\n");
        assert_eq!(in_chunks, door == "chunked", "{door}: {head}");
        assert_eq!(head.contains("content-length: 2\r\n"), door != "chunked", "{door}: {head}");
        let wired = wire_at(&format!("http://{}", peer.at), &nginx.ours, |terms| terms);
        let back = format!("http://{at}");
        let what = format!("callbacks through nginx, {door}");
        redeem(&what, &peer, wired, 60, Way::BothWays(&back));
        let repeated = nginx.count(door, "504, 200") + nginx.count(door, "504, 400");
        assert_eq!(repeated > 20, door == "twice", "{door}: {repeated} repeated, {}", nginx.log());
    }
}

#[test]
fn while_our_door_is_shut_nginx_says_502_and_what_it_brought_in_vain_comes_again() {
    if !asked_for(&["nginx"]) {
        return;
    }
    let all = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CARDS)).unwrap();
    let few: String = all.split_inclusive('\n').take(121).collect();
    let later = ["--later", "--callback-delay", "800"];
    let servers = Servers::start(&later);
    let nginx = Nginx::before(servers.doors[0].strip_prefix("http://").unwrap());
    let (desk, simulated) = (Desk::new(), Desk::new());
    let cards = desk.path("few.csv");
    std::fs::write(&cards, &few).unwrap();
    let back = format!("http://{}", nginx.whole);
    let command = || {
        let mut command = desk.command(&cards);
        command.args(["--later", "--issuers", &servers.doors.join(","), "--rate", "30"]);
        command.args(["--listen", &nginx.ours, "--callbacks", &back]);
        command
    };
    let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(2_500));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it had ended by itself");
    let began = Instant::now();
    while nginx.count("whole", "502") < 5 {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing was brought: {}", servers.report());
        std::thread::sleep(Duration::from_millis(50));
    }
    let in_time = nginx.count("whole", "200");
    let ran = run(&mut command());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("oracle          agrees"), "{ran:?}");
    let report = servers.report();
    assert_eq!((&report["twice"], &report["unbacked"]), (&0.into(), &0.into()), "{report}");
    let (vain, good) = (servers.count("brought in vain"), nginx.count("whole", "200"));
    assert!(vain >= 5 && in_time > 0 && good > in_time, "{in_time} and {good} callbacks, {report}");
    eprintln!("{in_time} callbacks before, {} after {vain} in vain", good - in_time);
    let ran = run(simulated.command(&cards).args(["--later", "--issuer-cards", ISSUER_CARDS]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for same in ["lines", "states", "totals", "ledger_balance_minor", "oracle"] {
        assert_eq!(desk.summary()[same], simulated.summary()[same], "{same}");
    }
}
