//! What it costs to read a card, to seal its secret and to check a token. `README.md` beside this
//! file keeps figures.
#![expect(missing_docs, reason = "criterion_group! writes a public function")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use scrip::base::{Key16, RedemptionId, Secret, Wall};
use scrip::card::Catalogue;
use scrip::card::scan::{Scan, scan};
use scrip::card::token::{Algorithm, Body, Guard, Profile, TokenKey, TokenKeyId, Use, Verifier};
use scrip::codec::gs1::{DigitalLink, ElementString};
use scrip::vault::{Context, Entropy, KeyId, KeyRing, PepperVersion, Purpose};
use std::hint::black_box;

fn gs1(c: &mut Criterion) {
    let mut group = c.benchmark_group("gs1");
    for (name, text) in [
        ("bracketed", "(01)09521234543213(21)ABC123(17)261231"),
        ("scanned", "]d2010952123454321321ABC123\u{1d}17261231"),
    ] {
        group.bench_function(name, |b| b.iter(|| ElementString::parse(black_box(text)).map(|all| all.len())));
    }
    let uri = "https://id.gs1.org/01/09521234543213/21/ABC123?17=261231";
    group.bench_function("digital_link", |b| {
        b.iter(|| DigitalLink::parse(black_box(uri)).map(|link| link.elements().len()));
    });
    group.finish();
}

fn mixed(c: &mut Criterion) {
    let catalogue = Catalogue::parse(include_str!("../examples/data/catalogue.toml")).expect("it is shipped");
    let batch = [
        Scan::barcode("]d2010952123454321321ABC123\u{1d}17261231"),
        Scan::barcode("]E06291041500213"),
        Scan::qr("https://id.gs1.org/01/09521234543213/21/ABC123"),
        Scan::qr("134567890123456789"),
        Scan::typed("6222 0212 3456 7894, 123456"),
        Scan::typed("卡号:2326123412341234 卡密:123456"),
        Scan::typed("abcd-efgh-jklm-npqr"),
        Scan::typed("2326123412341234 123456").declared("walmart-gift"),
        Scan::ocr("No. 6222 O2l2 3456 7B94\nPIN: l23456"),
        Scan::typed("hello there"),
    ];
    let mut group = c.benchmark_group("scan");
    group.throughput(Throughput::Elements(batch.len() as u64));
    group.bench_function("mixed_batch_of_10", |b| {
        b.iter(|| {
            let found = |asked| scan(black_box(asked), &catalogue).map_or(0, |found| found.len());
            batch.iter().map(found).sum::<usize>()
        });
    });
    group.finish();
}

fn vault(c: &mut Criterion) {
    let secret = |byte| Secret::new(vec![byte; 32]);
    let ring = KeyRing::new(vec![(KeyId(1), secret(1))], vec![(PepperVersion(1), secret(2))]);
    let ring = ring.expect("keys of 32 bytes");
    let context = Context { purpose: Purpose::Card, redemption: RedemptionId([5; 16]), bound: &[7; 16] };
    let mut entropy = Entropy::new([3; 32]);
    let mut group = c.benchmark_group("vault");
    for len in [32, 256] {
        let plain = vec![8; len];
        let nonce = entropy.bytes();
        group.bench_function(format!("seal_{len}"), |b| {
            b.iter(|| ring.seal(&context, black_box(&plain), nonce));
        });
        let sealed = ring.seal(&context, &plain, nonce).expect("short enough");
        group.bench_function(format!("open_{len}"), |b| b.iter(|| ring.open(&context, black_box(&sealed))));
    }
    group.bench_function("nonce", |b| b.iter(|| entropy.bytes::<24>()));
    group.finish();
}

/// AES-256-GCM of `ring` in the same run: one key for all messages, and a fresh key for each as
/// the vault derives one.
fn beside(c: &mut Criterion) {
    let key =
        || LessSafeKey::new(UnboundKey::new(&AES_256_GCM, black_box(&[1; 32])).expect("a key of 32 bytes"));
    let seal = |key: &LessSafeKey, mut text: Vec<u8>| {
        let nonce = Nonce::assume_unique_for_key([2; 12]);
        key.seal_in_place_append_tag(nonce, Aad::from([7; 40]), &mut text).map(|()| text)
    };
    let kept = key();
    let mut group = c.benchmark_group("ring");
    let plain = || {
        let mut text = Vec::with_capacity(48);
        text.extend_from_slice(&[8; 32]);
        text
    };
    group.bench_function("seal_32_key_kept", |b| b.iter(|| seal(&kept, black_box(plain()))));
    group.bench_function("seal_32_fresh_key", |b| b.iter(|| seal(&key(), black_box(plain()))));
    group.finish();
}

const LIVE: u64 = 1_000_000;

fn tokens(c: &mut Criterion) {
    let profile = Profile::new(Algorithm::HmacSha256, 30_000, 1, 1).expect("a profile");
    let secret = Secret::new(vec![1; 32]);
    let key = TokenKey { id: TokenKeyId(1), material: secret.clone(), from: Wall(0), until: Wall(i64::MAX) };
    let verifier = Verifier::new(profile, vec![key], Secret::new(vec![9; 32])).expect("a key");
    let now = Wall(1_700_000_010_000);
    let step = profile.step_at(now).expect("after 1970");
    let text = |nonce: u64| {
        let subject = Secret::from("6222021234567894");
        let body = Body { key: TokenKeyId(1), step, nonce: nonce.to_le_bytes(), subject };
        body.with_mac(&secret).expect("a short subject").encode()
    };
    let texts: Vec<String> = (0..4_096).map(text).collect();
    let mut guard = Guard::new(&profile, usize::MAX);
    let mut entropy = Entropy::new([4; 32]);
    for _ in texts.len() as u64..LIVE {
        let used = Use { step, claim: Key16(entropy.bytes()), redemption: RedemptionId([1; 16]) };
        guard.remember(used).expect("there is room");
    }
    let mine = RedemptionId([2; 16]);
    for text in &texts {
        guard.spend(&verifier.verify(text, now).expect("genuine"), mine, now).expect("not used");
    }
    // Each time another token, so that the way to it through the guard is not in the cache.
    let mut turn = texts.iter().cycle();
    let mut group = c.benchmark_group("token");
    group.bench_function("verify", |b| b.iter(|| verifier.verify(black_box(&texts[0]), now)));
    group.bench_function("verify_and_spend_with_1M_live", |b| {
        b.iter(|| {
            let text = turn.next().expect("a cycle has no end");
            let verified = verifier.verify(black_box(text), now).expect("genuine");
            guard.spend(&verified, mine, now)
        });
    });
    group.sample_size(10);
    group.bench_function("encode_guard_of_1M", |b| {
        b.iter_batched(|| (), |()| guard.encode(), BatchSize::PerIteration)
    });
    group.finish();
}

criterion_group!(cards, gs1, mixed, vault, beside, tokens);
criterion_main!(cards);
