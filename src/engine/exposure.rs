//! How much is paid before final evidence, against its limits.
//!
//! An advance counts in the log that holds its latest `ExposureOpened`. Where several nodes write,
//! a redemption may go on in another log: that one opens the exposure anew, and the first lets go
//! of its own when it looks ([`Engine::recount`]).

use super::Engine;
use crate::base::{Reader, RedemptionId, ShortInput, Writer, planted};
use crate::flow::{Event, EventKind, Exposure, Limits, Redemption, Step};
use crate::money::{Amount, Currency};
use crate::record::{Handed, Record};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Open advances: each, and their sums by issuer, product and seller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Exposures {
    /// With the place of the record that opened it.
    open: BTreeMap<RedemptionId, (u32, Exposure)>,
    sums: BTreeMap<(u8, String, Currency), i64>,
    /// Whether the sums hold advances that are not in `open`, from an old checkpoint.
    nameless: bool,
}

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
    /// Takes a record of a redemption, if it is one of these; `place` is its place among them.
    pub(super) fn take(&mut self, id: RedemptionId, place: u32, record: &Record<'_>) {
        if !is_exposure(record) {
            return;
        }
        match Event::from_record(record) {
            Ok((_, Event::ExposureOpened(e))) => self.open(id, place, e),
            Ok((_, Event::ExposureClosed(_))) if planted!(ExposureStaysOpen) => {}
            Ok((_, Event::ExposureClosed(e))) => self.close(id, &e),
            _ => {}
        }
    }

    fn open(&mut self, id: RedemptionId, place: u32, e: Exposure) {
        self.drop_one(id);
        for key in keys(&e) {
            let open = self.sums.entry(key).or_default();
            *open = open.saturating_add(e.amount.minor());
        }
        self.open.insert(id, (place, e));
    }

    /// Closes what this log has opened; another log's is none of its business.
    fn close(&mut self, id: RedemptionId, e: &Exposure) {
        if !self.drop_one(id) && self.nameless {
            self.subtract(e);
        }
    }

    fn drop_one(&mut self, id: RedemptionId) -> bool {
        let dropped = self.open.remove(&id);
        dropped.iter().for_each(|(_, e)| self.subtract(e));
        dropped.is_some()
    }

    /// Sets one advance back to how it stands in `durable`: what was staged of it is not written.
    pub(super) fn set_back(&mut self, id: RedemptionId, durable: &Self) {
        self.drop_one(id);
        if let Some((place, e)) = durable.open.get(&id) {
            self.open(id, *place, e.clone());
        }
    }

    fn subtract(&mut self, e: &Exposure) {
        for key in keys(e) {
            if let Some(open) = self.sums.get_mut(&key) {
                *open = open.saturating_sub(e.amount.minor());
                if *open <= 0 {
                    self.sums.remove(&key);
                }
            }
        }
    }

    /// Whether `e` may be opened on top of what is open.
    pub(super) fn has_room(&self, e: &Exposure, limits: &Limits) -> bool {
        let limits = [limits.issuer_minor, limits.product_minor, limits.seller_minor];
        keys(e).iter().zip(limits).all(|(key, limit)| {
            let open = self.sums.get(key).copied().unwrap_or_default();
            open.saturating_add(e.amount.minor()) <= limit
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.u8(u8::from(self.nameless));
        w.u32(u32::try_from(self.sums.len()).expect("open advances are limited"));
        for ((kind, name, currency), minor) in &self.sums {
            w.u8(*kind).bytes(name.as_bytes()).u16(currency.numeric()).i64(*minor);
        }
        w.u32(u32::try_from(self.open.len()).expect("open advances are limited"));
        for (id, (place, e)) in &self.open {
            w.raw(&id.0).u32(*place).text(&e.issuer).text(&e.product).text(&e.seller);
            w.u16(e.amount.currency().numeric()).i64(e.amount.minor());
        }
    }

    /// Reads what [`Exposures::write`] wrote; without `named` the old form, which had sums only.
    pub(super) fn read(r: &mut Reader<'_>, named: bool) -> Result<Self, ShortInput> {
        let mut read = Self { nameless: !named || r.u8()? != 0, ..Self::default() };
        for _ in 0..r.u32()? {
            let (kind, at) = (r.u8()?, r.position());
            let name = core::str::from_utf8(r.bytes()?).map_err(|_| ShortInput { at })?;
            let currency = currency(r)?;
            read.sums.insert((kind, String::from(name), currency), r.i64()?);
        }
        for _ in 0..if named { r.u32()? } else { 0 } {
            let (id, place) = (RedemptionId(r.array()?), r.u32()?);
            let (issuer, product, seller) = (r.text()?, r.text()?, r.text()?);
            let currency = currency(r)?;
            let amount = Amount::new(r.i64()?, currency);
            read.open.insert(id, (place, Exposure { issuer, product, seller, amount }));
        }
        Ok(read)
    }
}

fn currency(r: &mut Reader<'_>) -> Result<Currency, ShortInput> {
    let at = r.position();
    Currency::from_numeric(r.u16()?).map_err(|_| ShortInput { at })
}

fn is_exposure(record: &Record<'_>) -> bool {
    let (opened, closed) = (EventKind::ExposureOpened.number(), EventKind::ExposureClosed.number());
    record.kind == opened || record.kind == closed
}

impl Engine {
    /// Counts the advance of `r` if it is paid now.
    pub(super) fn advance_room(&self, r: &Redemption) -> bool {
        let limits = &self.setup.policy.flow.advance;
        let Some(quote) = r.quote.as_ref().filter(|_| limits.issuer_minor > 0) else { return false };
        self.exposures.has_room(&exposure(r, quote.payout), limits)
    }

    /// An advance that another log has opened counts here from the first step on.
    pub(super) fn adopt_exposure(&self, r: &mut Redemption, step: &mut Step) {
        let known = self.exposures.open.contains_key(&r.id) || self.exposures.nameless;
        let written = step.records.is_empty() || step.records.iter().any(|record| is_exposure(&record));
        let Some(amount) = r.payout.as_ref().map(|payout| payout.amount) else { return };
        if r.exposed && !known && !written {
            let opened = Event::ExposureOpened(exposure(r, amount));
            step.take(r, self.now.wall, &opened).expect("an exposure is allowed everywhere");
        }
    }

    pub(super) fn count_exposure(&mut self, id: RedemptionId, expected: u32, step: &Step) {
        for (place, record) in (expected..).zip(step.records.iter()) {
            self.exposures.take(id, place, &record);
        }
    }

    /// The advances that count in this log and are not in memory: where several nodes write, one of
    /// them may have gone on, or ended, in another log. Hand each to [`Engine::recount`] now and
    /// then.
    pub fn advances(&self) -> Vec<RedemptionId> {
        let out = self.exposures.open.keys().filter(|id| !self.live.contains_key(id));
        out.copied().collect()
    }

    /// Looks whether an advance still counts in this log, given how it stands in the store; `None`
    /// if another node has it in memory.
    pub fn recount(&mut self, id: RedemptionId, stands: Option<&Handed>) {
        let Some((place, _)) = self.exposures.open.get(&id).filter(|_| !self.live.contains_key(&id)) else {
            return;
        };
        let records = stands.and_then(|handed| Record::decode_all(&handed.log).ok()).unwrap_or_default();
        let latest = (0..).zip(&records).filter(|(_, record)| is_exposure(record)).last();
        if latest.map(|(at, _): (u32, _)| at) != Some(*place) {
            self.exposures.drop_one(id);
            self.durable.exposures.drop_one(id);
        }
    }
}

fn exposure(r: &Redemption, amount: Amount) -> Exposure {
    let facts = &r.facts;
    Exposure {
        issuer: facts.issuer.clone(),
        product: facts.product.clone(),
        seller: facts.seller.clone(),
        amount,
    }
}
