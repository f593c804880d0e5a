//! nginx in front of a peer, in every role at once: a door for each.

use crate::port::free_port;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use scrip::host::transport::Tls;
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CONF: &str = r#"
daemon off;
master_process off;
pid DIR/pid;
error_log DIR/error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path DIR/client;
  proxy_temp_path DIR/proxy;
  fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi;
  scgi_temp_path DIR/scgi;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream peer { server PEER; keepalive 16; }
  # Every second call meets nobody.
  upstream flaky { server PEER max_fails=0; server DEAD max_fails=0; }

  # Answers lose their length on the way and come in chunks.
  server { listen CHUNKED; keepalive_requests 7; ssi on; ssi_types *; location / { proxy_pass http://peer; } }
  # A connection for each call.
  server { listen CLOSING; keepalive_timeout 0; location / { proxy_pass http://peer; } }
  # Pages of its own: 502 where nobody is, 504 where the answer takes long.
  server {
    listen FLAKY;
    location / {
      proxy_pass http://flaky;
      proxy_next_upstream off;
      proxy_connect_timeout 400ms;
      proxy_read_timeout 400ms;
    }
  }
  # The same for an issuer that takes its time.
  log_format statuses "$upstream_status";
  server {
    listen GATEWAY;
    access_log DIR/gateway.log statuses;
    location / {
      proxy_pass http://flaky;
      proxy_next_upstream off;
      proxy_connect_timeout 400ms;
      proxy_read_timeout 600ms;
    }
  }
  # Callbacks to us: with their length, as they come, and once more when the answer to them was lost.
  server {
    listen BACK_WHOLE;
    access_log DIR/whole.log statuses;
    location / { proxy_pass http://OURS; }
  }
  server {
    listen BACK_CHUNKED;
    access_log DIR/chunked.log statuses;
    location / { proxy_pass http://OURS; proxy_request_buffering off; }
  }
  server { listen HASTY; location / { proxy_pass http://OURS; proxy_read_timeout 1ms; } }
  upstream twice { server HASTY max_fails=0; server OURS backup; }
  server {
    listen BACK_TWICE;
    access_log DIR/twice.log statuses;
    location / { proxy_pass http://twice; proxy_next_upstream http_504 non_idempotent; }
  }
  # Passes on what is asked of others.
  server { listen FORWARD; location / { proxy_pass http://$http_host$request_uri; } }
  # TLS, and our certificate is asked for.
  server {
    listen TLS ssl;
    ssl_certificate DIR/server.pem;
    ssl_certificate_key DIR/server.key;
    ssl_client_certificate DIR/clients.pem;
    ssl_verify_client on;
    keepalive_requests 7;
    location / { proxy_pass http://peer; }
  }
}
"#;

/// nginx that ends with the test. All addresses are `127.0.0.1:port`.
pub(crate) struct Nginx {
    child: Child,
    dir: tempfile::TempDir,
    pub(crate) chunked: String,
    pub(crate) closing: String,
    pub(crate) flaky: String,
    pub(crate) gateway: String,
    /// Where our callbacks are to be taken, and the doors in front of that.
    pub(crate) ours: String,
    pub(crate) whole: String,
    pub(crate) in_chunks: String,
    pub(crate) twice: String,
    pub(crate) forward: String,
    pub(crate) tls: String,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Nginx {
    /// In front of what listens at `peer`.
    pub(crate) fn before(peer: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = named("authority", []);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let (certificate, key) = signed(&authority, "127.0.0.1");
        for (name, text) in
            [("server.pem", certificate), ("server.key", key), ("clients.pem", authority.pem())]
        {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let [chunked, closing, flaky, gateway, forward, tls, dead] =
            [(); 7].map(|()| free_port().to_string());
        let [ours, whole, in_chunks, twice, hasty] = [(); 5].map(|()| free_port().to_string());
        let places = [
            ("DIR", dir.path().to_str().unwrap()),
            ("PEER", peer),
            ("DEAD", &dead),
            ("BACK_WHOLE", &whole),
            ("BACK_CHUNKED", &in_chunks),
            ("BACK_TWICE", &twice),
            ("OURS", &ours),
            ("HASTY", &hasty),
            ("GATEWAY", &gateway),
            ("CHUNKED", &chunked),
            ("CLOSING", &closing),
            ("FLAKY", &flaky),
            ("FORWARD", &forward),
            ("TLS ssl", &format!("{tls} ssl")),
        ];
        let conf = places.iter().fold(CONF.to_string(), |conf, (name, value)| conf.replace(name, value));
        let path = dir.path().join("nginx.conf");
        fs::write(&path, conf).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&path).arg("-p").arg(dir.path()).arg("-e").arg(dir.path().join("error.log"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let nginx = Self {
            child,
            dir,
            chunked,
            closing,
            flaky,
            gateway,
            ours,
            whole,
            in_chunks,
            twice,
            forward,
            tls,
            authority,
        };
        let began = Instant::now();
        while TcpStream::connect(&nginx.tls).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "nginx does not listen: {}", nginx.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        nginx
    }

    /// What it complained about.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("error.log")).unwrap_or_default()
    }

    /// How often the requests of a door with a log, such as `whole`, met these answers behind it, in
    /// their order: `504, 200` is one that was repeated.
    pub(crate) fn count(&self, door: &str, statuses: &str) -> usize {
        let log = fs::read_to_string(self.dir.path().join(format!("{door}.log"))).unwrap_or_default();
        log.lines().filter(|line| *line == statuses).count()
    }

    /// Whom we trust then, and who we are.
    pub(crate) fn trust(&self, own: bool) -> Tls {
        let own = own.then(|| {
            let (certificate, key) = signed(&self.authority, "dealer");
            (certificate.into_bytes(), key.into_bytes())
        });
        Tls { roots: Some(self.authority.pem().into_bytes()), own }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// OpenSSL takes a certificate whose issuer has its own name for one that signed itself.
fn named(name: &str, hosts: impl Into<Vec<String>>) -> CertificateParams {
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn signed(by: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = named(name, [name.to_string()]);
    (params.signed_by(&key, by).unwrap().pem(), key.serialize_pem())
}
