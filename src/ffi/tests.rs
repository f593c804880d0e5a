//! The boundary from this side. What a C program sees is tried in `examples/c/tests.c`.

use super::engine::*;
use super::memory::{End, Struct, fill};
use super::opening::Opening;
use super::output::{SCRIP_NONE, ScripOutput};
use super::request::*;
use super::running::Running;
use super::status::*;
use crate::adapters::config;
use crate::base::{Mono, Now, Wall};
use crate::engine::Request;
use crate::money::{Amount, Currency};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr;
use proptest::prelude::*;

const CONFIG: &str = include_str!("../../examples/c/till.toml");

fn opening() -> Opening {
    Opening::new(config::setup(CONFIG).unwrap())
}

fn started() -> Running {
    opening().start(1, [7; 32]).unwrap().0
}

fn request(id: &str) -> Request {
    let face = Amount::new(10_000, Currency::CNY);
    Request::new(id, "seller-7", "gift-card").number("2326000012345678").secret("739164").face(face)
}

fn bytes_of(output: &ScripOutput) -> Vec<u8> {
    // SAFETY: the output was handed out a moment ago and nothing was polled or answered since.
    unsafe { core::slice::from_raw_parts(output.bytes, output.bytes_len) }.to_vec()
}

/// The frames of a log with three batches.
fn frames() -> Vec<Vec<u8>> {
    let mut running = started();
    let mut frames = Vec::new();
    for i in 0..3 {
        running.engine.submit(&request(&alloc::format!("R-{i}"))).unwrap();
        let mut output = running.poll(Now::default());
        while output.kind != super::output::SCRIP_COMMIT {
            output = running.poll(Now::default());
        }
        frames.push(bytes_of(&output));
        running.committed(output.token).unwrap();
    }
    frames
}

#[test]
fn frames_are_taken_up_to_the_first_that_is_not_whole() {
    let frames = frames();
    let log = frames.concat();
    let ends = [0, frames[0].len(), frames[0].len() + frames[1].len(), log.len()];
    for cut in 0..=log.len() {
        let (taken, result) = opening().restore(&log[..cut]);
        assert_eq!(taken, *ends.iter().rev().find(|end| **end <= cut).unwrap());
        assert_eq!(result.err().map(|failure| failure.code.number()), (taken != cut).then_some(SCRIP_TORN));
    }
}

#[test]
fn a_flipped_bit_is_damage_where_frames_follow_and_a_torn_tail_where_none_does() {
    let frames = frames();
    let log = frames.concat();
    let second = frames[0].len()..frames[0].len() + frames[1].len();
    for at in (second.start..log.len()).step_by(13) {
        let mut bad = log.clone();
        bad[at] ^= 4;
        let mut opening = opening();
        let (taken, result) = opening.restore(&bad);
        let code = result.unwrap_err().code.number();
        let follows = second.contains(&at);
        assert_eq!(taken, if follows { second.start } else { second.end }, "byte {at}");
        // The format version stands in bytes 8 and 9: a newer one is never cut off.
        let version = [second.start, second.end].iter().any(|start| (8..10).contains(&(at - start.min(&at))));
        assert_eq!(code, if follows || version { SCRIP_DAMAGED } else { SCRIP_TORN }, "byte {at}");
        assert_eq!(opening.check(9).is_ok(), code == SCRIP_TORN);
    }
}

#[test]
fn a_missing_frame_is_damage() {
    let frames = frames();
    let (taken, result) = opening().restore(&[&frames[0][..], &frames[2]].concat());
    assert_eq!((taken, result.unwrap_err().code.number()), (frames[0].len(), SCRIP_DAMAGED));
}

#[test]
fn what_is_restored_equals_what_was_in_memory() {
    let mut running = started();
    running.engine.submit(&request("R-0")).unwrap();
    let output = running.poll(Now::default());
    let frame = bytes_of(&output);
    running.committed(output.token).unwrap();
    running.poll(Now::default());
    let mut opening = opening();
    assert_eq!(opening.restore(&frame), (frame.len(), Ok(())));
    assert_eq!(opening.recovery().audit(), running.engine.audit());
    let rows = |index: &crate::record::Index| -> Vec<_> {
        index.rows().map(|(id, row)| (*id, row.log.clone(), row.summary.clone())).collect()
    };
    assert_eq!(rows(opening.index()), rows(running.index()));
    assert!(!rows(opening.index()).is_empty());
}

