//! Reading GS1 data that stand as they are takes nothing from the heap.
#![allow(unsafe_code)]

use scrip::codec::gs1::{Ai, DigitalLink, ElementString};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// What this thread asked for: tests of other threads do not count here.
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

impl Counting {
    fn count() {
        // A thread that is ending has no counter left, and nobody asks for it.
        let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
    }
}

// SAFETY: every call goes to the system's allocator as it came; counting touches a thread-local
// that is initialised at compile time and so allocates nothing itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract of this function, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above; what is freed was allocated by `System`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `work` asked for memory.
fn asked(work: impl FnOnce()) -> usize {
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(asked(|| drop(std::hint::black_box(Box::new(1)))), 1);
    let escaped = r"(01)09521234543213(10)A\(B";
    assert!(asked(|| assert!(ElementString::parse(escaped).is_ok())) > 0, "unescaping needs a copy");
}

#[test]
fn element_strings_are_read_without_an_allocation() {
    for text in [
        "(01)09521234543213(21)ABC123(17)261231",
        "]d2010952123454321321ABC123\u{1d}17261231",
        "]C10109521234543213310300019510A\u{1d}21B",
        "(255)95212345432131(3902)100(17)261200",
    ] {
        let count = asked(|| {
            let elements = ElementString::parse(text).unwrap();
            assert!(elements.iter().all(|element| !element.value.is_empty()));
            let _ = elements.get(Ai::SERIAL);
        });
        assert_eq!(count, 0, "{text}");
    }
    let broken = "(01)09521234543214(21)ABC123";
    assert_eq!(asked(|| assert!(ElementString::parse(broken).is_err())), 0);
}

#[test]
fn digital_links_are_read_without_an_allocation() {
    for uri in [
        "https://id.gs1.org/01/09521234543213/10/ABC123/21/12345?17=261231",
        "https://example.com/some/path/414/9521234543213/254/32a",
    ] {
        let count = asked(|| {
            let link = DigitalLink::parse(uri).unwrap();
            assert!(link.elements().len() > 1);
        });
        assert_eq!(count, 0, "{uri}");
    }
}
