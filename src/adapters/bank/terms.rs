//! What was agreed with the bank, beyond what every issuer's profile says.

use super::dialect::Dialect;
use crate::adapters::AdapterError;
use crate::codec::iso8583::{Class, Size, Spec};
use alloc::string::{String, ToString};
use serde::Deserialize;

/// How a reversal names its original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Original {
    /// Field 90: type, STAN, transmission time, acquirer, forwarder.
    Field90,
    /// Field 61, as UnionPay's terminals: batch, STAN, date.
    Field61,
}

/// How a sign-in is asked for and told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Field 70: 001 signs in, 301 is the echo.
    Field70,
    /// Field 60, as UnionPay's terminals: type 00, batch, 003 signs in with keys of double
    /// length, 301 is the echo.
    Field60,
}

/// What was agreed with the bank.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BankTerms {
    /// Whose response codes.
    #[serde(deserialize_with = "dialect")]
    pub dialect: Dialect,
    /// Field 41: 8 characters.
    pub terminal: String,
    /// Field 42: 15 characters.
    pub merchant: String,
    /// Field 32: the acquirer, where the bank wants it; up to 11 digits.
    pub acquirer: Option<String>,
    /// Field 22: how the card was read.
    pub entry_mode: String,
    /// The batch number of fields 60 and 61: 6 digits.
    pub batch: String,
    /// Field 25: under which condition.
    pub condition: String,
    /// Field 3 of a balance inquiry.
    pub balance_code: String,
    /// Field 3 of a redemption.
    pub redeem_code: String,
    /// Field 3 of a question after an earlier redemption (a 0100 with field 90 or 61), where the
    /// bank answers such with the code and amount of the original. Without it nothing can be
    /// queried: the recipe is `reverse`, and receipts come with the bank's statement.
    pub query_code: Option<String>,
    /// The field in which our reference goes, as 32 hexadecimal digits, and comes back.
    pub reference_field: u8,
    /// Whether every message but sign-ins bears a MAC in field 64 or 128.
    pub mac: bool,
    /// Whether the card's secret is a PIN, sent as a block in field 52.
    pub pin: bool,
    /// Whether a reversal is an advice (0420) instead of a request (0400).
    pub advice: bool,
    /// How a reversal names its original.
    pub original: Original,
    /// Whether the terminal signs in (签到), and how that is asked for.
    pub sign_in: Option<Network>,
    /// How long a sign-in holds, in ms.
    pub sign_in_every_ms: i64,
    /// The bank's local time, in minutes east of Greenwich, -720 to 840.
    pub utc_offset_min: i32,
}

impl Default for BankTerms {
    fn default() -> Self {
        Self {
            dialect: Dialect::UnionpayPos,
            terminal: String::new(),
            merchant: String::new(),
            acquirer: None,
            entry_mode: "012".to_string(),
            batch: "000001".to_string(),
            condition: "00".to_string(),
            balance_code: "310000".to_string(),
            redeem_code: "000000".to_string(),
            query_code: None,
            reference_field: 48,
            mac: true,
            pin: true,
            advice: false,
            original: Original::Field90,
            sign_in: Some(Network::Field70),
            sign_in_every_ms: 86_400_000,
            utc_offset_min: 480,
        }
    }
}

fn dialect<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Dialect, D::Error> {
    let name = String::deserialize(deserializer)?;
    let expected = "one of iso8583_1987, iso8583_1993, unionpay_pos, unionpay_acp";
    Dialect::from_name(&name)
        .ok_or_else(|| serde::de::Error::invalid_value(serde::de::Unexpected::Str(&name), &expected))
}

impl BankTerms {
    /// What does not fit the message format, if anything.
    pub(super) fn problem(&self, spec: &Spec) -> Result<(), AdapterError> {
        let fits = |number: u8, text: &str| {
            let mut out = alloc::vec::Vec::new();
            let mti = crate::codec::iso8583::Mti::new(200).expect("four digits");
            spec.write(mti, &mut out).text(number, text).is_ok()
        };
        let code = |code: &str| fits(3, code);
        let wrong = |what| Err(AdapterError::Terms { what });
        if !fits(41, &self.terminal) || !fits(42, &self.merchant) {
            return wrong("terminal and merchant fill fields 41 and 42");
        }
        if !self.acquirer.as_deref().is_none_or(|acquirer| fits(32, acquirer)) {
            return wrong("acquirer fits field 32");
        }
        if !fits(22, &self.entry_mode) || !fits(25, &self.condition) {
            return wrong("entry_mode and condition fill fields 22 and 25");
        }
        let codes = [Some(&self.balance_code), Some(&self.redeem_code), self.query_code.as_ref()];
        if !codes.into_iter().flatten().all(|one| code(one)) || self.balance_code == self.redeem_code {
            return wrong("balance_code, redeem_code and query_code are different codes for field 3");
        }
        let room = spec.field(self.reference_field).is_some_and(|field| {
            let text = matches!(field.class, Class::An | Class::Ans) || field.class == Class::B;
            text && field.size != Size::Fixed && field.max >= 32
        });
        if !room || (53..=55).contains(&self.reference_field) || self.reference_field == 60 {
            return wrong("reference_field is a variable field that has room for 32 digits");
        }
        if self.batch.len() != 6 || !self.batch.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("batch is 6 digits");
        }
        if !(-720..=840).contains(&self.utc_offset_min) || self.sign_in_every_ms < 1 {
            return wrong("utc_offset_min is -720 to 840, sign_in_every_ms at least 1");
        }
        Ok(())
    }
}
