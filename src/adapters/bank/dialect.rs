//! What field 39 means, by dialect: one code may be a definite no in one and an unknown outcome
//! in another.

use crate::issuer::{Cause, Decline, Outcome};

/// Whose table of response codes applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// ISO 8583:1987 without anybody's additions.
    Iso1987,
    /// Action codes of ISO 8583:1993, of three digits. The profile makes field 39 `n` 3.
    Iso1993,
    /// UnionPay's terminals (银联 POS).
    UnionpayPos,
    /// UnionPay's gateway (银联 ACP, `respCode`).
    UnionpayAcp,
}

/// What a response code says of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Yes.
    Approved,
    /// Yes, to less than was asked.
    Partial,
    /// Taken on; the answer will come.
    Pending,
    /// A definite no for reasons of the card or its account.
    Declined(Decline),
    /// A definite no for reasons of ours: contract, terminal, keys or message. No fault of the
    /// card. The text says what to see to.
    Ours(&'static str),
    /// It did this before.
    Duplicate,
    /// There is no such transaction.
    NotFound,
    /// It does not know itself, or what it says is no evidence: the effect may have happened.
    Unsure,
}

/// One row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// The code as field 39 holds it.
    pub code: &'static str,
    /// What it means, in words.
    pub meaning: &'static str,
    /// What follows from it.
    pub reading: Reading,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 4] = [Self::Iso1987, Self::Iso1993, Self::UnionpayPos, Self::UnionpayAcp];

    /// The name that profiles use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iso1987 => "iso8583_1987",
            Self::Iso1993 => "iso8583_1993",
            Self::UnionpayPos => "unionpay_pos",
            Self::UnionpayAcp => "unionpay_acp",
        }
    }

    /// The dialect with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// Every row of its own, then those of the table that it stands on.
    pub fn responses(self) -> impl Iterator<Item = &'static Response> {
        let (own, common): (&[Response], &[Response]) = match self {
            Self::Iso1987 => (ISO_1987, COMMON),
            Self::Iso1993 => (ISO_1993, &[]),
            Self::UnionpayPos => (UNIONPAY_POS, COMMON),
            Self::UnionpayAcp => (UNIONPAY_ACP, &[]),
        };
        own.iter().chain(common)
    }

    /// The row of a code; `None` for one outside of the closed set, of which nothing is known.
    pub fn response(self, code: &str) -> Option<&'static Response> {
        self.responses().find(|response| response.code == code)
    }
}

impl Reading {
    /// The outcome of an operation that is not a reversal. Approvals need an amount and a
    /// reference that a code does not have, and give `None`.
    pub(super) fn outcome(self) -> Option<Outcome> {
        Some(match self {
            Self::Approved | Self::Partial | Self::Duplicate => return None,
            Self::Pending => Outcome::Pending,
            Self::Declined(decline) => Outcome::Declined(decline),
            Self::Ours(_) => Outcome::Declined(Decline::AuthConfig),
            Self::NotFound => Outcome::NotFound,
            Self::Unsure => Outcome::Unknown(Cause::IssuerUnsure),
        })
    }
}

const fn row(code: &'static str, meaning: &'static str, reading: Reading) -> Response {
    Response { code, meaning, reading }
}

const fn no(code: &'static str, meaning: &'static str, decline: Decline) -> Response {
    row(code, meaning, Reading::Declined(decline))
}

const fn ours(code: &'static str, meaning: &'static str, advice: &'static str) -> Response {
    row(code, meaning, Reading::Ours(advice))
}

const fn unsure(code: &'static str, meaning: &'static str) -> Response {
    row(code, meaning, Reading::Unsure)
}

use Decline::{
    Expired, FrozenByIssuer, InsufficientBalance, Maintenance, NotActivated, Refused, TooFrequent,
    UnknownCard, WrongSecret,
};

