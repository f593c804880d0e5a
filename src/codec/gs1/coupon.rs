//! Coupon codes of North America, AI (8110), and of the positive offer file, AI (8112). Fields
//! follow each other with length indicators; optional fields begin with their number.

use super::ai::Lint;
use super::lint;
use core::ops::RangeInclusive;

/// Reads a code from left to right; an error is the offset of the field at fault.
struct Fields<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn new(data: &'a [u8]) -> Result<Self, usize> {
        lint::digits(data)?;
        Ok(Self { data, at: 0 })
    }

    /// One digit in the range.
    fn digit(&mut self, allowed: RangeInclusive<u8>) -> Result<usize, usize> {
        self.one_of(|digit| allowed.contains(&digit))
    }

    fn one_of(&mut self, allowed: impl Fn(u8) -> bool) -> Result<usize, usize> {
        let digit = self.data.get(self.at).map(|byte| byte - b'0').filter(|&digit| allowed(digit));
        let digit = digit.ok_or(self.at)?;
        self.at += 1;
        Ok(usize::from(digit))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], usize> {
        let taken = self.data.get(self.at..self.at + len).ok_or(self.at)?;
        self.at += len;
        Ok(taken)
    }

    /// A field after its length indicator, which counts from `base`.
    fn sized(&mut self, indicator: RangeInclusive<u8>, base: usize) -> Result<&'a [u8], usize> {
        let len = self.digit(indicator)? + base;
        self.take(len)
    }

    /// Whether an optional field with this number follows; if so, its number is read.
    fn optional(&mut self, field: u8) -> bool {
        self.digit(field..=field).is_ok()
    }

    /// Purchase requirement, its code, family code.
    fn purchase(&mut self) -> Result<(), usize> {
        self.sized(1..=5, 0)?;
        self.one_of(|code| code <= 4 || code == 9)?;
        self.take(3).map(|_| ())
    }

    /// A company prefix, or 9 for the same as before.
    fn other_company(&mut self) -> Result<(), usize> {
        if self.optional(9) { Ok(()) } else { self.sized(0..=6, 6).map(|_| ()) }
    }

    fn date(&mut self) -> Result<&'a [u8], usize> {
        let start = self.at;
        let date = self.take(6)?;
        lint::check(Lint::Yymmdd, date).map_err(|at| start + at)?;
        Ok(date)
    }

    fn end(&self) -> Result<(), usize> {
        if self.at == self.data.len() { Ok(()) } else { Err(self.at) }
    }
}

/// North American Coupon Application Guideline Using GS1 DataBar Expanded Symbols.
pub(super) fn code(data: &[u8]) -> Result<(), usize> {
    let mut fields = Fields::new(data)?;
    fields.sized(0..=6, 6)?; // company prefix
    fields.take(6)?; // offer code
    fields.sized(1..=5, 0)?; // save value
    fields.purchase()?;
    if fields.optional(1) {
        fields.digit(0..=3)?; // additional purchase rules
        fields.purchase()?;
        fields.other_company()?;
    }
    if fields.optional(2) {
        fields.purchase()?;
        fields.other_company()?;
    }
    let expiry = if fields.optional(3) { Some(fields.date()?) } else { None };
    if fields.optional(4) {
        let at = fields.at;
        let start = fields.date()?;
        if expiry.is_some_and(|expiry| start > expiry) {
            return Err(at);
        }
    }
    if fields.optional(5) {
        fields.sized(0..=9, 6)?; // serial number
    }
    if fields.optional(6) {
        fields.sized(1..=7, 6)?; // retailer
    }
    if fields.optional(9) {
        fields.one_of(|code| code <= 2 || code == 5 || code == 6)?; // save value code
        fields.digit(0..=2)?; // item that the save value applies to
        fields.digit(0..=9)?; // store coupon
        fields.digit(0..=1)?; // may not be multiplied
    }
    fields.end()
}

/// GS1 AI (8112) Coupon Data Specification.
pub(super) fn positive_offer(data: &[u8]) -> Result<(), usize> {
    let mut fields = Fields::new(data)?;
    fields.digit(0..=1)?; // format
    fields.sized(0..=6, 6)?; // funder
    fields.take(6)?; // offer code
    fields.sized(0..=9, 6)?; // serial number
    fields.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coupon_codes_are_read_field_by_field() {
        // Example of the guideline, then one with every optional field.
        assert_eq!(code(b"106141416543213150110120"), Ok(()));
        assert_eq!(code(b"012345612345611110123"), Ok(()));
        let all = [
            "012345612345611110123", // company, offer, save value, first purchase
            "101101239",             // rules, second purchase, same company
            "21101230123456",        // third purchase, other company
            "3991231",
            "4990101",
            "50123456",
            "611234567",
            "90000",
        ];
        assert_eq!(code(all.concat().as_bytes()), Ok(()));
        for (text, at) in [
            (&b""[..], 0),
            (b"a12345612345611110123", 0),
            (b"7123456789012", 0),
            (b"01234561234560", 13),
            (b"0123456123456111101230", 21),
            (b"0123456123456111101233991332", 24),
            (b"01234561234561111012339901014990102", 29),
            (b"012345612345611110123399010149901019", 36),
        ] {
            assert_eq!(code(text), Err(at), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn positive_offers_are_read_to_their_end() {
        assert_eq!(positive_offer(b"001234561234560123456"), Ok(()));
        assert_eq!(positive_offer(b"061234567890121234569123456789012345"), Ok(()));
        assert_eq!(positive_offer(b"201234561234560123456"), Err(0));
        assert_eq!(positive_offer(b"07"), Err(1));
        assert_eq!(positive_offer(b"0012345612345601234567"), Err(21));
    }
}
