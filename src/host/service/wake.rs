//! Transports that a service can wait in.

use crate::base::{Mono, Now};
use crate::engine::Call;
use crate::host::{Arrival, InboundToken, Transport};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

/// A transport whose waiting can be ended from another thread.
///
/// A service waits for arrivals and for its callers at once: it waits in [`Transport::next`], and
/// callers wake it there. What has a queue of its own lets the waker put a mark into it;
/// [`Relay`](super::Relay) does that for whoever carries calls with threads or tasks of their own,
/// and [`Polled`] makes do with looking again and again.
pub trait Wakeable: Transport + Send {
    /// Makes a [`Transport::next`] that waits return with nothing at once; if none waits, the
    /// next one that would. Waking often and in vain is allowed.
    fn waker(&self) -> Waker;
}

/// A bell that rings until it is heard.
#[derive(Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    /// Waits until it rings, at most so long; whether it has.
    fn wait(&self, time: Duration) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.heard.wait_timeout_while(rung, time, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut rung)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.heard.notify_one();
    }
}

/// Makes any transport wakeable by asking it again and again what is there, without waiting in it.
/// An arrival is seen up to `every` late. For simulated worlds in real time, and for transports
/// that cannot be woken; one in virtual time stands still here.
pub struct Polled<T> {
    inner: T,
    every: Duration,
    bell: Arc<Bell>,
}

impl<T: Transport> Polled<T> {
    /// Looks every so often; at least a tenth of a millisecond.
    pub fn new(inner: T, every: Duration) -> Self {
        Self { inner, every: every.max(Duration::from_micros(100)), bell: Arc::default() }
    }

    /// The transport, to look at.
    pub fn inner(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Gives the transport back.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: Transport> Transport for Polled<T> {
    fn now(&mut self) -> Now {
        self.inner.now()
    }

    fn start(&mut self, call: Call) {
        self.inner.start(call);
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        loop {
            let now = self.inner.now().mono;
            if let Some(arrival) = self.inner.next(Some(now)) {
                return Some(arrival);
            }
            let left = until.map(|until| until.0.saturating_sub(now.0));
            let left = left.map(|left| Duration::from_millis(u64::try_from(left).unwrap_or_default()));
            let time = left.map_or(self.every, |left| left.min(self.every));
            if self.bell.wait(time) || left.is_some_and(|left| left.is_zero()) {
                return None;
            }
        }
    }

    fn expects_more(&mut self) -> bool {
        self.inner.expects_more()
    }

    fn acknowledge(&mut self, token: InboundToken, bytes: &[u8]) {
        self.inner.acknowledge(token, bytes);
    }

    fn refuse(&mut self, token: InboundToken) {
        self.inner.refuse(token);
    }
}

impl<T: Transport + Send> Wakeable for Polled<T> {
    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.bell))
    }
}
