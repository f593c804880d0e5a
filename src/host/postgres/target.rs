//! Where the servers are: the connection string, one host at a time.

use super::StoreError;
use super::tls::{Certificates, Tls};
use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, SslNegotiation, TargetSessionAttrs};

/// How long one attempt at one server may take.
const CONNECT: Duration = Duration::from_secs(2);
/// After so long without an answer to what was sent, a connection counts as broken.
const SILENT: Duration = Duration::from_secs(10);
const OWN: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];

/// One server, and how it is reached.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) config: Config,
    /// `None` for a session without TLS.
    pub(super) tls: Option<Tls>,
}

/// The servers that a connection string names.
///
/// # Errors
/// [`StoreError::Failed`] if it cannot be understood.
pub(super) fn places(text: &str) -> Result<Vec<Place>, StoreError> {
    let (rest, own) = split(text);
    let whole: Config = rest.parse().map_err(|error| failed(&error))?;
    if whole.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
        return Err(failed(&"target_session_attrs=read-only: a store is written to"));
    }
    let count = whole.get_hosts().len().max(whole.get_hostaddrs().len());
    let ports = whole.get_ports();
    if count == 0 || (ports.len() > 1 && ports.len() != count) {
        return Err(failed(&"there must be a host, and one port for all hosts or one for each"));
    }
    let secured = Secured::read(&own)?;
    (0..count).map(|n| place(&whole, n, &secured)).collect()
}

fn failed(what: &dyn core::fmt::Display) -> StoreError {
    StoreError::Failed(format!("the connection string: {what}"))
}

fn place(whole: &Config, n: usize, secured: &Secured) -> Result<Place, StoreError> {
    let mut config = Config::new();
    let ports = whole.get_ports();
    config.port(ports.get(n).or(ports.first()).copied().unwrap_or(5_432));
    let (host, address) = (whole.get_hosts().get(n), whole.get_hostaddrs().get(n));
    let near = match (host, address) {
        (Some(Host::Unix(path)), _) => {
            config.host_path(path);
            true
        }
        (Some(Host::Tcp(name)), address) => {
            config.host(name);
            address.map_or_else(|| is_loopback(name), |address| address.is_loopback())
        }
        (None, address) => address.is_some_and(|address| address.is_loopback()),
    };
    if let Some(address) = address {
        config.hostaddr(*address);
    }
    whole.get_user().map(|user| config.user(user));
    whole.get_password().map(|password| config.password(password));
    whole.get_dbname().map(|name| config.dbname(name));
    whole.get_options().map(|options| config.options(options));
    config.application_name(whole.get_application_name().unwrap_or("scrip"));
    config.connect_timeout(whole.get_connect_timeout().copied().unwrap_or(CONNECT));
    config.tcp_user_timeout(whole.get_tcp_user_timeout().copied().unwrap_or(SILENT));
    config.keepalives_idle(whole.get_keepalives_idle().min(SILENT));
    config.ssl_negotiation(match whole.get_ssl_negotiation() {
        SslNegotiation::Direct => SslNegotiation::Direct,
        _ => SslNegotiation::Postgres,
    });
    let socket = matches!(host, Some(Host::Unix(_)));
    let tls = if socket || !secured.wanted.unwrap_or(!near) {
        None
    } else {
        Some(Tls::new(&secured.certificates)?)
    };
    config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
    Ok(Place { config, tls })
}

fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<core::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the string says of TLS. Where it says nothing, only the machine itself is talked to
/// without.
#[derive(Default)]
struct Secured {
    wanted: Option<bool>,
    certificates: Certificates,
}

impl Secured {
    fn read(own: &[(String, String)]) -> Result<Self, StoreError> {
        let mut secured = Self::default();
        let (mut certificate, mut key) = (None, None);
        for (name, value) in own {
            match (name.as_str(), value.as_str()) {
                ("sslmode", "disable") => secured.wanted = Some(false),
                ("sslmode", "allow" | "prefer") => secured.wanted = None,
                ("sslmode", "require" | "verify-ca" | "verify-full") => secured.wanted = Some(true),
                ("sslrootcert", "system") => secured.certificates.root = None,
                ("sslrootcert", path) => secured.certificates.root = Some(path.to_string()),
                ("sslcert", path) => certificate = Some(path.to_string()),
                ("sslkey", path) => key = Some(path.to_string()),
                _ => return Err(failed(&format!("{name}={value} is not known"))),
            }
        }
        secured.certificates.own = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err(failed(&"sslcert and sslkey belong together")),
        };
        Ok(secured)
    }
}

