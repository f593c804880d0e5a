//! The engine's functions.

use super::claim::{ScripClaim, claim_at};
use super::decisions::{short, verdict};
use super::guard::Guarded;
use super::handle::{Handle, change, free, look, make};
use super::memory::{End, Place, Struct, array, bytes, fill, handle, text};
use super::opening::Opening;
use super::output::ScripOutput;
use super::request::ScripRequest;
use super::running::Running;
use super::status::{Failure, FfiError, SCRIP_OK, ScripError, Status};
use super::view::ScripView;
use crate::adapters::config;
use crate::base::{Digest, Mono, Now, RedemptionId, Wall};
use crate::engine::{ChannelId, Sent};
use crate::flow::{Summary, Verdict};
use crate::record::{ClaimStatus, Index};
use alloc::boxed::Box;

/// For scrip_engine_lost: no byte was handed to the network; nothing can have happened.
pub const SCRIP_NOT_SENT: u32 = 1;
/// For scrip_engine_lost: at least one byte was; anything may have happened.
pub const SCRIP_MAYBE_SENT: u32 = 2;

/// For scrip_engine_refuse: a redemption elsewhere is at the card.
pub const SCRIP_REFUSE_HELD: u32 = 1;
/// For scrip_engine_refuse: the card is quarantined elsewhere.
pub const SCRIP_REFUSE_QUARANTINED: u32 = 2;
/// For scrip_engine_refuse: the card was redeemed elsewhere.
pub const SCRIP_REFUSE_CONSUMED: u32 = 3;

/// For scrip_engine_decide: a reviewer lets it go on; the card is verified and quoted again.
pub const SCRIP_DECIDE_APPROVE: u32 = 1;
/// For scrip_engine_decide: a reviewer refuses it; `more` is the reason.
pub const SCRIP_DECIDE_REJECT: u32 = 2;
/// For scrip_engine_decide: an owed pay-out goes to the payee in `more`.
pub const SCRIP_DECIDE_PAYEE: u32 = 3;
/// For scrip_engine_decide: a held payee may be paid.
pub const SCRIP_DECIDE_UNHOLD: u32 = 4;
/// For scrip_engine_decide: the seller gave an advance back.
pub const SCRIP_DECIDE_RECOVERED: u32 = 5;
/// For scrip_engine_decide: a claw-back is given up; `more` is the second who signs.
pub const SCRIP_DECIDE_WRITE_OFF: u32 = 6;

/// An engine: one per log, used from one thread at a time. Functions that take it as const may
/// run on several threads at once. Overlap is answered with SCRIP_BUSY.
pub struct ScripEngine(Guarded<Phase>);

pub(super) enum Phase {
    Opening(Box<Opening>),
    Running(Box<Running>),
    /// While one becomes the other.
    Between,
}

impl Phase {
    fn opening(&mut self) -> Result<&mut Opening, Failure> {
        match self {
            Self::Opening(opening) => Ok(opening),
            _ => Err(FfiError::WrongPhase("started already").into()),
        }
    }

    fn running(&mut self) -> Result<&mut Running, Failure> {
        match self {
            Self::Running(running) => Ok(running),
            _ => Err(NOT_STARTED.into()),
        }
    }

    fn started(&self) -> Result<&Running, Failure> {
        match self {
            Self::Running(running) => Ok(running),
            _ => Err(NOT_STARTED.into()),
        }
    }

    fn index(&self) -> Result<&Index, Failure> {
        match self {
            Self::Opening(opening) => Ok(opening.index()),
            Self::Running(running) => Ok(running.index()),
            Self::Between => Err(NOT_STARTED.into()),
        }
    }
}

const NOT_STARTED: FfiError = FfiError::WrongPhase("not started yet");

impl Handle for ScripEngine {
    type Inside = Phase;

    const NAME: &'static str = "engine";

    fn guarded(&self) -> &Guarded<Phase> {
        &self.0
    }
}

