//! Callbacks: each POST is an inbound message, and is answered when all it caused is durable.

use super::http::{HEAD_MAX, LINES_MAX, read_body};
use super::settings::Form;
use super::tokens::{Answer, Back, Tokens};
use crate::codec::envelope;
use crate::engine::ChannelId;
use crate::host::Arrival;
use crate::host::inbox::Inbox;
use bytes::Bytes;
use core::convert::Infallible;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::string::String;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};

/// So many callers at once; more wait to be accepted.
const CALLERS_MAX: usize = 256;
/// A head, and then a body, has to come within this time.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// After the system has refused to accept a caller.
const REST: Duration = Duration::from_millis(50);

/// Which callbacks are which channel's.
pub(super) struct Door {
    pub(super) prefix: String,
    pub(super) channel: ChannelId,
    pub(super) form: Form,
    pub(super) body_max: usize,
}

/// Takes callbacks.
pub(super) struct Desk {
    pub(super) doors: Vec<Door>,
    pub(super) within: Duration,
    pub(super) inbox: Arc<Inbox>,
    pub(super) tokens: Arc<Tokens>,
}

impl Desk {
    /// Accepts callers for ever.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CALLERS_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                sleep(REST).await;
                continue;
            };
            let desk = Arc::clone(&self);
            tokio::spawn(async move {
                desk.hear(stream).await;
                drop(place);
            });
        }
    }

    async fn hear(self: Arc<Self>, stream: TcpStream) {
        let answer = service_fn(|request| {
            let desk = Arc::clone(&self);
            async move { Ok::<_, Infallible>(desk.take(request).await) }
        });
        let mut builder = Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(READ_WITHIN);
        builder.max_buf_size(HEAD_MAX).max_headers(LINES_MAX);
        // A caller that hangs up brings it again.
        drop(builder.serve_connection(TokioIo::new(stream), answer).await);
    }

    async fn take(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let at = |door: &&Door| path.starts_with(&door.prefix);
        let Some(door) = self.doors.iter().filter(at).max_by_key(|door| door.prefix.len()) else {
            return say(StatusCode::NOT_FOUND);
        };
        if request.method() != Method::POST {
            return say(StatusCode::METHOD_NOT_ALLOWED);
        }
        let mut message = Vec::new();
        if door.form == Form::Envelope {
            let target = request.uri().path_and_query().map_or(path, |target| target.as_str());
            envelope::begin(&std::format!("POST {target}"), &mut message);
            for (name, value) in request.headers() {
                if let Ok(value) = value.to_str() {
                    envelope::line(name.as_str(), value, &mut message);
                }
            }
            if message.len() > envelope::MAX_LINES {
                return say(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            }
            envelope::end(&[], &mut message);
        }
        match timeout(READ_WITHIN, read_body(request.into_body(), door.body_max, &mut message)).await {
            Ok(Ok(())) => self.bring(door.channel, message).await,
            Ok(Err(_)) => say(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => say(StatusCode::REQUEST_TIMEOUT),
        }
    }

    async fn bring(&self, channel: ChannelId, message: Vec<u8>) -> Response<Full<Bytes>> {
        let (sender, answered) = oneshot::channel();
        let token = self.tokens.wait(Back::Callback(sender));
        self.inbox.bring(Arrival::Inbound(channel, token, message));
        let answer = timeout(self.within, answered).await;
        self.tokens.forget(token);
        match answer {
            Ok(Ok(Answer::Done(bytes))) => Response::new(Full::new(bytes.into())),
            Ok(Ok(Answer::Refused)) => say(StatusCode::BAD_REQUEST),
            _ => say(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

fn say(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
