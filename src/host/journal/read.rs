//! What is asked of a journal: the tables as of a batch, and what memory holds beyond it.

use super::entry::{Kind, Place};
use super::log::{self, failed, segment_name};
use super::{Core, FirstDue, Journal, Position};
use crate::base::{RedemptionId, Wall};
use crate::host::StoreError;
use crate::ledger::Account;
use crate::money::Currency;
use crate::record::{Handed, crc32c};
use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// Takes a frame and the numbers of its refused units.
type ShowFrame<'a> = dyn FnMut(&[u8], &[u32]) -> Result<(), StoreError> + 'a;

impl Core {
    /// What waits and is due at `now`, the longest due first.
    pub(super) fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<(Wall, RedemptionId)>, StoreError> {
        let (model, overlay) = (&self.model, &self.overlay);
        model.as_of(|model, applied| {
            let is_due = |due: Wall| due <= now;
            let ahead = overlay.waiting(applied).take_while(|(due, _)| is_due(*due));
            let mut due: Vec<_> = ahead.take(limit).collect();
            let mut found = 0;
            if limit > 0 {
                model.waiting(&mut |at, id| {
                    if is_due(at) && !overlay.is_ahead(id, applied) {
                        due.push((at, id));
                        found += 1;
                    }
                    is_due(at) && found < limit
                })?;
            }
            due.sort_unstable();
            due.truncate(limit);
            Ok(due)
        })
    }

    /// When the next redemption is due. The tables are asked again only once they have changed, or the one
    /// that was first there has.
    pub(super) fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        let known = self.applier.applied()?;
        let (model, overlay) = (&self.model, &self.overlay);
        let stands = |at: &FirstDue| {
            at.known == known && at.first.is_none_or(|(_, id)| !overlay.is_ahead(id, at.applied))
        };
        let at = match self.first_due.take().filter(stands) {
            Some(at) => at,
            None => model.as_of(|model, applied| {
                let mut first = None;
                model.waiting(&mut |due, id| {
                    first = Some((due, id)).filter(|_| !overlay.is_ahead(id, applied));
                    first.is_none()
                })?;
                Ok(FirstDue { known, applied, first })
            })?,
        };
        let ahead = overlay.waiting(at.applied).next();
        let first = at.first;
        self.first_due = Some(at);
        Ok(ahead.into_iter().chain(first).map(|(due, _)| due).min())
    }

    pub(super) fn balances(
        &mut self,
        visit: &mut dyn FnMut(&Account, Currency, i128),
    ) -> Result<(), StoreError> {
        let mut sums = BTreeMap::<(Account, Currency), i128>::new();
        let (model, overlay) = (&self.model, &self.overlay);
        model.as_of(|model, applied| {
            model.balances(&mut |account, currency, minor| {
                sums.insert((account.clone(), currency), minor);
            })?;
            for (account, currency, sum) in overlay.pending(applied).flat_map(|t| &t.changes.postings) {
                *sums.entry((account.clone(), *currency)).or_default() += sum;
            }
            Ok(())
        })?;
        sums.iter().for_each(|((account, currency), minor)| visit(account, *currency, *minor));
        Ok(())
    }
}

impl Journal {
    /// One redemption as it stands.
    pub(super) fn hand(&mut self, id: RedemptionId) -> Result<Option<Handed>, StoreError> {
        let overlay = &self.core.overlay;
        let kept = self.core.model.as_of(|model, applied| {
            let (rows, sides) = overlay.changes_of(id, applied);
            let mut rows = rows.peekable();
            let mut kept = match model.kept(id)? {
                None if rows.peek().is_none() => return Ok(None),
                kept => kept.unwrap_or_default(),
            };
            kept.logs.extend(rows);
            for side in sides {
                match side.place {
                    Some(place) => kept.sides.insert(side.slot, place),
                    None => kept.sides.remove(&side.slot),
                };
            }
            Ok(Some(kept))
        })?;
        let Some(kept) = kept else { return Ok(None) };
        let log = self.records(id, &kept.logs)?;
        let mut sides = BTreeMap::new();
        for (slot, place) in kept.sides {
            sides.insert(slot, self.content(id, &place)?);
        }
        Ok(Some(Handed { redemption: id, log, sides }))
    }

    /// All records of a redemption.
    pub(super) fn records(&self, id: RedemptionId, places: &[Place]) -> Result<Vec<u8>, StoreError> {
        let mut log = vec![0; places.iter().map(|place| place.length as usize).sum()];
        let mut rest = log.as_mut_slice();
        for place in places {
            let (part, behind) = rest.split_at_mut(place.length as usize);
            self.fill(place, part, || format!("a unit of redemption {id}"))?;
            rest = behind;
        }
        Ok(log)
    }

    /// The content of a side row.
    pub(super) fn content(&self, id: RedemptionId, place: &Place) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; place.length as usize];
        self.fill(place, &mut bytes, || format!("a side row of redemption {id}"))?;
        Ok(bytes)
    }

    fn fill(&self, place: &Place, bytes: &mut [u8], what: impl Fn() -> String) -> Result<(), StoreError> {
        let name = segment_name(place.segment);
        let have = self.log.disk().read_at(&name, place.offset, bytes);
        let have = have.map_err(|error| failed(&name, &error))?;
        if have < bytes.len() || crc32c(bytes) != place.checksum {
            let text = format!("{name}, byte {}: {} is damaged", place.offset, what());
            return Err(StoreError::Corrupt(text));
        }
        Ok(())
    }

    /// Shows the frames after batch `sequence`, which the tables hold, to the end of the log.
    pub(super) fn show_frames(&self, sequence: u64, visit: &mut ShowFrame<'_>) -> Result<(), StoreError> {
        let start = match self.core.model.frame(sequence)? {
            Some((segment, ..)) => log::start_of(&**self.log.disk(), segment)?,
            None => Position::start(),
        };
        let (end, torn) = log::walk(&**self.log.disk(), &start, &mut |entry, _, _| {
            let wanted = entry.kind == Kind::Batch && entry.id.sequence > sequence;
            if wanted { visit(entry.frame, &entry.refused) } else { Ok(()) }
        })?;
        let at = self.log.at();
        if torn.is_some() || (end.chain, end.last.sequence) != (at.chain, at.last.sequence) {
            let (last, text) = (at.last.sequence, end.place());
            return Err(StoreError::Corrupt(format!(
                "the journal ends at {text}, and batch {last} was taken"
            )));
        }
        Ok(())
    }
}
