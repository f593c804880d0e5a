//! No card number or secret is left in memory once everything that held it is dropped.
//!
//! A child process runs a redemption with a number and a secret of its own, drops all of it, and
//! then reads its own memory as a core dump would hold it: every writable map, freed blocks and
//! dead stack included. Linux only, for `/proc/self/mem`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "vault/world.rs"]
mod world;

use scrip::base::Secret;
use scrip::engine::Request;
use scrip::host::{Driver, Journal, Memory, Sqlite, Store};
use scrip::sim::SimTransport;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::process::Command;
use zeroize::Zeroize;

const CHILD: &str = "SCRIP_SECRETS_IN_MEMORY";

/// A mask over everything that is looked for, so that neither the program nor this search holds
/// it in the clear.
const MASK: u8 = 0xa5;

/// A run of so many bytes of a secret is a finding: what a freed block's first words, which the
/// allocator writes over, leave of one is found all the same.
const RUN: usize = 10;

/// What the secret, its typed form and the number are made of, by place: no run of them stands
/// anywhere by chance.
fn letter(place: usize) -> u8 {
    let letters = b"QXZJKVWBYGPFMHCU3T5N7R9D2L4S";
    let mixed = (place * place * 7 + place * 13 + place / 5) % letters.len();
    letters[mixed] ^ MASK
}

fn digit(place: usize) -> u8 {
    (b'0' + ((place * place * 3 + place * 7 + place / 4 + 1) % 10) as u8) ^ MASK
}

/// The masked forms that must not be found.
struct Needles {
    secret: [u8; 60],
    typed: [u8; 74],
    lower: [u8; 60],
    number: [u8; 60],
}

fn needles() -> Needles {
    let secret: [u8; 60] = std::array::from_fn(letter);
    // Groups of four with hyphens between them, as people type it.
    let typed = std::array::from_fn(|at| if at % 5 == 4 { b'-' ^ MASK } else { letter(at - at / 5) });
    let lower = secret.map(|byte| (byte ^ MASK).to_ascii_lowercase() ^ MASK);
    Needles { secret, typed, lower, number: std::array::from_fn(digit) }
}

/// The plain bytes, in a buffer of exactly their length.
fn plain(masked: &[u8]) -> Secret {
    let mut bytes = Vec::with_capacity(masked.len());
    bytes.extend(masked.iter().map(|byte| byte ^ MASK));
    Secret::new(bytes)
}

fn text(secret: &Secret) -> &str {
    std::str::from_utf8(secret.expose()).unwrap()
}

#[inline(never)]
fn redemption<S: Store>(store: S) {
    let needles = needles();
    let world = world::world(vec![world::card(plain(&needles.number), plain(&needles.secret))]);
    let transport = SimTransport::open(&world).unwrap();
    drop(world);
    let mut driver = Driver::open(world::setup(world::ring(&[1])), store, transport).unwrap();
    {
        let typed = plain(&needles.typed);
        let number = plain(&needles.number);
        let request = Request::new("R-1", "seller-1", "long").number(text(&number)).secret(text(&typed));
        let request = request.face(world::face()).device("terminal-1").ip("203.0.113.7");
        let outcome = driver.redeem(&request).unwrap();
        assert_eq!(outcome.state(), "retired");
        let again = driver.redeem(&request).unwrap();
        assert_eq!(again.state(), "retired", "{again:?}");
        let wrong = request.clone().secret("not of the product's shape");
        assert!(driver.redeem(&wrong).is_err());
    }
    let (store, transport) = driver.close().unwrap();
    drop((store, transport));
}

/// Leaves the secret behind as careless code does.
#[inline(never)]
fn leak(how: &str) {
    let needles = needles();
    let secret = plain(&needles.secret);
    match how {
        "heap" => drop(black_box(text(&secret).to_owned())),
        "grown" => {
            let mut buffer = zeroize::Zeroizing::new(Vec::with_capacity(60));
            buffer.extend_from_slice(secret.expose());
            // Too long for its place: it moves, and what it leaves is not wiped.
            buffer.reserve_exact(1 << 20);
            black_box(&buffer);
        }
        "kept" => std::mem::forget(black_box(text(&secret).to_owned())),
        _ => panic!("unknown leak"),
    }
}

/// Where a run of the needles' bytes stands in this process's writable memory.
fn findings() -> Vec<String> {
    let needles = needles();
    let forms = [
        ("secret", &needles.secret[..]),
        ("secret as typed", &needles.typed),
        ("secret in small letters", &needles.lower),
        ("number", &needles.number),
    ];
    // By the first two bytes of a run: most places are passed over at once.
    let mut begins = vec![false; 1 << 16];
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    for window in forms.iter().flat_map(|(_, form)| form.windows(RUN)) {
        begins[pair(&[window[0] ^ MASK, window[1] ^ MASK])] = true;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found = Vec::new();
    let mut page = vec![0_u8; 1 << 16];
    let own = page.as_ptr() as u64..page.as_ptr() as u64 + page.len() as u64;
    for map in maps.lines() {
        let mut words = map.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let name = words.nth(3).unwrap_or("anonymous");
        if !rights.starts_with("rw") || name == "[vvar]" {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [mut at, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at < end {
            let len = page.len().min((end - at) as usize);
            if memory.read_exact_at(&mut page[..len], at).is_ok() {
                for offset in 0..len.saturating_sub(RUN - 1) {
                    if !begins[pair(&page[offset..])] {
                        continue;
                    }
                    let (place, run) = (at + offset as u64, &page[offset..offset + RUN]);
                    for (what, form) in forms.iter().filter(|_| !own.contains(&place)) {
                        if let Some(from) = holds(form, run) {
                            found.push(format!("{name} at {place:x}: {what} from its byte {from}"));
                        }
                    }
                }
                page.as_mut_slice().zeroize();
            }
            // Runs across the seam are seen by the next round.
            at += if len > RUN && at + (len as u64) < end { (len - RUN) as u64 } else { len as u64 };
        }
    }
    found
}

fn holds(form: &[u8], run: &[u8]) -> Option<usize> {
    form.windows(RUN).position(|window| window.iter().zip(run).all(|(masked, byte)| masked ^ MASK == *byte))
}

/// The child's own work; without the variable it is no test.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else { return };
    let place = tempfile::tempdir().unwrap();
    match task.as_str() {
        "memory" => redemption(Memory::new()),
        "sqlite" => redemption(Sqlite::open(place.path().join("till.db")).unwrap()),
        "journal" => redemption(Journal::open(place.path().join("till")).unwrap()),
        how => leak(how),
    }
    let found = findings();
    println!("findings: {}", found.len());
    found.iter().take(20).for_each(|place| println!("  {place}"));
    assert!(found.is_empty());
}

fn run(task: &str) -> (bool, String) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, task)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(told.contains("findings: "), "the child did not search: {told}{:?}", child.stderr.escape_ascii());
    (child.status.success(), told)
}

#[test]
fn a_redemption_leaves_nothing_of_number_and_secret() {
    for store in ["memory", "sqlite", "journal"] {
        let (clean, told) = run(store);
        assert!(clean, "{store}: {told}");
    }
}

#[test]
fn what_is_left_behind_is_found() {
    for how in ["heap", "grown", "kept"] {
        let (clean, told) = run(how);
        assert!(!clean, "{how}: {told}");
    }
}
