//! Files to and from an issuer, over folders that both can see (共享目录, or what SFTP copies).

use super::journal::lock::Lock;
use super::{Arrival, InboundToken, Transport};
use crate::adapters::batch::{BatchTerms, Delivery, enveloped};
use crate::base::{Advice, Code, Digest, Hasher, Mono, Now, Wall, block};
use crate::engine::{Call, ChannelId, Sent};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::vec::Vec;
use std::{format, thread};

/// How long after it was brought in vain a file is brought again.
const AGAIN_MS: i64 = 60_000;
/// How often the folder is looked into, unless said otherwise.
const LOOK_MS: i64 = 1_000;
/// The longest file that is brought, in bytes.
const MOST_BYTES: u64 = 256 << 20;
/// What a SHA-256 beside a file may take, in bytes.
const MOST_DIGEST: u64 = 4_096;

/// Why files cannot be carried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// Another process has the channel's folder open.
    #[error("{0}: another process has it open")]
    Locked(String),
    /// The operating system refused.
    #[error("{file}: {what}")]
    Io {
        /// The file or folder.
        file: String,
        /// What it said.
        what: String,
    },
}

impl FilesError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(
            block::HOST,
            match self {
                Self::Locked(_) => 60,
                Self::Io { .. } => 61,
            },
        )
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        Advice::Stop
    }

    fn at(file: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |error| Self::Io { file: file.display().to_string(), what: error.to_string() }
    }
}

/// The folders of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Where the issuer looks for our files.
    pub out: PathBuf,
    /// Where the issuer puts its result files, and its files of balances.
    pub result: PathBuf,
    /// Ours alone: what is being written, what was taken. On the file system of `out`, so that a
    /// file can be moved there in one step.
    pub own: PathBuf,
}

/// So many files of balances are brought once more when the folders are opened, the latest ones.
const MOST_LISTS: usize = 8;

/// An incoming file that was brought and is not acknowledged.
struct Brought {
    name: String,
    digest: Digest,
    again_at: Mono,
    /// It lies in the archive already.
    archived: bool,
}

/// Carries the files of one channel. An outgoing file is written under another name, synced, moved
/// to its own in one step, and only then get the digest and the flag beside it their names. An
/// incoming one is brought once its digest and its flag lie beside it, where the terms have them,
/// or, where they have neither, once it has stopped growing. It is moved to the archive when it is
/// acknowledged; bytes that were acknowledged once are not brought again, whatever their name. Files of
/// balances are kept in memory only by whoever takes them: the latest are brought out of the archive
/// when the folders are opened again.
///
/// A transport by itself, for one channel; or part of one, by [`FileDrop::send`],
/// [`FileDrop::look`] and [`FileDrop::taken`].
pub struct FileDrop {
    channel: ChannelId,
    terms: BatchTerms,
    folders: Folders,
    _lock: Lock,
    opened: Instant,
    look_ms: i64,
    look_at: Mono,
    tokens_made: u64,
    brought: BTreeMap<InboundToken, Brought>,
    acknowledged: BTreeSet<Digest>,
    /// What files had at the last look that have neither digest nor flag.
    growing: BTreeMap<String, (u64, Option<SystemTime>)>,
    /// Files of balances that were taken before, to be brought once more.
    lists: Vec<(Digest, String)>,
    trouble: Option<FilesError>,
    waiting: VecDeque<Arrival>,
    #[cfg(test)]
    halt: Option<Step>,
}

/// How far an outgoing file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Written,
    Marked,
    Visible,
    Digested,
    Flagged,
}

impl core::fmt::Debug for FileDrop {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FileDrop").field("channel", &self.channel).finish_non_exhaustive()
    }
}

