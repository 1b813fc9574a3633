//! Three masters, each with a replica, as a Redis Cluster.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::Value;

use super::{
    sentinels::quick,
    server::{Redis, cli},
};
use crate::port;

const NODES: usize = 6;
/// How long the cluster may take to agree on something.
const WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A Redis Cluster of six on 127.0.0.1. All are killed when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts six servers, joins them, and waits until all of them report a healthy cluster.
    ///
    /// # Errors
    /// When a program is not installed or does not start, or the cluster does not form.
    pub fn start() -> anyhow::Result<Self> {
        let nodes = (0..NODES)
            .map(|_| start_node())
            .collect::<anyhow::Result<Vec<_>>>()?;
        let addresses = nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()));
        let created = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(addresses)
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .output()?;
        if !created.status.success() {
            bail!(
                "the cluster was not created: {}",
                String::from_utf8_lossy(&created.stdout)
            );
        }
        let cluster = Self { nodes };
        cluster.wait_until("a cluster in order", Self::is_in_order)?;
        Ok(cluster)
    }

    /// Returns the addresses of all nodes in the form of a setting.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// Returns the nodes, masters and replicas.
    pub fn nodes(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// Returns the port of the master that holds a slot.
    ///
    /// # Errors
    /// When no node names one.
    pub fn master_of(&self, slot: u16) -> anyhow::Result<u16> {
        let shards = self.shards()?;
        let shard = shards
            .iter()
            .find(|(from, to, _)| (*from..=*to).contains(&slot));
        let (_, _, port) = shard.with_context(|| format!("nobody holds slot {slot}"))?;
        Ok(*port)
    }

    /// Kills the master of a slot, and waits until its replica has taken over.
    ///
    /// # Errors
    /// When the replica does not take over in time.
    pub fn kill_master_of(&mut self, slot: u16) -> anyhow::Result<()> {
        let before = self.master_of(slot)?;
        let node = self.nodes.iter_mut().find(|node| node.port() == before);
        node.context("no node of ours")?.kill();
        self.wait_until("another master", |cluster| {
            cluster.master_of(slot).is_ok_and(|port| port != before) && cluster.is_in_order()
        })
    }

    /// Restarts the nodes that were killed, and waits until the cluster is healthy.
    ///
    /// # Errors
    /// When a node does not start, or the cluster does not become healthy in time.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        for node in self.nodes.iter_mut().filter(|node| !node.runs()) {
            node.start_again()?;
        }
        self.wait_until("a cluster in order", Self::is_in_order)
    }

    /// Moves one slot and its keys to another master, and returns that master's port.
    ///
    /// # Errors
    /// When a node refuses.
    pub fn move_slot(&mut self, slot: u16) -> anyhow::Result<u16> {
        let from = self.master_of(slot)?;
        let shards = self.shards()?;
        let (_, _, to) = shards
            .iter()
            .find(|(_, _, port)| *port != from)
            .context("there is no other master")?;
        let (from_id, to_id) = (
            cli(from, &["CLUSTER", "MYID"])?,
            cli(*to, &["CLUSTER", "MYID"])?,
        );
        let slot_text = slot.to_string();
        cli(
            *to,
            &["CLUSTER", "SETSLOT", &slot_text, "IMPORTING", &from_id],
        )?;
        cli(
            from,
            &["CLUSTER", "SETSLOT", &slot_text, "MIGRATING", &to_id],
        )?;
        loop {
            let keys = cli(from, &["CLUSTER", "GETKEYSINSLOT", &slot_text, "100"])?;
            let keys: Vec<&str> = keys.lines().filter(|key| !key.is_empty()).collect();
            if keys.is_empty() {
                break;
            }
            let to = to.to_string();
            let mut command = vec!["MIGRATE", "127.0.0.1", &to, "", "0", "5000", "KEYS"];
            command.extend(keys);
            cli(from, &command)?;
        }
        cli(*to, &["CLUSTER", "SETSLOT", &slot_text, "NODE", &to_id])?;
        for (_, _, port) in &shards {
            if port != to {
                cli(*port, &["CLUSTER", "SETSLOT", &slot_text, "NODE", &to_id])?;
            }
        }
        Ok(*to)
    }

    /// Returns the ranges of slots (first, last), each with the port of its master.
    fn shards(&self) -> anyhow::Result<Vec<(u16, u16, u16)>> {
        let node = self.nodes.iter().find(|node| node.runs());
        let answer = node
            .context("no node runs")?
            .ask(&["--json", "CLUSTER", "SLOTS"])?;
        parse_slots(&answer).with_context(|| format!("not understood: {answer}"))
    }

    fn is_in_order(&self) -> bool {
        let mut running = self.nodes.iter().filter(|node| node.runs());
        running.all(|node| {
            let info = node.ask(&["CLUSTER", "INFO"]).unwrap_or_default();
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
        })
    }

    fn wait_until(&self, what: &str, ready: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let until = Instant::now() + WITHIN;
        while !ready(self) {
            if Instant::now() > until {
                bail!("there was not {what} within {WITHIN:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

fn start_node() -> anyhow::Result<Redis> {
    let bus_port = port::free()?.to_string();
    let arguments = [
        ["--cluster-enabled", "yes"],
        ["--cluster-port", &bus_port],
        ["--cluster-config-file", "nodes.conf"],
        // Long enough that a node that only waits for the CPU is not taken for dead.
        ["--cluster-node-timeout", "4000"],
        ["--cluster-replica-validity-factor", "0"],
    ];
    let mut options = quick([]);
    options
        .arguments
        .extend(arguments.concat().into_iter().map(str::to_owned));
    Redis::start_with(options)
}

/// Reads the ranges and the masters' ports from the JSON answer of CLUSTER SLOTS:
/// `[[0,5460,["127.0.0.1",6379,"id",[]],…],…]`.
fn parse_slots(answer: &str) -> Option<Vec<(u16, u16, u16)>> {
    let shards: Vec<Value> = serde_json::from_str(answer).ok()?;
    let number = |value: &Value| u16::try_from(value.as_u64()?).ok();
    let shard = |shard: &Value| {
        let port = number(shard.get(2)?.get(1)?)?;
        Some((number(shard.get(0)?)?, number(shard.get(1)?)?, port))
    };
    shards.iter().map(shard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_masters_are_read_out_of_the_answer() {
        let answer = r#"[[0,5460,["127.0.0.1",7001,"a",[]],["127.0.0.1",7004,"b",[]]],[5461,16383,["127.0.0.1",7002,"c",[]]]]"#;
        assert_eq!(
            parse_slots(answer),
            Some(vec![(0, 5460, 7001), (5461, 16383, 7002)])
        );
    }
}
