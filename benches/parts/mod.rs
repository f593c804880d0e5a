//! Where the time of a redemption goes: each kind of work done alone, on what a rehearsal wrote.

use crate::common::{CATALOGUE, POLICY, PRODUCT, PROFILES, Seen, Trade, Worked, channel_key, ring};
use scrip::adapters::signed_json::{Asked, SignedJson, SignedJsonRail};
use scrip::audit::{Log, leaf_hash};
use scrip::base::{Digest, Hasher, Mono, RedemptionId, Wall};
use scrip::card::Catalogue;
use scrip::engine::{Policy, Recovery};
use scrip::flow::{self, Facts, Input, Redemption, Setting, Summary};
use scrip::host::{Memory, Store};
use scrip::issuer::{
    CardTag, Context, Idempotency, Issuer, Message, OpKind, Operation, Payment, Profiles, Rail, Routing,
};
use scrip::record::{Batch, Frame, Record, Unit};
use scrip::risk;
use scrip::route::{Channel, Heard, Place, RoutePolicy, Router, Want};
use scrip::vault::{self, Entropy, PepperVersion, Purpose, commitment};
use std::collections::HashMap;
use std::hint::black_box;

const BEST_OF: usize = 7;
/// What is sealed: salt and card, personal fields, a card on its way to the issuer.
const SEALED: [usize; 3] = [66, 40, 31];

/// One row: a kind of work, what it is part of, how often a redemption does it, and its cost.
struct Row {
    group: &'static str,
    what: &'static str,
    times: usize,
    ns: u128,
}

struct Bench<'a> {
    redemptions: usize,
    seen: &'a Seen,
    units: Vec<&'a Unit>,
    rows: Vec<Row>,
}

/// Prints the table. `whole` is what a redemption costs altogether, in ns.
pub(crate) fn table(trade: &Trade, seen: &Seen, whole: u128) {
    let units = seen.batches.iter().flat_map(Batch::units).collect();
    let mut bench = Bench { redemptions: trade.requests.len(), seen, units, rows: Vec::new() };
    bench.log();
    bench.names(trade);
    bench.sealing();
    bench.codecs();
    bench.machine();
    bench.routing();
    bench.store();
    println!("\n| part | work | times per redemption | ns per redemption | share |");
    println!("|---|---|---:|---:|---:|");
    let share = |ns: u128| format!("{}.{} %", ns * 100 / whole, ns * 1_000 / whole % 10);
    for Row { group, what, times, ns } in &bench.rows {
        println!("| {group} | {what} | {times} | {ns} | {} |", share(*ns));
    }
    for group in ["hashing", "sealing", "codecs", "machine", "routing", "store"] {
        let ns: u128 = bench.rows.iter().filter(|row| row.group == group).map(|row| row.ns).sum();
        println!("| **{group}** | | | {ns} | {} |", share(ns));
    }
    let rest = whole.saturating_sub(bench.rows.iter().map(|row| row.ns).sum());
    println!("| **the rest** | queues, maps, memory, the loop | | {rest} | {} |", share(rest));
    let store: u128 = bench.rows.iter().filter(|row| row.group == "store").map(|row| row.ns).sum();
    let engine = whole.saturating_sub(store);
    println!("\nWithout the store: {engine} ns, {} redemptions/s.", 1_000_000_000 / engine.max(1));
}

