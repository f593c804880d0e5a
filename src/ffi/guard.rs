//! What stands between a handle and two threads, or a panic.

use super::status::{Failure, FfiError};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

const WRITER: u32 = 1 << 30;
const POISONED: u32 = 1 << 31;

/// A value that many may look at or one may change, and that nobody waits for: who comes at the
/// wrong time is turned away. A panic inside poisons it for good.
pub(super) struct Guarded<T> {
    /// Readers inside; or WRITER; with POISONED once something went wrong.
    gate: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: `exclusive` hands out `&mut T` to one thread at a time and `shared` hands out `&T` while
// no `&mut T` is out; the gate's acquire and release order them. So `T` must be `Send` for the
// first and `Sync` for the second.
unsafe impl<T: Send + Sync> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(super) fn new(value: T) -> Self {
        Self { gate: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    /// Changes the value.
    pub(super) fn exclusive<R>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.gate.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).map_err(turned_away)?;
        // SAFETY: the gate went from 0 to WRITER: nobody is inside and nobody gets in before the
        // store below.
        let value = unsafe { &mut *self.value.get() };
        let result = catch(|| change(value));
        self.gate.store(if result.is_some() { 0 } else { POISONED }, Ordering::Release);
        result.unwrap_or_else(|| Err(FfiError::Poisoned.into()))
    }

    /// Looks at the value.
    pub(super) fn shared<R>(&self, look: impl FnOnce(&T) -> Result<R, Failure>) -> Result<R, Failure> {
        let enter = |gate| if gate & (WRITER | POISONED) == 0 { Some(gate + 1) } else { None };
        self.gate.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter).map_err(turned_away)?;
        // SAFETY: the gate counts this reader: no writer gets in before it is counted out below.
        let value = unsafe { &*self.value.get() };
        let result = catch(|| look(value));
        if result.is_none() {
            self.gate.fetch_or(POISONED, Ordering::Relaxed);
        }
        self.gate.fetch_sub(1, Ordering::Release);
        result.unwrap_or_else(|| Err(FfiError::Poisoned.into()))
    }

    /// Whether a call is inside.
    pub(super) fn is_busy(&self) -> bool {
        self.gate.load(Ordering::Acquire) & !POISONED != 0
    }
}

fn turned_away(gate: u32) -> Failure {
    let poisoned = gate & POISONED != 0;
    if poisoned { FfiError::Poisoned } else { FfiError::Busy }.into()
}

/// Runs `call`; `None` if it panicked.
#[cfg(feature = "std")]
pub(super) fn catch<R>(call: impl FnOnce() -> R) -> Option<R> {
    // What a panic leaves half-changed is never looked at again: the handle is poisoned.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).ok()
}

/// Runs `call`. Without `std` a panic ends the program, as the panic handler says.
#[cfg(not(feature = "std"))]
pub(super) fn catch<R>(call: impl FnOnce() -> R) -> Option<R> {
    Some(call())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<R>(result: Result<R, Failure>) -> u32 {
        result.map_or_else(|failure| failure.code.number(), |_| 0)
    }

    #[test]
    fn overlap_is_turned_away_and_readers_share() {
        let guarded = Guarded::new(1);
        let inner = guarded.exclusive(|value| {
            *value += 1;
            Ok((code(guarded.exclusive(|_| Ok(()))), code(guarded.shared(|_| Ok(()))), guarded.is_busy()))
        });
        let busy = FfiError::Busy;
        let busy = code::<()>(Err(busy.into()));
        assert_eq!(inner, Ok((busy, busy, true)));
        let inner = guarded.shared(|value| {
            Ok((*value, code(guarded.shared(|_| Ok(()))), code(guarded.exclusive(|_| Ok(())))))
        });
        assert_eq!(inner, Ok((2, 0, busy)));
        assert!(!guarded.is_busy());
    }

    #[test]
    #[cfg(feature = "std")]
    fn a_panic_poisons_for_good() {
        let poisoned = code::<()>(Err(FfiError::Poisoned.into()));
        let guarded = Guarded::new(());
        assert_eq!(code(guarded.shared::<()>(|()| panic!("on purpose"))), poisoned);
        assert_eq!(code(guarded.exclusive(|()| Ok(()))), poisoned);
        assert_eq!(code(guarded.shared(|()| Ok(()))), poisoned);
        let guarded = Guarded::new(());
        assert_eq!(code(guarded.exclusive::<()>(|()| panic!("on purpose"))), poisoned);
        assert_eq!(code(guarded.shared(|()| Ok(()))), poisoned);
        assert!(!guarded.is_busy(), "and can be freed");
    }

    #[test]
    fn many_threads_at_once_never_overlap() {
        let guarded = Guarded::new(0_u32);
        let done: u32 = std::thread::scope(|scope| {
            let run = || {
                (0..2_000)
                    .map(|_| {
                        u32::from(
                            guarded
                                .exclusive(|n| {
                                    *n += 1;
                                    Ok(())
                                })
                                .is_ok(),
                        )
                    })
                    .sum::<u32>()
            };
            let threads: alloc::vec::Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(guarded.shared(|n| Ok(*n)), Ok(done));
    }
}
