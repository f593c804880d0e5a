//! Where a node's time goes from the kill of the primary to its first write.

use scrip::host::Resumed;
use std::time::Duration;

/// The parts, in microseconds: the first is the machine's time, the others count from there.
const NAMES: [&str; 7] = ["lost", "planned", "found", "begun", "looked", "gathered", "done"];

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
    parts: [Option<u128>; NAMES.len()],
    taken: bool,
}

impl Way {
    /// What a node has told.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("resumed ")?.split(' ');
        let mut parts = [None; NAMES.len()];
        for part in &mut parts {
            *part = words.next()?.parse().ok();
        }
        Some(Self { parts, taken: words.next()? == "true" })
    }

    /// When the loss was noticed.
    pub(crate) fn lost(&self) -> u128 {
        self.part(0).unwrap_or_default()
    }

    fn part(&self, number: usize) -> Option<u128> {
        self.parts.get(number).copied().flatten()
    }

    /// From one part to another.
    fn between(&self, from: usize, to: usize) -> Option<u128> {
        Some(self.part(to)?.saturating_sub(self.part(from)?))
    }
}

/// Prints the parts, as medians.
pub(crate) fn report(ways: &[(u128, Way)]) {
    let [_, planned, found, begun, looked, gathered, done] = [0, 1, 2, 3, 4, 5, 6];
    let taken = |way: &Way| way.taken;
    let again = |way: &Way| !way.taken;
    let noticed = ways.iter().map(|(killed, way)| way.lost().saturating_sub(*killed));
    let found_after =
        ways.iter().filter_map(|(killed, way)| Some((way.lost() + way.part(found)?).saturating_sub(*killed)));
    let of = |from: usize, to: usize, which: &dyn Fn(&Way) -> bool| -> Vec<u128> {
        ways.iter().filter(|(_, way)| which(way)).filter_map(|(_, way)| way.between(from, to)).collect()
    };
    let looked_up = |way: &Way| way.part(looked).is_some();
    println!("where a node's time goes, medians:");
    line("from the kill until the loss is noticed", noticed.collect());
    line("from the kill until a session is found that writes", found_after.collect());
    line("  its plans, which the server had dropped, made anew before that", of(planned, found, &|_| true));
    line("until the batch is begun (lease, what is due)", of(found, begun, &|_| true));
    line("until it is known whether a commit without an answer was taken", of(begun, looked, &looked_up));
    line("  if it was: until it is confirmed", of(looked, done, &taken));
    line(
        "until what the batch touches is read (first flight), after a look-up",
        of(looked, gathered, &again),
    );
    let not_looked = |way: &Way| !looked_up(way);
    line("until what the batch touches is read (first flight), without", of(begun, gathered, &not_looked));
    line("until it is written and durable (second flight)", of(gathered, done, &again));
    let single = |way: &Way| again(way) && way.part(gathered).is_none();
    line("until it is written and durable, in one flight", of(begun, done, &single));
    line("from the session to the first write: confirmed", of(found, done, &taken));
    line("from the session to the first write: written", of(found, done, &again));
}

fn line(what: &str, mut micros: Vec<u128>) {
    micros.sort_unstable();
    if let (Some(middle), Some(max)) = (micros.get(micros.len() / 2), micros.last()) {
        let ms = |micros: u128| format!("{}.{} ms", micros / 1_000, micros / 100 % 10);
        println!("  {what}: {} (max {}, {} times)", ms(*middle), ms(*max), micros.len());
    }
}
