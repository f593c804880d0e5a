//! What a scanned text may be, kept without the text.

use super::memory::{End, fill};
use super::status::FfiError;
use crate::base::Secret;
use crate::card::scan::{Candidate, Kind, Likelihood, Reading, Repair};
use crate::codec::payment::PaymentScheme;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Kind: a GS1 element string.
pub const SCRIP_KIND_GS1: u32 = 1;
/// Kind: a GS1 Digital Link URI.
pub const SCRIP_KIND_DIGITAL_LINK: u32 = 2;
/// Kind: a trade item number.
pub const SCRIP_KIND_GTIN: u32 = 3;
/// Kind: an EMVCo code that a merchant presents.
pub const SCRIP_KIND_EMV_MERCHANT: u32 = 4;
/// Kind: an EMVCo code that a consumer presents.
pub const SCRIP_KIND_EMV_CONSUMER: u32 = 5;
/// Kind: a payment code.
pub const SCRIP_KIND_PAYMENT_CODE: u32 = 6;
/// Kind: a card number, a card secret, or both.
pub const SCRIP_KIND_CARD_TEXT: u32 = 7;
/// Kind: a dynamic token; scrip_token_verify tells whether it is genuine.
pub const SCRIP_KIND_TOKEN: u32 = 8;

/// Likelihood: its form tells it apart from everything else, and every check was passed.
pub const SCRIP_PROVEN: u32 = 1;
/// Likelihood: it fits the declared product.
pub const SCRIP_DECLARED: u32 = 2;
/// Likelihood: a check digit was passed.
pub const SCRIP_CHECKED: u32 = 3;
/// Likelihood: beginning and length fit.
pub const SCRIP_SHAPED: u32 = 4;
/// Likelihood: the length fits.
pub const SCRIP_POSSIBLE: u32 = 5;
/// Likelihood: a character was taken for another.
pub const SCRIP_REPAIRED: u32 = 6;
/// Likelihood: a rule is broken.
pub const SCRIP_BROKEN: u32 = 7;

/// Scheme of a payment code: WeChat Pay.
pub const SCRIP_SCHEME_WECHAT: u32 = 1;
/// Scheme of a payment code: Alipay.
pub const SCRIP_SCHEME_ALIPAY: u32 = 2;
/// Scheme of a payment code: UnionPay.
pub const SCRIP_SCHEME_UNIONPAY: u32 = 3;
/// Scheme of a payment code: JD.
pub const SCRIP_SCHEME_JD: u32 = 4;

/// For scrip_scan_text: the name of a product that it may be a card of; `place` below `products`,
/// the best proven first.
pub const SCRIP_TEXT_PRODUCT: u32 = 1;
/// For scrip_scan_text: what makes it a card of that product: "gtin", "check_digit", "prefix",
/// "length" or "declared"; `place` as for the product.
pub const SCRIP_TEXT_PROOF: u32 = 2;
/// For scrip_scan_text: the number as people may be shown it.
pub const SCRIP_TEXT_NUMBER_MASKED: u32 = 3;
/// For scrip_scan_text: the trade item number, 14 digits.
pub const SCRIP_TEXT_GTIN: u32 = 4;
/// For scrip_scan_text: the application identifier of an element, such as "01"; `place` below
/// `elements`.
pub const SCRIP_TEXT_AI: u32 = 5;
/// For scrip_scan_text: a check that was passed, in English; `place` below `checks`.
pub const SCRIP_TEXT_CHECK: u32 = 6;
/// For scrip_scan_text: what was changed to read it so, in English; `place` below `repairs`.
pub const SCRIP_TEXT_REPAIR: u32 = 7;
/// For scrip_scan_text: what to know of it, in English; `place` below `notes`.
pub const SCRIP_TEXT_NOTE: u32 = 8;
/// For scrip_scan_text: the rule that is broken, in English; never a part of the text.
pub const SCRIP_TEXT_ERROR: u32 = 9;
/// For scrip_scan_text: the name of its kind, such as "card_text".
pub const SCRIP_TEXT_KIND: u32 = 10;
/// For scrip_scan_text: the card's number or the payment code, in clear. Wipe the buffer.
pub const SCRIP_REVEAL_NUMBER: u32 = 101;
/// For scrip_scan_text: the card's secret, in clear. Wipe the buffer.
pub const SCRIP_REVEAL_SECRET: u32 = 102;
/// For scrip_scan_text: the data of an element, which may be a card's serial number, in clear;
/// `place` below `elements`. Wipe the buffer.
pub const SCRIP_REVEAL_ELEMENT: u32 = 103;

