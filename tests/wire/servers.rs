//! The servers, as a child process.

use crate::job::{ISSUER_CARDS, example};
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Servers that end with the test.
pub(crate) struct Servers {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    /// `http://` addresses, door by door.
    pub(crate) doors: Vec<String>,
    /// The bank's `tcp://` address.
    pub(crate) bank: String,
}

impl Servers {
    /// Starts them with two doors and a bank, and waits until they listen.
    pub(crate) fn start(args: &[&str]) -> Self {
        let any = "127.0.0.1:0";
        let mut command = Command::new(example("issuers"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.args(["--listen", any, "--listen", any, "--bank", any, "--issuer-cards", ISSUER_CARDS]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = |name: &str| {
            let line = said.next().expect("a server says where it listens").unwrap();
            line.strip_prefix(name).unwrap().to_string()
        };
        let bank = next("bank ");
        let doors = vec![next("issuers "), next("issuers ")];
        Self { child, said, doors, bank }
    }

    /// What they say that they did.
    pub(crate) fn report(&self) -> Value {
        let host = self.doors[0].strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(b"GET /oracle HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// How often something was done or went wrong.
    pub(crate) fn count(&self, what: &str) -> u64 {
        self.report()["counts"][what].as_u64().unwrap_or(0)
    }

    /// Asks them to end by a signal, such as `TERM`; what they say last.
    pub(crate) fn end_by(mut self, signal: &str) -> Value {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        let last = self.said.by_ref().last().expect("they say something").unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&last).unwrap()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
