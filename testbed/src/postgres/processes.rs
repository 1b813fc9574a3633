//! A server's processes.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// How long killed processes may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Returns the child processes of a process, as `/proc` lists them.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| parent_of(*id) == Some(parent)).collect()
}

/// Returns the parent of a process: the fourth field of `/proc/<id>/stat`, the second after the name in parentheses.
fn parent_of(id: u32) -> Option<u32> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, after_name) = line.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a signal to a process.
pub(super) fn signal(id: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    kill_process(pid.context("no process has this id")?, signal)?;
    Ok(())
}

/// Kills processes that are not our children, and waits until they are gone.
pub(super) fn kill_and_wait(ids: &[u32]) {
    for id in ids {
        // Fails if the process has ended already.
        let _ = signal(*id, Signal::KILL);
    }
    let until = Instant::now() + GONE_WITHIN;
    while ids.iter().any(|id| is_alive(*id)) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process still runs. A zombie does not: it only waits to be reaped.
fn is_alive(id: u32) -> bool {
    let stat = Path::new("/proc").join(id.to_string()).join("stat");
    fs::read_to_string(stat).is_ok_and(|line| {
        line.rsplit_once(')')
            .is_some_and(|(_, after_name)| !after_name.trim_start().starts_with('Z'))
    })
}
