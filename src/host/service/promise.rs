//! A result that comes later, for one who awaits it or blocks for it. Bound to no runtime.

use super::ServiceError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

struct Slot<T> {
    value: Option<Result<T, ServiceError>>,
    waker: Option<Waker>,
    /// Whether a result was put in, taken out since or not.
    told: bool,
}

struct Cell<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

impl<T> Cell<T> {
    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        // Nothing that can panic runs while it is held.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a [`Client`](super::Client) was asked: a future for any runtime, and
/// [`wait`](Promise::wait) for threads.
///
/// Dropping it calls nothing off: the service goes on, and only the result is not told.
#[must_use = "the result is told here and nowhere else"]
pub struct Promise<T>(Arc<Cell<T>>);

/// The other end: tells the result once. Dropped without one, it tells that the service has ended.
pub(super) struct Teller<T>(Arc<Cell<T>>);

/// Both ends of one result.
pub(super) fn promise<T>() -> (Teller<T>, Promise<T>) {
    let slot = Mutex::new(Slot { value: None, waker: None, told: false });
    let cell = Arc::new(Cell { slot, filled: Condvar::new() });
    (Teller(Arc::clone(&cell)), Promise(cell))
}

impl<T> Promise<T> {
    /// A result that is there already.
    pub(super) fn ready(result: Result<T, ServiceError>) -> Self {
        let (teller, promise) = promise();
        teller.tell(result);
        promise
    }

    /// Blocks the thread until the result is there.
    ///
    /// # Errors
    /// [`ServiceError`], as the call says that made it.
    pub fn wait(self) -> Result<T, ServiceError> {
        let mut slot = self.0.lock();
        loop {
            match slot.value.take() {
                Some(result) => return result,
                None => slot = self.0.filled.wait(slot).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Blocks the thread for at most so long; gives itself back if the result is not there by
    /// then.
    ///
    /// # Errors
    /// Itself, to go on waiting.
    pub fn wait_for(self, time: Duration) -> Result<Result<T, ServiceError>, Self> {
        let until = Instant::now() + time;
        let mut slot = self.0.lock();
        loop {
            if let Some(result) = slot.value.take() {
                return Ok(result);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            slot = self.0.filled.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(slot);
        Err(self)
    }
}

impl<T> Future for Promise<T> {
    type Output = Result<T, ServiceError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.0.lock();
        match slot.value.take() {
            Some(result) => Poll::Ready(result),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Teller<T> {
    pub(super) fn tell(self, result: Result<T, ServiceError>) {
        self.put(result);
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_unheard(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn put(&self, result: Result<T, ServiceError>) {
        let mut slot = self.0.lock();
        if slot.told {
            return;
        }
        slot.told = true;
        slot.value = Some(result);
        let waker = slot.waker.take();
        drop(slot);
        self.0.filled.notify_all();
        waker.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        self.put(Err(ServiceError::Ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_told_to_whoever_blocks_awaits_or_looks_later() {
        let (teller, promise) = promise::<u8>();
        let waiting = std::thread::spawn(|| promise.wait());
        teller.tell(Ok(1));
        assert_eq!(waiting.join().unwrap(), Ok(1));
        assert_eq!(pollster::block_on(Promise::ready(Ok(2_u8))), Ok(2));
        let (teller, waiting) = super::promise::<u8>();
        let waiting = std::thread::spawn(|| pollster::block_on(waiting));
        teller.tell(Ok(3));
        assert_eq!(waiting.join().unwrap(), Ok(3));
    }

    #[test]
    fn one_who_will_never_be_told_hears_that() {
        let (teller, promise) = promise::<u8>();
        let Err(promise) = promise.wait_for(Duration::from_millis(1)) else { panic!("nothing was told") };
        assert!(!teller.is_unheard());
        drop(teller);
        assert_eq!(promise.wait(), Err(ServiceError::Ended));
        let (teller, dropped) = super::promise::<u8>();
        drop(dropped);
        assert!(teller.is_unheard());
    }
}
