//! Messages over a line of TCP: many requests on their way at once, replies told apart by what they
//! have in common with their request. One line per site, made anew when it ends.

use super::connect::{Connector, Stream};
use super::gate::{Gate, Gated};
use super::settings::Framing;
use super::tokens::{Back, Tokens};
use crate::base::Mono;
use crate::engine::{Call, CallId, ChannelId, Sent};
use crate::host::Arrival;
use crate::host::inbox::Inbox;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::boxed::Box;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::Vec;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Sleep, sleep, sleep_until, timeout};
use zeroize::Zeroizing;

/// A line that cannot be made is tried again after this time, then after twice as long, and so on.
const AGAIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// A call asks for a line at once, but not more often than this.
const ASKED_AGAIN: Duration = Duration::from_millis(50);
/// How often calls without an answer are looked for.
const SWEEP: Duration = Duration::from_millis(250);
/// How much is read at a time.
const READ: usize = 8_192;

/// One site of a channel.
pub(super) struct LineSite {
    pub(super) channel: ChannelId,
    pub(super) connector: Connector,
    pub(super) framing: Framing,
    pub(super) linger_ms: i64,
    pub(super) inbox: Arc<Inbox>,
    pub(super) tokens: Arc<Tokens>,
}

/// A call on its way.
struct Flight {
    call: CallId,
    sent: Instant,
    until: Instant,
    answered: bool,
}

/// What is being written.
struct Writing {
    bytes: Zeroizing<Vec<u8>>,
    done: usize,
    /// Of a call, its key.
    call: Option<(Call, Vec<u8>)>,
}

/// A line that stands.
struct Line {
    stream: Gated<Stream>,
    gate: Gate,
    input: Vec<u8>,
    /// When a message came last that could be read.
    heard: Instant,
    writing: Option<Writing>,
    flushing: bool,
    flights: HashMap<Vec<u8>, Flight>,
    sweep: Pin<Box<Sleep>>,
    back: UnboundedSender<Vec<u8>>,
    answers: UnboundedReceiver<Vec<u8>>,
}

/// What happens next on a line.
enum Turn {
    Read(io::Result<usize>),
    Wrote(io::Result<usize>),
    Flushed(io::Result<()>),
    Asked(Option<Call>),
    Answer(Vec<u8>),
    Sweep,
}

/// Why a line ended.
enum End {
    Lost,
    /// Nobody will call any more.
    Closed,
}

impl LineSite {
    /// Keeps a line for as long as calls may come.
    pub(super) async fn run(self, mut calls: UnboundedReceiver<Call>) {
        let mut waiting = VecDeque::new();
        let mut again = AGAIN;
        loop {
            let tried = Instant::now();
            match self.connector.connect().await {
                Ok(stream) => {
                    again = AGAIN;
                    if let End::Closed = self.serve(stream, &mut waiting, &mut calls).await {
                        return;
                    }
                    if !waiting.is_empty() {
                        // A line that ends as soon as it stands is not made anew without a pause.
                        sleep_until((tried + ASKED_AGAIN).into()).await;
                        continue;
                    }
                }
                Err(_) => {
                    while let Ok(call) = calls.try_recv() {
                        waiting.push_back(call);
                    }
                    waiting.drain(..).for_each(|call| self.lost(call.id, Sent::NotSent));
                    again = (again * 2).min(AGAIN_MAX);
                }
            }
            match timeout(again, calls.recv()).await {
                Ok(Some(call)) => waiting.push_back(call),
                Ok(None) => return,
                Err(_) => {}
            }
            sleep_until((tried + ASKED_AGAIN).into()).await;
        }
    }

    fn lost(&self, call: CallId, sent: Sent) {
        self.inbox.bring(Arrival::Lost(call, sent));
    }

    /// Turns a line until it ends. Calls of which nothing has left are put into `waiting`.
    async fn serve(
        &self,
        stream: Stream,
        waiting: &mut VecDeque<Call>,
        calls: &mut UnboundedReceiver<Call>,
    ) -> End {
        let gate = Gate::new(Arc::clone(&self.inbox));
        let sure = matches!(stream, Stream::Plain(_));
        let (back, answers) = unbounded_channel();
        let mut line = Line {
            stream: Gated::new(stream, gate.clone(), sure),
            gate,
            input: Vec::new(),
            heard: Instant::now(),
            writing: None,
            flushing: false,
            flights: HashMap::new(),
            sweep: Box::pin(sleep(SWEEP)),
            back,
            answers,
        };
        let end = loop {
            if line.writing.is_none() && !line.flushing {
                if let Some(call) = waiting.pop_front() {
                    self.begin(&mut line, call);
                    continue;
                }
            }
            let turn = poll_fn(|context| line.poll(context, calls)).await;
            match turn {
                Turn::Read(Ok(count)) if count > 0 => {
                    if self.hear(&mut line).is_err() {
                        break End::Lost;
                    }
                }
                Turn::Wrote(Ok(count)) if count > 0 => line.wrote(count),
                Turn::Wrote(Err(error))
                    if error.kind() == io::ErrorKind::TimedOut && !line.gate.has_left() =>
                {
                    self.too_late(&mut line);
                }
                Turn::Flushed(Ok(())) => line.flushing = false,
                Turn::Asked(Some(call)) => waiting.push_back(call),
                Turn::Asked(None) => break End::Closed,
                Turn::Answer(bytes) => line.write(Zeroizing::new(bytes), None, Mono(i64::MAX)),
                Turn::Sweep => {
                    if self.sweep(&mut line) {
                        break End::Lost;
                    }
                }
                Turn::Read(_) | Turn::Wrote(_) | Turn::Flushed(Err(_)) => break End::Lost,
            }
        };
        self.hang_up(line, waiting);
        end
    }

