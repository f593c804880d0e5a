//! Tokens from the issuer's hand to the second attempt to use them.

use super::*;
use crate::base::{Reader, RedemptionId, Secret, Wall, Writer};
use alloc::string::String;
use alloc::vec::Vec;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

const STEP: i64 = 30_000;
const NOW: Wall = Wall(1_700_000_010_000);
const FIRST: RedemptionId = RedemptionId([1; 16]);
const OTHER: RedemptionId = RedemptionId([2; 16]);

fn secret(byte: u8) -> Secret {
    Secret::new([byte; 32].to_vec())
}

fn profile(algorithm: Algorithm) -> Profile {
    Profile::new(algorithm, 30_000, 1, 1).unwrap()
}

fn key(id: u32, material: Secret) -> TokenKey {
    TokenKey { id: TokenKeyId(id), material, from: Wall(0), until: Wall(i64::MAX) }
}

fn hmac(keys: Vec<TokenKey>) -> Verifier {
    Verifier::new(profile(Algorithm::HmacSha256), keys, secret(9)).unwrap()
}

fn body(key: u32, now: Wall) -> Body {
    let step = profile(Algorithm::HmacSha256).step_at(now).unwrap();
    Body { key: TokenKeyId(key), step, nonce: [3; 8], subject: "6222021234567894".into() }
}

fn text(key: u32, now: Wall) -> String {
    body(key, now).with_mac(&secret(key as u8)).unwrap().encode()
}

fn verify(verifier: &Verifier, text: &str, now: Wall) -> Result<u64, TokenError> {
    verifier.verify(text, now).map(|verified| verified.step())
}

#[test]
fn a_token_is_fresh_for_its_step_and_the_skew_each_way() {
    let verifier = hmac([key(1, secret(1))].into());
    let token = text(1, NOW);
    let begins = NOW.0 / STEP * STEP;
    for (at, expected) in [
        (begins - STEP - 1, Err(TokenError::TooEarly { steps: 1 })),
        (begins - STEP, Ok(())),
        (begins, Ok(())),
        (begins + 2 * STEP - 1, Ok(())),
        (begins + 2 * STEP, Err(TokenError::TooOld { steps: 1 })),
        (begins + 12 * STEP, Err(TokenError::TooOld { steps: 11 })),
        (-1, Err(TokenError::Clock)),
    ] {
        assert_eq!(verify(&verifier, &token, Wall(at)).map(|_| ()), expected, "{at}");
    }
}

#[test]
fn what_is_not_genuine_is_refused_before_its_freshness_is_judged() {
    let verifier = hmac([key(1, secret(1)), key(2, secret(2))].into());
    let forged = body(1, NOW).with_mac(&secret(7)).unwrap().encode();
    assert_eq!(verify(&verifier, &forged, NOW), Err(TokenError::Proof));
    assert_eq!(verify(&verifier, &forged, NOW.plus(100 * STEP)), Err(TokenError::Proof));
    assert_eq!(verify(&verifier, &text(3, NOW), NOW), Err(TokenError::UnknownKey(TokenKeyId(3))));
    let long = body(1, NOW).with_proof(&[0; 64]).unwrap().encode();
    assert_eq!(verify(&verifier, &long, NOW), Err(TokenError::Proof));
    let changed = Body { subject: "6222021234567895".into(), ..body(1, NOW) };
    let mac = body(1, NOW).mac(&secret(1)).unwrap();
    let moved = changed.with_proof(&mac).unwrap().encode();
    assert_eq!(verify(&verifier, &moved, NOW), Err(TokenError::Proof));
    for (text, at) in
        [("", 0), ("SCT2.AAAA", 0), ("SCT1.", 5), ("SCT1.A*", 6), ("SCT1.AAAA", 5), ("SCT1.A", 6)]
    {
        assert_eq!(verify(&verifier, text, NOW), Err(TokenError::Malformed { at }), "{text}");
    }
    let code = verifier.verify_code(TokenKeyId(1), &secret(1), "123456", NOW);
    assert_eq!(code, Err(TokenError::OtherKind));
}

