//! Sites that are folders, beside one that is spoken to over HTTP: one space of tokens, one queue.

use crate::stage::{call, next, nothing_for};
use scrip::adapters::batch::BatchTerms;
use scrip::base::Hasher;
use scrip::engine::{Call, CallId, ChannelId, Sent};
use scrip::host::transport::{ChannelTerms, Filing, Wire, WireError, WireOptions};
use scrip::host::{Arrival, InboundToken, Transport};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

const TERMS: &str = r#"
currency = "CNY"
delimiter = "|"
digest_suffix = ".sha256"
flag_suffix = ".ok"
status = { "00" = "accepted" }
[out]
name = "OUT_{sequence:4}.txt"
row = [{ field = "reference" }, { field = "secret" }, { field = "amount" }]
[result]
name = "RES_{sequence:4}.txt"
row = [{ field = "reference" }, { field = "status" }, { field = "amount" }]
trailer = [{ text = "T" }, { field = "count" }, { field = "sum" }]
"#;

fn options(dir: &Path) -> WireOptions {
    let filing = Filing { look_ms: 20, ..Filing::new(BatchTerms::parse(TERMS).unwrap()) };
    let files = ChannelTerms {
        files: Some(filing),
        ..ChannelTerms::new(vec![format!("file://{}", dir.join("a").display())])
    };
    let online = ChannelTerms {
        callback_path: Some("/cb".into()),
        ..ChannelTerms::new(vec!["http://127.0.0.1:9".into()])
    };
    WireOptions {
        channels: vec![files, online],
        listen: Some("127.0.0.1:0".parse().unwrap()),
        ..WireOptions::default()
    }
}

fn open(dir: &Path) -> Wire {
    Wire::open(options(dir)).unwrap()
}

fn file(wire: &mut Wire, number: u64, name: &str) -> Call {
    Call { head: name.as_bytes().to_vec(), ..call(wire, number, b"rows\n") }
}

fn lay(dir: &Path, name: &str, body: &[u8]) {
    let at = |suffix: &str| dir.join("a/result").join(format!("{name}{suffix}"));
    fs::write(at(""), body).unwrap();
    fs::write(at(".sha256"), format!("{}  {name}\n", Hasher::new().with(body).finish())).unwrap();
    fs::write(at(".ok"), b"").unwrap();
}

/// Waits until a file is there.
fn appears(path: &Path) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < Duration::from_secs(10), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn inbound(wire: &mut Wire) -> (ChannelId, InboundToken, Vec<u8>) {
    match next(wire) {
        Arrival::Inbound(channel, token, bytes) => (channel, token, bytes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_is_a_file_and_a_result_file_is_an_inbound_message_beside_a_callback() {
    let dir = tempfile::tempdir().unwrap();
    let mut wire = open(dir.path());
    let sent = file(&mut wire, 1, "OUT_0001.txt");
    wire.start(sent);
    appears(&dir.path().join("a/out/OUT_0001.txt.ok"));
    assert_eq!(fs::read(dir.path().join("a/out/OUT_0001.txt")).unwrap(), b"rows\n");

    let mut caller = TcpStream::connect(wire.listening().unwrap()).unwrap();
    caller.write_all(b"POST /cb HTTP/1.1\r\nHost: us\r\nContent-Length: 1\r\n\r\n1").unwrap();
    let (channel, called, _) = inbound(&mut wire);
    assert_eq!(channel, ChannelId(1));
    for name in ["RES_0001.txt", "RES_0002.txt"] {
        lay(dir.path(), name, name.as_bytes());
    }
    let (first, second) = (inbound(&mut wire), inbound(&mut wire));
    assert_eq!((first.0, second.0), (ChannelId(0), ChannelId(0)));
    assert!(called != first.1 && first.1 != second.1, "each has a token of its own");
    let text = String::from_utf8(first.2).unwrap();
    assert!(text.starts_with("RES_0001.txt\ndigest: ") && text.ends_with("\n\nRES_0001.txt"), "{text}");

    wire.refuse(second.1);
    wire.acknowledge(called, b"ok");
    wire.acknowledge(first.1, b"");
    appears(&dir.path().join("a/own/archive/RES_0001.txt"));
    appears(&dir.path().join("a/own/refused/RES_0002.txt"));
    // The same bytes once more: they are put away, and nobody hears of it.
    lay(dir.path(), "RES_0009.txt", b"RES_0001.txt");
    appears(&dir.path().join("a/own/archive/RES_0009.txt"));
    nothing_for(&mut wire, 20);
    assert_eq!(wire.trouble(), None);
}

#[test]
fn what_is_too_late_or_has_a_taken_name_is_told_as_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut wire = open(dir.path());
    let late = file(&mut wire, 1, "OUT_0001.txt");
    let late = Call { send_by: late.send_by.plus(-2_001), ..late };
    std::thread::sleep(Duration::from_millis(5));
    wire.start(late);
    let lost = |number| Arrival::Lost(CallId { channel: ChannelId(0), number }, Sent::NotSent);
    assert_eq!(next(&mut wire), lost(1));
    fs::write(dir.path().join("a/out/OUT_0002.txt"), b"another's").unwrap();
    for (number, name) in [(2, "OUT_0002.txt"), (3, "../OUT_0003.txt"), (4, "")] {
        let sent = file(&mut wire, number, name);
        wire.start(sent);
        assert_eq!(next(&mut wire), lost(number), "{name}");
    }
    let (channel, trouble) = wire.trouble().unwrap();
    assert_eq!(channel, ChannelId(0));
    assert!(trouble.to_string().contains("a file of this name lies there"), "{trouble}");
    drop(wire);
    let out: Vec<_> = fs::read_dir(dir.path().join("a/out")).unwrap().collect();
    assert_eq!(out.len(), 1, "{out:?}");
}

#[test]
fn what_nobody_acknowledged_is_brought_to_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let mut wire = open(dir.path());
    lay(dir.path(), "RES_0001.txt", b"1");
    let (_, token, _) = inbound(&mut wire);
    let error = Wire::open(options(dir.path())).unwrap_err();
    assert!(matches!(error, WireError::Files { channel: 0, .. }), "{error}");
    drop(wire);
    let mut wire = open(dir.path());
    let (_, again, bytes) = inbound(&mut wire);
    assert!(bytes.ends_with(b"\n\n1"));
    wire.acknowledge(again, b"");
    drop(wire);
    assert!(dir.path().join("a/own/archive/RES_0001.txt").exists(), "what was acknowledged before the end");
    let mut wire = open(dir.path());
    wire.acknowledge(token, b"");
    nothing_for(&mut wire, 100);
}

#[test]
fn a_folder_needs_terms_and_an_absolute_path() {
    for (url, files, told) in [
        ("file:///tmp/a", None, "terms of its files"),
        ("file://a", Some(()), "an absolute path"),
        ("file:///tmp/a%20b", Some(()), "an absolute path"),
    ] {
        let files = files.map(|()| Filing::new(BatchTerms::parse(TERMS).unwrap()));
        let channel = ChannelTerms { files, ..ChannelTerms::new(vec![url.into()]) };
        let error = Wire::open(WireOptions { channels: vec![channel], ..WireOptions::default() });
        let error = error.unwrap_err().to_string();
        assert!(error.contains(told), "{url}: {error}");
    }
}
