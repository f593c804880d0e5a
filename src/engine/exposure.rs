//! How much is paid before final evidence, against its limits.

use crate::flow::{Exposure, Limits};
use crate::money::Currency;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Open advances by issuer, product and seller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exposures(BTreeMap<(u8, String, Currency), i64>);

const ISSUER: u8 = 1;
const PRODUCT: u8 = 2;
const SELLER: u8 = 3;

fn keys(e: &Exposure) -> [(u8, String, Currency); 3] {
    let currency = e.amount.currency();
    [
        (ISSUER, String::from(e.issuer.as_str()), currency),
        (PRODUCT, String::from(e.product.as_str()), currency),
        (SELLER, String::from(e.seller.as_str()), currency),
    ]
}

impl Exposures {
    pub(super) fn open(&mut self, e: &Exposure) {
        for key in keys(e) {
            let open = self.0.entry(key).or_default();
            *open = open.saturating_add(e.amount.minor());
        }
    }

    pub(super) fn close(&mut self, e: &Exposure) {
        for key in keys(e) {
            if let Some(open) = self.0.get_mut(&key) {
                *open = open.saturating_sub(e.amount.minor());
                if *open <= 0 {
                    self.0.remove(&key);
                }
            }
        }
    }

    /// Whether `e` may be opened on top of what is open.
    pub(super) fn has_room(&self, e: &Exposure, limits: &Limits) -> bool {
        let limits = [limits.issuer_minor, limits.product_minor, limits.seller_minor];
        keys(e).iter().zip(limits).all(|(key, limit)| {
            let open = self.0.get(key).copied().unwrap_or_default();
            open.saturating_add(e.amount.minor()) <= limit
        })
    }

    pub(super) fn entries(&self) -> Vec<(u8, &str, Currency, i64)> {
        self.0
            .iter()
            .map(|((kind, name, currency), minor)| (*kind, name.as_str(), *currency, *minor))
            .collect()
    }

    pub(super) fn put(&mut self, kind: u8, name: &str, currency: Currency, minor: i64) {
        self.0.insert((kind, String::from(name), currency), minor);
    }
}