impl FileDrop {
    /// Opens the folders, makes those that are missing, and finishes what an earlier process left
    /// half done: a file that had its name gets its digest and flag, one that had not is dropped.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn open(channel: ChannelId, terms: &BatchTerms, folders: &Folders) -> Result<Self, FilesError> {
        let own = &folders.own;
        for folder in [own.join("staging"), own.join("archive"), own.join("refused")] {
            fs::create_dir_all(&folder).map_err(FilesError::at(&folder))?;
        }
        for folder in [&folders.out, &folders.result] {
            fs::create_dir_all(folder).map_err(FilesError::at(folder))?;
        }
        let lock = Lock::take(&own.join("lock"));
        let lock = lock.map_err(|_| FilesError::Locked(own.display().to_string()))?;
        let taken = read_taken(&own.join("taken"))?;
        let acknowledged = taken.iter().map(|(digest, _)| *digest).collect();
        let mut lists = taken;
        lists.retain(|(_, name)| terms.is_balances_name(name));
        lists.drain(..lists.len().saturating_sub(MOST_LISTS));
        let mut drop = Self {
            channel,
            terms: terms.clone(),
            folders: folders.clone(),
            _lock: lock,
            opened: Instant::now(),
            look_ms: LOOK_MS,
            look_at: Mono(i64::MIN),
            tokens_made: 0,
            brought: BTreeMap::new(),
            acknowledged,
            growing: BTreeMap::new(),
            lists,
            trouble: None,
            waiting: VecDeque::new(),
            #[cfg(test)]
            halt: None,
        };
        drop.finish_all()?;
        Ok(drop)
    }

    /// Looks into the folder every so many ms, at least 1.
    #[must_use]
    pub fn look_every(mut self, ms: i64) -> Self {
        self.look_ms = ms.max(1);
        self
    }

    /// What hindered last, if anything did.
    pub fn trouble(&self) -> Option<&FilesError> {
        self.trouble.as_ref()
    }

    /// Puts a file out. What comes back at once is its loss, [`Sent::NotSent`]: nothing of it can
    /// be seen in the folder. A reply never comes; the issuer answers with files of its own.
    /// `now` is read again just before the file gets its name.
    pub fn send(&mut self, call: &Call, now: &mut dyn FnMut() -> Mono) -> Option<Arrival> {
        let lost = Some(Arrival::Lost(call.id, Sent::NotSent));
        let Some(name) = plain_name(&call.head) else { return lost };
        if now() > call.send_by {
            return lost;
        }
        let mut seen = false;
        match self.put_out(name, &call.bytes, &mut || now() <= call.send_by, &mut seen) {
            Ok(()) => {}
            Err(error) => self.trouble = Some(error),
        }
        // Once it has its name it may have been read; what is missing beside it is made up for at
        // the next look.
        if seen {
            return None;
        }
        self.withdraw(name);
        lost
    }

    fn staged(&self, name: &str, what: &str) -> PathBuf {
        self.folders.own.join("staging").join(format!("{name}{what}"))
    }

    /// Writes the file and gives it its name if that is still in time; `seen` tells whether it has
    /// got it.
    fn put_out(
        &self,
        name: &str,
        bytes: &[u8],
        in_time: &mut dyn FnMut() -> bool,
        seen: &mut bool,
    ) -> Result<(), FilesError> {
        let (part, target) = (self.staged(name, ".part"), self.folders.out.join(name));
        if target.exists() {
            let what = "a file of this name lies there".to_string();
            return Err(FilesError::Io { file: target.display().to_string(), what });
        }
        write_synced(&part, bytes)?;
        self.pass(Step::Written)?;
        write_synced(&self.staged(name, ".open"), b"")?;
        sync_folder(&self.folders.own.join("staging"))?;
        self.pass(Step::Marked)?;
        if !in_time() {
            return Ok(());
        }
        let moved = fs::rename(&part, &target).map_err(FilesError::at(&target));
        // On a shared folder a move may be done although it is said to have failed.
        *seen = moved.is_ok() || !part.exists();
        moved?;
        self.pass(Step::Visible)?;
        sync_folder(&self.folders.out)?;
        self.finish(name)
    }

    /// Puts what belongs there beside a file that has its name, and forgets that it was open.
    fn finish(&self, name: &str) -> Result<(), FilesError> {
        let Delivery { digest_suffix, flag_suffix } = self.terms.delivery();
        if let Some(suffix) = digest_suffix {
            let target = self.folders.out.join(name);
            // The issuer has taken it away already: then it did not wait for what is missing.
            if target.exists() {
                let (digest, _) = digest_of(&target)?;
                self.beside(name, suffix, format!("{digest}  {name}\n").as_bytes())?;
            }
        }
        self.pass(Step::Digested)?;
        if let Some(suffix) = flag_suffix {
            self.beside(name, suffix, b"")?;
        }
        self.pass(Step::Flagged)?;
        let mark = self.staged(name, ".open");
        fs::remove_file(&mark).map_err(FilesError::at(&mark))
    }

    fn beside(&self, name: &str, suffix: &str, bytes: &[u8]) -> Result<(), FilesError> {
        let (part, target) = (self.staged(name, ".beside"), self.folders.out.join(format!("{name}{suffix}")));
        write_synced(&part, bytes)?;
        fs::rename(&part, &target).map_err(FilesError::at(&target))?;
        sync_folder(&self.folders.out)
    }

    /// Nothing of it has been seen: it is dropped.
    fn withdraw(&self, name: &str) {
        for what in [".part", ".open"] {
            // What cannot be removed now is dropped when the folder is opened again.
            let _ = fs::remove_file(self.staged(name, what));
        }
    }

    /// Finishes every file that was left open.
    fn finish_all(&mut self) -> Result<(), FilesError> {
        let staging = self.folders.own.join("staging");
        for name in names_in(&staging)? {
            let Some(name) = name.strip_suffix(".open") else { continue };
            match self.staged(name, ".part").exists() {
                true => self.withdraw(name),
                // Moved: it was seen. Neither there nor moved: it was never written.
                false if self.folders.out.join(name).exists() => self.finish(name)?,
                false => self.withdraw(name),
            }
        }
        Ok(())
    }

    /// Looks into the folder if it is time, and brings the result files that are complete.
    pub fn look(&mut self, now: Mono) -> Vec<Arrival> {
        if now < self.look_at {
            return Vec::new();
        }
        self.look_at = now.plus(self.look_ms);
        let finished = self.finish_all();
        let mut arrivals = self.listed_before(now);
        match finished.and_then(|()| self.gather(now)) {
            Ok(seen) => arrivals.extend(seen),
            Err(error) => self.trouble = Some(error),
        }
        arrivals
    }

    /// Files of balances that an earlier process took, the oldest first.
    fn listed_before(&mut self, now: Mono) -> Vec<Arrival> {
        let archive = self.folders.own.join("archive");
        let mut arrivals = Vec::new();
        for (digest, name) in core::mem::take(&mut self.lists) {
            // Whoever clears the archive wants it no more.
            let here = [name.clone(), format!("{name}.{digest}")].into_iter();
            let bytes = here.filter_map(|name| digest_of(&archive.join(name)).ok());
            let Some((_, bytes)) = bytes.into_iter().find(|(found, _)| *found == digest) else { continue };
            let token = self.next_token();
            arrivals.push(Arrival::Inbound(
                self.channel,
                token,
                enveloped(&name, Some(&digest.to_string()), &bytes),
            ));
            let brought = Brought { name, digest, again_at: now.plus(AGAIN_MS), archived: true };
            self.brought.insert(token, brought);
        }
        arrivals
    }

    fn next_token(&mut self) -> InboundToken {
        self.tokens_made += 1;
        InboundToken(self.tokens_made)
    }

    /// When it wants to look again.
    pub fn look_at(&self) -> Mono {
        self.look_at
    }

    fn gather(&mut self, now: Mono) -> Result<Vec<Arrival>, FilesError> {
        let mut arrivals = Vec::new();
        let mut growing = BTreeMap::new();
        let mut names = names_in(&self.folders.result)?;
        names.retain(|name| self.terms.is_result_name(name) || self.terms.is_balances_name(name));
        for name in names {
            let waits = |brought: &Brought| !brought.archived && brought.name == name;
            let known = self.brought.iter().find(|(_, brought)| waits(brought));
            let token = known.map(|(token, _)| *token);
            if known.is_some_and(|(_, brought)| brought.again_at > now)
                || !self.complete(&name, &mut growing)?
            {
                continue;
            }
            let path = self.folders.result.join(&name);
            let (digest, bytes) = match digest_of(&path) {
                Ok(read) => read,
                // Longer than any file may be, or not to be read: people have to look at it.
                Err(error) => {
                    self.trouble = Some(error);
                    continue;
                }
            };
            if self.acknowledged.contains(&digest) {
                self.put_away(&name, "archive", &digest)?;
                continue;
            }
            let said = match &self.terms.delivery().digest_suffix {
                Some(suffix) => Some(read_text(&self.folders.result.join(format!("{name}{suffix}")))?),
                None => None,
            };
            let token = token.unwrap_or_else(|| self.next_token());
            let bytes = enveloped(&name, said.as_deref().map(str::trim), &bytes);
            let again_at = now.plus(AGAIN_MS);
            self.brought.insert(token, Brought { name, digest, again_at, archived: false });
            arrivals.push(Arrival::Inbound(self.channel, token, bytes));
        }
        self.growing = growing;
        Ok(arrivals)
    }

    /// Whether nothing of a result file is missing any more.
    fn complete(
        &self,
        name: &str,
        growing: &mut BTreeMap<String, (u64, Option<SystemTime>)>,
    ) -> Result<bool, FilesError> {
        let Delivery { digest_suffix, flag_suffix } = self.terms.delivery();
        let beside = [digest_suffix, flag_suffix];
        let mut suffixes = beside.into_iter().flatten().peekable();
        if suffixes.peek().is_some() {
            return Ok(suffixes.all(|suffix| self.folders.result.join(format!("{name}{suffix}")).exists()));
        }
        let path = self.folders.result.join(name);
        let data = fs::metadata(&path).map_err(FilesError::at(&path))?;
        let as_is = (data.len(), data.modified().ok());
        let settled = self.growing.get(name) == Some(&as_is);
        growing.insert(name.into(), as_is);
        Ok(settled)
    }

    /// All that a file caused is durable: it is remembered and moved to the archive.
    pub fn taken(&mut self, token: InboundToken) {
        let brought = self.brought.remove(&token).filter(|brought| !brought.archived);
        let Some(Brought { name, digest, .. }) = brought else { return };
        let done = self.remember(&name, &digest).and_then(|()| self.put_away(&name, "archive", &digest));
        if let Err(error) = done {
            self.trouble = Some(error);
        }
    }

    /// A file that is none of the channel's protocol is put aside, into `refused`, for people to
    /// look at. The issuer's next try is brought like any other.
    pub fn refused(&mut self, token: InboundToken) {
        let brought = self.brought.remove(&token).filter(|brought| !brought.archived);
        let Some(Brought { name, digest, .. }) = brought else { return };
        if let Err(error) = self.put_away(&name, "refused", &digest) {
            self.trouble = Some(error);
        }
    }

    fn remember(&mut self, name: &str, digest: &Digest) -> Result<(), FilesError> {
        let path = self.folders.own.join("taken");
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = opened.map_err(FilesError::at(&path))?;
        let line = format!("{digest} {name}\n");
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(FilesError::at(&path))?;
        self.acknowledged.insert(*digest);
        Ok(())
    }

    /// Moves a result file, and what lies beside it, into a folder of ours.
    fn put_away(&self, name: &str, folder: &str, digest: &Digest) -> Result<(), FilesError> {
        let folder = self.folders.own.join(folder);
        // A name that was there before keeps its file.
        let mark = if folder.join(name).exists() { format!(".{digest}") } else { String::new() };
        let Delivery { digest_suffix, flag_suffix } = self.terms.delivery();
        let beside = [flag_suffix, digest_suffix].into_iter().flatten().map(String::as_str);
        for suffix in beside.chain([""]) {
            let from = self.folders.result.join(format!("{name}{suffix}"));
            if from.exists() {
                let to = folder.join(format!("{name}{mark}{suffix}"));
                move_over(&from, &to).map_err(FilesError::at(&from))?;
            }
        }
        Ok(())
    }

    /// Tests stop here and there as a crash would.
    fn pass(&self, step: Step) -> Result<(), FilesError> {
        #[cfg(test)]
        if self.halt == Some(step) {
            return Err(FilesError::Io { file: format!("{step:?}"), what: "halted".into() });
        }
        let _ = step;
        Ok(())
    }
}

