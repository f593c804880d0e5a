//! The allocator of the process: the system's, or mimalloc where `SCRIP_ALLOCATOR=mimalloc` asks
//! for it. It counts what it is asked for.
#![allow(unsafe_code)]

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// The variable that names the allocator.
pub(crate) const VARIABLE: &CStr = c"SCRIP_ALLOCATOR";
/// What it names the one by that is not the system's.
pub(crate) const OTHER: &str = "mimalloc";

const UNKNOWN: u8 = 0;
const SYSTEM: u8 = 1;
const MIMALLOC: u8 = 2;

static CHOSEN: AtomicU8 = AtomicU8::new(UNKNOWN);
static COUNTING: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" {
    /// The C library's, which asks for no memory: an allocator cannot use one that does.
    fn getenv(name: *const c_char) -> *const c_char;
}

struct Chosen;

#[global_allocator]
static CHOSEN_ONE: Chosen = Chosen;

/// What was asked for: how often, and how many bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) times: u64,
    pub(crate) bytes: u64,
}

/// Counts what `work` asks for. Costs time: what is counted is not timed.
pub(crate) fn asked(work: impl FnOnce()) -> Asked {
    let now = || (ASKED.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    COUNTING.store(true, Ordering::Relaxed);
    let before = now();
    work();
    let after = now();
    COUNTING.store(false, Ordering::Relaxed);
    Asked { times: after.0 - before.0, bytes: after.1 - before.1 }
}

/// The name of the allocator.
pub(crate) fn name() -> &'static str {
    if Chosen::is_system() { "the system's" } else { OTHER }
}

impl Chosen {
    #[inline]
    fn is_system() -> bool {
        match CHOSEN.load(Ordering::Relaxed) {
            UNKNOWN => Self::choose() == SYSTEM,
            chosen => chosen == SYSTEM,
        }
    }

    #[cold]
    fn choose() -> u8 {
        // SAFETY: the name ends with a zero, and no thread has been started that could change the
        // environment: this is the first allocation of the process.
        let value = unsafe { getenv(VARIABLE.as_ptr()) };
        // SAFETY: what is not null is a text that ends with a zero.
        let named = !value.is_null() && unsafe { CStr::from_ptr(value) }.to_bytes() == OTHER.as_bytes();
        let chosen = if named { MIMALLOC } else { SYSTEM };
        CHOSEN.store(chosen, Ordering::Relaxed);
        chosen
    }

    #[inline]
    fn count(size: usize) {
        if COUNTING.load(Ordering::Relaxed) {
            ASKED.fetch_add(1, Ordering::Relaxed);
            BYTES.fetch_add(size as u64, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call goes as it came to one allocator, the same for the whole life of the process;
// choosing and counting ask for no memory.
unsafe impl GlobalAlloc for Chosen {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller keeps the contract of this function, which is the same.
        unsafe { if Self::is_system() { System.alloc(layout) } else { MiMalloc.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: as above.
        unsafe { if Self::is_system() { System.alloc_zeroed(layout) } else { MiMalloc.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above; what is freed came from the same allocator.
        unsafe { if Self::is_system() { System.dealloc(at, layout) } else { MiMalloc.dealloc(at, layout) } }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size);
        // SAFETY: as above.
        unsafe {
            if Self::is_system() {
                System.realloc(at, layout, size)
            } else {
                MiMalloc.realloc(at, layout, size)
            }
        }
    }
}
