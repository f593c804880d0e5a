//! HTTP/1.1 as far as a server needs it that is to misbehave: raw.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::Duration;

const HEAD_MAX: usize = 16_384;
const BODY_MAX: usize = 16 << 20;

/// A request.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The named lines.
    pub(crate) lines: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the connection ends with its answer.
    pub(crate) last: bool,
}

/// A connection, of which the last byte of each request is left unread until it is answered, so that
/// the system sends a reset if it is closed before.
pub(crate) struct Conversation {
    stream: TcpStream,
    held: bool,
}

impl Conversation {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream, held: false })
    }

    /// The next request; `None` at the end, or for what is none.
    pub(crate) fn next(&mut self) -> Option<Asked> {
        let mut head = Vec::new();
        let mut chunk = [0; 2_048];
        let end = loop {
            // Looked at first, so that nothing behind the head is taken.
            let seen = self.stream.peek(&mut chunk).ok().filter(|count| *count > 0)?;
            let known = head.len();
            head.extend_from_slice(&chunk[..seen]);
            let from = known.saturating_sub(3);
            let found = head[from..].windows(4).position(|four| four == b"\r\n\r\n");
            let taken = found.map_or(seen, |at| from + at + 4 - known);
            self.stream.read_exact(&mut chunk[..taken]).ok()?;
            if let Some(at) = found {
                break from + at;
            }
            if head.len() > HEAD_MAX {
                return None;
            }
        };
        let head = std::str::from_utf8(&head[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_string(), first.next()?.to_string());
        let (mut len, mut last) = (0, false);
        let named = lines.filter_map(|line| line.split_once(':'));
        let lines: Vec<_> =
            named.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string())).collect();
        for (name, value) in &lines {
            match name.as_str() {
                "content-length" => len = value.parse().ok().filter(|len| *len <= BODY_MAX)?,
                "connection" => last = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let mut body = vec![0; len];
        if let Some((end, most)) = body.split_last_mut() {
            self.stream.read_exact(most).ok()?;
            let mut byte = [0];
            self.stream.peek(&mut byte).ok().filter(|count| *count == 1)?;
            *end = byte[0];
            self.held = true;
        }
        Some(Asked { method, path, lines, body, last })
    }

    fn take_last(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.held) {
            self.stream.read_exact(&mut [0])?;
        }
        Ok(())
    }

    /// Answers. `status` may have lines below it.
    pub(crate) fn answer(&mut self, status: &str, body: &[u8]) -> io::Result<()> {
        self.take_last()?;
        self.stream.write_all(&whole(status, body))
    }

    /// Answers half and hangs up on that side.
    pub(crate) fn answer_half(&mut self, status: &str, body: &[u8]) -> io::Result<()> {
        self.take_last()?;
        let whole = whole(status, body);
        self.stream.write_all(&whole[..whole.len() - body.len().div_ceil(2)])?;
        self.stream.shutdown(Shutdown::Write)
    }

    /// Answers byte by byte until nobody listens any more.
    pub(crate) fn drip(&mut self, status: &str, body: &[u8]) -> io::Result<()> {
        self.take_last()?;
        for byte in whole(status, body) {
            self.stream.write_all(&[byte])?;
            sleep(Duration::from_millis(150));
        }
        Ok(())
    }

    /// Says something that is no HTTP.
    pub(crate) fn babble(&mut self) -> io::Result<()> {
        self.take_last()?;
        self.stream.write_all(b"\x16\x03\x01 ORA-00600: internal error code\r\n\r\n\x00\xff")
    }

    /// Says nothing until the other end hangs up or so much time has passed.
    pub(crate) fn be_silent(&mut self, ms: i64) {
        let time = Duration::from_millis(u64::try_from(ms).unwrap_or(0).max(1));
        let taken = self.take_last().and_then(|()| self.stream.set_read_timeout(Some(time)));
        if taken.is_ok() {
            let _ = self.stream.read(&mut [0]);
        }
    }
}

fn whole(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