#[test]
fn keys_rotate_with_overlap() {
    let change = Wall(NOW.0 / STEP * STEP);
    let old = TokenKey { until: change.plus(2 * STEP), ..key(1, secret(1)) };
    let new = TokenKey { from: change, ..key(2, secret(2)) };
    let verifier = hmac([new, old].into());
    let at = |key: u32, steps: i64| {
        let now = change.plus(steps * STEP);
        verify(&verifier, &text(key, now), now).map(|_| ())
    };
    assert_eq!((at(1, -1), at(2, -1)), (Ok(()), Err(TokenError::KeyNotYet(TokenKeyId(2)))));
    assert_eq!((at(1, 0), at(2, 0)), (Ok(()), Ok(())));
    assert_eq!((at(1, 1), at(2, 1)), (Ok(()), Ok(())));
    assert_eq!((at(1, 2), at(2, 2)), (Err(TokenError::KeyRetired(TokenKeyId(1))), Ok(())));
    // A key that takes over within a step counts for the whole of it.
    let within = TokenKey { from: change.plus(STEP / 2), ..key(3, secret(3)) };
    assert!(verify(&hmac([within].into()), &text(3, change), change).is_ok());
}

#[test]
fn signed_tokens_are_verified_with_the_public_key() {
    let signer = SigningKey::from_bytes(&[5; 32]);
    let public = Secret::new(signer.verifying_key().to_bytes().to_vec());
    let verifier = Verifier::new(profile(Algorithm::Ed25519), [key(1, public)].into(), secret(9)).unwrap();
    let sign = |body: Body| {
        let signature = signer.sign(body.message().unwrap().expose());
        body.with_proof(&signature.to_bytes()).unwrap().encode()
    };
    let token = sign(body(1, NOW));
    assert!(verify(&verifier, &token, NOW).is_ok());
    assert_eq!(verify(&verifier, &text(1, NOW), NOW), Err(TokenError::Proof));
    let other = body(1, NOW.plus(STEP)).with_proof(Token::decode(&token).unwrap().proof()).unwrap();
    assert_eq!(verify(&verifier, &other.encode(), NOW), Err(TokenError::Proof));
    let old = sign(body(1, NOW.plus(-9 * STEP)));
    assert_eq!(verify(&verifier, &old, NOW), Err(TokenError::TooOld { steps: 8 }));
}

#[test]
fn one_time_codes_are_accepted_within_the_skew_and_name_their_step() {
    let totp_profile = profile(Algorithm::Totp { hash: TotpHash::Sha256, digits: 8 });
    let verifier = Verifier::new(totp_profile, [key(1, secret(1))].into(), secret(9)).unwrap();
    let step = totp_profile.step_at(NOW).unwrap();
    let code = |step| String::from_utf8(totp(TotpHash::Sha256, &[1; 32], step, 8).expose().to_vec()).unwrap();
    let check = |code: &str| {
        verifier.verify_code(TokenKeyId(1), &"card".into(), code, NOW).map(|verified| verified.step())
    };
    for accepted in [step - 1, step, step + 1] {
        assert_eq!(check(&code(accepted)), Ok(accepted));
    }
    let spaced = code(step);
    assert_eq!(check(&alloc::format!(" {} {}", &spaced[..4], &spaced[4..])), Ok(step));
    assert_eq!(check(&code(step - 2)), Err(TokenError::Code));
    assert_eq!(check(&code(step + 2)), Err(TokenError::Code));
    for wrong in ["", "1234567", "123456789", "1234567x", "１２３４５６７"] {
        assert_eq!(check(wrong), Err(TokenError::Digits { expected: 8 }), "{wrong}");
    }
    let unknown = verifier.verify_code(TokenKeyId(2), &"card".into(), &code(step), NOW);
    assert_eq!(unknown, Err(TokenError::UnknownKey(TokenKeyId(2))));
    assert_eq!(verify(&verifier, &text(1, NOW), NOW), Err(TokenError::OtherKind));
}

