//! Pointers of the caller's: checked, read and written in one place.

use super::status::FfiError;
use core::ptr;

/// The handle behind a pointer.
///
/// # Safety
/// `handle` is NULL or came from the `_new` function of its kind and was not freed.
pub(super) unsafe fn handle<'a, T>(handle: *const T, what: &'static str) -> Result<&'a T, FfiError> {
    // SAFETY: by the caller's promise a pointer that is not NULL points to a live handle, which
    // is only ever borrowed as shared; what changes in it stands behind its gate.
    unsafe { handle.as_ref() }.ok_or(FfiError::Null(what))
}

/// The bytes at `start`; NULL is fine where there are none.
///
/// # Safety
/// `start` points to `len` readable bytes that nobody writes during the call, or `len` is 0.
pub(super) unsafe fn bytes<'a>(
    start: *const u8,
    len: usize,
    what: &'static str,
) -> Result<&'a [u8], FfiError> {
    if len == 0 {
        return Ok(&[]);
    }
    if start.is_null() {
        return Err(FfiError::Null(what));
    }
    if isize::try_from(len).is_err() {
        return Err(FfiError::BadValue { what, expected: "a length that fits into memory" });
    }
    // SAFETY: not NULL, bytes need no alignment, the length is within isize, and by the caller's
    // promise the bytes are there and stay as they are.
    Ok(unsafe { core::slice::from_raw_parts(start, len) })
}

/// The UTF-8 text at `start`.
///
/// # Safety
/// As for [`bytes`].
pub(super) unsafe fn text<'a>(start: *const u8, len: usize, what: &'static str) -> Result<&'a str, FfiError> {
    // SAFETY: the caller makes the same promise.
    let bytes = unsafe { bytes(start, len, what) }?;
    core::str::from_utf8(bytes).map_err(|error| FfiError::BadUtf8 { what, at: error.valid_up_to() })
}

/// The `N` bytes at `start`.
///
/// # Safety
/// `start` is NULL or points to `N` readable bytes.
pub(super) unsafe fn array<const N: usize>(
    start: *const u8,
    what: &'static str,
) -> Result<[u8; N], FfiError> {
    if start.is_null() {
        return Err(FfiError::Null(what));
    }
    // SAFETY: not NULL, `N` bytes are there by the caller's promise, and a read without alignment
    // asks for no more.
    Ok(unsafe { start.cast::<[u8; N]>().read_unaligned() })
}

/// A place of the caller's for one value.
pub(super) struct Place<T>(*mut T);

impl<T> Place<T> {
    /// # Safety
    /// `place` is NULL or points to room for a `T` that nobody else uses while this lives.
    pub(super) unsafe fn at(place: *mut T, what: &'static str) -> Result<Self, FfiError> {
        if place.is_null() { Err(FfiError::Null(what)) } else { Ok(Self(place)) }
    }

    pub(super) fn put(self, value: T) {
        // SAFETY: `at` was promised room for a `T`; a write without alignment asks for no more.
        unsafe { self.0.write_unaligned(value) }
    }
}

/// A struct of the caller's that begins with its size as a `u32`.
pub(super) struct Struct<T> {
    place: *mut T,
    size: usize,
}

impl<T: Copy> Struct<T> {
    /// # Safety
    /// `place` is NULL or points to at least 4 bytes, and to as many as these tell; nobody else
    /// uses them while this lives. `T` is `repr(C)` and begins with that `u32`.
    pub(super) unsafe fn at(place: *mut T, what: &'static str) -> Result<Self, FfiError> {
        if place.is_null() {
            return Err(FfiError::Null(what));
        }
        // SAFETY: not NULL, and the first 4 bytes are there by the caller's promise.
        let size = unsafe { place.cast::<u32>().read_unaligned() };
        // Every struct is still in its first version: the least size is the present one.
        let need = size_of::<T>();
        match usize::try_from(size) {
            Ok(size) if size >= need => Ok(Self { place, size }),
            _ => Err(FfiError::BadSize { what, size, need }),
        }
    }

    /// Writes everything but the size, as far as both sides know the struct.
    pub(super) fn put(self, value: &T) {
        let skip = size_of::<u32>();
        let len = size_of::<T>().min(self.size) - skip;
        // SAFETY: source and target are at least `skip + len` bytes long, the one being a `T` and
        // the other by the promise to `at`; they do not overlap, since `value` is ours; bytes need
        // no alignment.
        unsafe {
            let from = ptr::from_ref(value).cast::<u8>().add(skip);
            ptr::copy_nonoverlapping(from, self.place.cast::<u8>().add(skip), len);
        }
    }
}

/// An option struct of the caller's that begins with its size as a `u32`.
///
/// # Safety
/// `place` is NULL or points to at least 4 bytes, and to as many as these tell. `T` is `repr(C)`,
/// begins with that `u32`, and any bytes are one.
pub(super) unsafe fn options<T: Copy>(place: *const T, what: &'static str) -> Result<T, FfiError> {
    // SAFETY: the caller's promise covers what `at` asks for; nothing is written through it.
    unsafe { Struct::at(place.cast_mut(), what) }?;
    // SAFETY: it is at least as long as a `T`, as `at` has checked, and any bytes are one.
    Ok(unsafe { place.read_unaligned() })
}

/// The text in a fixed field of a struct, up to its NUL.
pub(super) fn field<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, FfiError> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let text = end.and_then(|end| bytes.get(..end));
    let text = text.ok_or(FfiError::BadValue { what, expected: "a text that is ended by a NUL" })?;
    core::str::from_utf8(text).map_err(|error| FfiError::BadUtf8 { what, at: error.valid_up_to() })
}

/// What follows the content in a buffer of the caller's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A NUL, for texts.
    Nul,
    /// Nothing, for bytes.
    Bare,
}

/// Writes `content` and its end into a buffer of the caller's, and its length without a NUL to
/// `len`. With too small a buffer only the length is written.
///
/// # Safety
/// `buffer` points to room for `capacity` bytes, or `capacity` is 0; `len` is NULL or points to
/// room for a length. Nobody else uses either during the call.
pub(super) unsafe fn fill(
    content: &[u8],
    end: End,
    buffer: *mut u8,
    capacity: usize,
    len: *mut usize,
) -> Result<(), FfiError> {
    // SAFETY: the caller makes this promise about `len`.
    let told = unsafe { Place::at(len, "len") }?;
    if buffer.is_null() && capacity > 0 {
        return Err(FfiError::Null("buffer"));
    }
    told.put(content.len());
    let need = content.len().saturating_add(usize::from(end == End::Nul));
    if need > capacity {
        return Err(FfiError::BufferTooSmall { have: capacity, need });
    }
    if need == 0 {
        return Ok(());
    }
    // SAFETY: `capacity` is at least `need`, which is at least 1, so the buffer is not NULL and has
    // room for the content and its end by the caller's promise; the content is ours and does not
    // overlap it.
    unsafe {
        ptr::copy_nonoverlapping(content.as_ptr(), buffer, content.len());
        if end == End::Nul {
            buffer.add(content.len()).write(0);
        }
    }
    Ok(())
}
