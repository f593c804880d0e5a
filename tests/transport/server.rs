//! Raw servers: each connection is handed to a closure, one thread per connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A server on a port of its own; it serves until the process ends.
pub(crate) struct Server {
    pub(crate) at: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// `serve` gets each connection and its number, from 0.
    pub(crate) fn new(serve: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (serve, counted) = (Arc::new(serve), Arc::clone(&connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let (serve, number) = (Arc::clone(&serve), counted.fetch_add(1, Ordering::SeqCst));
                std::thread::spawn(move || serve(stream, number));
            }
        });
        Self { at, connections }
    }

    pub(crate) fn http(&self) -> String {
        format!("http://{}", self.at)
    }

    pub(crate) fn tcp(&self) -> String {
        format!("tcp://{}", self.at)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one HTTP request: its head and its body. `None` at the end of the connection.
pub(crate) fn read_request(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let told = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; told.map_or(0, |told| told.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

pub(crate) fn answer(stream: &mut impl Write, body: &str) {
    let len = body.len();
    // Whoever asked may have gone.
    let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{body}").as_bytes());
}

/// Answers every request with its own body, for as long as there are any.
pub(crate) fn echo(stream: &mut (impl Read + Write)) {
    while let Some((_, body)) = read_request(stream) {
        answer(stream, &String::from_utf8(body).unwrap());
    }
}

/// Ends a connection with a reset: the system sends one if something unread is left.
pub(crate) fn reset(stream: &TcpStream) {
    let mut byte = [0];
    // Waits until there is something that will be left unread.
    let _ = stream.peek(&mut byte);
}
