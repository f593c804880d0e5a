//! Channels whose sites are folders: each has a thread, for disks take their time.

use super::settings::{Filing, WireError};
use super::tokens::{Back, Tokens};
use crate::engine::{Call, ChannelId};
use crate::host::files::{FileDrop, FilesError, Folders};
use crate::host::inbox::Inbox;
use crate::host::{Arrival, InboundToken};
use std::collections::BTreeMap;
use std::path::Path;
use std::string::ToString;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the thread of a site is to do.
pub(super) enum Job {
    Call(Call),
    /// All that a file caused is durable.
    Taken(InboundToken),
    /// A file is none of the channel's protocol.
    Refused(InboundToken),
    End,
}

/// What hindered the files of a channel last.
pub(super) type Trouble = Arc<Mutex<Option<(ChannelId, FilesError)>>>;

/// One site of a channel; dropping it ends its thread and lets go of the folder.
pub(super) struct FileSite {
    jobs: Sender<Job>,
    thread: Option<JoinHandle<()>>,
}

impl FileSite {
    /// Opens the folder and starts to look into it.
    pub(super) fn open(
        channel_id: ChannelId,
        folder: &Path,
        filing: &Filing,
        shared: (&Arc<Inbox>, &Arc<Tokens>, &Trouble),
    ) -> Result<Self, WireError> {
        let at = |name| folder.join(name);
        let folders = Folders { out: at(&filing.out), result: at(&filing.result), own: at(&filing.own) };
        let files = FileDrop::open(channel_id, &filing.terms, &folders)
            .map_err(|error| WireError::Files { channel: channel_id.0.into(), what: error.to_string() })?;
        let files = files.look_every(i64::try_from(filing.look_ms).unwrap_or(i64::MAX));
        let (jobs, todo) = channel();
        let (inbox, tokens, trouble) = shared;
        let clerk = Clerk {
            channel: channel_id,
            files,
            inbox: Arc::clone(inbox),
            tokens: Arc::clone(tokens),
            trouble: Arc::clone(trouble),
            jobs: jobs.clone(),
            brought: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new().name("scrip files".to_string());
        let thread =
            thread.spawn(move || clerk.work(&todo)).map_err(|error| WireError::Io(error.to_string()))?;
        Ok(Self { jobs, thread: Some(thread) })
    }

    /// Takes a call on its way; `None` if the thread is there no more.
    pub(super) fn carry(&self, call: Call) -> Option<()> {
        self.jobs.send(Job::Call(call)).ok()
    }
}

impl Drop for FileSite {
    fn drop(&mut self) {
        let ended = self.jobs.send(Job::End);
        if let (Ok(()), Some(thread)) = (ended, self.thread.take()) {
            // It has no more to say.
            drop(thread.join());
        }
    }
}

/// Who carries the files of one folder.
struct Clerk {
    channel: ChannelId,
    files: FileDrop,
    inbox: Arc<Inbox>,
    tokens: Arc<Tokens>,
    trouble: Trouble,
    jobs: Sender<Job>,
    /// Under which token of the transport each file of the folder waits.
    brought: BTreeMap<InboundToken, InboundToken>,
}

impl Clerk {
    fn work(mut self, todo: &Receiver<Job>) {
        loop {
            let now = self.inbox.now().mono;
            for arrival in self.files.look(now) {
                self.bring(arrival);
            }
            let left = u64::try_from(self.files.look_at().0.saturating_sub(now.0)).unwrap_or(0);
            match todo.recv_timeout(Duration::from_millis(left)) {
                Ok(Job::Call(call)) => self.send(&call),
                Ok(Job::Taken(file)) => {
                    self.brought.remove(&file);
                    self.files.taken(file);
                }
                Ok(Job::Refused(file)) => {
                    self.brought.remove(&file);
                    self.files.refused(file);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Job::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            if let Some(found) = self.files.trouble() {
                let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
                *trouble = Some((self.channel, found.clone()));
            }
        }
    }

    fn send(&mut self, call: &Call) {
        let inbox = Arc::clone(&self.inbox);
        if let Some(lost) = self.files.send(call, &mut || inbox.now().mono) {
            self.inbox.bring(lost);
        }
    }

    /// A file gets a token among all others, and keeps it when it is brought again.
    fn bring(&mut self, arrival: Arrival) {
        let Arrival::Inbound(channel, file, bytes) = arrival else {
            return self.inbox.bring(arrival);
        };
        let back = Back::File(self.jobs.clone(), file);
        let token = match self.brought.get(&file) {
            Some(token) => self.tokens.wait_again(*token, back),
            None => self.tokens.wait(back),
        };
        self.brought.insert(file, token);
        self.inbox.bring(Arrival::Inbound(channel, token, bytes));
    }
}
