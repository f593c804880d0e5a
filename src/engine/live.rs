//! What the engine keeps in memory.

use super::budget::Counted;
use super::prepare::{Fingerprint, Prepared};
use super::rescan::Scan;
use super::setup::Places;
use super::{Call, CallId, ChannelId, Event, InboundId};
use crate::base::{Few, Mono, RedemptionId, Text};
use crate::card::Card;
use crate::flow::{Input, Redemption, Step};
use crate::issuer::{CardTag, Leg, OpKind};
use crate::record::{Batch, Records, Scrap, Side, Unit};
use crate::risk::Reason;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// An input for one redemption, with the inbound message that brought it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) input: Input,
    /// Which movement of money an answer speaks of.
    pub(super) leg: Option<Leg>,
    pub(super) inbound: Option<InboundId>,
    /// A token that was scanned again; the input is what is found of it.
    pub(super) scan: Option<Scan>,
    /// The name under which the host wants to hear what became of it.
    pub(super) ask: Option<u64>,
}

impl Told {
    pub(super) fn of(input: Input) -> Self {
        Self { input, leg: None, inbound: None, scan: None, ask: None }
    }

    /// Whether it is an answer about a pay-out that another one has replaced since.
    pub(super) fn is_outdated(&self, r: &Redemption) -> bool {
        // Where none was ordered yet, the first may be asked for: see `FlowPolicy::put_back_at`.
        let latest = r.payout.as_ref().map_or(1, |payout| payout.number);
        matches!(self.leg, Some(Leg::Payout(number)) if number != latest)
    }
}

/// One redemption in memory.
pub(super) struct Live {
    pub(super) r: Redemption,
    pub(super) places: Places,
    pub(super) tries: u32,
    /// Records of it that are written with its next step's.
    pub(super) unwritten: Records,
    pub(super) card: Option<Card>,
    /// The card as it is sealed, while it could not be opened.
    pub(super) sealed: Option<Vec<u8>>,
    /// Side rows to write again with the next unit, sealed with the current key.
    pub(super) resealed: Vec<Side>,
    /// The tag under which the issuer echoes the card.
    pub(super) tag: Option<CardTag>,
    /// Of its request; none of one that came from the store.
    pub(super) fingerprint: Option<Fingerprint>,
    /// What of it stands on a block list.
    pub(super) hits: Vec<Reason>,
    /// The subjects of its budgets, and which of them it found used up.
    pub(super) counted: Counted,
    pub(super) over: Vec<Reason>,
    /// Whether a unit of it is in a batch that has not come back.
    pub(super) busy: bool,
    /// What was asked by name and is being written.
    pub(super) ask: Option<u64>,
    /// Whether its last unit told the store to hand it back.
    pub(super) parked: bool,
    /// What came in meanwhile.
    pub(super) inbox: VecDeque<Told>,
    pub(super) timer: Option<Mono>,
    /// The latest call of each kind that is still waited for.
    pub(super) awaiting: Few<(OpKind, u64)>,
    /// Whether it waits for a place in a batch message.
    pub(super) gathered: bool,
    /// Whether a question of it waits for the channel's session.
    pub(super) held: bool,
    /// How its latest read fares.
    pub(super) read: super::routing::Read,
}

impl Live {
    pub(super) fn new(r: Redemption, places: Places) -> Self {
        Self {
            r,
            places,
            tries: 0,
            unwritten: Records::new(),
            card: None,
            sealed: None,
            resealed: Vec::new(),
            tag: None,
            fingerprint: None,
            hits: Vec::new(),
            counted: Counted::new(),
            over: Vec::new(),
            busy: false,
            ask: None,
            parked: false,
            inbox: VecDeque::new(),
            timer: None,
            awaiting: Few::None,
            gathered: false,
            held: false,
            read: super::routing::Read::default(),
        }
    }

    /// Whether call `number` is the one that is waited for; it is not any more then.
    pub(super) fn heard(&mut self, number: u64) -> bool {
        let waited = self.awaiting.iter().any(|(_, waiting)| *waiting == number);
        self.awaiting.retain(|(_, waiting)| *waiting != number);
        waited
    }

    /// Whether nothing will wake it although it has not come to rest.
    pub(super) fn is_idle(&self) -> bool {
        let asks = !self.awaiting.as_slice().is_empty() || self.gathered || self.held || self.read.waits();
        let waits = self.busy || self.timer.is_some() || asks;
        let rests = (self.r.state.is_end() && !self.r.quarantined) || self.r.state.waits_for_people();
        !waits && self.inbox.is_empty() && !rests
    }

    /// An answer of this kind is not waited for any more, whoever brings it.
    pub(super) fn answered(&mut self, kind: OpKind) {
        self.awaiting.retain(|(waiting, _)| *waiting != kind);
    }

    pub(super) fn awaits(&mut self, kind: OpKind, number: u64) {
        self.answered(kind);
        self.awaiting.push((kind, number));
    }
}

/// The places in memory of redemptions that were let go: the next ones live there.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "the boxes are what is kept")]
pub(super) struct Idle(Vec<Box<Live>>);

impl Idle {
    /// So many are kept.
    const MOST: usize = 256;

    pub(super) fn place(&mut self, live: Live) -> Box<Live> {
        match self.0.pop() {
            Some(mut place) => {
                *place = live;
                place
            }
            None => Box::new(live),
        }
    }

