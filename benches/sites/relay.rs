//! A site's process: passes bytes on to the issuer's books until it is killed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The variable that makes this program a site: `PORT:TARGET`.
pub(crate) const ROLE: &str = "SCRIP_SITE";

pub(crate) fn serve(site: &str) {
    let (port, target) = site.split_once(':').expect("PORT:TARGET");
    let target: u16 = target.parse().expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port.parse().expect("a port"))).expect("the port is free");
    for near in listener.incoming().flatten() {
        let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { continue };
        let (Ok(near_out), Ok(far_out)) = (near.try_clone(), far.try_clone()) else { continue };
        std::thread::spawn(move || pass(near, far_out));
        std::thread::spawn(move || pass(far, near_out));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = to.set_nodelay(true);
    let mut buffer = [0; 8_192];
    while let Ok(count) = from.read(&mut buffer) {
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Starts a site's process and waits until it takes connections.
pub(crate) fn start(port: u16, target: u16) -> Child {
    let program = std::env::current_exe().expect("this program");
    let child = Command::new(program).env(ROLE, format!("{port}:{target}")).spawn().expect("it starts");
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "a site does not come up");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port").port()
}