/// Makes an engine from its configuration, one TOML text (see docs/c.md). The text holds keys:
/// wipe it afterwards. Next come scrip_engine_restore_side, scrip_engine_restore and
/// scrip_engine_start.
///
/// `engine` receives the handle, NULL on failure; free it with scrip_engine_free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_new(
    config_toml: *const u8,
    config_len: usize,
    engine: *mut *mut ScripEngine,
    error: *mut ScripError,
) -> Status {
    let call = || {
        // SAFETY: the text is readable for its length.
        let setup = config::setup(unsafe { text(config_toml, config_len, "config_toml") }?)?;
        Ok(ScripEngine(Guarded::new(Phase::Opening(Box::new(Opening::new(setup))))))
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { make(engine, "engine", error, call) }
}

/// Frees an engine and all it lent; NULL is fine, and so is any moment: what is not durable yet
/// is taken up again from the log. An engine that another thread is inside of is not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_free(engine: *mut ScripEngine) {
    // SAFETY: the pointer is NULL or came from `scrip_engine_new` and is not used any more.
    unsafe { free(engine, |engine| engine.0.is_busy()) }
}

/// Takes side rows back, in the form in which a SCRIP_COMMIT handed them out in `head`: one such
/// list or several one after the other. All side rows come before the first frame. A redemption
/// whose row is missing cannot be sent to its issuer any more: it ends as declined, or is owed,
/// as far as it had come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_restore_side(
    engine: *mut ScripEngine,
    rows: *const u8,
    rows_len: usize,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the rows are readable for their length.
    let rows = || unsafe { bytes(rows, rows_len, "rows") };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, |phase| phase.opening()?.restore_sides(rows()?)) }
}

/// Only for a claim store that is shared with others: says, before the frame is restored, that
/// scrip_engine_refuse had been called for a unit of it. Call it once per refused unit of the
/// next frame.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_restore_refused(
    engine: *mut ScripEngine,
    unit: u32,
    why: u32,
    holder: *const u8,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `holder` is NULL or 16 readable bytes.
    let holder = || unsafe { array(holder, "holder") };
    let call = |phase: &mut Phase| {
        let (status, holder) = (claim_status(why)?, RedemptionId(holder()?));
        phase.opening()?.restore_refused(unit, status, holder);
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// Takes the next frames of the log, in the order in which they were appended. `consumed`
/// receives how many bytes at the start of `frames` were whole frames, also when the call fails.
///
/// SCRIP_TORN says that a frame begins behind them that is not whole. If there is more of the
/// log, call again from there with more bytes; at the log's end cut it off there: what was torn
/// was never acknowledged. SCRIP_DAMAGED says that the log itself is damaged, for whole frames
/// follow or a frame does not continue the chain: such an engine does not start.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_restore(
    engine: *mut ScripEngine,
    frames: *const u8,
    frames_len: usize,
    consumed: *mut usize,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the frames are readable for their length.
    let frames = || unsafe { bytes(frames, frames_len, "frames") };
    // SAFETY: `consumed` is NULL or has room for a length.
    let place = || unsafe { Place::at(consumed, "consumed") };
    let call = |phase: &mut Phase| {
        let (place, frames) = (place()?, frames()?);
        let (taken, result) = phase.opening()?.restore(frames);
        place.put(taken);
        result
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// Starts the engine: a new writer of the log.
///
/// `epoch` is a counter that the host keeps and raises before every start; it must be above that
/// of every earlier writer. `seed` is 32 bytes from the system's or the board's random generator,
/// fresh at every start and wiped afterwards. `keep` receives the length of the log that the
/// engine continues, in bytes: cut off what lies behind. It may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_start(
    engine: *mut ScripEngine,
    epoch: u64,
    seed: *const u8,
    keep: *mut u64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `seed` is NULL or 32 readable bytes.
    let seed = || unsafe { array::<32>(seed, "seed") };
    // SAFETY: `keep` is NULL or has room for a number.
    let place = || unsafe { Place::at(keep, "keep") };
    let call = |phase: &mut Phase| {
        let seed = zeroize::Zeroizing::new(seed()?);
        phase.opening()?.check(epoch)?;
        let Phase::Opening(opening) = core::mem::replace(phase, Phase::Between) else {
            return Err(NOT_STARTED.into());
        };
        let (running, kept) = opening.start(epoch, *seed)?;
        *phase = Phase::Running(Box::new(running));
        if let Ok(place) = place() {
            place.put(kept);
        }
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// Takes a request. What becomes of it is told by events; nothing is promised before. `id`
/// receives the 16 bytes that name its redemption for ever: the same caller and request id have
/// the same one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_submit(
    engine: *mut ScripEngine,
    request: *const ScripRequest,
    id: *mut u8,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `request` is NULL or a request that was not freed.
    let request = || unsafe { handle(request, "request") };
    // SAFETY: `id` is NULL or has room for 16 bytes.
    let place = || unsafe { Place::at(id.cast::<[u8; 16]>(), "id") };
    let call = |phase: &mut Phase| {
        let (request, place) = (request()?, place()?);
        let request = request.0.shared(|fields| Ok(fields.request()))?;
        place.put(phase.running()?.engine.submit(&request)?.0);
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// Moves time, works off what came in, and hands out the next thing to do. Call it until it
/// hands out SCRIP_NONE, and again when something came in or at `due_ms`.
///
/// `mono_ms` is a clock that never goes back while the program runs, from any origin; `wall_ms`
/// is the time in ms since 1970. A call that fails consumes nothing: the same output comes again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_poll(
    engine: *mut ScripEngine,
    mono_ms: i64,
    wall_ms: i64,
    output: *mut ScripOutput,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `output` is NULL or as large as its first field tells.
    let place = || unsafe { Struct::at(output, "scrip_output") };
    let call = |phase: &mut Phase| {
        let place = place()?;
        let now = Now { mono: Mono(mono_ms), wall: Wall(wall_ms) };
        place.put(&phase.running()?.poll(now));
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// The batch is durable: its frame and its side rows are written and synced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_committed(
    engine: *mut ScripEngine,
    token: u64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, |phase| phase.running()?.committed(token)) }
}

/// The batch is not durable, or that is not known: the next poll hands the same one out again.
/// If it is appended a second time right behind the first, restoring takes it once; half a frame
/// must be cut off before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_commit_failed(
    engine: *mut ScripEngine,
    token: u64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, |phase| phase.running()?.commit_failed(token)) }
}

