//! A site with TLS behind a proxy that makes tunnels (CONNECT): Debian's tinyproxy.

use crate::asked_for;
use crate::desk::{Way, redeem, wire};
use crate::nginx::Nginx;
use crate::peer::Peer;
use crate::port::free_port;
use crate::redeemed::one;
use scrip::engine::Sent;
use scrip::host::Arrival;
use scrip::host::transport::{ChannelTerms, Tls};
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A proxy that ends with the test.
struct Proxy {
    child: Child,
    dir: tempfile::TempDir,
    at: String,
}

impl Proxy {
    /// One that makes tunnels to this port alone.
    fn to_port(port: &str) -> Self {
        let (dir, at) = (tempfile::tempdir().unwrap(), free_port().to_string());
        let own = at.rsplit_once(':').unwrap().1;
        let log = dir.path().join("log");
        let conf = format!(
            "Port {own}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nConnectPort {port}\n\
             LogLevel Connect\nLogFile \"{}\"\n",
            log.display()
        );
        let path = dir.path().join("conf");
        fs::write(&path, conf).unwrap();
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
        let proxy = Self { child: command.spawn().unwrap(), dir, at };
        let began = Instant::now();
        while TcpStream::connect(&proxy.at).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "tinyproxy does not listen: {}", proxy.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        proxy
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_site_with_tls_is_reached_through_a_proxy_and_one_that_it_refuses_gets_nothing() {
    if !asked_for(&["python3", "nginx", "tinyproxy"]) {
        return;
    }
    let peer = Peer::start(r#"{"trouble":true}"#);
    let nginx = Nginx::before(&peer.at);
    let url = format!("https://{}", nginx.tls);
    let with = |proxy: &Proxy, tls: Tls| {
        let proxy = format!("http://{}", proxy.at);
        wire(&url, |terms| ChannelTerms { tls: tls.clone(), proxy: Some(proxy.clone()), ..terms })
    };
    let strict = Proxy::to_port("443");
    let arrival = one(with(&strict, nginx.trust(true)));
    assert!(matches!(arrival, Arrival::Lost(_, Sent::NotSent)), "{arrival:?}");
    assert!(strict.log().contains(&format!("CONNECT {}", nginx.tls)), "{}", strict.log());
    let proxy = Proxy::to_port(nginx.tls.rsplit_once(':').unwrap().1);
    // In the tunnel it is the site that shows who it is.
    let stranger = Nginx::before(&peer.at);
    let arrival = one(with(&proxy, stranger.trust(true)));
    assert!(matches!(arrival, Arrival::Lost(_, Sent::NotSent)), "{arrival:?}");
    assert_eq!(peer.books()["counts"]["creates"], serde_json::Value::Null, "{}", peer.books());
    redeem("tinyproxy, TLS", &peer, with(&proxy, nginx.trust(true)), 60, Way::Good);
    let tunnels = proxy.log().matches(&format!("CONNECT {}", nginx.tls)).count();
    assert!(tunnels > 3, "{tunnels} tunnels");
}
