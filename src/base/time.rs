//! Integer time, in milliseconds, in two kinds that do not mix.

/// Monotonic time in milliseconds from an origin of the host's choice. Deadlines and `send_by`
/// run on it; it never goes back while one engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub i64);

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z. Freezes, expiries and due times
/// run on it; as recorded it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(pub i64);

/// Both clocks, read together by the host and given to the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// For deadlines.
    pub mono: Mono,
    /// For freezes, expiries and due times.
    pub wall: Wall,
}

impl Mono {
    /// This time plus `delay_ms`, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, delay_ms: i64) -> Self {
        Self(self.0.saturating_add(delay_ms))
    }
}

impl Wall {
    /// This time plus `delay_ms`, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, delay_ms: i64) -> Self {
        Self(self.0.saturating_add(delay_ms))
    }
}
