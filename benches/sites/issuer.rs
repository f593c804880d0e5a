//! The issuer's and the rail's books behind HTTP: one for all sites.

use scrip::base::Wall;
use scrip::sim::{SimConfig, SimWorld};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An answer takes so long, in milliseconds.
const LATENCY_MS: u64 = 20;

pub(crate) struct Books {
    world: Mutex<SimWorld>,
}

/// What the books say in the end.
pub(crate) struct Said {
    pub(crate) twice: usize,
    pub(crate) unbacked: usize,
    pub(crate) unpaid: usize,
    /// In cards of the face that all have.
    pub(crate) debits: u64,
}

fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Wall(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Books {
    /// Opens the books and serves them; tells the port.
    pub(crate) fn serve(config: &SimConfig) -> (Arc<Self>, u16) {
        let books = Arc::new(Self { world: Mutex::new(SimWorld::open(config).expect("in memory")) });
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let served = Arc::clone(&books);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let books = Arc::clone(&served);
                std::thread::spawn(move || books.talk(stream));
            }
        });
        (books, port)
    }

    /// Serves one connection until it ends; `None` at its end.
    fn talk(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let mut first = String::new();
            reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
            let mut len = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
                match line.trim_end().split_once(':') {
                    Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                        len = value.trim().parse().ok()?;
                    }
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; len];
            reader.read_exact(&mut body).ok()?;
            let mut path = first.split(' ').nth(1)?.trim_matches('/').split('/');
            let (name, site) = (path.next()?, path.next()?.parse().ok()?);
            std::thread::sleep(Duration::from_millis(LATENCY_MS / 2));
            let reply = {
                let mut world = self.world.lock().ok()?;
                let channel = world.channel(name)?;
                let visit = world.visit(channel, &body, now()).ok()?;
                world.take(&visit, site, now()).ok()??
            };
            std::thread::sleep(Duration::from_millis(LATENCY_MS / 2));
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", reply.len());
            stream.write_all(&[head.as_bytes(), &reply].concat()).ok()?;
        }
    }

    pub(crate) fn say(&self, face_minor: i128) -> Said {
        let oracle = self.world.lock().expect("nobody panicked at them").oracle();
        let debited: i128 = oracle.debit_totals().values().sum();
        Said {
            twice: oracle.twice().len(),
            unbacked: oracle.unbacked().len(),
            unpaid: oracle.unpaid().len(),
            debits: u64::try_from(debited / face_minor).expect("more than nothing"),
        }
    }
}
