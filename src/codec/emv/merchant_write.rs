//! Merchant-presented QR codes written.

use super::merchant::{MerchantFault, MerchantQr, MerchantQrError, crc};
use alloc::string::String;
use core::fmt::Write as _;

/// Writes objects one after the other; an error is kept and told at the end.
#[derive(Clone, Debug, Default)]
struct Writer {
    text: String,
    error: Option<MerchantQrError>,
}

impl Writer {
    fn object(&mut self, id: u8, value: &str) {
        let len = value.chars().count();
        let fault = match len {
            0 => Some(MerchantFault::NoValue),
            1..=99 => None,
            _ => Some(MerchantFault::TooLong),
        };
        let fault = if id > 99 { Some(MerchantFault::TwoDigits) } else { fault };
        if let Some(fault) = fault {
            self.error = self.error.or(Some(MerchantQrError::new(self.text.len(), Some(id), fault)));
            return;
        }
        write!(self.text, "{id:02}{len:02}{value}").expect("a string takes every write");
    }
}

/// The objects of a template, such as a merchant account (26 to 51) or additional data (62).
#[derive(Clone, Debug, Default)]
pub struct Template(Writer);

impl Template {
    /// An empty template.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object: identifier 0 to 99, value of 1 to 99 characters.
    #[must_use]
    pub fn object(mut self, id: u8, value: &str) -> Self {
        self.0.object(id, value);
        self
    }
}

/// Writes a merchant-presented code; the format indicator and the checksum are added.
///
/// ```
/// use scrip::codec::emv::{MerchantQr, MerchantQrWriter, Template};
/// let text = MerchantQrWriter::new()
///     .object(1, "11")
///     .template(29, &Template::new().object(0, "D15600000000").object(5, "A93FO3230Q"))
///     .object(52, "4111")
///     .object(53, "156")
///     .object(58, "CN")
///     .object(59, "最佳运输")
///     .object(60, "北京")
///     .finish()?;
/// assert_eq!(MerchantQr::parse(&text)?.get(60), Some("北京"));
/// # Ok::<(), scrip::codec::emv::MerchantQrError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MerchantQrWriter(Writer);

impl MerchantQrWriter {
    /// A code with its format indicator.
    pub fn new() -> Self {
        let mut writer = Writer::default();
        writer.object(0, "01");
        Self(writer)
    }

    /// Adds an object: identifier 1 to 99, value of 1 to 99 characters.
    #[must_use]
    pub fn object(mut self, id: u8, value: &str) -> Self {
        self.0.object(id, value);
        self
    }

    /// Adds a template.
    #[must_use]
    pub fn template(mut self, id: u8, template: &Template) -> Self {
        self.0.error = self.0.error.or(template.0.error);
        self.0.object(id, &template.0.text);
        self
    }

    /// Adds the checksum and checks the whole as [`MerchantQr::parse`] does.
    ///
    /// # Errors
    /// [`MerchantQrError`] with the place in what was written.
    pub fn finish(self) -> Result<String, MerchantQrError> {
        let text = self.finish_structure()?;
        MerchantQr::parse(&text)?;
        Ok(text)
    }

    /// Adds the checksum and checks the structure only, as [`MerchantQr::read`] does.
    ///
    /// # Errors
    /// [`MerchantQrError`] with the place in what was written.
    pub fn finish_structure(self) -> Result<String, MerchantQrError> {
        if let Some(error) = self.0.error {
            return Err(error);
        }
        let mut text = self.0.text;
        text.push_str("6304");
        let checksum = crc(text.as_bytes());
        write!(text, "{checksum:04X}").expect("a string takes every write");
        MerchantQr::read(&text)?;
        Ok(text)
    }
}

