//! What could be done to a sealed secret on its way or in its place, in the manner of Project
//! Wycheproof: each case must be refused, with the error that its kind has.

use super::*;
use crate::base::{RedemptionId, Secret};
use alloc::vec::Vec;

const PLAIN: &[u8] = b"ABCDEFGHJKLMNPQR";

const PURPOSES: [Purpose; 6] = [
    Purpose::Card,
    Purpose::Personal,
    Purpose::TerminalToCore,
    Purpose::CoreToIssuer,
    Purpose::IssuerToCore,
    Purpose::CoreToTerminal,
];

fn ring(keys: &[(u16, u8)]) -> KeyRing {
    let key = |(id, byte): &(u16, u8)| (KeyId(*id), Secret::new([*byte; 32].to_vec()));
    let pepper = (PepperVersion(1), Secret::new([9; 32].to_vec()));
    KeyRing::new(keys.iter().map(key).collect(), [pepper].into()).unwrap()
}

fn place(purpose: Purpose, redemption: u8) -> Context<'static> {
    Context { purpose, redemption: RedemptionId([redemption; 16]), bound: b"walmart 2326123412341234" }
}

fn sealed(at: &Context<'_>, plain: &[u8], nonce: u8) -> Vec<u8> {
    ring(&[(1, 1)]).seal(at, plain, [nonce; 24]).unwrap()
}

fn opened(at: &Context<'_>, bytes: &[u8]) -> Result<Secret, VaultError> {
    ring(&[(1, 1)]).open(at, bytes)
}

const SHORT: Result<Secret, VaultError> = Err(VaultError::Malformed);
const REFUSED: Result<Secret, VaultError> = Err(VaultError::Unopened);

#[test]
fn truncated_at_every_length_from_either_end() {
    let at = place(Purpose::Card, 5);
    for plain in [PLAIN, b"1", b""] {
        let whole = sealed(&at, plain, 1);
        assert_eq!(opened(&at, &whole).unwrap().expose(), plain);
        for len in 0..whole.len() {
            let expected = if len < SEALED_OVERHEAD { SHORT } else { REFUSED };
            assert_eq!(opened(&at, &whole[..len]), expected, "the first {len} bytes");
            assert!(opened(&at, &whole[whole.len() - len..]).is_err(), "the last {len} bytes");
        }
    }
}

#[test]
fn extended_at_either_end_and_in_the_middle() {
    let at = place(Purpose::Card, 5);
    let whole = sealed(&at, PLAIN, 1);
    for byte in [0, 1, 0xff] {
        for place in 0..=whole.len() {
            let mut longer = whole.clone();
            longer.insert(place, byte);
            // One more of the byte that stands there already changes the text all the same.
            assert!(opened(&at, &longer).is_err(), "{byte} put in at {place}");
        }
    }
    assert_eq!(opened(&at, &[&whole[..], &whole].concat()), REFUSED);
}

