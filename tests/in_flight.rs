//! A redemption under way takes less than 4 KiB of memory, whatever it waits for.
#![allow(unsafe_code, clippy::unwrap_used)]

#[path = "../benches/common/mod.rs"]
#[allow(dead_code, reason = "shared with benches")]
mod common;

use scrip::adapters::signed_json::Server;
use scrip::base::{Mono, Now, Wall};
use scrip::engine::{Bounds, Call, Engine, Output, Recovery};
use scrip::host::{Memory, Store};
use scrip::issuer::OpKind;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

/// What all threads hold of the heap, in bytes.
static HELD: AtomicIsize = AtomicIsize::new(0);

struct Counting;

fn signed(size: usize) -> isize {
    isize::try_from(size).expect("an allocation is never longer")
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(signed(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this function, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(signed(layout.size()), Ordering::Relaxed);
        // SAFETY: as above; what is freed was allocated by `System`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_add(signed(size) - signed(layout.size()), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// An engine, and the messages that a transport would still have.
struct World {
    engine: Engine,
    store: Memory,
    server: Server,
    calls: Vec<Call>,
}

impl World {
    fn new() -> Self {
        let mut store = Memory::new();
        let mut recovery = Recovery::of_log(store.log());
        let epoch = store.recover(&mut recovery).unwrap();
        let bounds = Bounds { in_flight: 16_384, early_units: 64, ..Bounds::default() };
        let engine = recovery.finish(common::setup(1).bounds(bounds), epoch, [7; 32]).unwrap();
        Self { engine, store, server: Server::new(common::channel_key()).unwrap(), calls: Vec::new() }
    }

    fn turn(&mut self) {
        while let Some(output) = self.engine.poll(Now { mono: Mono(1), wall: Wall(1_795_305_600_000) }) {
            match output {
                Output::Commit(mut batch) => {
                    self.store.commit(&mut batch).unwrap();
                    self.engine.committed(batch).unwrap();
                }
                Output::Call(call) => self.calls.push(call),
                Output::Event(_) => {}
                other => panic!("not on the straight path: {other:?}"),
            }
        }
    }

    /// Answers all that is asked now, which is of this kind.
    fn answer(&mut self, kind: OpKind) {
        for call in std::mem::take(&mut self.calls) {
            assert_eq!(call.kind, kind);
            let asked = self.server.read(&call.bytes).unwrap().remove(0);
            let reply = self.server.answer(&[(asked.reference, common::yes(&self.server, &asked))]);
            self.engine.reply(call.id, &reply).unwrap();
        }
        self.turn();
    }
}

/// What the engine, and the messages on their way, hold for so many redemptions that wait for the
/// answer after these: what is free again without them.
fn held(count: usize, answered: &[OpKind]) -> isize {
    let mut world = World::new();
    for n in 0..count {
        world.engine.submit(&common::request(n)).unwrap();
    }
    world.turn();
    for kind in answered {
        world.answer(*kind);
    }
    assert_eq!(world.calls.len(), count, "all of them wait");
    let World { engine, calls, store, .. } = world;
    let before = HELD.load(Ordering::Relaxed);
    drop((engine, calls));
    let held = before - HELD.load(Ordering::Relaxed);
    drop(store);
    held
}

#[test]
fn a_redemption_in_flight_takes_less_than_4_kib() {
    let path = [OpKind::Balance, OpKind::Redeem, OpKind::Pay];
    for answered in 0..=path.len() {
        // What is kept for whatever comes, as the lists of a batch that are used again, is in both.
        let (few, many) = (held(256, &path[..answered]), held(1_024, &path[..answered]));
        let (each, all) = ((many - few) / 768, many / 1_024);
        println!("after {answered} answers: {each} bytes for one more, {all} each with all that is kept");
        assert!(each < 4_096 && all < 4_096, "{each} and {all} bytes after {answered} answers");
    }
}
