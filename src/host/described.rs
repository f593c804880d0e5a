//! What a store's table of redemptions shows to a person.

use crate::base::Text;
use crate::flow::Summary;
use crate::money::Amount;
use std::borrow::Cow;
use std::string::String;

/// Reads a summary, as a unit carries it, for the columns of a table; `None` leaves them empty.
///
/// Stores keep the summary's bytes and do not know their form. The columns are for people with
/// a database tool: nothing is ever read back from them.
pub type Describe = for<'a> fn(summary: &'a [u8]) -> Option<Described<'a>>;

/// The readable columns of one redemption. What is `None` stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described<'a> {
    /// The state's stable name.
    pub state: Option<Cow<'a, str>>,
    /// The stable code of the reason.
    pub reason: Option<Cow<'a, str>>,
    /// The caller's name for the request.
    pub request_id: Option<Cow<'a, str>>,
    /// The seller.
    pub seller: Option<Cow<'a, str>>,
    /// The product.
    pub product: Option<Cow<'a, str>>,
    /// The issuer.
    pub issuer: Option<Cow<'a, str>>,
    /// The ISO 4217 code of all amounts.
    pub currency: Option<Cow<'a, str>>,
    /// The declared face value in minor units.
    pub face_minor: Option<i64>,
    /// The value that the issuer confirmed, in minor units.
    pub verified_minor: Option<i64>,
    /// What the seller was paid, in minor units.
    pub payout_minor: Option<i64>,
    /// What was kept as fee, in minor units.
    pub fee_minor: Option<i64>,
}

impl Described<'static> {
    /// The columns of a [`Summary`], the form in which redemptions keep it.
    pub fn of_summary(bytes: &[u8]) -> Option<Self> {
        let summary = Summary::decode(bytes).ok()?;
        let text = |text: &Text| Some(Cow::Owned(String::from(text.as_str())));
        Some(Self {
            state: Some(Cow::Borrowed(summary.state.name())),
            reason: summary.reason.as_ref().and_then(text),
            request_id: text(&summary.request_id),
            seller: text(&summary.seller),
            product: text(&summary.product),
            issuer: text(&summary.issuer),
            currency: Some(Cow::Borrowed(summary.face.currency().alpha())),
            face_minor: Some(summary.face.minor()),
            verified_minor: summary.verified.map(Amount::minor),
            payout_minor: summary.payout.map(Amount::minor),
            fee_minor: summary.fee.map(Amount::minor),
        })
    }
}
