//! From an address to a connection: source address, proxy, TLS.

use super::site::{Address, Scheme};
use core::pin::Pin;
use core::task::{Context, Poll};
use rustls::pki_types::ServerName;
use std::boxed::Box;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use std::vec::Vec;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The head of a proxy's answer has at most so many bytes.
const PROXY_HEAD_MAX: usize = 8_192;

/// A connection, encrypted or not.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How connections to one site are made.
pub(super) struct Connector {
    pub(super) address: Address,
    pub(super) tls: Option<TlsConnector>,
    pub(super) proxy: Option<Address>,
    pub(super) source: Option<IpAddr>,
    pub(super) within: Duration,
}

impl Connector {
    /// Whether calls are handed to a proxy that passes each of them on.
    pub(super) fn is_passed_on(&self) -> bool {
        self.proxy.is_some() && self.address.scheme == Scheme::Http && !self.address.tls
    }

    /// Makes a connection, in its time at most. No byte of any call is sent.
    pub(super) async fn connect(&self) -> io::Result<Stream> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        tokio::time::timeout(self.within, self.open()).await.map_err(late)?
    }

    async fn open(&self) -> io::Result<Stream> {
        let nearest = self.proxy.as_ref().unwrap_or(&self.address);
        let mut stream = self.reach(nearest).await?;
        if self.proxy.is_some() && !self.is_passed_on() {
            tunnel(&mut stream, &self.address).await?;
        }
        let Some(tls) = self.tls.as_ref().filter(|_| self.address.tls) else {
            return Ok(Stream::Plain(stream));
        };
        let name = ServerName::try_from(self.address.host.as_str()).map_err(io::Error::other)?.to_owned();
        Ok(Stream::Tls(Box::new(tls.connect(name, stream).await?)))
    }

    /// Tries the host's addresses one after the other.
    async fn reach(&self, address: &Address) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        let found: Vec<SocketAddr> = match address.host.parse::<IpAddr>() {
            Ok(ip) => [SocketAddr::new(ip, address.port)].into(),
            Err(_) => tokio::net::lookup_host((address.host.as_str(), address.port)).await?.collect(),
        };
        for to in found {
            match self.reach_one(to).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn reach_one(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Asks a proxy for a tunnel (RFC 9110, section 9.3.6).
async fn tunnel(stream: &mut TcpStream, to: &Address) -> io::Result<()> {
    let to = to.authority();
    stream.write_all(std::format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == PROXY_HEAD_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(stream.read_u8().await?);
    }
    // Any 2xx is a tunnel; a proxy that wants to be signed in to (407) makes none.
    match head.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..6)) {
        Some([b' ', b'2', tens, ones, b' ' | b'\r']) if tens.is_ascii_digit() && ones.is_ascii_digit() => {
            Ok(())
        }
        _ => Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the proxy makes no tunnel")),
    }
}

macro_rules! either {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain($stream) => $call,
            Stream::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_read(context, into))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write_vectored(context, parts))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(context))
    }
}
