//! Whether the journal is whole and its tables are what it leads to.

use super::Journal;
use crate::host::check::{Finding, Fold, Report};
use crate::host::sqlite::compare;
use crate::host::{Store, StoreError};
use crate::record::Frame;
use std::vec::Vec;

impl Journal {
    /// Reads all segments and compares every table with what they lead to; the database checks
    /// its own trees. Takes as much memory as all redemptions do.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Corrupt`] with the place where the segments are damaged. What
    /// else is not as it must be is in the report.
    pub fn check(&mut self) -> Result<Report, StoreError> {
        self.settle()?;
        let mut fold = Fold::default();
        self.frames(&mut |bytes, refused| fold.take(bytes, refused))?;
        let model = &self.core.model;
        let log = |id| self.records(id, &model.kept(id).ok()??.logs).ok();
        compare(model.connection(), &fold.index, &log, &mut fold.report)?;
        fold.report.findings.extend(model.lost_seats()?.into_iter().map(Finding::Sightings));
        let sides: Vec<_> = self.core.model.side_places()?;
        fold.compare_sides(|visit| {
            for (id, slot, place) in &sides {
                match self.content(*id, place) {
                    Ok(content) => visit(*id, *slot, Some(Frame::digest(&content))),
                    Err(StoreError::Corrupt(_)) => visit(*id, *slot, None),
                    Err(other) => return Err(other),
                }
            }
            Ok(())
        })?;
        Ok(fold.finish())
    }
}
