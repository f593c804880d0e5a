//! One plain HTTP request from one example to another.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One plain request; the body of its answer.
pub(crate) fn ask(url: &str, method: &str, path: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    ask_with(url, method, path, "", body)
}

/// The same with named lines, each ended by CR and LF.
pub(crate) fn ask_with(url: &str, method: &str, path: &str, lines: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let host = url.strip_prefix("http://").unwrap_or(url);
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let len = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len}\r\n{lines}");
    stream.write_all(&[head.as_bytes(), b"Connection: close\r\n\r\n", body].concat())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        let head = String::from_utf8_lossy(&answer[..end.min(60)]).replace(char::is_control, " ");
        return Err(io::Error::other(format!("answered `{}`", head.trim())));
    }
    Ok(answer.split_off(end))
}
