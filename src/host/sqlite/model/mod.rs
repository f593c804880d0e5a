//! The tables behind a journal: what its batches claim, write, see and post, up to a watermark.
//!
//! They hold nothing that cannot be made anew from the journal, and are written by one thread,
//! many batches to a transaction. Whoever reads them at the same time sees them as of a batch.

mod apply;
mod read;
mod trickle;

use super::Describe;
use super::commit::{count, last, meta, set_count, set_meta, verdicts};
use super::fault::Fault;
use super::schema::{self, Role};
use super::values::{Count, signed};
use crate::base::{Digest, Reader, ShortInput, Writer};
use crate::host::StoreError;
use crate::host::journal::{Place, Position};
use crate::record::Verdict;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::format;
use std::path::Path;
use std::vec::Vec;

/// One connection to the tables.
pub(in crate::host) struct Model {
    connection: Connection,
    describe: Describe,
}

impl Model {
    /// Clears tables of an earlier format away, so that they are made anew from the journal; the
    /// engine's checkpoint is kept, for it counts whatever the tables look like.
    pub(in crate::host) fn renew(path: &Path, describe: Describe) -> Result<(), StoreError> {
        let Some(checkpoint) = earlier(path)? else { return Ok(()) };
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_os_string();
            name.push(ending);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::Failed(format!("{}: {error}", path.display())));
                }
                _ => {}
            }
        }
        let model = Self::open(path, describe)?;
        if let Some((upto, state)) = checkpoint {
            set_checkpoint(&model.connection, upto, &state)?;
        }
        Ok(())
    }

    /// Opens the tables, or makes them.
    pub(in crate::host) fn open(path: &Path, describe: Describe) -> Result<Self, StoreError> {
        Ok(Self { connection: schema::open(path, Role::Tables)?, describe })
    }

    /// Up to where batches are applied.
    pub(in crate::host) fn position(&self) -> Result<Position, StoreError> {
        Ok(position(&self.connection)?.unwrap_or_else(Position::start))
    }

    /// The number of the last batch applied.
    pub(in crate::host) fn applied(&self) -> Result<u64, StoreError> {
        Ok(last(&self.connection)?.0.sequence)
    }

    /// What the units of the last batch applied were told.
    pub(in crate::host) fn verdicts(&self, units: usize) -> Result<Vec<Verdict>, StoreError> {
        Ok(verdicts(&self.connection, units)?)
    }

    /// The engine's checkpoint and up to which batch it goes.
    pub(in crate::host) fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        Ok(checkpoint(&self.connection)?)
    }

    /// In which segment a batch lies, and its epoch.
    pub(in crate::host) fn frame(&self, sequence: u64) -> Result<Option<(u32, u64)>, StoreError> {
        Ok(frame(&self.connection, sequence)?)
    }

    /// What is to be erased in the segments, in their order.
    pub(in crate::host) fn erasures(&self) -> Result<Vec<(u32, u64, u32)>, StoreError> {
        Ok(erasures(&self.connection)?)
    }

    /// It was erased, and that is durable.
    pub(in crate::host) fn erased(&self) -> Result<(), StoreError> {
        Ok(self.connection.execute("DELETE FROM erasures", []).map(drop).map_err(Fault::from)?)
    }

    /// Shows every name that a unit may ask for: redemptions, keys, subjects.
    pub(in crate::host) fn names(&self, visit: &mut dyn FnMut(&[u8; 16])) -> Result<(), StoreError> {
        Ok(names(&self.connection, visit)?)
    }

    /// About how many names there are: most redemptions have one card, and subjects are few.
    pub(in crate::host) fn about_so_many_names(&self) -> Result<u64, StoreError> {
        let sql = "SELECT ifnull(max(number), 0) FROM redemptions";
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0)).map_err(Fault::from)?;
        Ok(count.unsigned_abs().saturating_mul(2))
    }

    /// Copies the tables into a new file, as of one batch, whoever writes them meanwhile.
    pub(in crate::host) fn copy(&self, to: &Path) -> Result<(), StoreError> {
        Ok(super::backup::copy(&self.connection, to)?)
    }

    /// The connection, for whoever compares the tables with the journal.
    pub(in crate::host) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Carries the write-ahead log over, so that the file holds all by itself.
    pub(in crate::host) fn tidy(&self) -> Result<(), StoreError> {
        Ok(super::recover::empty_log(&self.connection)?)
    }
}

