//! One plain HTTP request from one example to another.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Whoever answers with more than so many bytes, or a head of more than so many, is no server of ours.
const MOST: usize = 256 << 20;
const LONGEST_HEAD: usize = 64 << 10;
/// Nothing for so long, or no end for so long, is no answer.
const SILENCE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(120);

/// One plain request; the body of its answer.
pub(crate) fn ask(url: &str, method: &str, path: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    ask_with(url, method, path, "", body)
}

/// The same with named lines, each ended by CR and LF.
pub(crate) fn ask_with(url: &str, method: &str, path: &str, lines: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let host = url.strip_prefix("http://").unwrap_or(url);
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let len = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len}\r\n{lines}");
    stream.write_all(&[head.as_bytes(), b"Connection: close\r\n\r\n", body].concat())?;
    let (mut answer, end) = whole(stream)?;
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        let head = String::from_utf8_lossy(&answer[..end.min(60)]).replace(char::is_control, " ");
        return Err(io::Error::other(format!("answered `{}`", head.trim())));
    }
    // A server that is killed in the middle leaves half a book.
    let body = answer.split_off(end);
    match length(&answer) {
        Some(len) if len != body.len() => {
            Err(cut(&format!("the answer ends after {} of {len} bytes", body.len())))
        }
        _ => Ok(body),
    }
}

/// All that comes until the end, and where the body begins in it.
fn whole(mut stream: impl Read) -> io::Result<(Vec<u8>, usize)> {
    let begun = Instant::now();
    let (mut answer, mut end) = (Vec::new(), None);
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return end.map(|end| (answer, end)).ok_or_else(|| cut("the answer ends before its head does"));
        }
        let from = answer.len().saturating_sub(3);
        answer.extend_from_slice(&piece[..read]);
        if end.is_none() {
            end = answer[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
        }
        if answer.len() > MOST || (end.is_none() && answer.len() > LONGEST_HEAD) {
            return Err(io::Error::other("the answer has no end"));
        }
        if begun.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

fn cut(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, what)
}

/// What `Content-Length` says.
fn length(head: &[u8]) -> Option<usize> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n";

    fn answered(answer: Vec<u8>) -> io::Result<Vec<u8>> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            // Whoever has heard enough hangs up.
            let _ = stream.write_all(&answer);
        });
        let result = ask(&url, "GET", "/x", b"");
        server.join().unwrap();
        result
    }

    #[test]
    fn a_body_is_taken_whole_or_not_at_all() {
        assert_eq!(answered([HEAD, b"book"].concat()).unwrap(), b"book");
        for (body, told) in
            [(&b"bo"[..], "after 2 of 4 bytes"), (b"", "after 0 of 4"), (b"books", "after 5 of 4")]
        {
            let error = answered([HEAD, body].concat()).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
        assert!(answered(HEAD[..20].to_vec()).unwrap_err().to_string().contains("before its head"));
    }

    #[test]
    fn a_head_without_end_is_not_read_to_the_end() {
        for line in [&b"x-a: y\r\n"[..], b"y"] {
            let error = answered([&b"HTTP/1.1 200 OK\r\n"[..], &line.repeat(1 << 20)].concat()).unwrap_err();
            assert!(
                error.to_string().contains("no end") || error.kind() == io::ErrorKind::ConnectionReset,
                "{error}"
            );
        }
    }
}
