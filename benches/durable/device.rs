//! What a process costs the machine, as Linux counts it: bytes to the device, time at work.

use std::fs;
use std::time::Duration;

/// How long all threads of this process were at work, those that have ended included; in steps of
/// 10 ms. Zero where the system does not tell.
pub(crate) fn at_work() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let times = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    times.filter_map(|ticks| ticks.parse().ok()).map(|ticks: u64| Duration::from_millis(10 * ticks)).sum()
}

/// What has been written so far by a process, and by those of its children that have ended.
fn of_process(id: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/io")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).and_then(|bytes| bytes.parse().ok())
}

/// By this process.
pub(crate) fn own() -> Option<u64> {
    of_process("self")
}

/// By a server and all its processes.
#[cfg(feature = "postgres")]
pub(crate) fn of_tree(id: u32) -> Option<u64> {
    let id = id.to_string();
    let mut sum = of_process(&id)?;
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if parent == Some(&id) {
            sum += of_process(&process.file_name().to_string_lossy()).unwrap_or_default();
        }
    }
    Some(sum)
}