/// Only for a claim store that is shared with others: what the batch `token` does with which
/// key, by its place in a list from 0; SCRIP_END behind the last one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_claim(
    engine: *const ScripEngine,
    token: u64,
    place: usize,
    claim: *mut ScripClaim,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `claim` is NULL or as large as its first field tells.
    let out = || unsafe { Struct::at(claim, "scrip_claim") };
    let call = |phase: &Phase| {
        let out = out()?;
        out.put(&claim_at(phase.started()?.units(token)?, place).ok_or(FfiError::End)?);
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { look(engine, error, call) }
}

/// Only for a claim store that is shared with others: refuses one unit of the batch `token`,
/// before scrip_engine_committed. It harms no other unit. `why` is one of SCRIP_REFUSE_*,
/// `holder` the 16 bytes of the redemption that has the card. Keep what was refused beside the
/// frame: scrip_engine_restore_refused needs it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_refuse(
    engine: *mut ScripEngine,
    token: u64,
    unit: u32,
    why: u32,
    holder: *const u8,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `holder` is NULL or 16 readable bytes.
    let holder = || unsafe { array(holder, "holder") };
    let call = |phase: &mut Phase| {
        let (status, holder) = (claim_status(why)?, RedemptionId(holder()?));
        phase.running()?.refuse(token, unit, status, holder)
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

fn claim_status(why: u32) -> Result<ClaimStatus, FfiError> {
    match why {
        SCRIP_REFUSE_HELD => Ok(ClaimStatus::Held),
        SCRIP_REFUSE_QUARANTINED => Ok(ClaimStatus::Quarantined),
        SCRIP_REFUSE_CONSUMED => Ok(ClaimStatus::Consumed),
        value => Err(FfiError::BadEnum { what: "why", value }),
    }
}

/// The reply to the call `token`, in time or late, once or several times. The call's bytes are
/// given back with the first answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_reply(
    engine: *mut ScripEngine,
    token: u64,
    reply: *const u8,
    reply_len: usize,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the reply is readable for its length.
    let reply = || unsafe { bytes(reply, reply_len, "reply") };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, |phase| phase.running()?.reply(token, reply()?)) }
}

