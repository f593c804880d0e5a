//! What a daily file of 100,000 lines costs: debits written, results checked and read, and how much
//! memory that takes beside the file itself. `cargo bench --bench batch`; figures in `README.md`
//! beside this file.
#![allow(unsafe_code)]

use scrip::adapters::batch::{Batch, BatchServer, BatchTerms, FileMeta, enveloped};
use scrip::base::{RedemptionId, Text, Wall};
use scrip::issuer::{
    Accepted, Answer, CardData, Context, Issuer, Message, OpKind, Operation, Outcome, Profiles, Reference,
};
use scrip::money::{Amount, Currency};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Counts what is held, and the most of it.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came; counting touches atomics only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of this function, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above; what is freed was allocated by `System`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const TERMS: &str = r#"
encoding = "utf-8"
delimiter = "|"
quote = '"'
ending = "crlf"
currency = "CNY"
status = { "0000" = "accepted" }
[out]
name = "DEBIT_{date}_{sequence:4}.txt"
hash_of = "number"
header = [{ text = "H", width = 1 }, { field = "date", width = 8 }, { field = "count", width = 8 }]
row = [{ field = "line", width = 8 }, { field = "reference", width = 32 }, { field = "product", width = 20 }, { field = "number", width = 19 }, { field = "secret", width = 16 }, { field = "amount", width = 12 }]
trailer = [{ text = "T", width = 1 }, { field = "count", width = 8 }, { field = "sum", width = 15 }, { field = "hash", width = 10 }]
[result]
name = "RESULT_{date}_{sequence:4}.txt"
hash_of = "reference"
header = [{ text = "H", width = 1 }, { field = "date", width = 8 }, { field = "sequence", width = 6 }]
row = [{ field = "reference", width = 32 }, { field = "status", width = 4 }, { field = "issuer_reference", width = 32 }, { field = "amount", width = 12 }]
trailer = [{ text = "T", width = 1 }, { field = "count", width = 8 }, { field = "sum", width = 15 }, { field = "hash", width = 10 }]
"#;

const PROFILE: &str = r#"
[issuer.files]
adapter = "batch"
verify = "none"
evidence = "file"
idempotency = "issuer"
recipe = "file"
late_debit = "owe"
batch_window_ms = 1
batch_max = 100000
endpoints = ["a"]
"#;

fn terms(fixed: bool, encoding: &str) -> BatchTerms {
    let text = TERMS.replace("utf-8", encoding);
    let text = match fixed {
        true => text.replace("delimiter = \"|\"\nquote = '\"'", "layout = \"fixed\""),
        // Only fixed columns have a width.
        false => {
            let mut parts = text.split(", width = ");
            let first = parts.next().unwrap_or_default().to_string();
            parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
    };
    BatchTerms::parse(&text).expect("sound terms")
}

fn main() {
    let full = std::env::args().any(|arg| arg == "--bench");
    let (sizes, best_of): (&[usize], _) = if full { (&[1_000, 100_000], 5) } else { (&[1_000], 1) };
    println!("\n| lines | form | what | lines/s | file | held beside the file |");
    println!("|---:|---|---|---:|---:|---:|");
    for &lines in sizes {
        for (fixed, encoding) in [(false, "utf-8"), (false, "gb18030"), (true, "utf-8"), (true, "gb18030")] {
            run(lines, best_of, fixed, encoding);
        }
    }
}

/// The shortest of so many runs, and the most that was held beside what was held before.
fn best(best_of: usize, mut work: impl FnMut()) -> (Duration, usize) {
    let mut least = (Duration::MAX, 0);
    for _ in 0..best_of {
        let before = HELD.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let start = Instant::now();
        work();
        let took = start.elapsed();
        let held = MOST.load(Ordering::Relaxed) - before;
        least = least.min((took, held));
    }
    least
}

fn run(lines: usize, best_of: usize, fixed: bool, encoding: &str) {
    let terms = terms(fixed, encoding);
    let profiles = Profiles::parse(PROFILE).expect("a sound profile");
    let batch = Batch::new(profiles.issuers["files"].clone(), terms.clone(), None).expect("they fit");
    let server = BatchServer::new(terms, None).expect("they fit");
    let product = Text::new("购物卡").expect("a short text");
    let references: Vec<Reference> = (0..lines)
        .map(|n| {
            let mut id = [0x5a; 16];
            id[8..].copy_from_slice(&(n as u64).to_be_bytes());
            Reference::debit(RedemptionId(id))
        })
        .collect();
    let card = CardData { number: Some(b"2326000000000001"), secret: b"730164" };
    let amount = Amount::new(10_000, Currency::CNY);
    let kind = OpKind::Redeem;
    let operations: Vec<Operation<'_>> = references
        .iter()
        .map(|&reference| Operation {
            kind,
            reference,
            product: &product,
            card: Some(card),
            amount,
            attempt: 1,
        })
        .collect();
    let context = Context { session: &[], now: Wall(1_795_390_215_000), nonce: [0; 16] };
    let form = format!("{}, {encoding}", if fixed { "fixed" } else { "delimited" });
    let show = |what: &str, (took, held): (Duration, usize), file: usize| {
        let rate = lines as u128 * 1_000_000_000 / took.as_nanos().max(1);
        println!("| {lines} | {form} | {what} | {rate} | {} KiB | {} KiB |", file / 1_024, held / 1_024);
    };
    let mut bytes = 0;
    let mut room = 0;
    let (took, held) = best(best_of, || {
        let mut message = Message::default();
        batch.encode(&operations, &context, &mut message).expect("it fits");
        (bytes, room) = (message.body.len(), message.body.capacity());
        black_box(&message);
    });
    show("debits written", (took, held.saturating_sub(bytes)), bytes);
    assert!(held < room + 64 * 1_024, "beside its buffer of {room} bytes it holds {held}");
    let theirs = Text::new("流水-7").expect("a short text");
    let answers: Vec<_> = references
        .iter()
        .map(|&reference| {
            let accepted = Accepted { reference: theirs.clone(), amount, card: None, generation: None };
            (reference, Answer { kind, outcome: Outcome::Accepted(accepted), by_file: true })
        })
        .collect();
    let result = server.write(&FileMeta { at: context.now, sequence: 1 }, &answers).expect("it fits");
    let name = std::str::from_utf8(&result.head).expect("a name");
    let file = enveloped(name, None, &result.body);
    let (took, held) = best(best_of, || {
        let mut count = 0_usize;
        batch.decode(&file, &context, &mut |_, answer| count += usize::from(answer.by_file)).expect("sound");
        assert_eq!(count, lines);
    });
    show("results checked and read", (took, held), file.len());
    assert!(held < 64 * 1_024, "reading holds {held} bytes");
}
