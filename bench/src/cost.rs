//! What a run cost the servers: all processes that descend from this one, as `/proc` counts them.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::Context;

/// What the servers have used so far, and hold now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Processor time since they were started.
    pub cpu: Duration,
    /// Memory that only they hold, in bytes: what a further process of the kind would take (PSS).
    pub memory: u64,
}

/// What the servers have used so far. Walks `/proc`, so it is not for the middle of a measurement.
///
/// # Errors
/// When `/proc` can't be read.
pub fn of_servers() -> anyhow::Result<Cost> {
    let mut cost = Cost::default();
    for id in descendants()? {
        // One that has just ended costs nothing more.
        if let Ok(cpu) = cpu(id) {
            cost.cpu += cpu;
            cost.memory += memory(id);
        }
    }
    Ok(cost)
}

/// What this process has used so far.
///
/// # Errors
/// When `/proc` can't be read.
pub fn of_load() -> anyhow::Result<Duration> {
    cpu(std::process::id())
}

/// All processes that this one, or one of them, has started.
fn descendants() -> anyhow::Result<Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Ok(fields) = stat(id)
            && let Some(parent) = fields.get(1).and_then(|parent| parent.parse().ok())
        {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut found = Vec::new();
    let mut next = vec![std::process::id()];
    while let Some(id) = next.pop() {
        let of = children.remove(&id).unwrap_or_default();
        found.extend(&of);
        next.extend(of);
    }
    Ok(found)
}

/// The fields of `/proc/<id>/stat` after the name: the state first, then the parent.
fn stat(id: u32) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name is in brackets and may hold anything.
    let (_, fields) = text.rsplit_once(')').context("no stat as Linux has it")?;
    Ok(fields.split_whitespace().map(ToOwned::to_owned).collect())
}

fn cpu(id: u32) -> anyhow::Result<Duration> {
    let fields = stat(id)?;
    let ticks = |place: usize| -> anyhow::Result<u64> {
        Ok(fields
            .get(place)
            .context("no stat as Linux has it")?
            .parse()?)
    };
    let ticks = ticks(11)? + ticks(12)?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_micros(ticks * 1_000_000 / per_second))
}

fn memory(id: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}