/// The call `token` brings no reply. `sent` is SCRIP_NOT_SENT only if no byte of it was handed to
/// the network, else SCRIP_MAYBE_SENT. Every call needs an answer of one kind or the other: until
/// then its bytes stay in memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_lost(
    engine: *mut ScripEngine,
    token: u64,
    sent: u32,
    error: *mut ScripError,
) -> Status {
    let call = |phase: &mut Phase| {
        let sent = match sent {
            SCRIP_NOT_SENT => Sent::NotSent,
            SCRIP_MAYBE_SENT => Sent::MaybeSent,
            value => return Err(FfiError::BadEnum { what: "sent", value }.into()),
        };
        phase.running()?.lost(token, sent)
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// A message from `channel` that nobody asked for: a callback or a file. `token` receives its
/// name; a SCRIP_ACK with it says when everything it caused is durable. Keep it until then, and
/// bring it again after a restart.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_inbound(
    engine: *mut ScripEngine,
    channel: u32,
    message: *const u8,
    message_len: usize,
    token: *mut u64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the message is readable for its length.
    let message = || unsafe { bytes(message, message_len, "message") };
    // SAFETY: `token` is NULL or has room for a token.
    let place = || unsafe { Place::at(token, "token") };
    let call = |phase: &mut Phase| {
        let (place, message) = (place()?, message()?);
        place.put(phase.running()?.inbound(channel, message)?);
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// A decision by people: one of SCRIP_DECIDE_*, who decides, and `more` where the decision asks
/// for it (NULL and 0 otherwise). SCRIP_EVENT_REFUSED tells later if it does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_decide(
    engine: *mut ScripEngine,
    id: *const u8,
    decision: u32,
    by_utf8: *const u8,
    by_len: usize,
    more_utf8: *const u8,
    more_len: usize,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the texts are readable for their lengths.
    let texts =
        || unsafe { Ok::<_, FfiError>((text(by_utf8, by_len, "by")?, text(more_utf8, more_len, "more")?)) };
    let verdict = || texts().and_then(|(by, more)| verdict(decision, by, more));
    // SAFETY: `engine`, `id` and `error` are as the function is told.
    unsafe { tell(engine, id, error, verdict) }
}

/// The seller's answer to a challenge: `passed` is 1 or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_answer(
    engine: *mut ScripEngine,
    id: *const u8,
    passed: u32,
    error: *mut ScripError,
) -> Status {
    let verdict = || match passed {
        0 | 1 => Ok(Verdict::Challenge { passed: passed == 1 }),
        value => Err(FfiError::BadEnum { what: "passed", value }),
    };
    // SAFETY: `engine`, `id` and `error` are as the function is told.
    unsafe { tell(engine, id, error, verdict) }
}

/// The card of a redemption was scanned again. That is asked for where a redemption stands at
/// "challenged" with the reason "token_stale": people looked at it until its token was too old.
/// `received_at_ms` is when it was scanned, in ms since 1970; 0 for the engine's clock.
/// SCRIP_EVENT_REFUSED tells later if the token is refused, with SCRIP_TOKEN_* in `code`, or if
/// none was asked for; the seller may try again until the question expires.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_rescan(
    engine: *mut ScripEngine,
    id: *const u8,
    token_utf8: *const u8,
    token_len: usize,
    received_at_ms: i64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `id` is NULL or 16 readable bytes, and the token is readable for its length.
    let told = || unsafe { Ok::<_, FfiError>((array(id, "id")?, text(token_utf8, token_len, "token")?)) };
    let call = |phase: &mut Phase| {
        let (id, token) = told()?;
        let received_at = (received_at_ms != 0).then_some(Wall(received_at_ms));
        phase.running()?.engine.rescan(RedemptionId(id), token, received_at);
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// Calls a redemption off, which is possible before redeeming only; SCRIP_EVENT_REFUSED tells
/// later if it was too late.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_cancel(
    engine: *mut ScripEngine,
    id: *const u8,
    by_utf8: *const u8,
    by_len: usize,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the text is readable for its length.
    let by = || unsafe { text(by_utf8, by_len, "by") };
    let verdict = || Ok(Verdict::Cancel { by: short("by", by()?)? });
    // SAFETY: `engine`, `id` and `error` are as the function is told.
    unsafe { tell(engine, id, error, verdict) }
}

/// # Safety
/// As for [`change`]; `id` is NULL or 16 readable bytes.
unsafe fn tell(
    engine: *mut ScripEngine,
    id: *const u8,
    error: *mut ScripError,
    verdict: impl FnOnce() -> Result<Verdict, FfiError>,
) -> Status {
    // SAFETY: `id` is NULL or 16 readable bytes.
    let id = || unsafe { array(id, "id") };
    let call = |phase: &mut Phase| {
        let (id, verdict) = (RedemptionId(id()?), verdict()?);
        phase.running()?.engine.decide(id, verdict);
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { change(engine, error, call) }
}

/// How a redemption stands, as far as it is durable. Also before the start, once restored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_view(
    engine: *const ScripEngine,
    id: *const u8,
    view: *mut ScripView,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `id` is NULL or 16 readable bytes.
    let id = || unsafe { array(id, "id") };
    // SAFETY: `view` is NULL or as large as its first field tells.
    let out = || unsafe { Struct::at(view, "scrip_view") };
    let call = |phase: &Phase| {
        let (id, out) = (RedemptionId(id()?), out()?);
        let row = phase.index()?.row(id).ok_or(FfiError::NoSuchRedemption)?;
        let summary = Summary::decode(&row.summary).map_err(|_| FfiError::NoSuchRedemption)?;
        out.put(&ScripView::of(&summary));
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { look(engine, error, call) }
}

/// When poll has something to do although nothing comes in, on the monotonic clock; INT64_MAX
/// for never.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_wake_at(
    engine: *const ScripEngine,
    wake_ms: *mut i64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `wake_ms` is NULL or has room for a time.
    let place = || unsafe { Place::at(wake_ms, "wake_ms") };
    let call = |phase: &Phase| {
        place()?.put(phase.started()?.wake_at());
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { look(engine, error, call) }
}

/// The audit log as of the last durable batch: its Merkle root (RFC 6962, SHA-256) into 32 bytes,
/// and how many records it holds. Also before the start, once restored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_audit_root(
    engine: *const ScripEngine,
    root: *mut u8,
    records: *mut u64,
    error: *mut ScripError,
) -> Status {
    // SAFETY: `root` is NULL or has room for 32 bytes.
    let root = || unsafe { Place::at(root.cast::<[u8; 32]>(), "root") };
    // SAFETY: `records` is NULL or has room for a number.
    let place = || unsafe { Place::at(records, "records") };
    let call = |phase: &Phase| {
        let (root, place) = (root()?, place()?);
        let (count, Digest(digest)) = match phase {
            Phase::Opening(opening) => opening.recovery().audit(),
            Phase::Running(running) => running.engine.audit(),
            Phase::Between => return Err(NOT_STARTED.into()),
        };
        root.put(digest);
        place.put(count);
        Ok(())
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { look(engine, error, call) }
}

/// The name of a channel, as the configuration has it, ended by a NUL. Channels are numbered from
/// 0: the issuers by name, then the rails by name. `len` receives the length without the NUL,
/// also when the buffer is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_engine_channel_name(
    engine: *const ScripEngine,
    channel: u32,
    buffer: *mut u8,
    capacity: usize,
    len: *mut usize,
    error: *mut ScripError,
) -> Status {
    let call = |phase: &Phase| {
        let setup = match phase {
            Phase::Opening(opening) => opening.setup(),
            Phase::Running(running) => running.engine.setup(),
            Phase::Between => return Err(NOT_STARTED.into()),
        };
        let number = u16::try_from(channel).map(ChannelId).ok();
        let name = number.filter(|id| id.0 < setup.channels()).and_then(|id| setup.channel_name(id));
        let name = name.ok_or(crate::engine::Misuse::NoSuchChannel)?;
        // SAFETY: the buffer has room for its capacity, `len` for a length.
        Ok(unsafe { fill(name.as_bytes(), End::Nul, buffer, capacity, len) }?)
    };
    // SAFETY: `engine` and `error` are as the function is told.
    unsafe { look(engine, error, call) }
}

const _: () = {
    const fn threads<T: Send + Sync>() {}
    // Handles go from thread to thread.
    threads::<ScripEngine>();
    threads::<ScripRequest>();
    assert!(SCRIP_OK == 0);
};
