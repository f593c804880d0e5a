//! The fuzz targets on stable Rust: each runs over its seed corpus, then over mutations of it for
//! `SCRIP_FUZZ_SECONDS` (2 unless said otherwise).
//!
//! The mutations are drawn from a fixed seed and know nothing of which code they reach. That is
//! for libFuzzer, which `.ci/run` runs over the same bodies.

#![allow(clippy::unwrap_used)]

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is the library of the fuzz package too")]
mod bodies;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// A longer input than any format takes in one piece here.
const MAX_LEN: usize = 9_000;

/// Pieces that formats are made of.
const PIECES: &[&[u8]] = &[
    b"(01)",
    b"\x1d",
    b"]C1",
    b"]E0",
    b"000201",
    b"6304",
    b"hQVDUFYw",
    b"SCT1.",
    b"%2F",
    b"?17=",
    b"\\(",
    b"~",
    b"0",
    b"62",
    b"O",
    b"l",
    "１".as_bytes(),
    "卡密：".as_bytes(),
    b"\0",
    b"\xff",
    b", ",
    b"99999999999999",
    b"&a=",
    b"%41",
    b"{\"a\":",
    b"\\u00e9",
    b"\n\n",
    b"{root}",
    b"{key.sign}",
];

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has no seeds");
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Runs the body, and shows the input that makes it fail.
fn check(target: &str, body: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(input))) {
        eprintln!("{target} fails on \"{}\"", input.escape_ascii());
        resume_unwind(panic);
    }
}

/// Numbers from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % (limit.max(1) as u64)) as usize
    }
}

fn mutate(input: &mut Vec<u8>, others: &[Vec<u8>], draw: &mut Draw) {
    for _ in 0..=draw.below(4) {
        let at = draw.below(input.len() + 1);
        let end = (at + draw.below(8)).min(input.len());
        match draw.below(7) {
            0 if at < input.len() => input[at] ^= 1 << draw.below(8),
            1 => drop(input.drain(at..end)),
            2 => input.insert(at, draw.below(256) as u8),
            3 => {
                let piece = PIECES[draw.below(PIECES.len())];
                input.splice(at..end, piece.iter().copied());
            }
            4 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            5 if at < input.len() => input[at] = b'0' + draw.below(10) as u8,
            _ => {
                let other = &others[draw.below(others.len())];
                let from = draw.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
    }
    input.truncate(MAX_LEN);
}

fn run(target: &str, body: fn(&[u8])) {
    let seeds = corpus(target);
    seeds.iter().for_each(|seed| check(target, body, seed));
    let seconds = std::env::var("SCRIP_FUZZ_SECONDS").map_or(2, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut draw = Draw(1);
    while Instant::now() < end {
        for seed in &seeds {
            let mut input = seed.clone();
            mutate(&mut input, &seeds, &mut draw);
            check(target, body, &input);
        }
    }
}

macro_rules! targets {
    ($($name:ident)+) => {$(
        #[test]
        fn $name() {
            run(stringify!($name), bodies::$name);
        }
    )+};
}

targets! { gtin gs1_element digital_link emv_merchant emv_consumer payment_code ocr token vault_open secret_leg scan iso8583 form json pair_key rest_reply rest_callback rest_request rest_terms batch_decode }

#[test]
fn every_target_has_its_program() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap();
    let mut programs: Vec<String> = dir
        .join("fuzz_targets")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().into())
        .collect();
    programs.sort();
    let mut corpora: Vec<String> = dir
        .join("corpus")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    corpora.sort();
    assert_eq!(programs, corpora);
    for program in programs {
        assert!(manifest.contains(&format!("name = \"{program}\"\npath = \"fuzz_targets/{program}.rs\"")));
    }
}