#[test]
fn a_token_is_used_once_and_its_redemption_may_resume() {
    let verifier = hmac([key(1, secret(1))].into());
    let verified = verifier.verify(&text(1, NOW), NOW).unwrap();
    let mut guard = Guard::new(verifier.profile(), 10);
    let used = Use { step: verified.step(), claim: verified.claim(), redemption: FIRST };
    assert_eq!(guard.spend(&verified, FIRST, NOW), Ok(Spent::First(used)));
    assert_eq!(guard.spend(&verified, FIRST, NOW), Ok(Spent::Resumed(used)));
    assert_eq!(guard.spend(&verified, OTHER, NOW), Err(TokenError::Replayed));
    let mut restarted = Guard::decode(&guard.encode(), verifier.profile(), 10).unwrap();
    assert_eq!(restarted.spend(&verified, OTHER, NOW), Err(TokenError::Replayed));
    assert_eq!(restarted.spend(&verified, FIRST, NOW), Ok(Spent::Resumed(used)));
    let mut replayed = Guard::new(verifier.profile(), 10);
    replayed.remember(used).unwrap();
    assert_eq!(replayed.spend(&verified, OTHER, NOW), Err(TokenError::Replayed));
    assert_eq!(replayed.remember(Use { redemption: OTHER, ..used }), Err(TokenError::Replayed));
}

#[test]
fn a_second_proof_for_a_token_does_not_make_a_second_token() {
    let verifier = hmac([key(1, secret(1))].into());
    let same = verifier.verify(&text(1, NOW), NOW).unwrap();
    assert_eq!(verifier.verify(&text(1, NOW), NOW).unwrap().claim(), same.claim());
    let other = Body { nonce: [4; 8], ..body(1, NOW) }.with_mac(&secret(1)).unwrap();
    assert_ne!(verifier.verify(&other.encode(), NOW).unwrap().claim(), same.claim());
}

#[test]
fn a_closed_step_never_opens_again() {
    let verifier = hmac([key(1, secret(1))].into());
    let verified = verifier.verify(&text(1, NOW), NOW).unwrap();
    let mut guard = Guard::new(verifier.profile(), 10);
    guard.spend(&verified, FIRST, NOW).unwrap();
    guard.advance(NOW.plus(2 * STEP)).unwrap();
    assert!(guard.is_empty());
    // The clock goes back: fresh by the clock, but what was used then is forgotten.
    assert!(verifier.verify(&text(1, NOW), NOW).is_ok());
    assert_eq!(guard.spend(&verified, OTHER, NOW), Err(TokenError::Closed));
    let mut restarted = Guard::decode(&guard.encode(), verifier.profile(), 10).unwrap();
    assert_eq!(restarted.spend(&verified, OTHER, NOW), Err(TokenError::Closed));
    let late = Use { step: verified.step(), claim: verified.claim(), redemption: FIRST };
    assert_eq!((guard.remember(late), guard.is_empty()), (Ok(()), true));
}

#[test]
fn a_full_guard_refuses_and_forgets_nothing() {
    let verifier = hmac([key(1, secret(1))].into());
    let token = |nonce: u8, now| {
        let body = Body { nonce: [nonce; 8], ..body(1, now) };
        verifier.verify(&body.with_mac(&secret(1)).unwrap().encode(), now).unwrap()
    };
    let mut guard = Guard::new(verifier.profile(), 2);
    for nonce in [1, 2] {
        assert!(matches!(guard.spend(&token(nonce, NOW), FIRST, NOW), Ok(Spent::First(_))));
    }
    assert_eq!(guard.spend(&token(3, NOW), FIRST, NOW), Err(TokenError::Full));
    assert_eq!(guard.spend(&token(1, NOW), OTHER, NOW), Err(TokenError::Replayed));
    let later = NOW.plus(2 * STEP);
    assert!(matches!(guard.spend(&token(3, later), FIRST, later), Ok(Spent::First(_))));
}

