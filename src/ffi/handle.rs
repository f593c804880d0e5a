//! How handles come and go, and how a call gets inside of one.

use super::guard::{Guarded, catch};
use super::memory::{Place, handle};
use super::status::{Failure, ScripError, Status, enter};
use alloc::boxed::Box;

/// The inside of a `_new`: the handle, or NULL on failure, goes to `place`.
///
/// # Safety
/// `place` is NULL or has room for a pointer; `error` is as for [`enter`].
pub(super) unsafe fn make<T>(
    place: *mut *mut T,
    what: &'static str,
    error: *mut ScripError,
    call: impl FnOnce() -> Result<T, Failure>,
) -> Status {
    let mut made = core::ptr::null_mut();
    // SAFETY: the caller makes the same promises.
    let status = unsafe {
        enter(error, || {
            Place::at(place, what)?;
            made = Box::into_raw(Box::new(call()?));
            Ok(())
        })
    };
    // SAFETY: `place` is NULL or has room for a pointer.
    if let Ok(place) = unsafe { Place::at(place, what) } {
        place.put(made);
    }
    status
}

/// The inside of a `_free`.
///
/// # Safety
/// `handle` is NULL or came from the `_new` function of its kind, and is not used any more.
pub(super) unsafe fn free<T>(handle: *mut T, busy: impl FnOnce(&T) -> bool) {
    // SAFETY: by the caller's promise a pointer that is not NULL is a live handle.
    let Some(live) = (unsafe { handle.as_ref() }) else { return };
    // Freed under another thread's feet it would be gone while in use: better to lose the memory.
    if !busy(live) {
        catch(|| {
            // SAFETY: the handle came out of `Box::into_raw`, nobody is inside, and by the
            // caller's promise nobody comes any more.
            drop(unsafe { Box::from_raw(handle) });
        });
    }
}

/// What stands behind a handle's pointer.
pub(super) trait Handle {
    /// What the handle guards.
    type Inside;

    /// Its name in errors.
    const NAME: &'static str;

    fn guarded(&self) -> &Guarded<Self::Inside>;
}

/// Changes what a handle guards.
///
/// # Safety
/// `handle` is NULL or a handle that was not freed; `error` is as for [`enter`].
pub(super) unsafe fn change<H: Handle>(
    place: *const H,
    error: *mut ScripError,
    call: impl FnOnce(&mut H::Inside) -> Result<(), Failure>,
) -> Status {
    // SAFETY: the caller's promises are those that `enter` and `handle` ask for.
    unsafe { enter(error, || handle(place, H::NAME)?.guarded().exclusive(call)) }
}

/// Looks at what a handle guards.
///
/// # Safety
/// As for [`change`].
pub(super) unsafe fn look<H: Handle>(
    place: *const H,
    error: *mut ScripError,
    call: impl FnOnce(&H::Inside) -> Result<(), Failure>,
) -> Status {
    // SAFETY: the caller's promises are those that `enter` and `handle` ask for.
    unsafe { enter(error, || handle(place, H::NAME)?.guarded().shared(call)) }
}