/// Takes out what is said of TLS: the database library knows less of it.
fn split(text: &str) -> (String, Vec<(String, String)>) {
    let mut own = Vec::new();
    let mut keep = |part: &str, decode: bool| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = name.trim();
        if OWN.contains(&name) {
            let value = if decode { decoded(value) } else { value.trim_matches('\'').to_string() };
            own.push((name.to_string(), value));
        }
        !OWN.contains(&name)
    };
    let rest = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let kept: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && keep(part, true)).collect();
        if kept.is_empty() { base.to_string() } else { format!("{base}?{}", kept.join("&")) }
    } else {
        words(text).into_iter().filter(|word| keep(word, false)).collect::<Vec<_>>().join(" ")
    };
    (rest, own)
}

/// The parts between blanks, but for those in quotes.
fn words(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let blank = |c: char| {
        let plain = !escaped;
        escaped = c == '\\' && plain;
        quoted ^= plain && c == '\'';
        c.is_whitespace() && !quoted && plain
    };
    text.split(blank).filter(|word| !word.is_empty()).collect()
}

/// `%2F` and the like.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let byte = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = byte.and_then(|hex| u8::from_str_radix(core::str::from_utf8(hex).ok()?, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<(String, bool)> {
        let show = |place: &Place| {
            let ports: Vec<_> = place.config.get_ports().iter().map(ToString::to_string).collect();
            let host = match &place.config.get_hosts()[0] {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            };
            (format!("{host}:{}", ports.join("+")), place.tls.is_some())
        };
        places(text).unwrap().iter().map(show).collect()
    }

    fn at(host: &str, tls: bool) -> (String, bool) {
        (host.to_string(), tls)
    }

    #[test]
    fn each_host_is_a_place_of_its_own() {
        let two = "postgres://me@db1:5433,db2:5434/cards?target_session_attrs=read-write";
        assert_eq!(hosts(two), [at("db1:5433", true), at("db2:5434", true)]);
        assert_eq!(hosts("host=db1,db2 port=5433 user=me"), [at("db1:5433", true), at("db2:5433", true)]);
        assert_eq!(hosts("host=/run/pg user=me"), [at("/run/pg:5432", false)]);
        assert!(places("user=me").is_err() && places("host=a,b port=1,2,3 user=me").is_err());
    }

    #[test]
    fn only_the_machine_itself_is_talked_to_in_clear() {
        assert_eq!(hosts("postgres://me@localhost/cards"), [at("localhost:5432", false)]);
        assert_eq!(hosts("postgres://me@127.0.0.1/cards?sslmode=verify-full"), [at("127.0.0.1:5432", true)]);
        assert_eq!(hosts("postgres://me@db/cards?sslmode=disable"), [at("db:5432", false)]);
        assert_eq!(hosts("host=db user='a b' sslmode=prefer"), [at("db:5432", true)]);
        assert!(places("host=db user=me sslmode=maybe").is_err());
        assert!(places("host=db user=me sslcert=only").is_err());
        assert!(places("host=db user=me sslrootcert=/no/such/file").is_err());
    }

    #[test]
    fn what_is_said_of_tls_is_taken_out() {
        let (rest, own) = split("postgres://me@db/cards?sslrootcert=%2Fetc%2Fca.pem&connect_timeout=3");
        assert_eq!(
            (rest.as_str(), own),
            (
                "postgres://me@db/cards?connect_timeout=3",
                [("sslrootcert".into(), "/etc/ca.pem".into())].into()
            )
        );
        let (rest, own) = split("host=db  password='it''s \\' sslmode=x' sslmode=require");
        assert_eq!(rest, "host=db password='it''s \\' sslmode=x'");
        assert_eq!(own, [("sslmode".into(), "require".into())]);
    }
}
