//! What a store's table of redemptions shows to a person.

use std::borrow::Cow;

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
