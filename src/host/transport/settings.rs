//! How the channels of a set-up are reached.

use crate::adapters::batch::BatchTerms;
use crate::base::{Advice, Code, block};
use crate::codec::iso8583::{Frame, Spec};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

/// Why a transport cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// An endpoint or a proxy that is no address.
    #[error("channel {channel}, `{endpoint}`: {what}")]
    Endpoint {
        /// The channel's place in the set-up, from 0.
        channel: usize,
        /// The endpoint as given.
        endpoint: String,
        /// What was expected.
        what: &'static str,
    },
    /// Certificates or a key that cannot be used.
    #[error("channel {channel}, TLS: {what}")]
    Tls {
        /// The channel's place in the set-up, from 0.
        channel: usize,
        /// What is wrong with them.
        what: String,
    },
    /// The folder of a file issuer that cannot be used, or that another process has open.
    #[error("channel {channel}, files: {what}")]
    Files {
        /// The channel's place in the set-up, from 0.
        channel: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The operating system refused a thread or an address to listen at.
    #[error("{0}")]
    Io(String),
}

impl WireError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::Endpoint { .. } => 70,
            Self::Tls { .. } => 71,
            Self::Io(_) => 72,
            Self::Files { .. } => 73,
        };
        Code::new(block::HOST, case)
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Endpoint { .. } | Self::Tls { .. } => Advice::Fix,
            Self::Files { .. } | Self::Io(_) => Advice::Stop,
        }
    }
}

/// What an adapter is handed of an HTTP reply or callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Form {
    /// The body alone, whatever the status: an error page is no reply that an adapter can read.
    #[default]
    Body,
    /// An [`Envelope`](crate::codec::envelope::Envelope): status (of a callback: method and path),
    /// header lines, body.
    Envelope,
}

/// Certificates, as PEM texts. The server's certificate is always verified and must name the host.
#[derive(Clone, Default)]
pub struct Tls {
    /// The authorities that are trusted; none means those of the system.
    pub roots: Option<Vec<u8>>,
    /// Our own certificate with its chain, and its key, where the issuer asks for one.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

impl core::fmt::Debug for Tls {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Tls(own roots: {}, own certificate: {})", self.roots.is_some(), self.own.is_some())
    }
}

/// By what a reply is recognised: made of a request and of its reply, the same bytes come out.
pub type MatchKey = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// How messages stand on a line of TCP.
#[derive(Clone)]
pub struct Framing {
    /// Where a message ends. It needs a length.
    pub frame: Frame,
    /// What a reply has in common with its request. A message without it, or that nobody asked
    /// for, is inbound.
    pub key: MatchKey,
}

impl core::fmt::Debug for Framing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Framing({:?})", self.frame)
    }
}

/// How the files of a channel lie in the folder that its endpoint names. [`Filing::new`] gives the
/// usual.
#[derive(Clone, Debug)]
pub struct Filing {
    /// What the files look like, and what lies beside them.
    pub terms: BatchTerms,
    /// Where the issuer looks for our files, seen from the endpoint's folder; an absolute path stands
    /// for itself, here and below.
    pub out: PathBuf,
    /// Where it puts its result files.
    pub result: PathBuf,
    /// Ours alone, on the file system of `out`.
    pub own: PathBuf,
    /// How often it is looked for result files, in milliseconds; at least 1.
    pub look_ms: u64,
}

impl Filing {
    /// Folders `out`, `result` and `own`, looked into every second.
    pub fn new(terms: BatchTerms) -> Self {
        Self { terms, out: "out".into(), result: "result".into(), own: "own".into(), look_ms: 1_000 }
    }
}

/// How one channel is reached. [`ChannelTerms::new`] gives the usual.
#[derive(Clone, Debug)]
pub struct ChannelTerms {
    /// The sites in the order of the profile: `http://`, `https://`, `tcp://` or `tls://`, host, port,
    /// and for HTTP a path that stands before every call's own; or `file://` and the absolute path of a
    /// folder, with the feature `sqlite`, whose locks keep a second process away.
    pub endpoints: Vec<String>,
    /// What the adapter is handed.
    pub form: Form,
    /// The names of the header lines that an envelope of a reply holds.
    pub reply_lines: Vec<String>,
    /// Callbacks at paths that begin so are this channel's; see [`WireOptions::listen`].
    pub callback_path: Option<String>,
    /// How messages stand on a TCP line; needed for `tcp://` and `tls://`.
    pub framing: Option<Framing>,
    /// How files lie in a folder; needed for `file://`.
    pub files: Option<Filing>,
    /// Certificates for `https://` and `tls://`.
    pub tls: Tls,
    /// A proxy, `http://host:port`: asked for a tunnel (CONNECT), and for `http://` to pass calls on.
    pub proxy: Option<String>,
    /// The address of ours from which connections are made, for issuers with allow-lists.
    pub source: Option<IpAddr>,
    /// HTTP connections to one site at most, 1 or more. A call that finds all of them busy waits, as
    /// long as it may be sent.
    pub connections_max: usize,
    /// Bytes that the body of a reply or callback has at most. A longer one is no reply.
    pub body_max: usize,
    /// Milliseconds that a connection may take to be made, with TLS.
    pub connect_within_ms: u64,
    /// Milliseconds after which an idle HTTP connection is not used again. Less than the issuer's own
    /// limit, for a call that meets a closing connection has an unknown outcome.
    pub idle_ms: u64,
    /// Milliseconds for which a late answer is waited for after [`Call::answer_by`](crate::engine::Call).
    pub linger_ms: u64,
}

impl ChannelTerms {
    /// Bodies of up to a MiB, 512 connections, 3 s to connect, idle up to 15 s, 10 s for late answers.
    pub fn new(endpoints: Vec<String>) -> Self {
        Self {
            endpoints,
            form: Form::Body,
            reply_lines: Vec::new(),
            callback_path: None,
            framing: None,
            files: None,
            tls: Tls::default(),
            proxy: None,
            source: None,
            connections_max: 512,
            body_max: 1 << 20,
            connect_within_ms: 3_000,
            idle_ms: 15_000,
            linger_ms: 10_000,
        }
    }
}

/// The whole wiring.
#[derive(Clone, Debug, Default)]
pub struct WireOptions {
    /// The channels, numbered as the engine numbers them: the issuers by name, then the rails.
    pub channels: Vec<ChannelTerms>,
    /// Where callbacks are taken, if anywhere. Port 0 is any free one.
    pub listen: Option<SocketAddr>,
    /// Milliseconds that a callback waits for all it caused to be durable; then it is told to come
    /// again (503). 0 is 10 s.
    pub acknowledge_within_ms: u64,
}

impl Framing {
    /// ISO 8583: messages end where the frame of `spec` says, and a reply has the type of the answer
    /// to its request, its STAN (field 11) and its terminal (field 41).
    pub fn iso8583(spec: Spec) -> Self {
        let frame = *spec.frame();
        let key = move |bytes: &[u8]| {
            let message = spec.read(bytes).ok()?;
            let stan = message.field(11)?.number()?;
            let terminal = message.field(41).map(|terminal| terminal.to_text()).unwrap_or_default();
            // 0200 and its repeat 0201 are answered by 0210.
            let kind = message.mti().number() / 10;
            let answer = if kind % 2 == 0 { kind + 1 } else { kind };
            Some(std::format!("{answer} {stan} {terminal}").into_bytes())
        };
        Self { frame, key: Arc::new(key) }
    }
}