    pub(super) fn keep(&mut self, mut live: Box<Live>) {
        if self.0.len() < Self::MOST {
            live.card = None;
            self.0.push(live);
        }
    }
}

/// A call that is out.
pub(super) struct Pending {
    pub(super) channel: ChannelId,
    pub(super) answer_by: Mono,
    pub(super) endpoint: u32,
    pub(super) sent_at: Mono,
    /// Whether it is a second asking of a question that is still out: what becomes of it matters
    /// only if it brings an answer.
    pub(super) hedge: bool,
    /// Whether silence means unknown. A batch message is only handed over; its answers come in
    /// a message of their own.
    pub(super) batch: bool,
    pub(super) waiting: Few<(RedemptionId, OpKind)>,
    /// The channel's session as the message left it, if it changed; taken when it is written.
    pub(super) session: Option<Vec<u8>>,
    /// What the adapter wants to know again.
    pub(super) trace: Option<Text>,
}

impl Pending {
    /// Where it went.
    pub(super) fn place(&self) -> crate::route::Place {
        crate::route::Place { channel: self.channel.0, endpoint: self.endpoint }
    }
}

/// A call that is encoded and waits for its intent to be durable.
pub(super) struct Ready {
    pub(super) call: Call,
    pub(super) pending: Pending,
    /// Until when it may be released: its intent tells the time at which it was made, and a call that leaves
    /// much later would be taken for one that has long arrived.
    pub(super) stale_at: Mono,
    pub(super) send_within_ms: i64,
    pub(super) answer_within_ms: i64,
}

/// A batch message that waits for the intents of all its operations.
pub(super) struct Group {
    pub(super) missing: usize,
    pub(super) whole: bool,
    pub(super) ready: Option<Ready>,
}

/// What a unit in a batch stands for.
pub(super) enum Entry {
    /// A first unit. Its redemption lives only once the unit stands.
    Intake { prepared: Prepared, turned_away: bool },
    /// A step of a redemption in memory.
    Step {
        ready: Few<Ready>,
        wait_ms: Option<i64>,
        group: Option<u64>,
        inbound: Option<InboundId>,
        recalls: bool,
    },
    /// A mere sighting.
    Sighting,
    /// The key ring that all logs of the store have in common.
    Ring,
    /// A channel's session. Calls that were made with it wait for it.
    Session { ready: Few<Ready> },
}

/// Units that wait for the next batch.
#[derive(Default)]
pub(super) struct Open {
    pub(super) units: Vec<Unit>,
    pub(super) entries: Vec<Entry>,
    pub(super) sides: Vec<Side>,
}

/// Lists of batches that have come back, empty: the next but one need not ask for memory again.
#[derive(Default)]
pub(super) struct Spare {
    pub(super) open: Open,
    pub(super) batch: Scrap,
    steps: Vec<Step>,
    units: Vec<Unit>,
    records: Vec<Records>,
}

impl Spare {
    /// So many are kept of each: some more than two batches that go out early.
    const MOST: usize = 256;
    /// The records of a step seldom have more bytes.
    const USUAL: usize = 256;
    /// What became longer, in bytes, is not kept.
    const LONGEST: usize = 2_048;

    /// An empty step.
    pub(super) fn step(&mut self) -> Step {
        self.steps.pop().unwrap_or_default()
    }

    /// An empty unit.
    pub(super) fn unit(&mut self) -> Unit {
        self.units.pop().unwrap_or_default()
    }

    /// No records yet, and room for those of a step.
    pub(super) fn records(&mut self) -> Records {
        self.records.pop().unwrap_or_else(|| Records::with_room(Self::USUAL))
    }

    /// Records that are written elsewhere.
    pub(super) fn records_over(&mut self, mut records: Records) {
        if self.records.len() < Self::MOST && records.capacity() <= Self::LONGEST {
            records.clear();
            self.records.push(records);
        }
    }

    /// What is left of a step that became a unit, or came to nothing.
    pub(super) fn step_over(&mut self, mut step: Step) {
        if self.steps.len() < Self::MOST && step.records.capacity() <= Self::LONGEST {
            step.clear();
            self.steps.push(step);
        }
    }

    /// A unit that is durable.
    pub(super) fn unit_over(&mut self, mut unit: Unit) {
        let longest = unit.records.capacity().max(unit.summary.capacity());
        if self.units.len() < Self::MOST && longest <= Self::LONGEST {
            unit.clear();
            self.units.push(unit);
        }
    }
}

/// The batch that is being made durable.
pub(super) struct InFlight {
    pub(super) id: crate::base::BatchId,
    pub(super) entries: Vec<Entry>,
}

/// Something that came in and waits for `poll`.
pub(super) enum Queued {
    Submit(Prepared),
    Sight(Prepared),
    Committed(Box<Batch>),
    Answers {
        to: RedemptionId,
        told: Told,
    },
    Lost {
        number: u64,
        not_sent: bool,
    },
    Reply {
        id: CallId,
        answered: Few<(RedemptionId, OpKind)>,
        undecodable: bool,
    },
    Settled(InboundId),
    Loaded(RedemptionId, Option<Box<crate::record::Handed>>),
    Elsewhere(RedemptionId),
    Event(Event),
    /// A redemption got something into its inbox from the engine itself.
    Nudge(RedemptionId),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    Redemption(RedemptionId),
    Call(u64),
    Gather(u16),
    Hedge(u64),
    /// A read that failed is tried again.
    Again(RedemptionId),
}
