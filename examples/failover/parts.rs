//! Where a node's time goes from the kill of the primary to its first write.

use scrip::host::Resumed;
use std::time::Duration;

/// What a node tells, in microseconds: the first is the machine's time, the others count from there.
const LOST: usize = 0;
const PLANNED: usize = 1;
const FOUND: usize = 2;
const BEGUN: usize = 3;
const LOOKED: usize = 4;
const GATHERED: usize = 5;
const DONE: usize = 6;

/// What a node tells of it.
pub(crate) fn tell(resumed: &Resumed, now: u128) -> String {
    let lost = now.saturating_sub(resumed.lost.elapsed().as_micros());
    let micros =
        |part: Option<Duration>| part.map_or_else(|| "-".into(), |part| part.as_micros().to_string());
    let parts = [
        resumed.planned,
        Some(resumed.found),
        Some(resumed.begun),
        resumed.looked,
        resumed.gathered,
        Some(resumed.done),
    ];
    let parts: Vec<String> = parts.into_iter().map(micros).collect();
    format!("resumed {lost} {} {}", parts.join(" "), resumed.taken)
}

/// One node's way over one kill.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    parts: [Option<u128>; DONE + 1],
    taken: bool,
}

impl Way {
    /// What a node has told.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("resumed ")?.split(' ');
        let mut parts = [None; DONE + 1];
        for part in &mut parts {
            *part = words.next()?.parse().ok();
        }
        Some(Self { parts, taken: words.next()? == "true" })
    }

    /// When the loss was noticed.
    pub(crate) fn lost(&self) -> u128 {
        self.part(LOST).unwrap_or_default()
    }

    fn part(&self, number: usize) -> Option<u128> {
        self.parts.get(number).copied().flatten()
    }

    /// From one part to another.
    fn between(&self, from: usize, to: usize) -> Option<u128> {
        Some(self.part(to)?.saturating_sub(self.part(from)?))
    }
}

/// Prints the parts, as medians. Each way comes with the time of the kill.
pub(crate) fn report(ways: &[(u128, Way)]) {
    let since_kill = |part: usize| -> Vec<u128> {
        let at = |way: &Way| way.lost() + if part == LOST { 0 } else { way.part(part).unwrap_or_default() };
        ways.iter().map(|(killed, way)| at(way).saturating_sub(*killed)).collect()
    };
    let between = |from: usize, to: usize, which: &dyn Fn(&Way) -> bool| -> Vec<u128> {
        ways.iter().filter(|(_, way)| which(way)).filter_map(|(_, way)| way.between(from, to)).collect()
    };
    let all = |_: &Way| true;
    let taken = |way: &Way| way.taken;
    let written = |way: &Way| !way.taken;
    let not_looked = |way: &Way| way.part(LOOKED).is_none();
    let one_flight = |way: &Way| !way.taken && way.part(GATHERED).is_none();
    println!("where the nodes' time goes, medians:");
    line("from the kill until the loss is noticed", since_kill(LOST));
    line("from the kill until there is a session that writes", since_kill(FOUND));
    line("  all its plans were made before that, by", between(PLANNED, FOUND, &all));
    line("from the session to the first write, all", between(FOUND, DONE, &all));
    line(
        "from the session to the first write, where it had been taken and is confirmed",
        between(FOUND, DONE, &taken),
    );
    line("from the session to the first write, where it is written", between(FOUND, DONE, &written));
    line("  until the batch is begun (the lease and what is due come before)", between(FOUND, BEGUN, &all));
    line("  until a commit without an answer has been looked up", between(BEGUN, LOOKED, &all));
    line("  until it is confirmed", between(LOOKED, DONE, &taken));
    line("  first flight, after a look-up", between(LOOKED, GATHERED, &written));
    line("  first flight, without", between(BEGUN, GATHERED, &not_looked));
    line("  second flight, durable", between(GATHERED, DONE, &written));
    line("  all in one flight, durable", between(BEGUN, DONE, &one_flight));
}

fn line(what: &str, mut micros: Vec<u128>) {
    micros.sort_unstable();
    if let (Some(middle), Some(max)) = (micros.get(micros.len() / 2), micros.last()) {
        let ms = |micros: u128| format!("{}.{} ms", micros / 1_000, micros / 100 % 10);
        println!("  {what}: {} (max {}, {} times)", ms(*middle), ms(*max), micros.len());
    }
}
