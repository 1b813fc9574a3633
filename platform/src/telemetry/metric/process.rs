//! The process itself: when it started, and its resource usage, as the operating system reports it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::PROCESS_START_TIME;
#[cfg(target_os = "linux")]
use super::{PROCESS_CPU_TIME, PROCESS_MEMORY_USAGE, PROCESS_OPEN_FILE_DESCRIPTORS};

/// Starts observing. Telemetry is the first thing that a process starts, so it has started now.
pub(in crate::telemetry) fn observe() {
    if let Ok(started) = SystemTime::now().duration_since(UNIX_EPOCH) {
        PROCESS_START_TIME.observe(move |tell| tell(started.as_secs_f64(), []));
    }
    observe_usage();
}

/// Starts observing the usage. Where there is no `/proc`, nothing is observed.
#[cfg(target_os = "linux")]
fn observe_usage() {
    use procfs::process::Process;

    // A process uses far less than 2^52 ticks or bytes.
    let float = |number: u64| number as f64;
    PROCESS_CPU_TIME.observe(move |tell| {
        if let Ok(stat) = Process::myself().and_then(|me| me.stat()) {
            let seconds = |ticks| float(ticks) / float(procfs::ticks_per_second());
            tell(seconds(stat.utime), ["user".into()]);
            tell(seconds(stat.stime), ["system".into()]);
        }
    });
    PROCESS_MEMORY_USAGE.observe(move |tell| {
        if let Ok(stat) = Process::myself().and_then(|me| me.stat()) {
            tell(float(stat.rss * procfs::page_size()), []);
        }
    });
    PROCESS_OPEN_FILE_DESCRIPTORS.observe(move |tell| {
        if let Ok(count) = Process::myself().and_then(|me| me.fd_count()) {
            tell(float(count as u64), []);
        }
    });
}

/// Does nothing: there is no `/proc`.
#[cfg(not(target_os = "linux"))]
fn observe_usage() {}
