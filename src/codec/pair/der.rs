//! As much of DER (ITU-T X.690) as keys and signatures need. One value has one form: lengths and
//! integers that could be shorter are refused.

use super::{KeyPlace, KeySide, PairError};

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// The constructed context-specific tag of this number.
pub(super) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// What was expected, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DerFault {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

impl DerFault {
    pub(super) fn of(self, side: KeySide) -> PairError {
        PairError { side, place: KeyPlace::Byte(self.at), what: self.what }
    }
}

/// Elements that stand one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Der<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Der<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    /// What is left.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn fault(&self, what: &'static str) -> DerFault {
        DerFault { at: self.at, what }
    }

    /// Whether an element with this tag comes next.
    pub(super) fn is(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    /// The content of the next element, which is to have this tag.
    pub(super) fn take(&mut self, tag: u8, what: &'static str) -> Result<Self, DerFault> {
        if self.is(tag) { self.next(what) } else { Err(self.fault(what)) }
    }

    /// The content of the next element, whatever it is.
    pub(super) fn next(&mut self, what: &'static str) -> Result<Self, DerFault> {
        let ([_, first], rest) = self.rest.split_first_chunk().ok_or(self.fault(what))?;
        let long = "a length as short as can be is expected, and as many bytes";
        let (len, rest, head) = if *first < 0x80 {
            (usize::from(*first), rest, 2)
        } else {
            // Keys have some thousand bytes: two for a length are enough.
            let count = usize::from(*first & 0x7f);
            let (digits, rest) = rest.split_at_checked(count).ok_or(self.fault(long))?;
            let len = match digits {
                [low @ 0x80..=255] => usize::from(*low),
                [high @ 1..=255, low] => usize::from(*high) << 8 | usize::from(*low),
                _ => return Err(self.fault(long)),
            };
            (len, rest, 2 + count)
        };
        let (content, rest) = rest.split_at_checked(len).ok_or(self.fault(long))?;
        let inner = Self { rest: content, at: self.at + head };
        *self = Self { rest, at: self.at + head + len };
        Ok(inner)
    }

    /// The big-endian bytes of an integer that is not negative, without zeros before it.
    pub(super) fn integer(&mut self, what: &'static str) -> Result<&'a [u8], DerFault> {
        let fault = self.fault(what);
        match self.take(INTEGER, what)?.rest {
            [0] => Ok(&[]),
            [0, rest @ ..] if rest.first() >= Some(&0x80) => Ok(rest),
            digits @ [1..=0x7f, ..] => Ok(digits),
            _ => Err(fault),
        }
    }

    /// The bytes of a bit string that has whole ones.
    pub(super) fn whole_bits(&mut self, what: &'static str) -> Result<Self, DerFault> {
        let inner = self.take(BIT_STRING, what)?;
        match inner.rest.split_first() {
            Some((0, rest)) => Ok(Self { rest, at: inner.at + 1 }),
            _ => Err(inner.fault(what)),
        }
    }

    /// That this object identifier comes next.
    pub(super) fn oid(&mut self, wanted: &[u8], what: &'static str) -> Result<(), DerFault> {
        let fault = self.fault(what);
        if self.take(OID, what)?.rest == wanted { Ok(()) } else { Err(fault) }
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), DerFault> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.fault("the end of the key is expected")) }
    }
}

/// The algorithm and the content of a public key's SPKI (RFC 5280, section 4.1.2.7), alone or in a
/// certificate; `None` for what has another shape.
pub(super) fn spki(key: Der<'_>) -> Result<Option<(Der<'_>, Der<'_>)>, DerFault> {
    let mut inner = whole(key)?;
    if !inner.is(SEQUENCE) {
        return Ok(None);
    }
    let mut first = inner.next("an algorithm is expected")?;
    if inner.is(BIT_STRING) {
        let content = inner.whole_bits("a key in whole bytes is expected")?;
        inner.end()?;
        return Ok(Some((first, content)));
    }
    // A certificate: version, serial number, signature, issuer, validity, subject, key.
    let what = "a public key or a certificate is expected";
    first.take(context(0), what)?;
    first.take(INTEGER, what)?;
    for _ in 0..4 {
        first.take(SEQUENCE, what)?;
    }
    let mut key = first.take(SEQUENCE, what)?;
    let algorithm = key.take(SEQUENCE, what)?;
    Ok(Some((algorithm, key.whole_bits(what)?)))
}

/// The content of the one sequence that a key is.
pub(super) fn whole(mut key: Der<'_>) -> Result<Der<'_>, DerFault> {
    let inner = key.take(SEQUENCE, "a key in PEM, DER, Base64 or hexadecimal digits is expected")?;
    key.end()?;
    Ok(inner)
}

/// The algorithm and the content of a private key's PKCS #8 (RFC 5958, section 2); `None` for what
/// has another shape.
pub(super) fn pkcs8(key: Der<'_>) -> Result<Option<(Der<'_>, Der<'_>)>, DerFault> {
    let mut inner = whole(key)?;
    inner.integer("a private key is expected, which begins with a version")?;
    if !inner.is(SEQUENCE) {
        return Ok(None);
    }
    let algorithm = inner.next("an algorithm is expected")?;
    // Attributes and the public key may follow.
    Ok(Some((algorithm, inner.take(OCTET_STRING, "the key itself is expected")?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_value_has_one_form() {
        let integer = |bytes: &[u8]| Der::new(bytes).integer("an integer").map(<[u8]>::to_vec);
        assert_eq!(integer(&[2, 1, 0]), Ok(vec![]));
        assert_eq!(integer(&[2, 2, 0, 0x80]), Ok(vec![0x80]));
        for wrong in [&[2, 0][..], &[2, 2, 0, 0x7f], &[2, 1, 0x80], &[2, 2, 0, 0], &[3, 1, 1], &[2], &[]] {
            assert!(integer(wrong).is_err(), "{wrong:?}");
        }
        let long = |head: &[u8], len: usize| {
            let bytes = [head, &vec![7; len]].concat();
            whole(Der::new(&bytes)).map(|inner| inner.bytes().len())
        };
        assert_eq!(long(&[0x30, 3], 3), Ok(3));
        assert_eq!(long(&[0x30, 0x81, 0x80], 128), Ok(128));
        assert_eq!(long(&[0x30, 0x82, 1, 0], 256), Ok(256));
        for (head, len) in [
            (&[0x30, 4][..], 3),
            (&[0x30, 2], 3),
            (&[0x30, 0x81, 3], 3),
            (&[0x30, 0x82, 0, 0x80], 128),
            (&[0x30, 0x80], 3),
            (&[0x30, 0x83, 0, 1, 0], 256),
            (&[0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255], 3),
        ] {
            assert!(long(head, len).is_err(), "{head:?}");
        }
    }
}
