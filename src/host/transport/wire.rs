//! The transport over the network.

use super::connect::Connector;
#[cfg(feature = "sqlite")]
use super::files::{FileSite, Trouble};
use super::http::HttpSite;
use super::line::LineSite;
use super::listen::{Desk, Door};
use super::settings::{ChannelTerms, WireError, WireOptions};
use super::site::{Address, Scheme, folder};
use super::tls;
use super::tokens::{Answer, Tokens};
use super::{Arrival, InboundToken, Transport};
use crate::base::{Mono, Now};
use crate::codec::iso8583::LengthPrefix;
use crate::engine::{Call, ChannelId, Sent};
use crate::host::inbox::Inbox;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::string::{String, ToString};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use std::vec::Vec;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};

/// How long a callback waits unless it is said.
const ACKNOWLEDGE_WITHIN_MS: u64 = 10_000;

/// A [`Transport`] over HTTP/1.1, TCP and folders, on the clocks of the machine. One thread carries all
/// calls over the network and takes callbacks, one more each folder's files; dropping it ends them and
/// hangs up.
///
/// A call is [`Sent::NotSent`] only if no byte of it was handed to a socket (of TLS: to the session).
/// A call whose kept connection turns out to have ended before that goes out on another one. After
/// `send_by` no first byte leaves.
///
/// What an adapter puts into [`Call::head`] is read as the lines of an
/// [`Envelope`](crate::codec::envelope::Envelope): `POST /path`, then header lines. Without such a
/// first line it is a POST to the endpoint's own path. TCP lines do not look at it.
///
/// At a site `file:///folder` a call is a file there, and what comes back are files
/// ([`FileDrop`](crate::host::FileDrop) tells the rules): it is [`Sent::NotSent`] only if its name never
/// appeared. A result file is an inbound message like a callback; acknowledged it lies in the archive,
/// refused in `refused`.
///
/// 202 or 204 without a body says that a call was taken, and is no reply: nothing arrives for it, and
/// the answer is brought later.
pub struct Wire {
    inbox: Arc<Inbox>,
    tokens: Arc<Tokens>,
    channels: Vec<Vec<Site>>,
    listening: Option<SocketAddr>,
    handle: Handle,
    #[cfg(feature = "sqlite")]
    trouble: Trouble,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

enum Site {
    Http(Arc<HttpSite>),
    Line(UnboundedSender<Call>),
    #[cfg(feature = "sqlite")]
    Files(FileSite),
}

/// What the sites of all channels share.
struct Shared {
    inbox: Arc<Inbox>,
    tokens: Arc<Tokens>,
    #[cfg(feature = "sqlite")]
    trouble: Trouble,
}

impl Wire {
    /// Starts the thread, listens, and begins to make the TCP lines.
    ///
    /// # Errors
    /// [`WireError`]: an endpoint or proxy that is no address, a TCP line without framing,
    /// certificates that cannot be used, an address that cannot be listened at, a folder that cannot be
    /// used or that another process has open.
    pub fn open(options: WireOptions) -> Result<Self, WireError> {
        let io = |error: std::io::Error| WireError::Io(error.to_string());
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(io)?;
        let (inbox, tokens) = (Arc::new(Inbox::new()), Arc::new(Tokens::default()));
        let shared = Shared {
            inbox: Arc::clone(&inbox),
            tokens: Arc::clone(&tokens),
            #[cfg(feature = "sqlite")]
            trouble: Trouble::default(),
        };
        let entered = runtime.enter();
        let (mut channels, mut doors) = (Vec::new(), Vec::new());
        for (place, terms) in options.channels.into_iter().enumerate() {
            let number = u16::try_from(place).map_err(|_| WireError::Io("too many channels".to_string()))?;
            let channel = ChannelId(number);
            if let Some(prefix) = terms.callback_path.clone() {
                doors.push(Door { prefix, channel, form: terms.form, body_max: terms.body_max });
            }
            channels.push(sites(channel, &terms, &shared)?);
        }
        let within = match options.acknowledge_within_ms {
            0 => ACKNOWLEDGE_WITHIN_MS,
            ms => ms,
        };
        let within = Duration::from_millis(within);
        let mut listening = None;
        if let Some(at) = options.listen {
            let failed = |error| WireError::Io(std::format!("{at}: {error}"));
            let listener = std::net::TcpListener::bind(at).map_err(failed)?;
            listener.set_nonblocking(true).map_err(failed)?;
            listening = listener.local_addr().ok();
            let listener = TcpListener::from_std(listener).map_err(failed)?;
            let desk = Desk { doors, within, inbox: Arc::clone(&inbox), tokens: Arc::clone(&tokens) };
            tokio::spawn(Arc::new(desk).serve(listener));
        }
        drop(entered);
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let turn = move || {
            // The other end is dropped to stop it.
            drop(runtime.block_on(stopped));
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("scrip wire".to_string()).spawn(turn).map_err(io)?;
        Ok(Self {
            inbox,
            tokens,
            channels,
            listening,
            handle,
            #[cfg(feature = "sqlite")]
            trouble: shared.trouble,
            thread: Some((stop, thread)),
        })
    }

    /// What hindered the files of a channel last, if anything did. Nothing is lost by it: what could not
    /// be sent was told so, and what could not be read is looked at again.
    #[cfg(feature = "sqlite")]
    pub fn trouble(&self) -> Option<(ChannelId, crate::host::FilesError)> {
        self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Where callbacks are taken.
    pub const fn listening(&self) -> Option<SocketAddr> {
        self.listening
    }
}

/// The sites of a channel.
fn sites(channel: ChannelId, terms: &ChannelTerms, shared: &Shared) -> Result<Vec<Site>, WireError> {
    let place = usize::from(channel.0);
    let wrong =
        |endpoint: &str, what| WireError::Endpoint { channel: place, endpoint: String::from(endpoint), what };
    let proxy = match &terms.proxy {
        None => None,
        Some(url) => match Address::read(url).map_err(|what| wrong(url, what))? {
            proxy if proxy.scheme == Scheme::Http && !proxy.tls => Some(proxy),
            _ => return Err(wrong(url, "http:// is expected of a proxy")),
        },
    };
    let mut found = Vec::new();
    for endpoint in &terms.endpoints {
        if let Some(folder) = folder(endpoint) {
            let folder = folder.map_err(|what| wrong(endpoint, what))?;
            let filing =
                terms.files.as_ref().ok_or_else(|| wrong(endpoint, "terms of its files are expected"))?;
            #[cfg(feature = "sqlite")]
            {
                let shared = (&shared.inbox, &shared.tokens, &shared.trouble);
                found.push(Site::Files(FileSite::open(channel, &folder, filing, shared)?));
                continue;
            }
            #[cfg(not(feature = "sqlite"))]
            {
                let _ = (folder, filing);
                return Err(wrong(endpoint, "folders need the feature `sqlite`, whose locks they use"));
            }
        }
        let address = Address::read(endpoint).map_err(|what| wrong(endpoint, what))?;
        let tls = match address.tls {
            true => Some(tls::connector(&terms.tls).map_err(|what| WireError::Tls { channel: place, what })?),
            false => None,
        };
        let within = Duration::from_millis(terms.connect_within_ms);
        let scheme = address.scheme;
        let connector = Connector { address, tls, proxy: proxy.clone(), source: terms.source, within };
        let (inbox, tokens) = (Arc::clone(&shared.inbox), Arc::clone(&shared.tokens));
        let linger_ms = i64::try_from(terms.linger_ms).unwrap_or(i64::MAX);
        found.push(match scheme {
            Scheme::Http => Site::Http(Arc::new(HttpSite {
                connector,
                form: terms.form,
                reply_lines: terms.reply_lines.iter().map(|name| name.to_ascii_lowercase()).collect(),
                body_max: terms.body_max,
                idle: Duration::from_millis(terms.idle_ms),
                linger_ms,
                permits: Semaphore::new(terms.connections_max.clamp(1, Semaphore::MAX_PERMITS)),
                kept: Mutex::new(VecDeque::new()),
                inbox,
            })),
            Scheme::Tcp => {
                let framed =
                    terms.framing.clone().filter(|framing| framing.frame.length != LengthPrefix::None);
                let framing = framed.ok_or_else(|| wrong(endpoint, "a framing with a length is expected"))?;
                let (sender, calls) = unbounded_channel();
                let site = LineSite { channel, connector, framing, linger_ms, inbox, tokens };
                tokio::spawn(site.run(calls));
                Site::Line(sender)
            }
        });
    }
    Ok(found)
}

impl Transport for Wire {
    fn now(&mut self) -> Now {
        self.inbox.now()
    }

    fn start(&mut self, call: Call) {
        let id = call.id;
        let sites = self.channels.get(usize::from(id.channel.0));
        let site = sites.and_then(|sites| sites.get(usize::try_from(call.endpoint).ok()?));
        let late = self.inbox.now().mono > call.send_by;
        match site.filter(|_| !late) {
            Some(Site::Http(site)) => {
                let (site, inbox) = (Arc::clone(site), Arc::clone(&self.inbox));
                self.handle.spawn(async move {
                    if let Some(arrival) = site.carry(call).await {
                        inbox.bring(arrival);
                    }
                });
            }
            Some(Site::Line(line)) => {
                if line.send(call).is_err() {
                    self.inbox.bring(Arrival::Lost(id, Sent::NotSent));
                }
            }
            #[cfg(feature = "sqlite")]
            Some(Site::Files(files)) => {
                if files.carry(call).is_none() {
                    self.inbox.bring(Arrival::Lost(id, Sent::NotSent));
                }
            }
            None => self.inbox.bring(Arrival::Lost(id, Sent::NotSent)),
        }
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        self.inbox.next(until)
    }

    fn acknowledge(&mut self, token: InboundToken, bytes: &[u8]) {
        self.tokens.answer(token, Answer::Done(bytes.to_vec()));
    }

    fn refuse(&mut self, token: InboundToken) {
        self.tokens.answer(token, Answer::Refused);
    }
}

#[cfg(feature = "service")]
impl crate::host::service::Wakeable for Wire {
    fn waker(&self) -> std::task::Waker {
        std::task::Waker::from(Arc::clone(&self.inbox))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            // It has no more to say.
            drop(thread.join());
        }
    }
}

impl core::fmt::Debug for Wire {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Wire({} channels)", self.channels.len())
    }
}
