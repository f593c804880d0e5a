//! Calls over HTTP/1.1: one call at a time on a connection, connections kept for the next.

use super::connect::{Connector, Stream};
use super::gate::{Gate, Gated};
use super::settings::Form;
use crate::codec::envelope::{self, Envelope};
use crate::engine::{Call, Sent};
use crate::host::Arrival;
use crate::host::inbox::Inbox;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::VecDeque;
use std::io;
use std::string::{String, ToString};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::vec::Vec;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};

/// The head of a reply has at most so many bytes and lines.
pub(super) const HEAD_MAX: usize = 32_768;
pub(super) const LINES_MAX: usize = 64;
/// A kept connection that has ended its last call is ready within this time.
const READY_WITHIN: Duration = Duration::from_millis(20);

/// What the transport says itself and no adapter may.
const OWN_LINES: [&str; 6] =
    ["connection", "content-length", "expect", "host", "transfer-encoding", "upgrade"];

/// One site of a channel.
pub(super) struct HttpSite {
    pub(super) connector: Connector,
    pub(super) form: Form,
    pub(super) reply_lines: Vec<String>,
    pub(super) body_max: usize,
    pub(super) idle: Duration,
    pub(super) linger_ms: i64,
    pub(super) permits: Semaphore,
    pub(super) kept: Mutex<VecDeque<Line>>,
    pub(super) inbox: Arc<Inbox>,
}

/// A connection and the task that turns it.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    gate: Gate,
    task: JoinHandle<()>,
    since: Instant,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HttpSite {
    /// Carries a call and tells what came of it; nothing if the site only says that it has taken it.
    pub(super) async fn carry(&self, call: Call) -> Option<Arrival> {
        let Call { id, send_by, answer_by, head, bytes, .. } = call;
        let not_sent = Some(Arrival::Lost(id, Sent::NotSent));
        let Some(request) = self.request(&head, Bytes::from_owner(bytes)) else { return not_sent };
        let send_until = self.inbox.instant(send_by).into();
        let wait_until = self.inbox.instant(answer_by.plus(self.linger_ms)).into();
        let Ok(Ok(_permit)) = timeout_at(send_until, self.permits.acquire()).await else { return not_sent };
        loop {
            let kept = self.take_kept().await;
            let was_kept = kept.is_some();
            let mut line = match kept {
                Some(line) => line,
                None => match timeout_at(send_until, self.fresh()).await {
                    Ok(Ok(line)) => line,
                    _ => return not_sent,
                },
            };
            line.gate.open(send_by);
            let answer = timeout_at(wait_until, self.exchange(&mut line, request.clone())).await;
            let has_left = line.gate.shut();
            match answer {
                Ok(Ok(reply)) if has_left => {
                    self.keep(line);
                    return reply.map(|reply| Arrival::Reply(id, reply));
                }
                _ if has_left => return Some(Arrival::Lost(id, Sent::MaybeSent)),
                // It had died while nobody used it.
                _ if was_kept && self.inbox.now().mono <= send_by => {}
                _ => return not_sent,
            }
        }
    }

    /// The request of a call; `None` for lines that HTTP cannot hold.
    fn request(&self, head: &[u8], body: Bytes) -> Option<Request<Full<Bytes>>> {
        let head = Envelope::read(head).ok()?;
        let (method, path) = match head.first.split_once(' ') {
            Some((method, path)) if path.starts_with('/') => (method, path),
            _ => ("POST", ""),
        };
        let address = &self.connector.address;
        let path = std::format!("{}{path}", address.base);
        let path = if path.is_empty() { "/".to_string() } else { path };
        let target = match self.connector.is_passed_on() {
            true => std::format!("http://{}{path}", address.authority()),
            false => path,
        };
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let mut request = Request::builder().method(method).uri(target).header(HOST, address.host_line());
        for (name, value) in head.lines().filter(|(name, _)| !OWN_LINES.contains(name)) {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        }
        request.body(Full::new(body)).ok()
    }

    /// A kept connection that still stands, the latest first.
    async fn take_kept(&self) -> Option<Line> {
        loop {
            let mut line = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop_back()?;
            if line.since.elapsed() >= self.idle {
                continue;
            }
            // Once for the system to tell that the other end has hung up, once for the task of the
            // connection to hear of it.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            if let Ok(Ok(())) = timeout(READY_WITHIN, line.sender.ready()).await {
                return Some(line);
            }
        }
    }

    fn keep(&self, mut line: Line) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.front().is_some_and(|line| line.since.elapsed() >= self.idle) {
            kept.pop_front();
        }
        if !line.sender.is_closed() {
            line.since = Instant::now();
            kept.push_back(line);
        }
    }

    async fn fresh(&self) -> io::Result<Line> {
        let stream = self.connector.connect().await?;
        let gate = Gate::new(Arc::clone(&self.inbox));
        let sure = matches!(stream, Stream::Plain(_));
        let io = TokioIo::new(Gated::new(stream, gate.clone(), sure));
        let mut builder = Builder::new();
        builder.max_buf_size(HEAD_MAX).max_headers(LINES_MAX);
        let (sender, connection) = builder.handshake(io).await.map_err(io::Error::other)?;
        // How a connection ends is told to the call that it carries.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Line { sender, gate, task, since: Instant::now() })
    }

    async fn exchange(&self, line: &mut Line, request: Request<Full<Bytes>>) -> io::Result<Option<Vec<u8>>> {
        let response = line.sender.send_request(request).await.map_err(io::Error::other)?;
        let receipt = matches!(response.status(), StatusCode::ACCEPTED | StatusCode::NO_CONTENT);
        let mut out = Vec::new();
        if self.form == Form::Envelope {
            self.write_head(&response, &mut out);
        }
        let head = out.len();
        read_body(response.into_body(), self.body_max, &mut out).await?;
        Ok((!receipt || out.len() > head).then_some(out))
    }

    fn write_head(&self, response: &Response<Incoming>, out: &mut Vec<u8>) {
        envelope::begin(response.status().as_str(), out);
        for name in &self.reply_lines {
            for value in response.headers().get_all(name.as_str()) {
                if let Ok(value) = value.to_str() {
                    envelope::line(name, value, out);
                }
            }
        }
        envelope::end(&[], out);
    }
}

/// Appends a body of up to `max` bytes.
pub(super) async fn read_body(mut body: Incoming, max: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        let Some(data) = frame.data_ref() else { continue };
        if out.len() - start + data.len() > max {
            return Err(io::ErrorKind::InvalidData.into());
        }
        out.extend_from_slice(data);
    }
    Ok(())
}
