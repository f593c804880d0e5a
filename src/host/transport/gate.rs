//! The last place before the socket: it counts the bytes of each call and stops those that are too
//! late.

use crate::base::Mono;
use crate::host::inbox::Inbox;
use core::pin::Pin;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::io::{self, IoSlice};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Nothing may leave by this time.
const SHUT: i64 = i64::MIN;

/// Of one connection: what has left of the call that it carries. The connection writes on behalf of
/// one call at a time, between [`Gate::open`] and the next.
#[derive(Clone)]
pub(super) struct Gate(Arc<Counts>);

struct Counts {
    send_by: AtomicI64,
    handed: AtomicU64,
    inbox: Arc<Inbox>,
}

impl Gate {
    /// A gate that lets nothing through. `inbox` has the clock.
    pub(super) fn new(inbox: Arc<Inbox>) -> Self {
        Self(Arc::new(Counts { send_by: AtomicI64::new(SHUT), handed: AtomicU64::new(0), inbox }))
    }

    /// From here on, bytes are those of a call whose first byte may leave until `send_by`.
    pub(super) fn open(&self, send_by: Mono) {
        self.0.handed.store(0, Ordering::Relaxed);
        self.0.send_by.store(send_by.0, Ordering::Relaxed);
    }

    /// Lets nothing more of the call through; whether anything of it has left.
    pub(super) fn shut(&self) -> bool {
        self.0.send_by.store(SHUT, Ordering::Relaxed);
        self.0.handed.load(Ordering::Relaxed) > 0
    }

    /// Whether anything of the call has left.
    pub(super) fn has_left(&self) -> bool {
        self.0.handed.load(Ordering::Relaxed) > 0
    }

    fn passes(&self) -> io::Result<()> {
        let send_by = self.0.send_by.load(Ordering::Relaxed);
        let late = !self.has_left() && self.0.inbox.now().mono.0 > send_by;
        if send_by == SHUT || late {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "too late to be sent"));
        }
        Ok(())
    }

    /// `sure` says that a failed write has handed nothing over. Of TLS, which may have passed a part
    /// on before it failed, that is not known.
    fn wrote(&self, result: &Poll<io::Result<usize>>, sure: bool) {
        let handed = match result {
            Poll::Ready(Ok(count)) => *count as u64,
            Poll::Ready(Err(_)) if !sure => 1,
            _ => 0,
        };
        self.0.handed.fetch_add(handed, Ordering::Relaxed);
    }
}

/// A connection behind its gate.
pub(super) struct Gated<S> {
    inner: S,
    gate: Gate,
    sure: bool,
}

impl<S> Gated<S> {
    /// `sure`: a failed write to `inner` has handed nothing over.
    pub(super) const fn new(inner: S, gate: Gate, sure: bool) -> Self {
        Self { inner, gate, sure }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate.passes()?;
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.gate.wrote(&result, self.sure);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.gate.passes()?;
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.gate.wrote(&result, self.sure);
        result
    }

    fn is_write_vectored(&self) -> bool {
        // So that bodies, which may hold secrets, are not gathered in a buffer that stays behind.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::task::Waker;
    use std::vec::Vec;

    /// Takes two bytes at a time and fails from the `n`th write on.
    struct Pipe(Vec<u8>, usize);

    impl AsyncWrite for Pipe {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.1 == 0 {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            self.1 -= 1;
            let count = bytes.len().min(2);
            self.0.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn write(gated: &mut Gated<Pipe>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        matches!(Pin::new(gated).poll_write(&mut context, b"call"), Poll::Ready(Ok(_)))
    }

    #[test]
    fn nothing_leaves_before_it_is_opened_after_it_is_shut_or_too_late() {
        let inbox = Arc::new(Inbox::new());
        let gate = Gate::new(Arc::clone(&inbox));
        let mut gated = Gated::new(Pipe(Vec::new(), 9), gate.clone(), true);
        assert!(!write(&mut gated) && !gate.has_left());
        gate.open(Mono(-1));
        assert!(!write(&mut gated) && !gate.shut());
        gate.open(inbox.now().mono.plus(10_000));
        assert!(write(&mut gated) && gate.has_left());
        assert!(gate.shut() && !write(&mut gated));
        assert_eq!(gated.inner.0, b"ca");
    }

    #[test]
    fn the_rest_of_a_call_that_has_begun_leaves_whatever_the_time() {
        let inbox = Arc::new(Inbox::new());
        let gate = Gate::new(Arc::clone(&inbox));
        let mut gated = Gated::new(Pipe(Vec::new(), 9), gate.clone(), true);
        gate.open(inbox.now().mono.plus(5));
        assert!(write(&mut gated));
        std::thread::sleep(core::time::Duration::from_millis(8));
        assert!(write(&mut gated) && inbox.now().mono > Mono(5));
    }

    #[test]
    fn a_write_that_failed_has_left_nothing_only_where_that_is_sure() {
        for sure in [true, false] {
            let inbox = Arc::new(Inbox::new());
            let gate = Gate::new(Arc::clone(&inbox));
            let mut gated = Gated::new(Pipe(Vec::new(), 0), gate.clone(), sure);
            gate.open(inbox.now().mono.plus(10_000));
            assert!(!write(&mut gated));
            assert_eq!(gate.shut(), !sure);
        }
    }
}
