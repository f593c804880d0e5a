//! Check digits over ASCII digits: Luhn (ISO/IEC 7812-1, annex B) and GS1 modulo 10 (GS1 General
//! Specifications, section 7.9).

/// Whether `digits`, check digit last, pass the Luhn check. Fewer than two digits, or anything
/// that is no ASCII digit, do not.
///
/// It finds every wrong digit, and every swap of neighbours but 0 with 9.
///
/// ```
/// assert!(scrip::card::check::luhn(b"79927398713"));
/// assert!(!scrip::card::check::luhn(b"79927398712"));
/// ```
pub fn luhn(digits: &[u8]) -> bool {
    ends_in(digits, luhn_digit)
}

/// Whether `digits`, check digit last, pass the GS1 check (GTIN, GLN, SSCC, GRAI, GCN and all
/// others: leading zeros change nothing). Fewer than two digits, or anything that is no ASCII
/// digit, do not.
///
/// It finds every wrong digit, and every swap of neighbours unless they differ by 5.
///
/// ```
/// assert!(scrip::card::check::gs1_mod10(b"9521234543213"));
/// ```
pub fn gs1_mod10(digits: &[u8]) -> bool {
    ends_in(digits, gs1_mod10_digit)
}

/// The Luhn check digit (ASCII) that belongs after `digits`; none if there are no digits or
/// something else is among them.
pub fn luhn_digit(digits: &[u8]) -> Option<u8> {
    // A doubled digit counts with the sum of its own digits: 2 * 7 = 14 counts 5.
    check_digit(digits, |digit| if digit > 4 { 2 * digit - 9 } else { 2 * digit })
}

/// The GS1 check digit (ASCII) that belongs after `digits`; none if there are no digits or
/// something else is among them.
pub fn gs1_mod10_digit(digits: &[u8]) -> Option<u8> {
    check_digit(digits, |digit| 3 * digit)
}

fn ends_in(digits: &[u8], check_digit: fn(&[u8]) -> Option<u8>) -> bool {
    digits.split_last().is_some_and(|(last, head)| check_digit(head) == Some(*last))
}

/// Weighs every second digit from the right end, and completes the sum to a multiple of ten.
fn check_digit(digits: &[u8], weigh: fn(u32) -> u32) -> Option<u8> {
    if digits.is_empty() {
        return None;
    }
    let sum = digits.iter().rev().enumerate().try_fold(0_u32, |sum, (place, byte)| {
        let digit = u32::from(*byte).checked_sub(u32::from(b'0')).filter(|digit| *digit <= 9)?;
        // Kept below ten, so that no length can overflow it.
        Some((sum + if place % 2 == 0 { weigh(digit) } else { digit }) % 10)
    })?;
    let check = (10 - sum) % 10;
    Some(b'0' + u8::try_from(check).expect("a remainder of ten fits a byte"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn published_numbers_pass() {
        // ISO/IEC 7812-1 annex B and the payment networks' published test numbers.
        for digits in ["79927398713", "4111111111111111", "378282246310005", "6011111111111117"] {
            assert!(luhn(digits.as_bytes()), "{digits}");
        }
        // GS1 check-digit calculator and the GS1 examples.
        for (head, check) in [("629104150021", b'3'), ("04210000526", b'4'), ("0952123454321", b'3')] {
            assert_eq!(gs1_mod10_digit(head.as_bytes()), Some(check), "{head}");
        }
    }

    #[test]
    fn what_is_not_two_digits_or_more_fails() {
        for digits in ["", "0", "12a4", "\u{ff11}8", "-18", "1 8"] {
            assert!(!luhn(digits.as_bytes()) && !gs1_mod10(digits.as_bytes()), "{digits}");
        }
        assert_eq!((luhn_digit(b""), gs1_mod10_digit(b"1x")), (None, None));
    }

    fn digits() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(b'0'..=b'9', 1..40)
    }

    proptest! {
        #[test]
        fn any_wrong_digit_is_found(head in digits(), at in any::<prop::sample::Index>(), shift in 1_u8..10) {
            for (digit, passes) in [
                (luhn_digit as fn(&[u8]) -> Option<u8>, luhn as fn(&[u8]) -> bool),
                (gs1_mod10_digit, gs1_mod10),
            ] {
                let mut number = head.clone();
                number.push(digit(&head).unwrap());
                prop_assert!(passes(&number));
                let at = at.index(number.len());
                number[at] = b'0' + (number[at] - b'0' + shift) % 10;
                prop_assert!(!passes(&number));
            }
        }

        #[test]
        fn a_swap_of_neighbours_is_found_where_the_scheme_can(head in digits(), at in any::<prop::sample::Index>()) {
            let swapped = |check: Option<u8>| {
                let mut number = head.clone();
                number.push(check.unwrap());
                let at = at.index(number.len() - 1);
                number.swap(at, at + 1);
                let (a, b) = (number[at], number[at + 1]);
                (number, a.abs_diff(b))
            };
            let (number, apart) = swapped(luhn_digit(&head));
            prop_assert_eq!(luhn(&number), apart == 0 || apart == 9);
            let (number, apart) = swapped(gs1_mod10_digit(&head));
            prop_assert_eq!(gs1_mod10(&number), apart == 0 || apart == 5);
        }
    }
}
