//! Where a site is.

use hyper::Uri;
use std::borrow::ToOwned;
use std::path::PathBuf;
use std::string::{String, ToString};

/// How a site is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Tcp,
}

/// The folder that a `file://` URL names; `None` for any other URL. An error says what was expected.
pub(super) fn folder(url: &str) -> Option<Result<PathBuf, &'static str>> {
    let path = PathBuf::from(url.strip_prefix("file://")?);
    // What stands for something else in a URL would name another folder than was meant.
    let plain = !url.contains(['%', '?', '#']);
    Some(if plain && path.is_absolute() {
        Ok(path)
    } else {
        Err("an absolute path without `%`, `?` and `#` is expected behind file://")
    })
}

/// A site's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    pub(super) tls: bool,
    /// Without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands before every path; without a slash at its end.
    pub(super) base: String,
}

impl Address {
    /// Reads a URL; an error says what was expected.
    pub(super) fn read(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "a URL is expected")?;
        let (scheme, tls, port) = match uri.scheme_str() {
            Some("http") => (Scheme::Http, false, Some(80)),
            Some("https") => (Scheme::Http, true, Some(443)),
            Some("tcp") => (Scheme::Tcp, false, None),
            Some("tls") => (Scheme::Tcp, true, None),
            _ => return Err("http://, https://, tcp://, tls:// or file:// is expected"),
        };
        let authority = uri.authority().ok_or("a host is expected")?;
        if authority.as_str().contains('@') {
            return Err("no user is expected in an address");
        }
        if uri.query().is_some() || (scheme == Scheme::Tcp && !matches!(uri.path(), "" | "/")) {
            return Err("no more than host, port and, for HTTP, a path is expected");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let told = authority.port_u16();
        // A port that is no number is left out by the reader of URLs.
        let colon = authority.as_str().len() > authority.host().len();
        let port = told.or(port.filter(|_| !colon)).ok_or("a port is expected")?;
        if host.is_empty() || authority.as_str().ends_with(':') {
            return Err("a host, and a port where a colon stands, is expected");
        }
        Ok(Self { scheme, tls, host, port, base: uri.path().trim_end_matches('/').to_string() })
    }

    /// `host:port`, as HTTP names it.
    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => std::format!("[{}]:{}", self.host, self.port),
            false => std::format!("{}:{}", self.host, self.port),
        }
    }

    /// The value of a Host line: without the port that goes without saying.
    pub(super) fn host_line(&self) -> String {
        let named = self.authority();
        let usual = if self.tls { ":443" } else { ":80" };
        named.strip_suffix(usual).map_or(named.clone(), ToOwned::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_parts() {
        let read = |url| Address::read(url).unwrap();
        let api = read("https://api.example/open/v2/");
        assert_eq!((api.scheme, api.tls, api.port, api.base.as_str()), (Scheme::Http, true, 443, "/open/v2"));
        assert_eq!((api.host_line().as_str(), api.authority().as_str()), ("api.example", "api.example:443"));
        let v6 = read("tcp://[::1]:9010");
        assert_eq!((v6.host.as_str(), v6.port, v6.authority().as_str()), ("::1", 9010, "[::1]:9010"));
        assert_eq!(read("http://127.0.0.1:81").host_line(), "127.0.0.1:81");
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_is_named_by_its_absolute_path() {
        assert_eq!(folder("file:///srv/卡 1"), Some(Ok("/srv/卡 1".into())));
        assert_eq!(folder("http://a"), None);
        for url in ["file://", "file://srv/a", "file://./a", "file:///a%20b", "file:///a?b", "file:///a#b"] {
            assert!(matches!(folder(url), Some(Err(_))), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in [
            "",
            "walmart-a",
            "ftp://a",
            "http://",
            "tcp://bank",
            "tcp://bank:9/x",
            "http://u:p@a/",
            "http://a/?b",
            "http://a:99999",
            "http://a:/",
            "tls://bank:x",
        ] {
            assert!(Address::read(url).is_err(), "{url}");
        }
    }
}