    fn begin(&self, line: &mut Line, mut call: Call) {
        let key = (self.framing.key)(&call.bytes);
        let Some(key) = key.filter(|_| self.inbox.now().mono <= call.send_by) else {
            // Without a key no reply could be told to be its own.
            return self.lost(call.id, Sent::NotSent);
        };
        let until = self.inbox.instant(call.answer_by.plus(self.linger_ms));
        let flight = Flight { call: call.id, sent: Instant::now(), until, answered: false };
        // A repeat bears the key of the call before it, for which nobody waits any more.
        if let Some(before) = line.flights.insert(key.clone(), flight).filter(|before| !before.answered) {
            self.lost(before.call, Sent::MaybeSent);
        }
        let (bytes, send_by) = (core::mem::take(&mut call.bytes), call.send_by);
        line.write(bytes, Some((call, key)), send_by);
    }

    /// The gate has stopped the call that was to be written.
    fn too_late(&self, line: &mut Line) {
        if let Some((call, key)) = line.writing.take().and_then(|writing| writing.call) {
            line.flights.remove(&key);
            self.lost(call.id, Sent::NotSent);
        }
    }

    /// Takes whole messages out of what was read.
    fn hear(&self, line: &mut Line) -> Result<(), ()> {
        let mut done = 0;
        loop {
            let rest = line.input.get(done..).unwrap_or_default();
            let whole = self.framing.frame.whole_len(rest).map_err(drop)?;
            let Some(message) = whole.filter(|len| *len > 0).and_then(|len| rest.get(..len)) else { break };
            done += message.len();
            let key = (self.framing.key)(message);
            if key.is_some() {
                line.heard = Instant::now();
            }
            let arrival = match key.and_then(|key| line.flights.get_mut(&key)) {
                Some(flight) => {
                    flight.answered = true;
                    Arrival::Reply(flight.call, message.to_vec())
                }
                None => {
                    let token = self.tokens.wait(Back::Line(line.back.clone()));
                    Arrival::Inbound(self.channel, token, message.to_vec())
                }
            };
            self.inbox.bring(arrival);
        }
        line.input.drain(..done);
        Ok(())
    }

    /// Gives up calls whose time is over; whether the line is to be given up with them, for nothing that
    /// can be read has come over it since: it is dead, or has lost where messages begin.
    fn sweep(&self, line: &mut Line) -> bool {
        line.sweep = Box::pin(sleep(SWEEP));
        let (now, heard) = (Instant::now(), line.heard);
        let mut dead = false;
        line.flights.retain(|_, flight| {
            let over = flight.until <= now;
            if over && !flight.answered {
                self.lost(flight.call, Sent::MaybeSent);
                dead |= flight.sent >= heard;
            }
            !over
        });
        dead
    }

    fn hang_up(&self, line: Line, waiting: &mut VecDeque<Call>) {
        let Line { gate, writing, mut flights, .. } = line;
        let has_left = gate.shut();
        if let Some(Writing { bytes, call: Some((mut call, key)), .. }) = writing.filter(|_| !has_left) {
            flights.remove(&key);
            call.bytes = bytes;
            waiting.push_front(call);
        }
        let open = flights.into_values().filter(|flight| !flight.answered);
        open.for_each(|flight| self.lost(flight.call, Sent::MaybeSent));
    }
}

impl Line {
    fn write(&mut self, bytes: Zeroizing<Vec<u8>>, call: Option<(Call, Vec<u8>)>, send_by: Mono) {
        self.gate.open(send_by);
        self.writing = Some(Writing { bytes, done: 0, call });
    }

    fn wrote(&mut self, count: usize) {
        let Some(writing) = &mut self.writing else { return };
        writing.done += count;
        if writing.done >= writing.bytes.len() {
            self.writing = None;
            self.flushing = true;
        }
    }

    fn poll(&mut self, context: &mut Context<'_>, calls: &mut UnboundedReceiver<Call>) -> Poll<Turn> {
        let mut room = [0; READ];
        let mut into = ReadBuf::new(&mut room);
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, &mut into) {
            self.input.extend_from_slice(into.filled());
            return Poll::Ready(Turn::Read(read.map(|()| into.filled().len())));
        }
        if let Some(writing) = &self.writing {
            let rest = writing.bytes.get(writing.done..).unwrap_or_default();
            if let Poll::Ready(wrote) = Pin::new(&mut self.stream).poll_write(context, rest) {
                return Poll::Ready(Turn::Wrote(wrote));
            }
        } else if self.flushing {
            if let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context) {
                return Poll::Ready(Turn::Flushed(flushed));
            }
        } else {
            if let Poll::Ready(call) = calls.poll_recv(context) {
                return Poll::Ready(Turn::Asked(call));
            }
            if let Poll::Ready(Some(bytes)) = self.answers.poll_recv(context) {
                return Poll::Ready(Turn::Answer(bytes));
            }
        }
        self.sweep.as_mut().poll(context).map(|()| Turn::Sweep)
    }
}
