//! One node: redeems cards as fast as it may until its input ends, and tells how far it is.

use crate::desk;
use crate::line::Line;
use crate::parts;
use scrip::base::{BatchId, Mono, RedemptionId, Wall};
use scrip::engine::{Event, Recovery, Request};
use scrip::flow::State;
use scrip::host::{Driver, Postgres, PostgresOptions, Store, StoreError, Transport};
use scrip::ledger::Account;
use scrip::money::{Amount, Currency};
use scrip::record::{Batch, Handed};
use std::error::Error;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const LEASE_MS: i64 = 2_000;
pub(crate) const GRACE_MS: i64 = 300;
const IN_FLIGHT: usize = 64;

/// Sellers that come to either node, each with a device and an address of its own. Where all nodes
/// are at one of them at once they wait for each other (ARCHITECTURE, "What breaks first").
const SELLERS: u64 = 10_000;

/// Card `n` of a node. Nodes go through the sellers from different places.
fn request(log: u32, n: u64) -> Result<Request, Box<dyn Error>> {
    let seller = (n * 7_919 + u64::from(log) * SELLERS / 2) % SELLERS;
    Ok(Request::new(&format!("R-{log}-{n}"), &format!("shop-{seller}"), "walmart-gift")
        .number(&format!("88{log:04}{n:010}"))
        .secret(&format!("{:06}", n % 1_000_000))
        .face(Amount::new(10_000, Currency::CNY))
        .channel("shop")
        .device(&format!("device-{seller}"))
        .ip(&format!("10.0.{}.{}", seller / 100, seller % 100)))
}

/// The store, and when its last commit returned.
struct Timed(Postgres, u128);

impl Store for Timed {
    fn log(&self) -> u32 {
        self.0.log()
    }
    fn renew(&mut self) -> Result<Option<i64>, StoreError> {
        self.0.renew()
    }
    fn recover(&mut self, into: &mut Recovery) -> Result<u64, StoreError> {
        self.0.recover(into)
    }
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        self.0.commit(batch)?;
        self.1 = now_micros();
        Ok(())
    }
    fn checkpoint(&mut self, upto: BatchId, state: &[u8]) -> Result<(), StoreError> {
        self.0.checkpoint(upto, state)
    }
    fn load(&mut self, redemption: RedemptionId) -> Result<Option<Handed>, StoreError> {
        self.0.load(redemption)
    }
    fn due(&mut self, now: Wall, limit: usize) -> Result<Vec<Handed>, StoreError> {
        self.0.due(now, limit)
    }
    fn next_due(&mut self) -> Result<Option<Wall>, StoreError> {
        self.0.next_due()
    }
    fn balances(&mut self, visit: &mut dyn FnMut(&Account, Currency, i128)) -> Result<(), StoreError> {
        self.0.balances(visit)
    }
    fn frames(&mut self, visit: &mut dyn FnMut(&[u8], &[u32])) -> Result<(), StoreError> {
        self.0.frames(visit)
    }
}

/// The machine's clock, which all processes here share.
pub(crate) fn now_micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros())
}

/// `log`, database, desk: as the conductor says.
pub(crate) fn run(log: u32, database: &str, desk_port: u16) -> Result<(), Box<dyn Error>> {
    let mut options = PostgresOptions::default();
    (options.log, options.lease_ms, options.grace_ms) = (log, LEASE_MS, GRACE_MS);
    let store = Postgres::open_with(database, options)?;
    let mut driver = Driver::open(desk::setup(IN_FLIGHT)?, Timed(store, 0), Line::to(desk_port)?)?;
    let ends = Arc::new(AtomicBool::new(false));
    let at_end = ends.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        at_end.store(true, Ordering::Relaxed);
    });
    let (mut next, mut retired, mut told, mut at_work) = (0_u64, 0_u64, 0, 0_i64);
    let mut resumed = None;
    let mut out = std::io::stdout().lock();
    loop {
        let stop = ends.load(Ordering::Relaxed);
        while !stop && driver.engine().room() > 0 {
            driver.engine().submit(&request(log, next)?)?;
            (next, at_work) = (next + 1, at_work + 1);
        }
        let mut strange = None;
        driver.turn(&mut |event| match event {
            Event::Moved { summary, .. } if summary.state == State::Retired => retired += 1,
            Event::Moved { summary, .. } if summary.state.is_end() || summary.state.waits_for_people() => {
                strange = Some(format!("{summary:?}"));
            }
            _ => {}
        })?;
        if let Some(strange) = strange {
            return Err(format!("not on the straight path: {strange}").into());
        }
        if driver.batches() != told {
            told = driver.batches();
            writeln!(out, "{} {retired}", driver.store().1)?;
            if let Some(last) = driver.store().0.resumed().filter(|last| Some(last.lost) != resumed) {
                resumed = Some(last.lost);
                writeln!(out, "{}", parts::tell(&last, now_micros()))?;
            }
            out.flush()?;
        }
        if stop && driver.engine().room() == IN_FLIGHT {
            return Ok(());
        }
        let until = Mono(driver.transport().now().mono.0 + 20);
        driver.wait(Some(until))?;
    }
}
