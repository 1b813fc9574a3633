//! The processor cores of a run: servers use one and the load another, so that neither takes the other's time.

use anyhow::Context;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two cores of a run.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The core of all servers.
    pub server: usize,
    /// The core of the load.
    pub load: usize,
}

impl Cores {
    /// Moves this thread, and all that it starts from now on, to the servers' core.
    ///
    /// # Errors
    /// If there is no such core.
    pub fn enter_server(self) -> anyhow::Result<()> {
        pin(self.server)
    }

    /// Moves this thread to the load's core.
    ///
    /// # Errors
    /// If there is no such core.
    pub fn enter_load(self) -> anyhow::Result<()> {
        pin(self.load)
    }
}

/// Chooses cores that this process may use: the first for servers, the last for the load.
///
/// # Errors
/// If the system does not tell which ones it may use.
pub fn choose() -> anyhow::Result<Cores> {
    let allowed = sched_getaffinity(None)?;
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU)
        .filter(|core| allowed.is_set(*core))
        .collect();
    let server = *usable.first().context("no core to run on")?;
    let load = *usable.last().context("no core to run on")?;
    Ok(Cores { server, load })
}

fn pin(core: usize) -> anyhow::Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("core {core} can't be used"))
}
