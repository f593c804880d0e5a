//! How a redemption stands.

use crate::base::Text;
use crate::flow::Summary;
use core::ffi::c_char;

/// scrip_view: `verified_minor` is known.
pub const SCRIP_HAS_VERIFIED: u32 = 1;
/// scrip_view: `debited_minor` is known.
pub const SCRIP_HAS_DEBITED: u32 = 2;
/// scrip_view: `payout_minor` is known.
pub const SCRIP_HAS_PAYOUT: u32 = 4;
/// scrip_view: `fee_minor` is known.
pub const SCRIP_HAS_FEE: u32 = 8;
/// scrip_view: `until_ms` is known.
pub const SCRIP_HAS_UNTIL: u32 = 16;

/// How a redemption stands, as far as it is durable. Set struct_size to sizeof(scrip_view)
/// before the call. Texts are UTF-8, ended by a NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripView {
    /// sizeof(scrip_view), set by the caller.
    pub struct_size: u32,
    /// Where it stands; see scrip_state_name.
    pub state: u32,
    /// Sum of SCRIP_HAS_*: which of the values below are known. The others are 0.
    pub has: u32,
    /// ISO 4217 numeric code of all amounts.
    pub currency: u32,
    /// Since when it stands there, in ms since 1970.
    pub since_ms: i64,
    /// Until when the card is frozen, in ms since 1970.
    pub until_ms: i64,
    /// The face value as declared, in minor units, as all amounts.
    pub face_minor: i64,
    /// What the issuer has confirmed.
    pub verified_minor: i64,
    /// What the issuer has debited.
    pub debited_minor: i64,
    /// What the seller has been paid.
    pub payout_minor: i64,
    /// The service fee.
    pub fee_minor: i64,
    /// Why, as a stable code in snake case; empty without a reason.
    pub reason: [c_char; 132],
    /// The caller's id for the request.
    pub request_id: [c_char; 132],
    /// Who sells.
    pub seller: [c_char; 132],
    /// The product.
    pub product: [c_char; 132],
}

impl ScripView {
    pub(super) fn of(summary: &Summary) -> Self {
        let amounts = [
            (SCRIP_HAS_VERIFIED, summary.verified),
            (SCRIP_HAS_DEBITED, summary.debited),
            (SCRIP_HAS_PAYOUT, summary.payout),
            (SCRIP_HAS_FEE, summary.fee),
        ];
        let known = amounts.iter().filter(|(_, amount)| amount.is_some()).map(|(flag, _)| flag);
        let until = summary.until.map_or(0, |_| SCRIP_HAS_UNTIL);
        let [verified_minor, debited_minor, payout_minor, fee_minor] =
            amounts.map(|(_, amount)| amount.map_or(0, |amount| amount.minor()));
        Self {
            struct_size: 0,
            state: u32::from(summary.state.number()),
            has: known.sum::<u32>() | until,
            currency: u32::from(summary.face.currency().numeric()),
            since_ms: summary.since.0,
            until_ms: summary.until.map_or(0, |until| until.0),
            face_minor: summary.face.minor(),
            verified_minor,
            debited_minor,
            payout_minor,
            fee_minor,
            reason: chars(summary.reason.as_ref()),
            request_id: chars(Some(&summary.request_id)),
            seller: chars(Some(&summary.seller)),
            product: chars(Some(&summary.product)),
        }
    }
}

fn chars(text: Option<&Text>) -> [c_char; 132] {
    const { assert!(Text::MAX < 132, "a text and its NUL must fit") };
    let mut out = [0; 132];
    for (to, from) in out.iter_mut().zip(text.map(|text| text.bytes()).into_iter().flatten()) {
        *to = from as c_char;
    }
    out
}
