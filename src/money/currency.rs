//! ISO 4217 currencies with their minor units.

use core::fmt;
use core::str::FromStr;

/// A code that is not an ISO 4217 currency known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 4217 currency code")]
pub struct UnknownCurrency;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u16);

impl Currency {
    /// Renminbi, 人民币.
    pub const CNY: Self = Self(156);
    /// US dollar.
    pub const USD: Self = Self(840);

    /// The currency with this ISO 4217 numeric code.
    ///
    /// # Errors
    /// [`UnknownCurrency`] for a number that is not in the table.
    pub fn from_numeric(numeric: u16) -> Result<Self, UnknownCurrency> {
        row(|row| row.1 == numeric).map(|row| Self(row.1))
    }

    /// The ISO 4217 numeric code.
    pub const fn numeric(self) -> u16 {
        self.0
    }

    /// The ISO 4217 alphabetic code.
    pub fn alpha(self) -> &'static str {
        self.row().0
    }

    /// How many decimal digits the minor unit has (0 to 4).
    pub fn exponent(self) -> u32 {
        self.row().2
    }

    fn row(self) -> &'static Row {
        row(|row| row.1 == self.0).expect("a currency is only made from the table")
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;
    /// Reads the alphabetic code in capitals, as ISO 4217 writes it.
    fn from_str(alpha: &str) -> Result<Self, UnknownCurrency> {
        row(|row| row.0 == alpha).map(|row| Self(row.1))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alpha())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alpha())
    }
}

type Row = (&'static str, u16, u32);

fn row(wanted: impl Fn(&Row) -> bool) -> Result<&'static Row, UnknownCurrency> {
    TABLE.iter().find(|row| wanted(row)).ok_or(UnknownCurrency)
}

/// Alphabetic code, numeric code, minor-unit digits (ISO 4217 list one; money of everyday use,
/// without precious metals, bond units and test codes). The most used stand first.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("CNY", 156, 2), ("USD", 840, 2), ("HKD", 344, 2), ("EUR", 978, 2), ("JPY", 392, 0),
    ("AED", 784, 2), ("AFN", 971, 2), ("ALL", 8, 2), ("AMD", 51, 2), ("AOA", 973, 2),
    ("ARS", 32, 2), ("AUD", 36, 2), ("AWG", 533, 2), ("AZN", 944, 2), ("BAM", 977, 2),
    ("BBD", 52, 2), ("BDT", 50, 2), ("BHD", 48, 3), ("BIF", 108, 0), ("BMD", 60, 2),
    ("BND", 96, 2), ("BOB", 68, 2), ("BRL", 986, 2), ("BSD", 44, 2), ("BTN", 64, 2),
    ("BWP", 72, 2), ("BYN", 933, 2), ("BZD", 84, 2), ("CAD", 124, 2), ("CDF", 976, 2),
    ("CHF", 756, 2), ("CLP", 152, 0), ("COP", 170, 2), ("CRC", 188, 2), ("CUP", 192, 2),
    ("CVE", 132, 2), ("CZK", 203, 2), ("DJF", 262, 0), ("DKK", 208, 2), ("DOP", 214, 2),
    ("DZD", 12, 2), ("EGP", 818, 2), ("ERN", 232, 2), ("ETB", 230, 2), ("FJD", 242, 2),
    ("FKP", 238, 2), ("GBP", 826, 2), ("GEL", 981, 2), ("GHS", 936, 2), ("GIP", 292, 2),
    ("GMD", 270, 2), ("GNF", 324, 0), ("GTQ", 320, 2), ("GYD", 328, 2), ("HNL", 340, 2),
    ("HTG", 332, 2), ("HUF", 348, 2), ("IDR", 360, 2), ("ILS", 376, 2), ("INR", 356, 2),
    ("IQD", 368, 3), ("IRR", 364, 2), ("ISK", 352, 0), ("JMD", 388, 2), ("JOD", 400, 3),
    ("KES", 404, 2), ("KGS", 417, 2), ("KHR", 116, 2), ("KMF", 174, 0), ("KPW", 408, 2),
    ("KRW", 410, 0), ("KWD", 414, 3), ("KYD", 136, 2), ("KZT", 398, 2), ("LAK", 418, 2),
    ("LBP", 422, 2), ("LKR", 144, 2), ("LRD", 430, 2), ("LSL", 426, 2), ("LYD", 434, 3),
    ("MAD", 504, 2), ("MDL", 498, 2), ("MGA", 969, 2), ("MKD", 807, 2), ("MMK", 104, 2),
    ("MNT", 496, 2), ("MOP", 446, 2), ("MRU", 929, 2), ("MUR", 480, 2), ("MVR", 462, 2),
    ("MWK", 454, 2), ("MXN", 484, 2), ("MYR", 458, 2), ("MZN", 943, 2), ("NAD", 516, 2),
    ("NGN", 566, 2), ("NIO", 558, 2), ("NOK", 578, 2), ("NPR", 524, 2), ("NZD", 554, 2),
    ("OMR", 512, 3), ("PAB", 590, 2), ("PEN", 604, 2), ("PGK", 598, 2), ("PHP", 608, 2),
    ("PKR", 586, 2), ("PLN", 985, 2), ("PYG", 600, 0), ("QAR", 634, 2), ("RON", 946, 2),
    ("RSD", 941, 2), ("RUB", 643, 2), ("RWF", 646, 0), ("SAR", 682, 2), ("SBD", 90, 2),
    ("SCR", 690, 2), ("SDG", 938, 2), ("SEK", 752, 2), ("SGD", 702, 2), ("SHP", 654, 2),
    ("SLE", 925, 2), ("SOS", 706, 2), ("SRD", 968, 2), ("SSP", 728, 2), ("STN", 930, 2),
    ("SVC", 222, 2), ("SYP", 760, 2), ("SZL", 748, 2), ("THB", 764, 2), ("TJS", 972, 2),
    ("TMT", 934, 2), ("TND", 788, 3), ("TOP", 776, 2), ("TRY", 949, 2), ("TTD", 780, 2),
    ("TWD", 901, 2), ("TZS", 834, 2), ("UAH", 980, 2), ("UGX", 800, 0), ("UYU", 858, 2),
    ("UZS", 860, 2), ("VES", 928, 2), ("VND", 704, 0), ("VUV", 548, 0), ("WST", 882, 2),
    ("XAF", 950, 0), ("XCD", 951, 2), ("XOF", 952, 0), ("XPF", 953, 0), ("YER", 886, 2),
    ("ZAR", 710, 2), ("ZMW", 967, 2),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_name_one_currency_each() {
        for (i, a) in TABLE.iter().enumerate() {
            assert_eq!(a.0.parse::<Currency>().map(Currency::numeric), Ok(a.1));
            assert!(TABLE[i + 1..].iter().all(|b| a.0 != b.0 && a.1 != b.1), "{a:?}");
        }
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        for text in ["", "cny", "RMB", "XXX", "CNYX"] {
            assert_eq!(text.parse::<Currency>(), Err(UnknownCurrency), "{text}");
        }
        assert_eq!(Currency::from_numeric(0), Err(UnknownCurrency));
    }
}
