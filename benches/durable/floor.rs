//! What the disk alone leaves: steps that cost nothing, each waiting for its sync as a redemption's do.

use crate::plain;
use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Durable steps of a redemption until it is paid, and in all.
const UNTIL_PAID: usize = 4;
pub(crate) const STEPS: usize = 5;

/// How long each took from when it was due until it was paid, in ascending order.
pub(crate) struct Floor {
    pub(crate) took: Duration,
    pub(crate) waits: Vec<Duration>,
    pub(crate) commits: u64,
}

/// `count` requests, `rate` a second. All steps that wait are written to a zeroed file as one piece, and
/// go on when it is synced.
pub(crate) fn floor(folder: &Path, rate: u32, count: usize) -> Floor {
    let step = plain::RECORD_BYTES;
    let mut file = plain::zeroed(&folder.join("floor"), count * STEPS * step);
    let bytes = vec![0x5a; count * step];
    let (mut waits, mut commits, mut begun) = (Vec::with_capacity(count), 0, 0);
    let mut waiting = VecDeque::<(Instant, usize)>::new();
    let start = Instant::now();
    let due = |n: usize| start + Duration::from_secs(1) * u32::try_from(n).expect("a run is short") / rate;
    while begun < count || !waiting.is_empty() {
        while begun < count && due(begun) <= Instant::now() {
            waiting.push_back((due(begun), 0));
            begun += 1;
        }
        if waiting.is_empty() {
            std::thread::sleep(due(begun).saturating_duration_since(Instant::now()));
            continue;
        }
        file.write_all(&bytes[..waiting.len() * step]).expect("there is room");
        file.sync_data().expect("the disk takes it");
        commits += 1;
        for _ in 0..waiting.len() {
            let Some((since, done)) = waiting.pop_front() else { break };
            if done + 1 == UNTIL_PAID {
                waits.push(since.elapsed());
            }
            if done + 1 < STEPS {
                waiting.push_back((since, done + 1));
            }
        }
    }
    waits.sort_unstable();
    Floor { took: start.elapsed(), waits, commits }
}
