//! TLS by rustls: the server's certificate is always verified, against the given authorities or
//! those of the system, and must name the host.

use super::StoreError;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::boxed::Box;
use std::format;
use std::io;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

/// Which certificates are trusted, and which one is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates {
    /// A PEM file of authorities; none means those of the system.
    pub(super) root: Option<String>,
    /// PEM files of the client's certificate and its key.
    pub(super) own: Option<(String, String)>,
}

/// Makes TLS sessions over the connections that `tokio-postgres` opens.
#[derive(Clone)]
pub(super) struct Tls(tokio_rustls::TlsConnector);

impl Tls {
    pub(super) fn new(certificates: &Certificates) -> Result<Self, StoreError> {
        let failed =
            |what: &str, error: &dyn core::fmt::Display| StoreError::Failed(format!("{what}: {error}"));
        let mut roots = RootCertStore::empty();
        if let Some(path) = &certificates.root {
            let unread = |error| failed(path, &error);
            for certificate in CertificateDer::pem_file_iter(path).map_err(unread)? {
                roots.add(certificate.map_err(unread)?).map_err(|error| failed(path, &error))?;
            }
        } else {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| failed("TLS", &error))?.with_root_certificates(roots);
        let mut config = match &certificates.own {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let certificates = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect);
                let certificates: Vec<_> = certificates.map_err(|error| failed(chain, &error))?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, &error))?;
                config.with_client_auth_cert(certificates, key).map_err(|error| failed(chain, &error))?
            }
        };
        // The name that PostgreSQL registered, which direct negotiation asks for.
        config.alpn_protocols = [b"postgresql".to_vec()].into();
        Ok(Self(Arc::new(config).into()))
    }
}

impl<S> MakeTlsConnect<S> for Tls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type TlsConnect = Connect;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connect, Self::Error> {
        Ok(Connect { connector: self.0.clone(), host: ServerName::try_from(host)?.to_owned() })
    }
}

/// One session to be made.
pub(super) struct Connect {
    connector: tokio_rustls::TlsConnector,
    host: ServerName<'static>,
}

impl<S> TlsConnect<S> for Connect
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let session = self.connector.connect(self.host, stream);
        Box::pin(async move { session.await.map(|session| Stream(Box::new(session))) })
    }
}

/// A session. It tells nothing that a password could be bound to: that the certificate is
/// verified stands in for it.
pub(super) struct Stream<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