#[test]
fn every_bit_flipped() {
    let at = place(Purpose::Card, 5);
    let mut whole = sealed(&at, PLAIN, 1);
    for bit in 0..whole.len() * 8 {
        whole[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0 => SHORT,
            1 | 2 => Err(VaultError::UnknownKey(sealed_with(&whole).unwrap())),
            _ => REFUSED,
        };
        assert_eq!(opened(&at, &whole), expected, "bit {bit}");
        whole[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(opened(&at, &whole).is_ok());
}

#[test]
fn every_byte_made_zero_or_full_and_every_tag_of_one_byte() {
    let at = place(Purpose::Card, 5);
    let whole = sealed(&at, PLAIN, 1);
    for place in 0..whole.len() {
        for byte in [0, 0xff] {
            let mut other = whole.clone();
            if core::mem::replace(&mut other[place], byte) != byte {
                assert!(opened(&at, &other).is_err(), "byte {place} made {byte}");
            }
        }
    }
    let text = &whole[..whole.len() - 16];
    for byte in 0..=255 {
        assert_eq!(opened(&at, &[text, &[byte; 16]].concat()), REFUSED, "a tag of {byte}");
    }
}

#[test]
fn every_other_purpose_and_direction() {
    for purpose in PURPOSES {
        let whole = sealed(&place(purpose, 5), PLAIN, 1);
        for other in PURPOSES {
            let expected = if other == purpose { Ok(Secret::new(PLAIN.to_vec())) } else { REFUSED };
            assert_eq!(opened(&place(other, 5), &whole), expected, "{purpose:?} as {other:?}");
        }
    }
}

#[test]
fn every_bit_of_the_redemption_and_of_the_bound_bytes_changed() {
    let at = place(Purpose::Card, 5);
    let whole = sealed(&at, PLAIN, 1);
    for bit in 0..16 * 8 {
        let mut other = at;
        other.redemption.0[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opened(&other, &whole), REFUSED, "bit {bit} of the redemption");
    }
    for bit in 0..at.bound.len() * 8 {
        let mut bound = at.bound.to_vec();
        bound[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opened(&Context { bound: &bound, ..at }, &whole), REFUSED, "bit {bit} of what is bound");
    }
    for len in 0..at.bound.len() {
        assert_eq!(opened(&Context { bound: &at.bound[..len], ..at }, &whole), REFUSED);
    }
    let longer = [at.bound, b"\0"].concat();
    assert_eq!(opened(&Context { bound: &longer, ..at }, &whole), REFUSED);
}

#[test]
fn what_is_bound_does_not_run_into_what_is_before_it() {
    // The last byte of the redemption cannot become the first of the bound bytes.
    let at = Context { purpose: Purpose::Card, redemption: RedemptionId([7; 16]), bound: b"\x07\x07" };
    let whole = sealed(&at, PLAIN, 1);
    assert_eq!(opened(&Context { bound: b"\x07", ..at }, &whole), REFUSED);
    assert_eq!(opened(&Context { bound: b"\x07\x07\x07", ..at }, &whole), REFUSED);
}

#[test]
fn swapped_between_slots_redemptions_and_cards() {
    let (card, personal) = (place(Purpose::Card, 5), place(Purpose::Personal, 5));
    let stranger = place(Purpose::Card, 6);
    let other_card = Context { bound: b"walmart 2326123412341235", ..card };
    let places = [card, personal, stranger, other_card];
    let rows: Vec<_> = (1..).zip(&places).map(|(nonce, at)| sealed(at, PLAIN, nonce)).collect();
    for (i, row) in rows.iter().enumerate() {
        for (j, at) in places.iter().enumerate() {
            assert_eq!(opened(at, row).is_ok(), i == j, "row {i} in place {j}");
        }
    }
}

#[test]
fn sent_back_as_an_answer_or_sent_on_as_it_is() {
    for (there, back) in [
        (Purpose::TerminalToCore, Purpose::CoreToTerminal),
        (Purpose::CoreToIssuer, Purpose::IssuerToCore),
        // From one leg on to the next without being opened in between.
        (Purpose::TerminalToCore, Purpose::CoreToIssuer),
        (Purpose::IssuerToCore, Purpose::CoreToTerminal),
    ] {
        let whole = sealed(&place(there, 5), PLAIN, 1);
        assert_eq!(opened(&place(back, 5), &whole), REFUSED, "{there:?} as {back:?}");
    }
}

#[test]
fn replayed_in_another_redemption() {
    // In its own redemption it is the same message and opens again: there a repeat is recognised by
    // the request's id. What a proof adds is freshness, see `proof`.
    let at = place(Purpose::TerminalToCore, 5);
    let whole = sealed(&at, PLAIN, 1);
    assert_eq!(opened(&at, &whole), opened(&at, &whole));
    assert_eq!(opened(&place(Purpose::TerminalToCore, 6), &whole), REFUSED);
}

#[test]
fn pieces_of_two_messages_put_together() {
    let at = place(Purpose::Card, 5);
    let (one, two) = (sealed(&at, PLAIN, 1), sealed(&at, b"RQPNMLKJHGFEDCBA", 2));
    for cut in 1..one.len() {
        let mixed = [&one[..cut], &two[cut..]].concat();
        if mixed != one && mixed != two {
            assert!(opened(&at, &mixed).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn a_wrong_old_or_forgotten_key() {
    let at = place(Purpose::Card, 5);
    let old = sealed(&at, PLAIN, 1);
    // Old keys open as long as the ring has them; what was sealed with them tells so.
    let both = ring(&[(1, 1), (2, 2)]);
    assert_eq!(both.open(&at, &old).unwrap().expose(), PLAIN);
    assert_eq!(sealed_with(&old), Ok(KeyId(1)));
    let new = both.reseal(&at, &old, [2; 24]).unwrap();
    assert_eq!(sealed_with(&new), Ok(KeyId(2)));
    // Left out, under another id, or with other bytes under the same id.
    assert_eq!(ring(&[(2, 2)]).open(&at, &old), Err(VaultError::UnknownKey(KeyId(1))));
    assert_eq!(ring(&[(2, 1)]).open(&at, &old), Err(VaultError::UnknownKey(KeyId(1))));
    assert_eq!(ring(&[(1, 2)]).open(&at, &old), REFUSED);
    // The new one told to be of the old key, and the other way round.
    for (whole, id) in [(&new, 1), (&old, 2)] {
        let mut told = whole.clone();
        told[1] = id;
        assert_eq!(both.open(&at, &told), REFUSED, "told to be of key {id}");
    }
}

#[test]
fn of_length_zero_and_of_zeros() {
    let at = place(Purpose::Card, 5);
    assert_eq!(opened(&at, b""), SHORT);
    let nothing = sealed(&at, b"", 1);
    assert_eq!(nothing.len(), SEALED_OVERHEAD);
    assert!(opened(&at, &nothing).unwrap().is_empty());
    let unbound = Context { bound: b"", ..at };
    assert_eq!(opened(&unbound, &sealed(&unbound, PLAIN, 1)).unwrap().expose(), PLAIN);
    for len in 0..100 {
        let mut zeros = alloc::vec![0; len];
        assert_eq!(opened(&at, &zeros), SHORT);
        if len > 1 {
            zeros[..2].copy_from_slice(&[1, 1]);
            assert_eq!(opened(&at, &zeros), if len < SEALED_OVERHEAD { SHORT } else { REFUSED });
        }
    }
}

#[test]
fn refusals_tell_nothing_of_the_secret() {
    let at = place(Purpose::Card, 5);
    let mut whole = sealed(&at, PLAIN, 1);
    *whole.last_mut().unwrap() ^= 1;
    let error = opened(&at, &whole).unwrap_err();
    let told = alloc::format!("{error} {error:?} {:?}", opened(&at, &sealed(&at, PLAIN, 1)));
    assert!(!told.contains("ABCD") && !told.contains("2326"), "{told}");
}