#[test]
fn the_state_of_a_guard_has_one_form() {
    let guard = Guard::new(&profile(Algorithm::HmacSha256), 4);
    assert_eq!(guard.encode(), b"\x01\x30\x75\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let with = |uses: &[(u64, u8)]| {
        let mut bytes = Vec::new();
        let mut out = Writer::new(&mut bytes);
        out.u8(1).u32(30_000).u64(5).u32(uses.len() as u32);
        for (step, claim) in uses {
            Use { step: *step, claim: crate::base::Key16([*claim; 16]), redemption: FIRST }.encode(&mut out);
        }
        bytes
    };
    let read =
        |bytes: &[u8]| Guard::decode(bytes, &profile(Algorithm::HmacSha256), 4).map(|guard| guard.len());
    assert_eq!(read(&with(&[(5, 1), (5, 2), (6, 1)])), Ok(3));
    assert_eq!(read(&with(&[(6, 1), (5, 1)])), Err(TokenError::State { at: 57 }));
    assert_eq!(read(&with(&[(5, 1), (5, 1)])), Err(TokenError::State { at: 57 }));
    assert_eq!(read(&with(&[(4, 1)])), Err(TokenError::State { at: 17 }));
    assert_eq!(read(&[&with(&[(5, 1)])[..], b"x"].concat()), Err(TokenError::State { at: 13 }));
    assert_eq!(read(b"\x02"), Err(TokenError::State { at: 0 }));
    let minute = Profile::new(Algorithm::HmacSha256, 60_000, 1, 1).unwrap();
    assert_eq!(Guard::decode(&guard.encode(), &minute, 4), Err(TokenError::OtherProfile));
}

#[test]
fn what_no_token_could_meet_is_no_profile_and_what_cannot_verify_is_no_key() {
    for (algorithm, step_ms, back) in [
        (Algorithm::HmacSha256, 999, 1),
        (Algorithm::HmacSha256, 86_400_001, 1),
        (Algorithm::HmacSha256, 30_000, 11),
        (Algorithm::Totp { hash: TotpHash::Sha1, digits: 5 }, 30_000, 1),
        (Algorithm::Totp { hash: TotpHash::Sha1, digits: 9 }, 30_000, 1),
    ] {
        assert!(matches!(Profile::new(algorithm, step_ms, back, 0), Err(TokenError::Profile(_))));
    }
    let refused =
        |algorithm, keys, pepper| Verifier::new(profile(algorithm), keys, pepper).map(|_| ()).unwrap_err();
    let one = TokenKeyId(1);
    let short = [key(1, Secret::new([1; 31].to_vec()))];
    assert_eq!(refused(Algorithm::HmacSha256, short.into(), secret(9)), TokenError::Key(one));
    // The neutral point: anybody could sign under it.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = [key(1, Secret::new(neutral.to_vec()))];
    assert_eq!(refused(Algorithm::Ed25519, weak.into(), secret(9)), TokenError::Key(one));
    let empty = [TokenKey { until: Wall(0), ..key(1, secret(1)) }];
    assert_eq!(refused(Algorithm::HmacSha256, empty.into(), secret(9)), TokenError::Key(one));
    let twice = [key(1, secret(1)), key(1, secret(2))];
    assert_eq!(refused(Algorithm::HmacSha256, twice.into(), secret(9)), TokenError::DuplicateKey(one));
    let pepper = Secret::new([9; 31].to_vec());
    assert_eq!(refused(Algorithm::HmacSha256, Vec::new(), pepper), TokenError::Pepper { len: 31 });
}

#[test]
fn subjects_codes_and_proofs_do_not_show() {
    let verifier = hmac([key(1, secret(1))].into());
    let token = Token::decode(&text(1, NOW)).unwrap();
    let verified = verifier.verify(&text(1, NOW), NOW).unwrap();
    let shown = alloc::format!("{token:?} {verified:?} {verifier:?} {:?}", token.body());
    assert!(!shown.contains("6222") && !shown.contains("54, 50, 50"), "{shown}");
    assert!(!shown.contains("1, 1, 1"), "{shown}");
}