type Checkpoint = Option<(u64, Vec<u8>)>;

fn checkpoint(connection: &Connection) -> Result<Checkpoint, Fault> {
    let Some(state) = meta(connection, "checkpoint")? else { return Ok(None) };
    Ok(Some((count(connection, "checkpoint_sequence")?, state)))
}

/// The checkpoint in tables of an earlier format, if that is what there is.
fn earlier(path: &Path) -> Result<Option<Checkpoint>, Fault> {
    if !path.is_file() {
        return Ok(None);
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let found = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let ours = i64::from(Role::Tables.application_id());
    if found.0 == ours && (1..i64::from(Role::Tables.format())).contains(&found.1) {
        return Ok(Some(checkpoint(&connection)?));
    }
    Ok(None)
}

const POSITION: &str = "position";

fn position(connection: &Connection) -> Result<Option<Position>, Fault> {
    let Some(bytes) = meta(connection, POSITION)? else { return Ok(None) };
    let (last, digest) = last(connection)?;
    let r = &mut Reader::new(&bytes);
    let mut read = || {
        let (segment, offset, epoch) = (r.u32()?, r.u64()?, r.u64()?);
        Ok(Position { segment, offset, epoch, chain: Digest(r.array()?), last, digest })
    };
    let cut = |ShortInput { at }| Fault::corrupt(format!("`{POSITION}` in meta ends at byte {at}"));
    read().map(Some).map_err(cut)
}

fn set_position(connection: &Connection, at: &Position) -> Result<(), Fault> {
    let mut bytes = Vec::with_capacity(52);
    Writer::new(&mut bytes).u32(at.segment).u64(at.offset).u64(at.epoch).raw(&at.chain.0);
    set_meta(connection, POSITION, &bytes)?;
    let mut last = Vec::with_capacity(48);
    Writer::new(&mut last).u64(at.last.epoch).u64(at.last.sequence).raw(&at.digest.0);
    set_meta(connection, "last", &last)
}

fn set_checkpoint(connection: &Connection, upto: u64, state: &[u8]) -> Result<(), Fault> {
    if count(connection, "checkpoint_sequence")? <= upto {
        set_count(connection, "checkpoint_sequence", upto)?;
        set_meta(connection, "checkpoint", state)?;
    }
    Ok(())
}

fn frame(connection: &Connection, sequence: u64) -> Result<Option<(u32, u64)>, Fault> {
    let mut select = connection.prepare_cached("SELECT segment, epoch FROM frames WHERE sequence = ?1")?;
    let found = select.query_row([signed(sequence)?], |row| Ok((row.get(0)?, row.get::<_, Count>(1)?.0)));
    Ok(found.optional()?)
}

fn erasures(connection: &Connection) -> Result<Vec<(u32, u64, u32)>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT segment, at, length FROM erasures ORDER BY segment, at")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, Count>(1)?.0, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn names(connection: &Connection, visit: &mut dyn FnMut(&[u8; 16])) -> Result<(), Fault> {
    for (sql, columns) in [
        ("SELECT id FROM redemptions", 1),
        ("SELECT key FROM claims", 1),
        ("SELECT redemption, subject FROM sightings", 2),
    ] {
        let mut select = connection.prepare(sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                visit(&row.get(column)?);
            }
        }
    }
    Ok(())
}

/// Where bytes lie, out of four columns.
fn place_of(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Place> {
    Ok(Place {
        segment: row.get(first)?,
        offset: row.get::<_, Count>(first + 1)?.0,
        length: row.get(first + 2)?,
        checksum: row.get(first + 3)?,
    })
}

/// Appends places as a redemption's row holds them.
fn put_places(out: &mut Vec<u8>, places: &[Place]) {
    for Place { segment, offset, length, checksum } in places {
        Writer::new(out).u32(*segment).u64(*offset).u32(*length).u32(*checksum);
    }
}

/// Reads what [`put_places`] wrote.
fn read_places(bytes: &[u8]) -> Result<Vec<Place>, ShortInput> {
    let r = &mut Reader::new(bytes);
    let mut places = Vec::with_capacity(bytes.len() / 20);
    while !r.is_empty() {
        let (segment, offset, length, checksum) = (r.u32()?, r.u64()?, r.u32()?, r.u32()?);
        places.push(Place { segment, offset, length, checksum });
    }
    Ok(places)
}