/// What a text may be. Set struct_size to sizeof(scrip_candidate) before the call. Its texts are
/// scrip_scan_text's to tell.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripCandidate {
    /// sizeof(scrip_candidate), set by the caller.
    pub struct_size: u32,
    /// One of SCRIP_KIND_*. Pass over what is not known.
    pub kind: u32,
    /// 1 if every rule of its kind holds, else 0.
    pub valid: u32,
    /// SCRIP_PROVEN to SCRIP_BROKEN; candidates come in this order.
    pub likelihood: u32,
    /// SCRIP_KIND_PAYMENT_CODE: one of SCRIP_SCHEME_*, else 0.
    pub scheme: u32,
    /// 1 if it has a number, else 0.
    pub has_number: u32,
    /// 1 if it has a secret, else 0.
    pub has_secret: u32,
    /// The number of the rule that is broken; 0 if none is.
    pub error: u32,
    /// How many products it may be a card of.
    pub products: u32,
    /// How many elements an element string or a Digital Link has.
    pub elements: u32,
    /// How many checks were passed.
    pub checks: u32,
    /// How many things were changed to read it so.
    pub repairs: u32,
    /// 1 if none of these changes loses anything, whatever was meant; 0 if a person must agree.
    pub lossless: u32,
    /// How many things there are to know of it.
    pub notes: u32,
    /// At which byte of the text the broken rule shows, a symbology identifier counted; -1 if it
    /// shows at no one place. In coded data it is where the character stands in which the byte
    /// begins.
    pub at: i64,
}

/// A candidate with all that can be asked of it.
pub(super) struct Kept {
    pub(super) shown: ScripCandidate,
    kind: &'static str,
    gtin: Option<String>,
    masked: Option<String>,
    number: Option<Secret>,
    secret: Option<Secret>,
    products: Vec<(String, &'static str)>,
    elements: Vec<(String, Secret)>,
    checks: Vec<String>,
    repairs: Vec<String>,
    notes: Vec<String>,
    error: Option<String>,
}

impl Kept {
    pub(super) fn of(candidate: &Candidate<'_>) -> Self {
        let elements = candidate.elements().into_iter().flat_map(|all| all.iter());
        let mut kept = Self {
            shown: shown(candidate),
            kind: candidate.kind().name(),
            gtin: candidate.gtin().map(|gtin| gtin.as_str().to_string()),
            masked: candidate.number_masked(),
            number: candidate.number().cloned(),
            secret: candidate.secret().cloned(),
            products: candidate
                .fits()
                .iter()
                .map(|fit| (fit.product.to_string(), fit.proof.name()))
                .collect(),
            elements: elements.map(|one| (one.ai.to_string(), Secret::from(one.value))).collect(),
            checks: candidate.checks().iter().map(ToString::to_string).collect(),
            repairs: candidate.repairs().iter().map(ToString::to_string).collect(),
            notes: candidate.notes().iter().map(ToString::to_string).collect(),
            error: candidate.fault().map(ToString::to_string),
        };
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        kept.shown.products = count(kept.products.len());
        kept.shown.elements = count(kept.elements.len());
        kept.shown.checks = count(kept.checks.len());
        kept.shown.repairs = count(kept.repairs.len());
        kept.shown.notes = count(kept.notes.len());
        kept
    }

    /// Writes one text into a buffer of the caller's.
    ///
    /// # Safety
    /// As for [`fill`].
    pub(super) unsafe fn tell(
        &self,
        what: u32,
        place: usize,
        buffer: *mut u8,
        capacity: usize,
        len: *mut usize,
    ) -> Result<(), FfiError> {
        let text = self.text(what, place)?.ok_or(FfiError::End)?;
        // SAFETY: the caller makes the same promise.
        unsafe { fill(text, End::Nul, buffer, capacity, len) }
    }

