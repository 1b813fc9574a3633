//! How much memory the programs use.

use anyhow::Context;

use crate::cluster::{Cluster, Service};

/// The resident memory of all gateways and of all session-svcs, in KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// The gateways.
    pub(super) gateways: u64,
    /// The session-svcs.
    pub(super) sessions: u64,
}

impl Memory {
    /// Reads the memory in use now.
    pub(super) fn of(cluster: &Cluster) -> anyhow::Result<Self> {
        let total = |service| {
            let places = cluster.of(service).into_iter();
            let processes = places.filter_map(|place| cluster.instances.get(place)?.process.id());
            processes.map(resident).sum::<anyhow::Result<u64>>()
        };
        Ok(Self {
            gateways: total(Service::Gateway)?,
            sessions: total(Service::Session)?,
        })
    }
}

/// Reads the resident memory of a process, in KiB.
fn resident(process: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB"));
    let number = number.with_context(|| format!("{path} does not say VmRSS"))?;
    Ok(number.trim().parse()?)
}
