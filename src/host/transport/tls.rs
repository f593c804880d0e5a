//! TLS by rustls.

use super::settings::Tls;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;
use tokio_rustls::TlsConnector;

/// What makes the sessions of a channel; an error says which certificate or key is wrong.
pub(super) fn connector(tls: &Tls) -> Result<TlsConnector, String> {
    let failed = |what: &str, error: &dyn core::fmt::Display| std::format!("{what}: {error}");
    let mut roots = RootCertStore::empty();
    match &tls.roots {
        Some(pem) => {
            for root in chain(pem).map_err(|error| failed("authorities", &error))? {
                roots.add(root).map_err(|error| failed("authorities", &error))?;
            }
            if roots.is_empty() {
                return Err("authorities: there is no certificate in them".to_string());
            }
        }
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| failed("protocol versions", &error))?.with_root_certificates(roots);
    let config = match &tls.own {
        None => config.with_no_client_auth(),
        Some((own, key)) => {
            let own = chain(own).map_err(|error| failed("own certificate", &error))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| failed("own key", &error))?;
            config.with_client_auth_cert(own, key).map_err(|error| failed("own certificate", &error))?
        }
    };
    Ok(Arc::new(config).into())
}

fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}
