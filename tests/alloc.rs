//! Reading GS1 data that stand as they are, and ISO 8583 messages, takes nothing from the heap.
#![allow(unsafe_code)]

use scrip::codec::gs1::{Ai, DigitalLink, ElementString};
use scrip::codec::iso8583::{Mti, Spec};
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

#[test]
fn iso8583_messages_are_read_without_an_allocation() {
    for spec in [Spec::ascii(), Spec::bcd()] {
        let mut bytes = Vec::new();
        let mut message = spec.write(Mti::new(200).unwrap(), &mut bytes);
        message.text(2, "6222021234567894123").unwrap().number(4, 10_000).unwrap();
        message.text(35, "6222021234567894123D2512").unwrap().text(41, "TERM0001").unwrap();
        message.bytes(52, &[7; 8]).unwrap().text(90, &"0".repeat(42)).unwrap().finish().unwrap();
        let count = asked(|| {
            let message = spec.read(&bytes).unwrap();
            assert_eq!(message.field(4).unwrap().number(), Some(10_000));
            assert!(message.field(41).unwrap().is("TERM0001"));
            assert_eq!(
                message.fields().map(|(_, value)| value.chars().count()).sum::<usize>(),
                19 + 12 + 24 + 8 + 16 + 42
            );
        });
        assert_eq!(count, 0);
        let broken = &bytes[..bytes.len() - 1];
        assert_eq!(asked(|| assert!(spec.read(broken).is_err())), 0);
        let room = bytes.capacity();
        let mut out = Vec::with_capacity(room);
        let count = asked(|| {
            let mut message = spec.write(Mti::new(200).unwrap(), &mut out);
            message.text(2, "6222021234567894123").unwrap().number(4, 10_000).unwrap().finish().unwrap();
        });
        assert_eq!(count, 0, "nor written, where there is room");
    }
}
