//! What poll hands out.

/// Nothing to do until `due_ms`, or until something comes in.
pub const SCRIP_NONE: u32 = 0;
/// Make a batch durable: first put the rows in `head` where they can be erased, then append
/// `bytes` to the log, sync both, and call scrip_engine_committed; or
/// scrip_engine_commit_failed, and the same batch comes again.
pub const SCRIP_COMMIT: u32 = 1;
/// Send `bytes` to `endpoint` of `channel`, and call scrip_engine_reply or scrip_engine_lost. If
/// the first byte cannot leave before `due_ms`, do not send it: it is lost, SCRIP_NOT_SENT.
pub const SCRIP_CALL: u32 = 2;
/// Acknowledge the inbound message `token` with `bytes`: all it caused is durable.
pub const SCRIP_ACK: u32 = 3;
/// Something to know; everything in it is durable.
pub const SCRIP_EVENT: u32 = 4;
/// Erase the side rows whose names stand in `bytes`, 16 bytes each. A name that is not there
/// was erased already.
pub const SCRIP_ERASE: u32 = 5;

/// A redemption has taken a step: `state`, reason in `head`, request id in `bytes`, and in
/// `amount_minor` what the seller has been paid.
pub const SCRIP_EVENT_MOVED: u32 = 1;
/// The same request came before and has ended: its outcome, told as by SCRIP_EVENT_MOVED.
pub const SCRIP_EVENT_REPLAYED: u32 = 2;
/// The same request came before and is under way; told as by SCRIP_EVENT_MOVED.
pub const SCRIP_EVENT_IN_PROGRESS: u32 = 3;
/// The request id came before with other contents. Nothing is told of that request.
pub const SCRIP_EVENT_MISMATCH: u32 = 4;
/// Another request is at this card; submit again at `due_ms` or later.
pub const SCRIP_EVENT_CARD_BUSY: u32 = 5;
/// What was asked for does not fit: `code` is an error number, its text in `head`.
pub const SCRIP_EVENT_REFUSED: u32 = 6;
/// Another writer owns the redemption now.
pub const SCRIP_EVENT_TAKEN_OVER: u32 = 7;

/// What poll hands out. Set struct_size to sizeof(scrip_output) before the call.
///
/// `head` and `bytes` are borrowed. Those of a SCRIP_COMMIT are valid until
/// scrip_engine_committed or scrip_engine_commit_failed for its token, those of a SCRIP_CALL
/// until scrip_engine_reply or scrip_engine_lost for its token, all others until the next poll;
/// none outlives the engine. They are not ended by a NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripOutput {
    /// sizeof(scrip_output), set by the caller.
    pub struct_size: u32,
    /// SCRIP_NONE, SCRIP_COMMIT, SCRIP_CALL, SCRIP_ACK, SCRIP_EVENT or SCRIP_ERASE. Newer
    /// libraries may add kinds: pass over what is not known.
    pub kind: u32,
    /// Names a SCRIP_COMMIT or SCRIP_CALL in the answer, or the inbound message of a SCRIP_ACK.
    pub token: u64,
    /// On the monotonic clock: when to poll again (SCRIP_NONE; INT64_MAX for never), the last
    /// moment to send (SCRIP_CALL), when to submit again (SCRIP_EVENT_CARD_BUSY).
    pub due_ms: i64,
    /// SCRIP_CALL: until when the answer is waited for. It is welcome later all the same.
    pub answer_by_ms: i64,
    /// Whose it is (SCRIP_CALL, SCRIP_EVENT).
    pub redemption: [u8; 16],
    /// SCRIP_CALL: to which issuer or rail; see scrip_engine_channel_name.
    pub channel: u32,
    /// SCRIP_CALL: which of the channel's endpoints, counted from 0 as the configuration lists
    /// them.
    pub endpoint: u32,
    /// SCRIP_CALL: balance 1, PIN check 2, redeem 3, query 4, reverse 5, receipt 6, pay 7,
    /// pay query 8.
    pub operation: u32,
    /// SCRIP_CALL: 1 for the first sending, then counting up.
    pub attempt: u32,
    /// SCRIP_EVENT: one of SCRIP_EVENT_*. Pass over what is not known.
    pub event: u32,
    /// SCRIP_EVENT: where the redemption stands; see scrip_state_name.
    pub state: u32,
    /// SCRIP_EVENT_REFUSED: the number of the error.
    pub code: u32,
    /// SCRIP_EVENT: ISO 4217 numeric code of `amount_minor`.
    pub currency: u32,
    /// SCRIP_EVENT: what the seller has been paid, in minor units; 0 before.
    pub amount_minor: i64,
    /// SCRIP_COMMIT: rows to put, NULL if there are none. SCRIP_CALL: where within the channel
    /// (a path, a file name). SCRIP_EVENT: the reason, a stable code in snake case.
    pub head: *const u8,
    /// SCRIP_COMMIT: the frame to append. SCRIP_CALL: what to send; it may hold a card.
    /// SCRIP_ACK: the acknowledgement. SCRIP_EVENT: the request id. SCRIP_ERASE: names of rows.
    pub bytes: *const u8,
    /// The length of `head`.
    pub head_len: usize,
    /// The length of `bytes`.
    pub bytes_len: usize,
}

impl ScripOutput {
    pub(super) const fn none() -> Self {
        Self {
            struct_size: 0,
            kind: SCRIP_NONE,
            token: 0,
            due_ms: 0,
            answer_by_ms: 0,
            redemption: [0; 16],
            channel: 0,
            endpoint: 0,
            operation: 0,
            attempt: 0,
            event: 0,
            state: 0,
            code: 0,
            currency: 0,
            amount_minor: 0,
            head: core::ptr::null(),
            bytes: core::ptr::null(),
            head_len: 0,
            bytes_len: 0,
        }
    }

    /// Lends `head` and `bytes`; what is empty is NULL.
    pub(super) fn with(mut self, head: &[u8], bytes: &[u8]) -> Self {
        if !head.is_empty() {
            (self.head, self.head_len) = (head.as_ptr(), head.len());
        }
        if !bytes.is_empty() {
            (self.bytes, self.bytes_len) = (bytes.as_ptr(), bytes.len());
        }
        self
    }
}