impl Transport for FileDrop {
    fn now(&mut self) -> Now {
        let whole_ms = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: Mono(whole_ms(self.opened.elapsed())), wall: Wall(whole_ms(wall)) }
    }

    fn start(&mut self, call: Call) {
        let opened = self.opened;
        let mut now = || Mono(i64::try_from(opened.elapsed().as_millis()).unwrap_or(i64::MAX));
        let lost = self.send(&call, &mut now);
        self.waiting.extend(lost);
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        loop {
            let now = self.now().mono;
            let seen = self.look(now);
            self.waiting.extend(seen);
            if let Some(arrival) = self.waiting.pop_front() {
                return Some(arrival);
            }
            let wake = until.map_or(self.look_at, |until| until.min(self.look_at));
            if until.is_some_and(|until| until <= now) {
                return None;
            }
            let left = u64::try_from(wake.0.saturating_sub(now.0)).unwrap_or(0);
            thread::sleep(Duration::from_millis(left.max(1)));
        }
    }

    fn acknowledge(&mut self, token: InboundToken, _bytes: &[u8]) {
        self.taken(token);
    }
}

/// A file name without a way to elsewhere.
fn plain_name(head: &[u8]) -> Option<&str> {
    let name = core::str::from_utf8(head).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (!name.is_empty() && !name.starts_with('.') && name.chars().all(plain)).then_some(name)
}

