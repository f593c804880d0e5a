//! How the service is doing, for whoever watches it.

/// Whether the service lives: if not, it is opened again by whoever opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether the engine's thread runs.
    pub engine: bool,
    /// Whether the store's thread runs and the store has not failed for good.
    pub store: bool,
    /// For how many ms a batch has been on its way to the store, if one is. A disk that hangs shows
    /// here.
    pub committing_for_ms: Option<i64>,
}

impl Health {
    /// Whether both threads run and the store can be used.
    pub const fn is_live(&self) -> bool {
        self.engine && self.store
    }
}

/// Whether the service should be given requests now. It was opened, so the log was taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// As [`Health::is_live`].
    pub live: bool,
    /// Whether it is being shut down.
    pub draining: bool,
    /// Whether the store takes batches: false while it is busy or full and they are offered again.
    pub store_takes: bool,
    /// How many requests and decisions wait to be taken.
    pub queued: usize,
    /// How many may wait before the next is told [`Busy`](super::ServiceError::Busy).
    pub queue: usize,
    /// How many redemptions are in memory.
    pub in_flight: usize,
}

impl Readiness {
    /// Whether a request would be taken now, as far as can be said.
    pub const fn is_ready(&self) -> bool {
        self.live && !self.draining && self.store_takes && self.queued < self.queue
    }
}
