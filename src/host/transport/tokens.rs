//! Inbound messages that wait to be acknowledged.

#[cfg(feature = "sqlite")]
use super::files::Job;
use crate::host::InboundToken;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;
use tokio::sync::{mpsc, oneshot};

/// So many may wait; of more the oldest is forgotten, and its sender brings it again.
const WAITING_MAX: usize = 4_096;

/// How a message is answered.
pub(super) enum Answer {
    /// All it caused is durable.
    Done(Vec<u8>),
    /// It is none of the channel's protocol.
    Refused,
}

/// Where the answer goes.
pub(super) enum Back {
    /// To a callback.
    Callback(oneshot::Sender<Answer>),
    /// To a line of messages, unless it has ended.
    Line(mpsc::UnboundedSender<Vec<u8>>),
    /// To who carries the files of a folder, with the token that the file has there.
    #[cfg(feature = "sqlite")]
    File(std::sync::mpsc::Sender<Job>, InboundToken),
}

/// The messages by their tokens.
#[derive(Default)]
pub(super) struct Tokens(Mutex<(u64, BTreeMap<u64, Back>)>);

impl Tokens {
    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Back>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self, back: Back) -> InboundToken {
        let token = {
            let (made, _) = &mut *self.lock();
            *made += 1;
            InboundToken(*made)
        };
        self.wait_again(token, back)
    }

    /// The message of a token is brought once more.
    pub(super) fn wait_again(&self, token: InboundToken, back: Back) -> InboundToken {
        let (_, waiting) = &mut *self.lock();
        waiting.insert(token.0, back);
        if waiting.len() > WAITING_MAX {
            waiting.pop_first();
        }
        token
    }

    pub(super) fn forget(&self, token: InboundToken) {
        self.lock().1.remove(&token.0);
    }

    pub(super) fn answer(&self, token: InboundToken, answer: Answer) {
        let back = self.lock().1.remove(&token.0);
        match (back, answer) {
            // Whoever has given up brings it again.
            (Some(Back::Callback(back)), answer) => drop(back.send(answer)),
            (Some(Back::Line(back)), Answer::Done(bytes)) if !bytes.is_empty() => drop(back.send(bytes)),
            // A thread that is there no more has let go of the folder: whoever opens it next brings it.
            #[cfg(feature = "sqlite")]
            (Some(Back::File(jobs, file)), Answer::Done(_)) => drop(jobs.send(Job::Taken(file))),
            #[cfg(feature = "sqlite")]
            (Some(Back::File(jobs, file)), Answer::Refused) => drop(jobs.send(Job::Refused(file))),
            _ => {}
        }
    }
}
