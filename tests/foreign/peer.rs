//! The issuer and rail in Python, as a child process.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A peer that ends with the test.
pub(crate) struct Peer {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) at: String,
}

impl Peer {
    /// `how` is a JSON object, see `peer.py`.
    pub(crate) fn start(how: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/peer.py");
        let mut command = Command::new("python3");
        let mut child = command.args([script, how]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, at: format!("127.0.0.1:{}", line.trim()) }
    }

    /// Tells where results are to be brought.
    pub(crate) fn call_back_to(&self, url: &str) {
        let answer = ask(&self.at, "POST", "/callbacks", url);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    /// What it did.
    pub(crate) fn books(&self) -> Value {
        let answer = ask(&self.at, "GET", "/books", "");
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        // It may come in chunks.
        let start = body.find('{').unwrap();
        let text: String = match answer.contains("chunked") {
            true => body.split("\r\n").skip(1).step_by(2).collect(),
            false => body[start..].to_string(),
        };
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request, and all that is said to it.
pub(crate) fn ask(at: &str, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    let len = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
