//! The append-only file behind a book. A line is handed to the operating system before the
//! answer that it stands for is given, so it survives a `kill -9` of the process; it is not
//! synced, so it need not survive a power cut, which these trials do not make.

use super::SimError;
use super::entry::{Entry, Line, Notice};
use crate::base::Wall;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;

/// What is still to be brought: to each notice, whether it brings a pay-out back.
pub(super) type Owed = BTreeMap<Notice, bool>;

#[derive(Debug)]
pub(super) struct Ledger {
    name: String,
    file: Option<File>,
    /// Length of the file in bytes, all of it good lines.
    len: u64,
    lines: Vec<Line>,
    owed: Owed,
}

/// The file of a ledger.
pub(super) fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(std::format!("{name}.ledger"))
}

pub(super) fn io_error(path: &Path, error: &std::io::Error) -> SimError {
    SimError::Io { file: path.display().to_string(), what: error.to_string() }
}

/// The lines of a ledger's text and how many bytes of it are good. A last line that was torn by
/// the end of the process is left out: the answer that it stood for was never given.
fn read_lines(path: &Path, text: &[u8]) -> Result<(Vec<Line>, usize), SimError> {
    let (mut lines, mut good) = (Vec::new(), 0);
    let raws: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    for (number, raw) in raws.iter().enumerate() {
        let whole = raw.strip_suffix(b"\n").and_then(|line| core::str::from_utf8(line).ok());
        match whole.and_then(Line::read) {
            Some(line) => lines.push(line),
            None if number + 1 == raws.len() => break,
            None => {
                return Err(SimError::Ledger { file: path.display().to_string(), line: number + 1 });
            }
        }
        good += raw.len();
    }
    Ok((lines, good))
}

/// The lines of a ledger's file, without opening it for writing.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, SimError> {
    let text = std::fs::read(path).map_err(|error| io_error(path, &error))?;
    read_lines(path, &text).map(|(lines, _)| lines)
}

impl Ledger {
    /// Opens or begins the ledger `name` in `dir`; without a folder it lives in memory only.
    pub(super) fn open(dir: Option<&Path>, name: &str) -> Result<Self, SimError> {
        let mut ledger = Self { name: name.into(), file: None, len: 0, lines: Vec::new(), owed: Owed::new() };
        let Some(dir) = dir else { return Ok(ledger) };
        let path = path(dir, name);
        let open = || {
            let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            Ok((file, text))
        };
        let (file, text) = open().map_err(|error| io_error(&path, &error))?;
        let (lines, good) = read_lines(&path, &text)?;
        ledger.len = good as u64;
        file.set_len(ledger.len).map_err(|error| io_error(&path, &error))?;
        ledger.file = Some(file);
        for line in lines {
            ledger.take(line);
        }
        Ok(ledger)
    }

    /// Writes `entries` and takes them into account. On an error nothing has happened.
    pub(super) fn append(&mut self, at: Wall, entries: Vec<Entry>) -> Result<(), SimError> {
        let lines: Vec<Line> = entries.into_iter().map(|entry| Line { at, entry }).collect();
        if let Some(file) = &mut self.file {
            let text: String = lines.iter().map(Line::write).collect();
            if let Err(error) = file.write_all(text.as_bytes()) {
                // Half a line must not stand before the next one.
                let _ = file.set_len(self.len);
                let file = std::format!("{}.ledger", self.name);
                return Err(SimError::Io { file, what: error.to_string() });
            }
            self.len += text.len() as u64;
        }
        lines.into_iter().for_each(|line| self.take(line));
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match &line.entry {
            Entry::Owed { notice } => drop(self.owed.insert(*notice, false)),
            Entry::ReturnDue { notice } => drop(self.owed.insert(*notice, true)),
            Entry::Acknowledged { notice } => drop(self.owed.remove(notice)),
            _ => {}
        }
        self.lines.push(line);
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn owed(&self) -> &Owed {
        &self.owed
    }

    /// The time of the latest line.
    pub(super) fn latest(&self) -> Option<Wall> {
        self.lines.iter().map(|line| line.at).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RedemptionId;
    use crate::issuer::{OpKind, Reference};

    fn returned(byte: u8) -> Entry {
        Entry::Return { reference: Reference::debit(RedemptionId([byte; 16])) }
    }

    #[test]
    fn lines_survive_and_a_torn_last_line_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(Some(dir.path()), "bank").unwrap();
        ledger.append(Wall(1), [returned(1), returned(2)].into()).unwrap();
        drop(ledger);
        let path = path(dir.path(), "bank");
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().position(|&b| b == b'\n').unwrap() + 1;
        for len in first..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            let mut ledger = Ledger::open(Some(dir.path()), "bank").unwrap();
            assert_eq!(ledger.lines().len(), 1, "cut at {len}");
            ledger.append(Wall(2), [returned(3)].into()).unwrap();
            assert_eq!(read(&path).unwrap().len(), 2, "cut at {len}");
        }
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_an_error_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(Some(dir.path()), "bank").unwrap();
        ledger.append(Wall(1), [returned(1), returned(2)].into()).unwrap();
        let path = path(dir.path(), "bank");
        let mut text = std::fs::read(&path).unwrap();
        text[12] ^= 1;
        std::fs::write(&path, text).unwrap();
        let error = Ledger::open(Some(dir.path()), "bank").unwrap_err();
        assert!(matches!(error, SimError::Ledger { line: 1, .. }), "{error}");
    }

    #[test]
    fn what_is_owed_stays_owed_until_it_is_acknowledged() {
        let dir = tempfile::tempdir().unwrap();
        let reference = Reference::debit(RedemptionId([1; 16]));
        let notice = |due| Notice { due: Wall(due), kind: OpKind::Redeem, reference, site: 0 };
        let mut ledger = Ledger::open(Some(dir.path()), "regional").unwrap();
        let owed = [Entry::Owed { notice: notice(5) }, Entry::Owed { notice: notice(9) }];
        ledger.append(Wall(1), owed.into()).unwrap();
        ledger.append(Wall(6), [Entry::Acknowledged { notice: notice(5) }].into()).unwrap();
        drop(ledger);
        let ledger = Ledger::open(Some(dir.path()), "regional").unwrap();
        assert!(ledger.owed().keys().eq([&notice(9)]));
        assert_eq!(ledger.latest(), Some(Wall(6)));
    }
}
