//! The line between a node and the issuers' desk: calls go out with their number, channel and site,
//! replies come back with their number.

use scrip::base::{Mono, Now, Wall};
use scrip::engine::{Call, CallId, ChannelId, Sent};
use scrip::host::{Arrival, InboundToken, Transport};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A message on the line.
pub(crate) struct Parcel {
    pub(crate) number: u64,
    pub(crate) channel: u16,
    pub(crate) site: u32,
    pub(crate) bytes: Vec<u8>,
}

impl Parcel {
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut out = Vec::with_capacity(18 + self.bytes.len());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.channel.to_le_bytes());
        out.extend_from_slice(&self.site.to_le_bytes());
        out.extend_from_slice(&u32::try_from(self.bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&self.bytes);
        to.write_all(&out)
    }

    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let number = u64::from_le_bytes(take(from)?);
        let channel = u16::from_le_bytes(take(from)?);
        let site = u32::from_le_bytes(take(from)?);
        let mut bytes = vec![0; u32::from_le_bytes(take(from)?) as usize];
        from.read_exact(&mut bytes)?;
        Ok(Self { number, channel, site, bytes })
    }
}

fn take<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A node's end of the line.
pub(crate) struct Line {
    start: Instant,
    out: TcpStream,
    replies: Receiver<Parcel>,
    lost: Vec<Arrival>,
}

impl Line {
    pub(crate) fn to(port: u16) -> io::Result<Self> {
        let out = TcpStream::connect(("127.0.0.1", port))?;
        out.set_nodelay(true)?;
        let mut incoming = io::BufReader::new(out.try_clone()?);
        let (sender, replies) = channel();
        std::thread::spawn(move || {
            while let Ok(parcel) = Parcel::read(&mut incoming) {
                if sender.send(parcel).is_err() {
                    return;
                }
            }
        });
        Ok(Self { start: Instant::now(), out, replies, lost: Vec::new() })
    }

    fn mono(&self) -> Mono {
        Mono(i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}

fn arrived(parcel: Parcel) -> Arrival {
    Arrival::Reply(CallId { channel: ChannelId(parcel.channel), number: parcel.number }, parcel.bytes)
}

impl Transport for Line {
    fn now(&mut self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Now { mono: self.mono(), wall: Wall(i64::try_from(wall).unwrap_or(i64::MAX)) }
    }

    fn start(&mut self, call: Call) {
        let CallId { channel, number } = call.id;
        if self.mono() > call.send_by {
            self.lost.push(Arrival::Lost(call.id, Sent::NotSent));
            return;
        }
        let parcel = Parcel { number, channel: channel.0, site: call.endpoint, bytes: call.bytes.to_vec() };
        if parcel.write(&mut self.out).is_err() {
            self.lost.push(Arrival::Lost(call.id, Sent::MaybeSent));
        }
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        if let Some(lost) = self.lost.pop() {
            return Some(lost);
        }
        let wait = until.map_or(i64::MAX, |until| until.0 - self.mono().0);
        let parcel = match u64::try_from(wait) {
            Ok(ms) if ms > 0 => self.replies.recv_timeout(Duration::from_millis(ms)).ok(),
            _ => self.replies.try_recv().ok(),
        };
        parcel.map(arrived)
    }

    fn acknowledge(&mut self, _: InboundToken, _: &[u8]) {}
}