/// Where the generic table and UnionPay's agree. That 06, 68, 90, 91 and 96 leave the outcome
/// open is a choice on the safe side: the sources call them failures or errors of the system.
const COMMON: &[Response] = &[
    row("00", "approved", Reading::Approved),
    no("01", "refer to issuer", Refused),
    no("02", "refer to issuer, special conditions", Refused),
    ours("03", "invalid merchant", "the merchant number is not registered with the acquirer"),
    no("04", "capture card", Refused),
    no("05", "do not honour", Refused),
    unsure("06", "error"),
    no("07", "capture card, special conditions", Refused),
    row("09", "request in progress", Reading::Pending),
    ours("12", "invalid transaction", "the contract does not include this kind of transaction"),
    ours("13", "invalid amount", "the amount is not allowed by the contract"),
    no("14", "invalid card number", UnknownCard),
    no("15", "no such issuer", UnknownCard),
    unsure("19", "re-enter transaction"),
    unsure("20", "invalid response"),
    unsure("21", "no action taken"),
    unsure("22", "suspected malfunction"),
    no("23", "unacceptable fee", Refused),
    row("25", "original record not found", Reading::NotFound),
    ours("30", "format error", "the message profile differs from the bank's"),
    ours("31", "bank not supported", "the acquirer does not serve this bank"),
    no("33", "expired card, capture", Expired),
    no("34", "suspected fraud, capture", Refused),
    no("35", "contact acquirer, capture", Refused),
    no("36", "restricted card, capture", FrozenByIssuer),
    no("37", "call security, capture", Refused),
    no("38", "PIN tries exceeded, capture", FrozenByIssuer),
    no("39", "no credit account", Refused),
    ours("40", "function not supported", "the bank has not opened this function"),
    no("41", "lost card", FrozenByIssuer),
    no("42", "no universal account", Refused),
    no("43", "stolen card", FrozenByIssuer),
    no("44", "no investment account", Refused),
    no("51", "insufficient funds", InsufficientBalance),
    no("52", "no cheque account", Refused),
    no("53", "no savings account", Refused),
    no("54", "expired card", Expired),
    no("55", "incorrect PIN", WrongSecret),
    no("56", "no card record", UnknownCard),
    no("57", "not permitted to cardholder", Refused),
    ours(
        "58",
        "not permitted to terminal",
        "ask the bank to put terminal, merchant and address on its allow-list",
    ),
    no("59", "suspected fraud", Refused),
    no("60", "contact acquirer", Refused),
    no("61", "amount limit exceeded", Refused),
    no("62", "restricted card", FrozenByIssuer),
    no("63", "security violation", Refused),
    ours("64", "original amount incorrect", "the amount differs from the original's"),
    no("65", "count limit exceeded", TooFrequent),
    no("66", "call acquirer security", Refused),
    no("67", "hard capture", Refused),
    unsure("68", "response received too late"),
    no("75", "PIN tries exceeded", FrozenByIssuer),
    unsure("90", "cut-over in progress"),
    unsure("91", "issuer or switch inoperative"),
    ours("92", "no route to issuer", "the acquirer cannot reach this bank"),
    no("93", "violation of law", Refused),
    row("94", "duplicate", Reading::Duplicate),
    unsure("95", "reconcile error"),
    unsure("96", "system malfunction"),
];

/// 08, 11 and 16 are approvals with a condition, which a contract must allow first: until then
/// they are no evidence.
const ISO_1987: &[Response] = &[
    unsure("08", "honour with identification"),
    row("10", "approved for partial amount", Reading::Partial),
    unsure("11", "approved, VIP"),
    unsure("16", "approved, update track 3"),
    no("17", "customer cancellation", Refused),
    no("18", "customer dispute", Refused),
    row("32", "completed partially", Reading::Partial),
    unsure("97", "reconciliation totals reset"),
    ours("98", "MAC error", "our MAC key differs from the bank's: sign in again"),
];

const UNIONPAY_POS: &[Response] = &[
    no("45", "fallback not allowed", Refused),
    unsure("69", "payee account wrong (one bank's private use)"),
    ours("77", "sign-in required", "sign in again: batch or keys differ"),
    unsure("78", "download data"),
    unsure("79", "offline reconciliation mismatch"),
    unsure("89", "security processing failure"),
    ours("97", "terminal not found", "the terminal is not registered with the acquirer"),
    unsure("98", "no response from issuer"),
    ours("99", "PIN format error", "the PIN block or its key differs from the bank's"),
    ours("A0", "MAC error", "our MAC key differs from the bank's: sign in again"),
];

/// 08 and 09 are presumptions, no evidence. 37 answers a query, not what it asks about.
const UNIONPAY_ACP: &[Response] = &[
    row("00", "success", Reading::Approved),
    no("01", "failed", Refused),
    no("02", "closed", Maintenance),
    unsure("03", "timed out, query"),
    unsure("04", "status unclear, query"),
    row("05", "accepted, query", Reading::Pending),
    unsure("06", "failed at NetsUnion, query"),
    row("07", "in process at NetsUnion", Reading::Pending),
    unsure("08", "presumed success"),
    unsure("09", "presumed failure"),
    ours("10", "format error", "the message differs from the gateway's format"),
    ours("11", "signature error", "the signing certificate is not the one registered"),
    row("12", "duplicate", Reading::Duplicate),
    ours("13", "element missing", "the message lacks an element that the gateway needs"),
    row("34", "no such transaction", Reading::NotFound),
    unsure("37", "queried too often"),
    no("38", "risk control", Refused),
    no("60", "contact issuer", Refused),
    no("61", "account invalid", UnknownCard),
    no("66", "identification does not match", WrongSecret),
    no("73", "expired card", Expired),
];