#[test]
fn nothing_is_due_for_ever_without_redemptions() {
    let mut running = started();
    let output = running.poll(Now { mono: Mono(5), wall: Wall(5) });
    assert_eq!((output.kind, output.due_ms), (SCRIP_NONE, i64::MAX));
}

#[test]
fn structs_need_no_alignment_and_are_written_as_far_as_both_sides_know_them() {
    let size = size_of::<ScripError>();
    let mut room = alloc::vec![0xee_u8; size + 9];
    room[1..5].copy_from_slice(&(u32::try_from(size).unwrap() + 4).to_le_bytes());
    // SAFETY: from its second byte on the room is as large as the size there tells.
    let place = unsafe { Struct::at(room[1..].as_mut_ptr().cast::<ScripError>(), "error") };
    place.unwrap().put(&ScripError { struct_size: 1, code: 2, advice: 3, detail: [4; 160] });
    assert_eq!(room[5..9], [2, 0, 0, 0]);
    assert_eq!(room[13..size + 1], [4; 160]);
    assert_eq!((room[0], &room[size + 1..]), (0xee, &[0xee; 8][..]));
}

#[test]
fn a_buffer_is_filled_with_a_nul_or_not_at_all() {
    let mut buffer = [9_u8; 4];
    let mut len = 0;
    let mut at = |capacity, content: &[u8]| {
        // SAFETY: the buffer has room for 4 bytes, and no test says more.
        let result = unsafe { fill(content, End::Nul, buffer.as_mut_ptr(), capacity, &raw mut len) };
        (result.is_ok(), buffer, len)
    };
    assert_eq!(at(3, b"abc"), (false, [9; 4], 3));
    assert_eq!(at(4, b"abc"), (true, *b"abc\0", 3));
    assert_eq!(at(0, b""), (false, *b"abc\0", 0));
    assert_eq!(at(1, b""), (true, *b"\0bc\0", 0));
}

