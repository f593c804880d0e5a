//! Failover over the wire: an issuer with two sites, each a process of its own in front of the same
//! books. One is killed under load, again and again: how long until the first success elsewhere,
//! and whether anything was debited twice. `cargo bench --bench sites`; `SCRIP_KILLS` (100).

mod issuer;
mod load;
mod relay;

use load::{Killed, Load};
use std::time::Duration;

fn main() {
    if let Ok(site) = std::env::var(relay::ROLE) {
        return relay::serve(&site);
    }
    // Without `--bench` this is a mere check that it runs.
    let usual = if std::env::args().any(|arg| arg == "--bench") { 100 } else { 3 };
    let kills = std::env::var("SCRIP_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let run = Load::start().run(kills);
    let books = run.books;
    assert_eq!((books.twice, books.unbacked, books.unpaid), (0, 0, 0), "twice, unbacked, unpaid");
    assert_eq!(books.debits, run.retired, "each debit is a card that was bought");
    println!("\n{} redemptions, {} debits, none twice; {kills} kills\n", run.retired, books.debits);
    println!("| from the death of a site's process | p50 ms | p99 ms | max ms |");
    println!("|---|---:|---:|---:|");
    row("to the first success elsewhere", run.killed.iter().map(|killed| killed.until_success));
    row("the same without the issuer's own time", run.killed.iter().map(Killed::beyond_the_issuer));
    row("to the first request that leaves for the other site", run.killed.iter().map(|k| k.until_leaving));
}

fn row(what: &str, times: impl Iterator<Item = Duration>) {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let at = |per_cent: usize| times[(times.len() * per_cent).div_ceil(100).clamp(1, times.len()) - 1];
    let ms = |time: Duration| format!("{}.{:02}", time.as_millis(), time.subsec_micros() % 1_000 / 10);
    println!("| {what} | {} | {} | {} |", ms(at(50)), ms(at(99)), ms(at(100)));
}