const ISO_1993: &[Response] = &[
    row("000", "approved", Reading::Approved),
    unsure("001", "honour with identification"),
    row("002", "approved for partial amount", Reading::Partial),
    no("100", "do not honour", Refused),
    no("101", "expired card", Expired),
    no("102", "suspected fraud", Refused),
    no("104", "restricted card", FrozenByIssuer),
    no("106", "PIN tries exceeded", FrozenByIssuer),
    no("107", "refer to issuer", Refused),
    ours("109", "invalid merchant", "the merchant number is not registered with the acquirer"),
    ours("110", "invalid amount", "the amount is not allowed by the contract"),
    no("111", "invalid card number", UnknownCard),
    no("114", "no account of the type requested", Refused),
    ours("115", "function not supported", "the bank has not opened this function"),
    no("116", "insufficient funds", InsufficientBalance),
    no("117", "incorrect PIN", WrongSecret),
    no("118", "no card record", UnknownCard),
    no("119", "not permitted to cardholder", Refused),
    ours(
        "120",
        "not permitted to terminal",
        "ask the bank to put terminal, merchant and address on its allow-list",
    ),
    no("121", "amount limit exceeded", Refused),
    no("122", "security violation", Refused),
    no("123", "count limit exceeded", TooFrequent),
    no("124", "violation of law", Refused),
    no("125", "card not effective", NotActivated),
    ours("126", "invalid PIN block", "the PIN block or its key differs from the bank's"),
    no("129", "suspected counterfeit", Refused),
    no("200", "do not honour, capture", Refused),
    no("201", "expired card, capture", Expired),
    no("202", "suspected fraud, capture", Refused),
    no("204", "restricted card, capture", FrozenByIssuer),
    no("206", "PIN tries exceeded, capture", FrozenByIssuer),
    no("208", "lost card", FrozenByIssuer),
    no("209", "stolen card", FrozenByIssuer),
    no("210", "suspected counterfeit, capture", Refused),
    row("400", "reversal accepted", Reading::Approved),
    ours("902", "invalid transaction", "the contract does not include this kind of transaction"),
    ours("904", "format error", "the message profile differs from the bank's"),
    unsure("906", "cut-over in progress"),
    unsure("907", "issuer or switch inoperative"),
    unsure("909", "system malfunction"),
    unsure("911", "issuer timed out"),
    row("913", "duplicate", Reading::Duplicate),
    row("914", "original record not found", Reading::NotFound),
    ours("916", "MAC error", "our MAC key differs from the bank's: sign in again"),
    row("923", "request in progress", Reading::Pending),
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn a_code_stands_once_in_a_dialect() {
        for dialect in Dialect::ALL {
            let mut seen = BTreeSet::new();
            assert!(dialect.responses().all(|response| seen.insert(response.code)), "{dialect:?}");
            assert_eq!(Dialect::from_name(dialect.name()), Some(dialect));
        }
    }

    #[test]
    fn one_code_means_different_things() {
        let reading = |dialect: Dialect, code| dialect.response(code).map(|response| response.reading);
        assert!(matches!(reading(Dialect::Iso1987, "98"), Some(Reading::Ours(_))));
        assert_eq!(reading(Dialect::UnionpayPos, "98"), Some(Reading::Unsure));
        assert_eq!(reading(Dialect::UnionpayPos, "12").map(|r| r == Reading::Duplicate), Some(false));
        assert_eq!(reading(Dialect::UnionpayAcp, "12"), Some(Reading::Duplicate));
        assert_eq!(reading(Dialect::UnionpayAcp, "98"), None);
        assert_eq!(reading(Dialect::Iso1987, "A0"), None);
    }

    #[test]
    fn what_may_have_happened_is_never_a_no() {
        for code in ["06", "09", "68", "90", "91", "96", "98"] {
            let outcome = Dialect::UnionpayPos.response(code).and_then(|response| response.reading.outcome());
            assert!(matches!(outcome, Some(Outcome::Pending | Outcome::Unknown(_))), "{code}");
        }
    }

    #[test]
    fn a_terminal_off_the_allow_list_is_no_fault_of_the_card() {
        for (dialect, code) in
            [(Dialect::UnionpayPos, "58"), (Dialect::Iso1987, "58"), (Dialect::Iso1993, "120")]
        {
            let reading = dialect.response(code).unwrap().reading;
            assert!(matches!(reading, Reading::Ours(advice) if advice.contains("allow-list")));
            assert_eq!(reading.outcome(), Some(Outcome::Declined(Decline::AuthConfig)));
        }
    }
}
