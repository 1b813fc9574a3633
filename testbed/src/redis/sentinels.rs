//! A master and its replicas, watched by three Sentinels.

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::server::{Redis, RedisOptions, cli};
use crate::{port, program::Program};

/// The name under which the Sentinels know the master.
pub const MASTER_NAME: &str = "carrel";

/// How many Sentinels there are. Two of them must agree.
const SENTINELS: usize = 3;
/// How long a change of the master may take. Sentinels that were stalled for two seconds do nothing for thirty.
const WITHIN: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One master, its replicas and three Sentinels. All are killed when this is dropped.
#[derive(Debug)]
pub struct Sentinels {
    sentinels: Vec<Sentinel>,
    servers: Vec<Redis>,
}

#[derive(Debug)]
struct Sentinel {
    _folder: TempDir,
    port: u16,
    _program: Program,
}

impl Sentinels {
    /// Starts all of them, with one replica, and waits until the Sentinels are able to change the master.
    ///
    /// # Errors
    /// When a program is not installed or does not start.
    pub fn start() -> anyhow::Result<Self> {
        let master = Redis::start_with(quick([]))?;
        let replica_of = format!("127.0.0.1 {}", master.port());
        let replica = Redis::start_with(quick(["--replicaof".to_owned(), replica_of]))?;
        let sentinels = (0..SENTINELS)
            .map(|_| Sentinel::start(master.port()))
            .collect::<anyhow::Result<_>>()?;
        let all = Self {
            sentinels,
            servers: vec![master, replica],
        };
        all.wait_until("the Sentinels know each other and the replica", || {
            all.sentinels.iter().all(Sentinel::is_ready)
        })?;
        Ok(all)
    }

    /// Returns the addresses of the Sentinels in the form of a setting.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        let urls = self.sentinels.iter();
        urls.map(|sentinel| format!("redis://127.0.0.1:{}", sentinel.port))
            .collect()
    }

    /// Returns the server that is the master according to the first Sentinel.
    ///
    /// # Errors
    /// When it names none, or a server that is not one of these.
    pub fn master(&mut self) -> anyhow::Result<&mut Redis> {
        let port = self.master_port()?;
        let master = self.servers.iter_mut().find(|server| server.port() == port);
        master.with_context(|| format!("no server of ours is on port {port}"))
    }

    /// Makes the Sentinels swap the roles, and waits until the old master is a replica. Nothing is killed.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn fail_over(&mut self) -> anyhow::Result<()> {
        let before = self.master_port()?;
        let first = self.first()?;
        let ask = ["SENTINEL", "FAILOVER", MASTER_NAME];
        self.wait_until("another master", || {
            match self.master_port() {
                Ok(port) if port != before => {
                    return cli(before, &["ROLE"]).is_ok_and(|role| role.starts_with("slave"));
                }
                // The request is refused until the replica is known to be healthy, and while a failover is under way. A
                // failover that was begun may be abandoned, so it is requested again.
                Ok(_) => drop(cli(first, &ask)),
                Err(_) => {}
            }
            false
        })
    }

    /// Kills the master, and waits until the Sentinels have promoted the replica.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub fn kill_master(&mut self) -> anyhow::Result<()> {
        let before = self.master_port()?;
        self.master()?.kill();
        self.wait_until("another master", || {
            self.master_port().is_ok_and(|port| {
                port != before && cli(port, &["ROLE"]).is_ok_and(|role| role.starts_with("master"))
            })
        })
    }

    fn first(&self) -> anyhow::Result<u16> {
        let first = self.sentinels.first().context("there is no Sentinel")?;
        Ok(first.port)
    }

    fn master_port(&self) -> anyhow::Result<u16> {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME];
        let address = cli(self.first()?, &ask)?;
        let port = address.lines().nth(1).context("no address")?;
        port.parse().context("no port")
    }

    fn wait_until(&self, what: &str, ready: impl Fn() -> bool) -> anyhow::Result<()> {
        let until = Instant::now() + WITHIN;
        while !ready() {
            if Instant::now() > until {
                bail!("there was not {what} within {WITHIN:?}");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Sentinel {
    fn start(master: u16) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = port::free()?;
        let file: PathBuf = folder.path().join("sentinel.conf");
        let lines = [
            format!("port {port}"),
            "bind 127.0.0.1".to_owned(),
            format!("dir {}", folder.path().display()),
            format!("sentinel monitor {MASTER_NAME} 127.0.0.1 {master} 2"),
            // Long enough that a server that only waits for the CPU is not taken for dead.
            format!("sentinel down-after-milliseconds {MASTER_NAME} 4000"),
            format!("sentinel failover-timeout {MASTER_NAME} 12000"),
        ];
        std::fs::write(&file, lines.join("\n"))?;
        let mut command = Command::new("redis-sentinel");
        command.arg(&file);
        let mut program = Program::start(command, &folder.path().join("sentinel.log"))?;
        program.wait_until(|| cli(port, &["PING"]).is_ok_and(|answer| answer == "PONG"))?;
        Ok(Self {
            _folder: folder,
            port,
            _program: program,
        })
    }

    /// Whether it knows the other Sentinels and a replica that follows its master.
    fn is_ready(&self) -> bool {
        let others = SENTINELS - 1;
        let master = cli(self.port, &["SENTINEL", "MASTER", MASTER_NAME]).unwrap_or_default();
        let replicas = cli(self.port, &["SENTINEL", "REPLICAS", MASTER_NAME]).unwrap_or_default();
        field(&master, "num-other-sentinels") == Some(&others.to_string())
            && field(&master, "flags") == Some("master")
            && field(&replicas, "master-link-status") == Some("ok")
            && field(&replicas, "flags") == Some("slave")
    }
}

/// Returns the value of a field in an answer whose lines are names and values in turn.
fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines();
    while let (Some(key), Some(value)) = (lines.next(), lines.next()) {
        if key == name {
            return Some(value);
        }
    }
    None
}

/// Returns options with which replicas begin to follow without delay, and with these further arguments.
pub(super) fn quick<const N: usize>(more: [String; N]) -> RedisOptions {
    let mut arguments: Vec<String> = ["--repl-diskless-sync-delay", "0"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(more);
    RedisOptions {
        arguments,
        password: None,
    }
}
