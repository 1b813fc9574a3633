//! What the process itself uses, as the system counts it.

use super::{PROCESS_CPU_TIME, PROCESS_MEMORY_USAGE, PROCESS_OPEN_FILE_DESCRIPTOR_COUNT};

/// Has it looked at from now on. Where there is no `/proc`, there is nothing to see.
#[cfg(target_os = "linux")]
pub(in crate::telemetry) fn observe() {
    use procfs::process::Process;

    // What a process uses is far below 2^52 ticks or bytes.
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
    PROCESS_OPEN_FILE_DESCRIPTOR_COUNT.observe(move |tell| {
        if let Ok(count) = Process::myself().and_then(|me| me.fd_count()) {
            tell(float(count as u64), []);
        }
    });
}

/// As above.
#[cfg(not(target_os = "linux"))]
pub(in crate::telemetry) fn observe() {}