    fn text(&self, what: u32, place: usize) -> Result<Option<&[u8]>, FfiError> {
        Ok(match what {
            SCRIP_TEXT_PRODUCT => self.products.get(place).map(|(name, _)| name.as_bytes()),
            SCRIP_TEXT_PROOF => self.products.get(place).map(|(_, proof)| proof.as_bytes()),
            SCRIP_TEXT_NUMBER_MASKED => first(place, self.masked.as_deref().map(str::as_bytes)),
            SCRIP_TEXT_GTIN => first(place, self.gtin.as_deref().map(str::as_bytes)),
            SCRIP_TEXT_AI => self.elements.get(place).map(|(ai, _)| ai.as_bytes()),
            SCRIP_TEXT_CHECK => self.checks.get(place).map(String::as_bytes),
            SCRIP_TEXT_REPAIR => self.repairs.get(place).map(String::as_bytes),
            SCRIP_TEXT_NOTE => self.notes.get(place).map(String::as_bytes),
            SCRIP_TEXT_ERROR => first(place, self.error.as_deref().map(str::as_bytes)),
            SCRIP_TEXT_KIND => first(place, Some(self.kind.as_bytes())),
            SCRIP_REVEAL_NUMBER => first(place, self.number.as_ref().map(Secret::expose)),
            SCRIP_REVEAL_SECRET => first(place, self.secret.as_ref().map(Secret::expose)),
            SCRIP_REVEAL_ELEMENT => self.elements.get(place).map(|(_, value)| value.expose()),
            value => return Err(FfiError::BadEnum { what: "what", value }),
        })
    }
}

/// A text that there is one of.
fn first(place: usize, text: Option<&[u8]>) -> Option<&[u8]> {
    text.filter(|_| place == 0)
}

/// The candidate but for its counts.
fn shown(candidate: &Candidate<'_>) -> ScripCandidate {
    let lossless = candidate.repairs().iter().all(Repair::is_lossless);
    ScripCandidate {
        struct_size: 0,
        kind: kind_number(candidate.kind()),
        valid: u32::from(candidate.is_valid()),
        likelihood: match candidate.likelihood() {
            Likelihood::Proven => SCRIP_PROVEN,
            Likelihood::Declared => SCRIP_DECLARED,
            Likelihood::Checked => SCRIP_CHECKED,
            Likelihood::Shaped => SCRIP_SHAPED,
            Likelihood::Possible => SCRIP_POSSIBLE,
            Likelihood::Repaired => SCRIP_REPAIRED,
            Likelihood::Broken => SCRIP_BROKEN,
        },
        scheme: match candidate.reading() {
            Reading::PaymentCode(scheme) => match scheme {
                PaymentScheme::WeChat => SCRIP_SCHEME_WECHAT,
                PaymentScheme::Alipay => SCRIP_SCHEME_ALIPAY,
                PaymentScheme::UnionPay => SCRIP_SCHEME_UNIONPAY,
                PaymentScheme::Jd => SCRIP_SCHEME_JD,
            },
            _ => 0,
        },
        has_number: u32::from(candidate.number().is_some()),
        has_secret: u32::from(candidate.secret().is_some()),
        error: candidate.fault().map_or(0, |fault| fault.code().number()),
        products: 0,
        elements: 0,
        checks: 0,
        repairs: 0,
        lossless: u32::from(lossless),
        notes: 0,
        at: candidate.at().and_then(|at| i64::try_from(at).ok()).unwrap_or(-1),
    }
}

fn kind_number(kind: Kind) -> u32 {
    match kind {
        Kind::Gs1 => SCRIP_KIND_GS1,
        Kind::DigitalLink => SCRIP_KIND_DIGITAL_LINK,
        Kind::Gtin => SCRIP_KIND_GTIN,
        Kind::EmvMerchant => SCRIP_KIND_EMV_MERCHANT,
        Kind::EmvConsumer => SCRIP_KIND_EMV_CONSUMER,
        Kind::PaymentCode => SCRIP_KIND_PAYMENT_CODE,
        Kind::CardText => SCRIP_KIND_CARD_TEXT,
        Kind::Token => SCRIP_KIND_TOKEN,
    }
}