impl Default for MerchantQrWriter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The sample of the specification.
    const SAMPLE: &str = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678\
        520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.72\
        53031565502016233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A";

    /// Puts the right checksum after objects.
    fn sealed(objects: &str) -> String {
        let mut text = String::from(objects) + "6304";
        let checksum = crc(text.as_bytes());
        write!(text, "{checksum:04X}").unwrap();
        text
    }

    fn fault(text: &str) -> (usize, Option<u8>, MerchantFault) {
        let error = MerchantQr::parse(text).expect_err(text);
        (error.at(), error.id(), error.fault())
    }

    #[test]
    fn the_sample_of_the_specification_is_read() {
        assert_eq!(crc(b"123456789"), 0x29B1);
        let code = MerchantQr::parse(SAMPLE).unwrap();
        assert_eq!(code.is_dynamic(), Some(true));
        assert_eq!((code.sub(29, 0), code.sub(29, 5)), (Some("D15600000000"), Some("A93FO3230Q")));
        assert_eq!((code.sub(64, 1), code.sub(64, 2)), (Some("最佳运输"), Some("北京")));
        assert_eq!((code.sub(62, 3), code.sub(62, 5)), (Some("1234"), None));
        assert_eq!(code.accounts().map(|object| object.id).collect::<Vec<_>>(), [29, 31]);
        assert_eq!(alloc::format!("{}", code.amount().unwrap()), "23.72 CNY");
        assert!(!alloc::format!("{code:?}").contains("TRANSPORT"));
    }

    #[test]
    fn the_sample_of_the_specification_is_written() {
        let written = MerchantQrWriter::new()
            .object(1, "12")
            .template(29, &Template::new().object(0, "D15600000000").object(5, "A93FO3230Q"))
            .template(31, &Template::new().object(0, "D15600000001").object(3, "12345678"))
            .object(52, "4111")
            .object(58, "CN")
            .object(59, "BEST TRANSPORT")
            .object(60, "BEIJING")
            .template(64, &Template::new().object(0, "ZH").object(1, "最佳运输").object(2, "北京"))
            .object(54, "23.72")
            .object(53, "156")
            .object(55, "01")
            .template(
                62,
                &Template::new().object(3, "1234").object(6, "***").object(7, "A6008667").object(9, "ME"),
            )
            .template(91, &Template::new().object(0, "A011223344998877").object(7, "12345678"))
            .finish();
        assert_eq!(written.as_deref(), Ok(SAMPLE));
    }

    #[test]
    fn what_is_broken_is_told_with_its_place() {
        use MerchantFault::{
            Checksum, Ends, Form, Missing, NoValue, NotFirst, NotLast, Tip, TooLong, Twice, TwoDigits,
        };
        let base = "00020102041234520441115303156";
        let full = "000201020412345204411153031565802CN5901A6001B";
        assert!(MerchantQr::parse(&sealed(full)).is_ok());
        let with = |more: &str| sealed(&(String::from(full) + more));
        for (text, expected) in [
            (String::new(), (0, Some(0), NotFirst)),
            ("000202".into(), (0, Some(0), NotFirst)),
            ("000201".into(), (6, Some(63), NotLast)),
            ("000201x".into(), (6, None, TwoDigits)),
            ("00020101".into(), (8, Some(1), TwoDigits)),
            ("0002010100".into(), (8, Some(1), NoValue)),
            ("0002010102北".into(), (13, Some(1), Ends)),
            (sealed("000201010211010211"), (12, Some(1), Twice)),
            (sealed("00020126120002AB0002AB"), (16, Some(0), Twice)),
            (sealed("000201630400005303156"), (21, Some(63), Twice)),
            (sealed("000201") + "5303156", (21, Some(63), NotLast)),
            ("00020163041234".into(), (10, Some(63), Checksum)),
            ("0002016304abcd".into(), (6, Some(63), NotLast)),
            ("0002016303ABC".into(), (6, Some(63), NotLast)),
            (sealed(base), (37, Some(58), Missing)),
            (sealed("000201"), (14, Some(2), Missing)),
            (sealed("0002012604AB"), (10, None, TwoDigits)),
            (sealed("00020126060102AB"), (10, Some(0), Missing)),
            (sealed("000201010213"), (10, Some(1), Form("11 or 12"))),
            (with("54041..0"), (49, Some(54), Form("an amount of at most 13 characters"))),
            (with("5402.5"), (49, Some(54), Form("an amount of at most 13 characters"))),
            (with("550202"), (59, Some(56), Tip)),
            (with("56011"), (45, Some(56), Tip)),
            (with("550203570500.00"), (55, Some(57), Form("a percentage from 00.01 to 99.99"))),
            ("9".repeat(MerchantQr::MAX_BYTES + 1), (MerchantQr::MAX_BYTES, None, TooLong)),
        ] {
            assert_eq!(fault(&text), expected, "{text}");
        }
        for good in ["54029.", "54015", "550201", "55020256015", "550203570505.50"] {
            assert_eq!(MerchantQr::parse(&with(good)).map(|_| ()), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused_when_written() {
        let long = "x".repeat(100);
        let error = MerchantQrWriter::new().object(59, &long).finish().unwrap_err();
        assert_eq!((error.id(), error.fault()), (Some(59), MerchantFault::TooLong));
        let template = Template::new().object(0, "");
        let error = MerchantQrWriter::new().template(26, &template).finish().unwrap_err();
        assert_eq!((error.id(), error.fault()), (Some(0), MerchantFault::NoValue));
        assert_eq!(
            MerchantQrWriter::new().object(100, "x").finish().unwrap_err().fault(),
            MerchantFault::TwoDigits
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            values in prop::collection::btree_map(65_u8..80, r"\PC{1,99}", 0..6),
            inner in prop::collection::btree_map(1_u8..99, r"\PC{1,8}", 0..4),
        ) {
            let mut writer = MerchantQrWriter::new();
            for (id, value) in &values {
                writer = writer.object(*id, value);
            }
            let mut template = Template::new().object(0, "A0");
            for (id, value) in &inner {
                template = template.object(*id, value);
            }
            let text = writer.template(80, &template).finish_structure().unwrap();
            let code = MerchantQr::read(&text).unwrap();
            for (id, value) in &values {
                prop_assert_eq!(code.get(*id), Some(value.as_str()));
            }
            for (id, value) in &inner {
                prop_assert_eq!(code.sub(80, *id), Some(value.as_str()));
            }
            let again = code.objects().filter(|o| !matches!(o.id, 0 | 63));
            let again = again.fold(MerchantQrWriter::new(), |writer, o| writer.object(o.id, o.value));
            prop_assert_eq!(again.finish_structure().unwrap(), text);
        }

        #[test]
        fn no_text_panics(text in r"(000201)?(\PC|[0-9]){0,60}") {
            let _ = MerchantQr::parse(&text);
            let _ = MerchantQr::parse(&sealed(&text));
        }

        #[test]
        fn a_changed_character_is_always_seen(at in 0_usize..SAMPLE.len(), plus in 1_u8..10) {
            let mut bytes = SAMPLE.as_bytes().to_vec();
            if bytes[at].is_ascii_digit() {
                bytes[at] = (bytes[at] - b'0' + plus) % 10 + b'0';
                let text = String::from_utf8(bytes).unwrap();
                prop_assert!(MerchantQr::read(&text).is_err());
            }
        }
    }
}