#[test]
fn a_use_has_a_key_under_every_pepper() {
    let of = |peppers: &[u8]| {
        let peppers = peppers.iter().map(|byte| secret(*byte)).collect();
        let profile = profile(Algorithm::HmacSha256);
        let verifier = Verifier::with_peppers(profile, [key(1, secret(1))].into(), peppers)?;
        Ok::<_, TokenError>(verifier.verify(&text(1, NOW), NOW)?.claims().to_vec())
    };
    let (old, both) = (of(&[9]).unwrap(), of(&[9, 8]).unwrap());
    assert_eq!((old.len(), both.len(), both[0]), (1, 2, old[0]));
    assert_ne!(both[0], both[1]);
    assert_eq!(of(&[]), Err(TokenError::Pepper { len: 0 }));
}

#[test]
fn it_is_told_when_a_token_becomes_too_old() {
    let verifier = hmac([key(1, secret(1))].into());
    let until = verifier.verify(&text(1, NOW), NOW).unwrap().until();
    assert!(verify(&verifier, &text(1, NOW), until.plus(-1)).is_ok());
    assert_eq!(verify(&verifier, &text(1, NOW), until), Err(TokenError::TooOld { steps: 1 }));
}

#[test]
fn the_codes_of_cards_follow_from_one_key_to_the_next() {
    let hash = TotpHash::Sha1;
    let profile = profile(Algorithm::Totp { hash, digits: 6 });
    let old = TokenKey { until: NOW, ..key(1, secret(1)) };
    let new = TokenKey { from: NOW.plus(-10 * STEP), ..key(2, secret(2)) };
    let verifier = Verifier::new(profile, [old, new].into(), secret(9)).unwrap();
    let card = Secret::from("6222021234567894");
    let code = |byte: u8, card: &Secret, at: Wall| {
        let code = totp(hash, card_code_key(&secret(byte), card).expose(), profile.step_at(at).unwrap(), 6);
        String::from_utf8(code.expose().to_vec()).unwrap()
    };
    let found = |code: &str, at: Wall| verifier.verify_card_code(&card, code, at).map(|found| found.key().0);
    let before = NOW.plus(-5 * STEP);
    assert_eq!(
        (found(&code(1, &card, before), before), found(&code(2, &card, before), before)),
        (Ok(1), Ok(2))
    );
    let after = NOW.plus(5 * STEP);
    assert_eq!(found(&code(1, &card, after), after), Err(TokenError::KeyRetired(TokenKeyId(1))));
    assert_eq!(found(&code(2, &card, after), after), Ok(2));
    let other = Secret::from("6222021234567895");
    assert_eq!(found(&code(2, &other, after), after), Err(TokenError::Code));
    assert_eq!(verifier.check_shape("12345"), Err(TokenError::Digits { expected: 6 }));
    assert_eq!(verifier.check_shape("１２３ 456"), Ok(()));
}

#[test]
fn sellers_are_told_to_scan_again_or_no_more_than_no() {
    let again = [
        TokenError::TooOld { steps: 9 },
        TokenError::TooEarly { steps: 9 },
        TokenError::KeyNotYet(TokenKeyId(9)),
        TokenError::KeyRetired(TokenKeyId(9)),
        TokenError::Replayed,
        TokenError::Closed,
    ];
    for error in again {
        assert_eq!(TokenError::public_reason(error.reason()), Some("token_scan_again"));
    }
    let forged = [
        TokenError::Proof,
        TokenError::UnknownKey(TokenKeyId(9)),
        TokenError::Code,
        TokenError::OtherProduct,
        TokenError::OtherCard,
    ];
    for error in forged {
        assert_eq!(TokenError::public_reason(error.reason()), Some("token_refused"));
    }
    assert_eq!(TokenError::public_reason("already_sold"), None);
}