#[test]
fn a_request_carries_what_its_setters_were_given() {
    let raw = scrip_request_new();
    let set = |field, text: &str| {
        // SAFETY: the request lives until it is freed below, and the text is one.
        unsafe { scrip_request_set_text(raw, field, text.as_ptr(), text.len(), ptr::null_mut()) }
    };
    for (field, text) in
        (SCRIP_FIELD_CALLER..=SCRIP_FIELD_TOKEN).zip(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"])
    {
        assert_eq!(set(field, text), SCRIP_OK);
    }
    assert_eq!(set(SCRIP_FIELD_IP, ""), SCRIP_OK);
    // SAFETY: as above.
    let others = unsafe {
        [
            scrip_request_set_face(raw, 10, 156, ptr::null_mut()),
            scrip_request_set_received_at(raw, 11, ptr::null_mut()),
            scrip_request_set_place(raw, 12, -13, ptr::null_mut()),
            scrip_request_set_generation(raw, 14, ptr::null_mut()),
        ]
    };
    assert_eq!(others, [SCRIP_OK; 4]);
    // SAFETY: the request was made above and is not freed yet.
    let handle = unsafe { &*raw };
    let made = handle.0.shared(|fields| Ok(fields.request())).unwrap();
    let by_hand = Request::new("b", "c", "d").caller("a").number("e").secret("f").channel("g").device("h");
    let by_hand = by_hand.token("j");
    let by_hand =
        by_hand.face(Amount::new(10, Currency::CNY)).received_at(Wall(11)).place(12, -13).generation(14);
    assert_eq!(alloc::format!("{made:?}"), alloc::format!("{by_hand:?}"));
    // `Debug` masks the rest.
    let masked = handle.0.shared(|fields| Ok(fields.request().redemption())).unwrap();
    assert_eq!(masked, by_hand.redemption());
    // SAFETY: it is not used any more.
    unsafe { scrip_request_free(raw) };
}

#[test]
fn the_statuses_of_scan_vault_and_token_are_the_rooms_own_numbers() {
    use super::scan as s;
    use super::token as t;
    use super::vault as v;
    use crate::base::Text;
    use crate::card::scan::{Kind, ScanError};
    use crate::card::token::{TokenError as E, TokenKeyId};
    use crate::card::{CardError, CardFault, Catalogue, Field, Problem};
    use crate::vault::{KeyId, VaultError};

    let (id, gift) = (TokenKeyId(1), Text::new("gift").unwrap());
    let card = CardError { field: Field::CardNumber, problem: Problem::Missing, expected: "".into() };
    let rooms = [
        (CardFault::from(Catalogue::parse("").unwrap_err()).code(), s::SCRIP_BAD_CATALOGUE),
        (ScanError::Empty.code(), s::SCRIP_SCAN_EMPTY),
        (ScanError::TooLong.code(), s::SCRIP_SCAN_TOO_LONG),
        (ScanError::UnknownProduct(gift.clone()).code(), s::SCRIP_SCAN_UNKNOWN_PRODUCT),
        (
            ScanError::Contradiction { declared: gift.clone(), found: Kind::Gs1, product: None }.code(),
            s::SCRIP_SCAN_CONTRADICTION,
        ),
        (ScanError::Card { declared: gift, error: card }.code(), s::SCRIP_SCAN_NO_CARD),
        (ScanError::Pair.code(), s::SCRIP_SCAN_NO_GTIN),
        (VaultError::Malformed.code(), v::SCRIP_VAULT_MALFORMED),
        (VaultError::UnknownKey(KeyId(1)).code(), v::SCRIP_VAULT_UNKNOWN_KEY),
        (VaultError::Unopened.code(), v::SCRIP_VAULT_UNOPENED),
        (E::Malformed { at: 0 }.code(), t::SCRIP_TOKEN_MALFORMED),
        (E::Profile("").code(), t::SCRIP_TOKEN_PROFILE),
        (E::Key(id).code(), t::SCRIP_TOKEN_KEY),
        (E::DuplicateKey(id).code(), t::SCRIP_TOKEN_DUPLICATE_KEY),
        (E::OtherKind.code(), t::SCRIP_TOKEN_OTHER_KIND),
        (E::UnknownKey(id).code(), t::SCRIP_TOKEN_UNKNOWN_KEY),
        (E::Proof.code(), t::SCRIP_TOKEN_PROOF),
        (E::Digits { expected: 6 }.code(), t::SCRIP_TOKEN_DIGITS),
        (E::Code.code(), t::SCRIP_TOKEN_CODE),
        (E::Clock.code(), t::SCRIP_TOKEN_CLOCK),
        (E::TooOld { steps: 1 }.code(), t::SCRIP_TOKEN_TOO_OLD),
        (E::TooEarly { steps: 1 }.code(), t::SCRIP_TOKEN_TOO_EARLY),
        (E::KeyNotYet(id).code(), t::SCRIP_TOKEN_KEY_NOT_YET),
        (E::KeyRetired(id).code(), t::SCRIP_TOKEN_KEY_RETIRED),
        (E::Replayed.code(), t::SCRIP_TOKEN_REPLAYED),
        (E::Closed.code(), t::SCRIP_TOKEN_CLOSED),
        (E::Full.code(), t::SCRIP_TOKEN_FULL),
        (E::State { at: 0 }.code(), t::SCRIP_TOKEN_STATE),
        (E::OtherProfile.code(), t::SCRIP_TOKEN_OTHER_PROFILE),
        (E::OtherProduct.code(), t::SCRIP_TOKEN_OTHER_PRODUCT),
        (E::OtherCard.code(), t::SCRIP_TOKEN_OTHER_CARD),
    ];
    for (code, status) in rooms {
        assert_eq!(code.number(), status);
    }
}

#[test]
fn an_engine_goes_from_thread_to_thread() {
    struct Sent(*mut ScripEngine);
    // SAFETY: the engine is `Send`, as engine.rs asserts, and only one thread has it at a time.
    unsafe impl Send for Sent {}
    let mut engine = ptr::null_mut();
    // SAFETY: the text and the place are there.
    let made = unsafe { scrip_engine_new(CONFIG.as_ptr(), CONFIG.len(), &raw mut engine, ptr::null_mut()) };
    assert_eq!(made, SCRIP_OK);
    let sent = Box::new(Sent(engine));
    let started = std::thread::spawn(move || {
        let Sent(engine) = *sent;
        let seed = [1_u8; 32];
        // SAFETY: the engine was made above, is used by this thread alone, and is freed last.
        unsafe {
            let status = scrip_engine_start(engine, 1, seed.as_ptr(), ptr::null_mut(), ptr::null_mut());
            scrip_engine_free(engine);
            status
        }
    });
    assert_eq!(started.join().unwrap(), SCRIP_OK);
}

proptest! {
    #[test]
    fn no_bytes_make_restoring_panic(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut opening = opening();
        let (taken, _) = opening.restore(&noise);
        prop_assert_eq!(taken, 0);
        let _ = opening.restore_sides(&noise);
    }
}
