//! What a run costs the servers: all descendants of this process, as `/proc` counts them.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::Context;

/// What the servers have used so far, and the memory they hold now.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// Processor time since they were started.
    pub cpu: Duration,
    /// How much of that each program used, by its name in `/proc`: the first 15 characters.
    pub by_program: BTreeMap<String, Duration>,
    /// Memory in bytes, with shared pages divided among the processes that share them (PSS).
    pub memory: u64,
}

/// Reads what the servers have used so far. Walks `/proc`, so it must not be called in the middle of a measurement.
///
/// # Errors
/// If `/proc` can't be read.
pub fn of_servers() -> anyhow::Result<Cost> {
    let mut cost = Cost::default();
    for id in descendants()? {
        // A process that has just ended costs nothing more.
        if let Ok((program, cpu)) = cpu(id) {
            cost.cpu += cpu;
            *cost.by_program.entry(program).or_default() += cpu;
            cost.memory += memory(id);
        }
    }
    Ok(cost)
}

/// Reads the processor time that this process has used so far.
///
/// # Errors
/// If `/proc` can't be read.
pub fn of_load() -> anyhow::Result<Duration> {
    of(std::process::id())
}

/// Reads the processor time that one process has used so far.
///
/// # Errors
/// If there is no such process.
pub fn of(id: u32) -> anyhow::Result<Duration> {
    Ok(cpu(id)?.1)
}

/// Returns all descendants of this process.
fn descendants() -> anyhow::Result<Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Ok((_, fields)) = stat(id)
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

/// Returns the name in `/proc/<id>/stat` and the fields after it: the state first, then the parent.
fn stat(id: u32) -> anyhow::Result<(String, Vec<String>)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name is in brackets and may contain anything.
    let (name, fields) = text.rsplit_once(')').context("no stat as Linux has it")?;
    let (_, name) = name.split_once('(').context("no stat as Linux has it")?;
    let fields = fields.split_whitespace().map(ToOwned::to_owned).collect();
    Ok((name.to_owned(), fields))
}

/// Returns the name of a program and its processor time.
fn cpu(id: u32) -> anyhow::Result<(String, Duration)> {
    let (name, fields) = stat(id)?;
    let ticks = |place: usize| -> anyhow::Result<u64> {
        Ok(fields
            .get(place)
            .context("no stat as Linux has it")?
            .parse()?)
    };
    let ticks = ticks(11)? + ticks(12)?;
    let per_second = rustix::param::clock_ticks_per_second();
    let cpu = Duration::from_micros(ticks * 1_000_000 / per_second);
    Ok((name, cpu))
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