proptest! {
    #[test]
    fn a_token_reads_back_from_its_text(
        id in any::<u32>(),
        step in any::<u64>(),
        nonce in any::<[u8; 8]>(),
        subject in prop::collection::vec(any::<u8>(), 1..=64),
        signed in any::<bool>(),
        fill in any::<u8>(),
    ) {
        let body = Body { key: TokenKeyId(id), step, nonce, subject: Secret::new(subject) };
        let proof = alloc::vec![fill; if signed { 64 } else { 32 }];
        let token = body.with_proof(&proof).unwrap();
        prop_assert_eq!(Token::decode(&token.encode()), Ok(token));
    }

    #[test]
    fn a_text_that_is_a_token_is_its_only_form(text in "(SCT1\\.)?[0-9A-Za-z_-]{60,120}") {
        if let Ok(token) = Token::decode(&text) {
            prop_assert_eq!(token.encode(), text);
        }
    }

    #[test]
    fn no_text_panics_or_verifies(text in "(SCT1\\.)?\\PC{0,80}", now in any::<i64>()) {
        let verifier = hmac([key(1, secret(1))].into());
        prop_assert!(verifier.verify(&text, Wall(now)).is_err());
        let codes = Algorithm::Totp { hash: TotpHash::Sha1, digits: 6 };
        let codes = Verifier::new(profile(codes), [key(1, secret(1))].into(), secret(9)).unwrap();
        let _ = codes.verify_code(TokenKeyId(1), &secret(1), &text, Wall(now));
    }

    #[test]
    fn any_changed_character_of_a_token_is_seen(at in 5_usize..98, with in 0_usize..64) {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let verifier = hmac([key(1, secret(1))].into());
        let token = text(1, NOW);
        let mut bytes = token.clone().into_bytes();
        let at = at.min(bytes.len() - 1);
        bytes[at] = LETTERS[with];
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(verifier.verify(&changed, NOW).is_ok(), changed == token);
    }

    #[test]
    fn a_guard_agrees_with_a_memory_without_bounds(
        uses in prop::collection::vec((0_i64..12, 0_u8..4, 0_u8..3, -2_i64..3), 0..60),
    ) {
        // Uses at times that go forth and back; the model remembers everything for ever.
        let verifier = hmac([key(1, secret(1))].into());
        let mut guard = Guard::new(verifier.profile(), 1_000);
        let mut model: Vec<(crate::base::Key16, RedemptionId)> = Vec::new();
        for (step, nonce, who, off) in uses {
            let now = NOW.plus(step * STEP);
            let body = Body { nonce: [nonce; 8], ..body(1, now.plus(off * STEP)) };
            let Ok(token) = verifier.verify(&body.with_mac(&secret(1)).unwrap().encode(), now) else { continue };
            let redemption = RedemptionId([who; 16]);
            let before = model.iter().find(|(claim, _)| *claim == token.claim()).map(|(_, holder)| *holder);
            match guard.spend(&token, redemption, now) {
                Ok(Spent::First(used)) => {
                    prop_assert_eq!(before, None);
                    model.push((used.claim, redemption));
                }
                Ok(Spent::Resumed(_)) => prop_assert_eq!(before, Some(redemption)),
                Err(TokenError::Replayed) => prop_assert!(before.is_some_and(|holder| holder != redemption)),
                Err(error) => prop_assert_eq!(error, TokenError::Closed),
            }
            let read = Guard::decode(&guard.encode(), verifier.profile(), 1_000);
            prop_assert_eq!(read.as_ref(), Ok(&guard));
        }
    }

    #[test]
    fn bytes_that_are_a_state_are_its_only_form(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        if let Ok(guard) = Guard::decode(&bytes, &profile(Algorithm::HmacSha256), 4) {
            prop_assert_eq!(guard.encode(), bytes);
        }
    }

    #[test]
    fn a_use_reads_back(step in any::<u64>(), claim in any::<[u8; 16]>(), redemption in any::<[u8; 16]>()) {
        let used = Use { step, claim: crate::base::Key16(claim), redemption: RedemptionId(redemption) };
        let mut bytes = Vec::new();
        used.encode(&mut Writer::new(&mut bytes));
        prop_assert_eq!(bytes.len(), Use::LEN);
        prop_assert_eq!(Use::decode(&mut Reader::new(&bytes)), Ok(used));
    }
}