impl Bench<'_> {
    /// Times `work`, which is done for all redemptions, `times` for each.
    fn row<T>(&mut self, group: &'static str, what: &'static str, times: usize, mut work: impl FnMut() -> T) {
        self.prepared(group, what, times, || (), |()| work());
    }

    /// As [`Self::row`]; each run consumes what `prepare` made, and only `work` is timed.
    fn prepared<P, T>(
        &mut self,
        group: &'static str,
        what: &'static str,
        times: usize,
        mut prepare: impl FnMut() -> P,
        mut work: impl FnMut(P) -> T,
    ) {
        let once = |_| {
            let prepared = prepare();
            let worked = Worked::start();
            let made = black_box(work(prepared));
            let took = worked.so_far();
            drop(made);
            took.as_nanos()
        };
        let best = (0..BEST_OF).map(once).min().expect("there are runs");
        self.rows.push(Row { group, what, times, ns: best / self.redemptions as u128 });
    }

    fn per_redemption(&self, all: usize) -> usize {
        (all + self.redemptions / 2) / self.redemptions
    }

    fn log(&mut self) {
        let (units, batches) = (self.units.clone(), &self.seen.batches);
        let records: Vec<(RedemptionId, u32, Record<'_>)> = units
            .iter()
            .flat_map(|unit| {
                (unit.expected..).zip(unit.records.iter()).map(|(at, r)| (unit.redemption, at, r))
            })
            .collect();
        let leaves =
            |(id, at, record): &(RedemptionId, u32, Record<'_>)| leaf_hash(&record.leaf_bytes(*id, *at));
        let hashed: Vec<Digest> = records.iter().map(leaves).collect();
        let times = self.per_redemption(records.len());
        self.row("hashing", "leaves of records", times, || {
            records.iter().map(leaves).fold(0, |sum, leaf| sum ^ leaf.0[0])
        });
        self.row("hashing", "tree over the leaves", times, || {
            let mut log = Log::new();
            hashed.iter().for_each(|leaf| {
                log.append(*leaf);
            });
            log.root()
        });
        let times = self.per_redemption(units.len());
        self.row("hashing", "digest of frames (times: units)", times, || {
            batches.iter().map(|batch| Frame::digest(batch.bytes())).fold(0, |sum, digest| sum ^ digest.0[0])
        });
        self.row("hashing", "checksum of frames (times: units)", times, || {
            batches.iter().fold(0, |sum, batch| sum ^ crc32c::crc32c(batch.bytes()))
        });
        let sides: Vec<&Vec<u8>> =
            batches.iter().flat_map(Batch::sides).filter_map(|side| side.content.as_ref()).collect();
        self.row("hashing", "digests of side rows", self.per_redemption(sides.len()), || {
            sides.iter().fold(0, |sum, content| sum ^ Hasher::new().with(content).finish().0[0])
        });
        self.row("machine", "units as bytes", times, || {
            let mut out = Vec::with_capacity(1 << 24);
            units.iter().for_each(|unit| unit.encode(&mut out));
            out
        });
        self.row("machine", "summaries made, written and read", times, || {
            units.iter().filter_map(|unit| Summary::decode(&unit.summary).ok()).fold(0, |sum, summary| {
                let mut out = Vec::with_capacity(128);
                summary.clone().encode(&mut out);
                sum ^ out.len()
            })
        });
    }

    /// Everything keyed at the door, and the tag that the issuer must echo.
    fn names(&mut self, trade: &Trade) {
        let (ring, version) = (ring(), PepperVersion(1));
        self.row("hashing", "keyed names and commitment", 5, || {
            for request in &trade.requests {
                black_box(request.redemption());
                black_box(ring.card_key(version, PRODUCT, b"8800000000000000"));
                black_box(ring.subject_key(version, "faces", b"seller-1 walmart-gift"));
                black_box(commitment(&[3; 32], &[0; 34]));
                let parts: [&[u8]; 9] = [
                    b"local",
                    b"R-1000",
                    b"seller-1",
                    PRODUCT.as_bytes(),
                    b"8800000000000000",
                    b"123456",
                    &[0; 8],
                    &[0; 2],
                    &[0; 4],
                ];
                black_box(ring.fingerprint(version, &parts));
            }
        });
        let issuer = issuer();
        let cards: Vec<_> = self.seen.asked.iter().filter_map(|asked| asked.card.as_ref()).collect();
        let cards = &cards[..trade.requests.len()];
        self.row("hashing", "tag of the card", 1, || {
            cards.iter().for_each(|card| {
                black_box(issuer.card_tag(card.data()));
            });
        });
    }

    fn sealing(&mut self) {
        let (redemptions, ring) = (self.redemptions, ring());
        self.row("sealing", "random bytes (salt, 2 + 4 nonces)", 7, || {
            let mut entropy = Entropy::new([1; 32]);
            for _ in 0..redemptions {
                black_box(entropy.bytes::<32>());
                (0..2).for_each(|_| {
                    black_box(entropy.bytes::<24>());
                });
                (0..4).for_each(|_| {
                    black_box(entropy.bytes::<16>());
                });
            }
        });
        let seal = |len: usize| {
            let context = vault::Context {
                purpose: Purpose::Card,
                redemption: RedemptionId([5; 16]),
                bound: PRODUCT.as_bytes(),
            };
            black_box(ring.seal(&context, &[7; 66][..len], [9; 24]).expect("it is short"));
        };
        self.row("sealing", "side rows", 2, || {
            (0..redemptions).for_each(|_| SEALED[..2].iter().for_each(|len| seal(*len)));
        });
        self.row("sealing", "cards for the issuer", 2, || {
            (0..redemptions).for_each(|_| (0..2).for_each(|_| seal(SEALED[2])));
        });
    }

    fn codecs(&mut self) {
        let (issuer, rail, seen) = (issuer(), rail(), self.seen);
        let times = self.per_redemption(seen.asked.len());
        let sealed = self.rows.last().expect("sealing was measured").ns;
        self.row("codecs", "messages written and signed", times, || {
            seen.asked.iter().for_each(|asked| {
                black_box(encode(&issuer, &rail, asked));
            });
        });
        // Sealing stands in a row of its own.
        let row = self.rows.last_mut().expect("it was just put there");
        row.ns = row.ns.saturating_sub(sealed);
        self.row("codecs", "replies verified and read", times, || {
            seen.asked.iter().zip(&seen.replies).for_each(|(asked, reply)| {
                black_box(decode(&issuer, &rail, asked.kind, reply));
            });
        });
    }

    /// Intake and five inputs per redemption, in the order of the machine.
    fn machine(&mut self) {
        let (issuer, rail) = (issuer(), rail());
        let catalogue = Catalogue::parse(CATALOGUE).expect("shipped");
        let policy = Policy::parse(POLICY).expect("shipped");
        let scripts = self.scripts(&issuer, &rail);
        let setting = |tag| Setting {
            now: Wall(1_795_305_600_000),
            jumps: &[],
            policy_digest: Digest([1; 32]),
            policy: &policy.flow,
            risk: &policy.risk,
            terms: &policy.terms,
            product: catalogue.product(PRODUCT),
            issuer: issuer.profile(),
            rail: rail.profile(),
            hits: &[],
            over: &[],
            tag,
            advance_room: false,
            snapshot: None,
            site: 0,
        };
        let scripted = || scripts.clone();
        self.prepared("machine", "steps: intake, risk, 4 answers", 6, scripted, |scripts| {
            let mut steps = Vec::with_capacity(6 * scripts.len());
            for (id, script) in scripts {
                let setting = setting(script.tag);
                let (mut r, step) = flow::intake(id, script.facts, &setting).expect("a good request");
                steps.push(step);
                for input in script.inputs {
                    steps.push(flow::handle(&mut r, &mut 0, input, &setting).expect("the straight path"));
                }
                assert_eq!(r.state, flow::State::Retired);
            }
            steps
        });
    }

    fn scripts(&self, issuer: &SignedJson, rail: &SignedJsonRail) -> HashMap<RedemptionId, Script> {
        let mut scripts = HashMap::new();
        for batch in &self.seen.batches {
            for (unit, verdict) in batch.units().iter().zip(batch.verdicts()) {
                if unit.expected == 0 {
                    // What is the log's own, such as its key ring, is no redemption.
                    let records: Vec<_> = unit.records.iter().collect();
                    let Ok(r) = Redemption::replay(unit.redemption, &records) else { continue };
                    let inputs = vec![Input::Seen(verdict.seen.clone() as Vec<risk::Seen>)];
                    scripts.insert(unit.redemption, Script { facts: r.facts, tag: None, inputs });
                }
            }
        }
        for (asked, reply) in self.seen.asked.iter().zip(&self.seen.replies) {
            let script = scripts.get_mut(&asked.reference.redemption).expect("it was claimed before");
            script.inputs.extend(decode(issuer, rail, asked.kind, reply));
            script.tag = script.tag.or(asked.card.as_ref().and_then(|card| issuer.card_tag(card.data())));
        }
        scripts
    }

    /// An issuer with two sites: choosing one, and being told of the answer.
    fn routing(&mut self) {
        let bank = Channel {
            name: "bank".into(),
            products: [PRODUCT.to_string()].into(),
            kinds: OpKind::ALL.into(),
            sites: 2,
            scope: Idempotency::Site,
            routing: Routing::default(),
        };
        let (mut router, redemptions) =
            (Router::new([bank].into(), &RoutePolicy::default()), self.redemptions);
        let want = Want { kind: OpKind::Balance, product: None, channel: Some(0), stuck: None, avoid: None };
        let place = Place { channel: 0, endpoint: 0 };
        for _ in 0..100 {
            router.asked(Mono(0), place, OpKind::Balance, false);
            router.told(Mono(0), place, Heard::Answer { after_ms: 90 });
        }
        self.row("routing", "a site chosen of two", 1, || {
            for n in 0..redemptions {
                black_box(router.pick(Mono(0), black_box(&want), n as u64));
            }
        });
        self.row("routing", "asked, and its answer noted", 1, || {
            for _ in 0..redemptions {
                router.asked(Mono(0), place, OpKind::Balance, false);
                router.told(Mono(0), place, Heard::Answer { after_ms: 90 });
            }
        });
    }

    /// The memory store, which stands where a disk would.
    fn store(&mut self) {
        let (batches, times) = (&self.seen.batches, self.per_redemption(self.units.len()));
        self.prepared(
            "store",
            "units taken into memory",
            times,
            || batches.clone(),
            |mut batches| {
                let mut store = Memory::new();
                store.recover(&mut Recovery::new()).expect("an empty store");
                for batch in &mut batches {
                    store.commit(batch).expect("they follow each other");
                }
                (store, batches)
            },
        );
    }
}

#[derive(Clone)]
struct Script {
    facts: Facts,
    tag: Option<CardTag>,
    inputs: Vec<Input>,
}

fn issuer() -> SignedJson {
    let mut profiles = Profiles::parse(PROFILES).expect("shipped");
    let profile = profiles.issuers.remove("walmart").expect("it is there");
    SignedJson::new(profile, channel_key()).expect("32 bytes")
}

fn rail() -> SignedJsonRail {
    let mut profiles = Profiles::parse(PROFILES).expect("shipped");
    let (_, profile) = profiles.rails.pop_first().expect("it is there");
    SignedJsonRail::new(profile, channel_key()).expect("32 bytes")
}

const CONTEXT: Context<'static> = Context { session: &[], now: Wall(1_795_305_600_000), nonce: [6; 16] };

fn encode(issuer: &SignedJson, rail: &SignedJsonRail, asked: &Asked) -> Message {
    let Asked { kind, reference, amount, attempt, .. } = *asked;
    let mut message = Message::default();
    let encoded = match (&asked.product, &asked.payee) {
        (Some(product), _) => {
            let card = asked.card.as_ref().map(|card| card.data());
            let operation = Operation { kind, reference, product, card, amount, attempt };
            issuer.encode(&[operation], &CONTEXT, &mut message)
        }
        (None, Some(payee)) => {
            rail.encode(&[Payment { kind, reference, payee, amount, attempt }], &CONTEXT, &mut message)
        }
        (None, None) => unreachable!("every question names a product or a payee"),
    };
    encoded.expect("it was encoded before");
    message
}

fn decode(issuer: &SignedJson, rail: &SignedJsonRail, kind: OpKind, reply: &[u8]) -> Vec<Input> {
    let mut inputs = Vec::with_capacity(1);
    let each = &mut |_, answer| inputs.push(Input::Answer(answer));
    let decoded = match kind {
        OpKind::Pay => rail.decode(reply, &CONTEXT, each),
        _ => issuer.decode(reply, &CONTEXT, each),
    };
    decoded.expect("the far end's own");
    inputs
}