fn names_in(folder: &Path) -> Result<Vec<String>, FilesError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(FilesError::at(folder))? {
        let entry = entry.map_err(FilesError::at(folder))?;
        if entry.file_type().is_ok_and(|kind| kind.is_file()) {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(FilesError::at(path))
}

/// A name is durable once its folder is.
fn sync_folder(folder: &Path) -> Result<(), FilesError> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FilesError::at(folder))
}

fn digest_of(path: &Path) -> Result<(Digest, Vec<u8>), FilesError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(FilesError::at(path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(FilesError::Io { file: path.display().to_string(), what: "longer than 256 MiB".into() });
    }
    Ok((Hasher::new().with(&bytes).finish(), bytes))
}

fn read_text(path: &Path) -> Result<String, FilesError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_DIGEST).read_to_end(&mut bytes));
    read.map_err(FilesError::at(path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Digest and name of each file that was taken, in their order.
fn read_taken(path: &Path) -> Result<Vec<(Digest, String)>, FilesError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(FilesError::at(path)(error)),
    };
    // A last line that was cut stands for a file that was not moved yet: it comes again.
    if !text.is_empty() && !text.ends_with('\n') {
        let opened = OpenOptions::new().append(true).open(path);
        opened.and_then(|mut file| file.write_all(b"\n")).map_err(FilesError::at(path))?;
    }
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let of = |line: &str| {
        let (digest, name) = line.trim_end().split_once(' ')?;
        Some((read_digest(digest)?, name.to_string()))
    };
    Ok(lines.filter_map(of).collect())
}

fn read_digest(digits: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (place, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(Digest(digest))
}

/// Moves a file, over file systems too.
fn move_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to).or_else(|_| {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()?;
        fs::remove_file(from)
    })
}

#[cfg(test)]
mod tests;
