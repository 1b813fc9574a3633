//! What is measured, started on the servers' core.

mod collector;
mod distributed;
mod embedded;
mod grown;
mod limit;
mod settings;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use carrel_faults::{cluster::Staff, process::Process};
use carrel_testbed::{postgres::Postgres, redis::Redis};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

use self::collector::Collector;
pub use self::grown::Grown;
use crate::{
    client::{Way, Wire},
    core::Cores,
    cost,
};

/// The library whose people take part.
pub const LIBRARY: &str = carrel_faults::cluster::LIBRARIES[0];

/// How many streams one gRPC connection of the load carries.
const STREAMS: usize = 100;

/// In which form something runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// All of Carrel in one process, on SQLite.
    Embedded,
    /// Two session-svc, two gateways, presence-svc and im-svc, on PostgreSQL and Redis.
    Distributed,
    /// A websocket room server that does nothing else.
    RawMemory,
    /// The same, which answers and fans out after one synced SQLite transaction for all that waits.
    RawSqlite,
}

/// By which door people come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// The gateway's websocket, in protobuf.
    #[default]
    Proto,
    /// The gateway's websocket, in JSON.
    Json,
    /// session-svc's gRPC.
    Grpc,
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Subject {
    /// In which form.
    pub form: Form,
    /// By which door.
    pub door: Door,
    /// Whether a commit is on the disk before it is acknowledged. Without it, only to see what that costs.
    pub synced: bool,
    /// Which part of the traces is kept and sent to a collector, which has metrics and log lines then, too; nothing is sent
    /// if not said.
    pub traced: Option<f64>,
    /// What its log holds when it starts; nothing if not said. For the embedded form.
    pub grown: Option<Grown>,
    /// Where Carrel's programs are.
    pub programs: PathBuf,
    /// What the programs are called, if they are not this tree's: their commit.
    pub build: Option<String>,
}

/// A server, or all servers of a distributed Carrel, with the engines. They are stopped when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Which.
    pub form: Form,
    /// Who works there.
    pub staff: Vec<Staff>,
    /// The Redis, where there is one.
    pub redis: Option<Redis>,
    /// How long it took from its start until it served, where it is one program that is ours.
    pub ready_after: Option<Duration>,
    door: Door,
    /// Where websockets are opened.
    sockets: Vec<SocketAddr>,
    /// Where session-svc answers gRPC.
    channels: Vec<Channel>,
    // In the order in which they are to be stopped.
    processes: Vec<Process>,
    postgres: Option<Postgres>,
    collector: Option<Collector>,
    folder: TempDir,
}

impl Subject {
    /// What tables call it.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = match self.form {
            Form::Embedded => "embedded",
            Form::Distributed => "distributed",
            Form::RawMemory => "raw-memory",
            Form::RawSqlite => "raw-sqlite",
        }
        .to_owned();
        match self.door {
            Door::Proto => {}
            Door::Json => name.push_str(", JSON"),
            Door::Grpc => name.push_str(", gRPC"),
        }
        if !self.synced {
            name.push_str(", not synced");
        }
        if let Some(ratio) = self.traced {
            name.push_str(&format!(", {} % traced", ratio * 100.0));
        }
        if self.grown.is_some() {
            name.push_str(", grown");
        }
        if let Some(build) = &self.build {
            name.push_str(&format!(" at {build}"));
        }
        name
    }

    /// Starts it on the servers' core, with so many librarians, and waits until it serves.
    ///
    /// # Errors
    /// When a program or an engine is missing or does not start.
    pub async fn start(&self, cores: Cores, librarians: usize) -> anyhow::Result<Server> {
        let data = match &self.grown {
            // Boxed, since that starts another one, which begins with nothing.
            Some(grown) => Some(Box::pin(grown.data(self, cores)).await?),
            None => None,
        };
        let folder = tempfile::Builder::new().prefix("carrel-bench-").tempdir()?;
        // On the load's core: what a collector does is not what Carrel costs.
        let collector = self.traced.map(Collector::start).transpose()?;
        cores.enter_server()?;
        let server = match self.form {
            Form::Embedded => {
                embedded::start(self, folder, librarians, data.as_deref(), collector).await
            }
            Form::Distributed => distributed::start(self, folder, librarians, collector).await,
            Form::RawMemory | Form::RawSqlite => limit::start(self, folder).await,
        };
        cores.enter_load()?;
        server.with_context(|| format!("{} does not start", self.name()))
    }
}

impl Server {
    /// Whether it is a limit.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(self.form, Form::RawMemory | Form::RawSqlite)
    }

    /// The gateway of a room.
    ///
    /// # Errors
    /// When there is none.
    pub fn gateway(&self, room: usize) -> anyhow::Result<SocketAddr> {
        let sockets = &self.sockets;
        sockets
            .get(room % sockets.len().max(1))
            .copied()
            .context("it has no gateway")
    }

    /// How members of a room connect: all of one room come by the same gateway or replica, rooms by turns.
    ///
    /// # Errors
    /// When there is no such way.
    pub fn way(&self, room: usize) -> anyhow::Result<Way> {
        Ok(match (self.is_limit(), self.door) {
            (true, _) => Way::Raw(self.gateway(room)?),
            (_, Door::Proto) => Way::Browser(self.gateway(room)?, Wire::Proto),
            (_, Door::Json) => Way::Browser(self.gateway(room)?, Wire::Json),
            (_, Door::Grpc) => Way::Program(self.channel(room)?),
        })
    }

    /// session-svc's gRPC for a room.
    ///
    /// # Errors
    /// When there is none.
    pub fn channel(&self, room: usize) -> anyhow::Result<Channel> {
        let channel = self.channels.get(room % self.channels.len().max(1));
        Ok(channel.context("it has no gRPC")?.clone())
    }

    /// The same server, with people who come by another door.
    pub fn open(&mut self, door: Door) {
        self.door = door;
    }

    /// Processor time that its programs have used so far, the engines' not counted.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let ids = self.processes.iter().filter_map(Process::id);
        ids.map(cost::of).sum()
    }

    /// Stops it in order.
    ///
    /// # Errors
    /// When a program does not stop as it should.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_processes().await?;
        // It hears what is sent at the very end.
        drop(self.collector);
        drop(self.postgres);
        drop(self.redis);
        drop(self.folder);
        Ok(())
    }

    /// Stops an embedded one in order, and copies its data folder to where nothing is yet.
    ///
    /// # Errors
    /// As [`Server::stop`], or when the folder can't be copied.
    pub async fn stop_and_keep(mut self, data: &Path) -> anyhow::Result<()> {
        self.stop_processes().await?;
        embedded::copy(&embedded::data_of(self.folder.path()), data)
    }

    async fn stop_processes(&mut self) -> anyhow::Result<()> {
        let is_limit = self.is_limit();
        for process in &mut self.processes {
            if is_limit {
                // It has nothing to put in order.
                process.kill().await?;
            } else {
                process.stop().await?;
            }
        }
        Ok(())
    }
}

/// An address that is free now.
fn free() -> anyhow::Result<SocketAddr> {
    let port = carrel_testbed::port::free()?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Connections to each of these, as many as the streams of the largest scenario over gRPC need.
fn channels(addresses: &[SocketAddr]) -> anyhow::Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..STREAMS / 10 {
        for address in addresses {
            channels.push(Endpoint::new(format!("http://{address}"))?.connect_lazy());
        }
    }
    Ok(channels)
}
