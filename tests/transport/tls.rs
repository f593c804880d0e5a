//! TLS: whom we believe, and who we are.

use crate::server::{Server, echo};
use crate::stage::{ask, id, reply, terms, wire};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use scrip::engine::Sent;
use scrip::host::Arrival;
use scrip::host::transport::{Tls, Wire, WireError, WireOptions};
use std::sync::Arc;

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn signed(by: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_string()]).unwrap();
    (params.signed_by(&key, by).unwrap(), key)
}

/// A server with a certificate for 127.0.0.1 that asks for ours.
pub(crate) fn server(by: &Authority, clients_of: &Authority) -> Server {
    let (certificate, key) = signed(by, "127.0.0.1");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients_of.der().clone()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    Server::new(move |stream, _| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        echo(&mut StreamOwned::new(session, stream));
    })
}

pub(crate) fn tls(roots: &Authority, own: Option<&Authority>) -> Tls {
    let own = own.map(|by| {
        let (certificate, key) = signed(by, "dealer");
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    });
    Tls { roots: Some(roots.pem().into_bytes()), own }
}

fn open(server: &Server, tls: Tls) -> Wire {
    let mut terms = terms(&format!("https://{}/api", server.at));
    terms.tls = tls;
    wire(terms)
}

#[test]
fn both_ends_show_their_certificates_and_the_session_is_kept() {
    let ours = authority();
    let server = server(&ours, &ours);
    let mut wire = open(&server, tls(&ours, Some(&ours)));
    let long = "z".repeat(200_000);
    for (number, body) in ["a", "b", &long].into_iter().enumerate() {
        let number = number as u64;
        assert_eq!(ask(&mut wire, number, body.as_bytes()), reply(number, body.as_bytes()));
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_that_is_not_believed_gets_nothing() {
    let (ours, theirs) = (authority(), authority());
    let server = server(&theirs, &ours);
    let mut wire = open(&server, tls(&ours, Some(&ours)));
    assert_eq!(ask(&mut wire, 1, b"secret"), Arrival::Lost(id(1), Sent::NotSent));
}

#[test]
fn a_server_under_another_name_gets_nothing() {
    let ours = authority();
    let server = server(&ours, &ours);
    let mut terms = terms(&format!("https://localhost:{}", server.at.port()));
    terms.tls = tls(&ours, Some(&ours));
    let mut wire = wire(terms);
    assert_eq!(ask(&mut wire, 1, b"secret"), Arrival::Lost(id(1), Sent::NotSent));
}

#[test]
fn who_is_refused_after_the_handshake_cannot_say_that_nothing_left() {
    let (ours, theirs) = (authority(), authority());
    let server = server(&ours, &ours);
    for own in [None, Some(&theirs)] {
        let mut wire = open(&server, tls(&ours, own));
        let arrival = ask(&mut wire, 1, b"{}");
        // In TLS 1.3 a client's certificate is judged when the client is already sending.
        assert!(matches!(arrival, Arrival::Lost(..)), "{arrival:?}");
    }
}

#[test]
fn certificates_that_are_none_are_told_when_the_transport_is_opened() {
    let ours = authority();
    for tls in [
        Tls { roots: Some(b"no certificate".to_vec()), own: None },
        Tls { roots: Some(ours.pem().into_bytes()), own: Some((b"x".to_vec(), b"y".to_vec())) },
    ] {
        let mut terms = terms("https://issuer.example");
        terms.tls = tls;
        let error = Wire::open(WireOptions { channels: vec![terms], ..WireOptions::default() }).unwrap_err();
        assert!(matches!(error, WireError::Tls { channel: 0, .. }), "{error}");
    }
}
