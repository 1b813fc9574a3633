//! The servers to measure, started on the servers' core.

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

/// How many rooms the largest scenario over gRPC fills.
const STREAMS: usize = 100;

/// The form of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// All of Carrel in one process, on SQLite.
    Embedded,
    /// Two session-svc, two gateways, presence-svc and im-svc, on PostgreSQL and Redis.
    Distributed,
    /// A websocket room server that does nothing else.
    RawMemory,
    /// The same, but it passes messages on and acknowledges them after one synced SQLite transaction for all that wait.
    RawSqlite,
}

/// How people connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// The gateway's websocket, in protobuf.
    #[default]
    Proto,
    /// The gateway's websocket, in JSON.
    Json,
    /// session-svc's gRPC.
    Grpc,
}

/// A subject of measurement.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its form.
    pub form: Form,
    /// How people connect to it.
    pub protocol: Protocol,
    /// Whether a commit is on the disk before it is acknowledged. If not, that is only to see what syncing costs.
    pub synced: bool,
    /// The part of the traces that is kept. If set, traces, metrics and log lines are sent to a collector; otherwise
    /// nothing is.
    pub traced: Option<f64>,
    /// What its log holds when it starts; nothing if `None`. Only for the embedded form.
    pub grown: Option<Grown>,
    /// The folder of Carrel's programs.
    pub programs: PathBuf,
    /// The name of the programs' commit, if they are not this tree's.
    pub build: Option<String>,
}

/// A server, or all servers of a distributed Carrel and the engines. Dropping it stops them.
#[derive(Debug)]
pub struct Server {
    /// The form.
    pub form: Form,
    /// The people who work at the libraries.
    pub staff: Vec<Staff>,
    /// The Redis, where there is one.
    pub redis: Option<Redis>,
    /// How long it took from its start until it served, if it is one program of ours.
    pub ready_after: Option<Duration>,
    protocol: Protocol,
    /// The addresses for websockets.
    sockets: Vec<SocketAddr>,
    /// The gRPC channels to session-svc.
    channels: Vec<Channel>,
    // In the order in which they must be stopped.
    processes: Vec<Process>,
    postgres: Option<Postgres>,
    collector: Option<Collector>,
    folder: TempDir,
}

impl Subject {
    /// Returns its name in tables.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = match self.form {
            Form::Embedded => "embedded",
            Form::Distributed => "distributed",
            Form::RawMemory => "raw-memory",
            Form::RawSqlite => "raw-sqlite",
        }
        .to_owned();
        match self.protocol {
            Protocol::Proto => {}
            Protocol::Json => name.push_str(", JSON"),
            Protocol::Grpc => name.push_str(", gRPC"),
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

    /// Starts the subject on the servers' core, with `librarians` librarians, and waits until it serves.
    ///
    /// # Errors
    /// If a program or an engine is missing or does not start.
    pub async fn start(&self, cores: Cores, librarians: usize) -> anyhow::Result<Server> {
        let data = match &self.grown {
            // Boxed because it starts another subject, one whose log begins empty.
            Some(grown) => Some(Box::pin(grown.data(self, cores)).await?),
            None => None,
        };
        let folder = tempfile::Builder::new().prefix("carrel-bench-").tempdir()?;
        // On the load's core: the collector's work is not part of Carrel's cost.
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
    /// Returns whether it is a limit.
    #[must_use]
    pub const fn is_limit(&self) -> bool {
        matches!(self.form, Form::RawMemory | Form::RawSqlite)
    }

    /// Returns the gateway of a room.
    ///
    /// # Errors
    /// If there is none.
    pub fn gateway(&self, room: usize) -> anyhow::Result<SocketAddr> {
        let sockets = &self.sockets;
        sockets
            .get(room % sockets.len().max(1))
            .copied()
            .context("it has no gateway")
    }

    /// Returns how members of a room connect. All of one room use the same gateway or replica; rooms take turns.
    ///
    /// # Errors
    /// If there is no such way.
    pub fn way(&self, room: usize) -> anyhow::Result<Way> {
        Ok(match (self.is_limit(), self.protocol) {
            (true, _) => Way::Raw(self.gateway(room)?),
            (_, Protocol::Proto) => Way::Browser(self.gateway(room)?, Wire::Proto),
            (_, Protocol::Json) => Way::Browser(self.gateway(room)?, Wire::Json),
            (_, Protocol::Grpc) => Way::Program(self.channel(room)?),
        })
    }

    /// Returns the channel to session-svc for a room.
    ///
    /// # Errors
    /// If there is none.
    pub fn channel(&self, room: usize) -> anyhow::Result<Channel> {
        let channel = self.channels.get(room % self.channels.len().max(1));
        Ok(channel.context("it has no gRPC")?.clone())
    }

    /// Changes how people connect.
    pub fn open(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Returns the processor time that its programs have used so far, without the engines.
    ///
    /// # Errors
    /// If the system does not tell.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let ids = self.processes.iter().filter_map(Process::id);
        ids.map(cost::of).sum()
    }

    /// Stops the server in order.
    ///
    /// # Errors
    /// If a program does not stop as it should.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop_processes().await?;
        // The collector must receive what is sent at the very end.
        drop(self.collector);
        drop(self.postgres);
        drop(self.redis);
        drop(self.folder);
        Ok(())
    }

    /// Stops an embedded server in order, and copies its data folder to `data`, which must not exist yet.
    ///
    /// # Errors
    /// As [`Server::stop`], or if the folder can't be copied.
    pub async fn stop_and_keep(mut self, data: &Path) -> anyhow::Result<()> {
        self.stop_processes().await?;
        embedded::copy(&embedded::data_of(self.folder.path()), data)
    }

    async fn stop_processes(&mut self) -> anyhow::Result<()> {
        let is_limit = self.is_limit();
        for process in &mut self.processes {
            if is_limit {
                // A limit has nothing to shut down in order.
                process.kill().await?;
            } else {
                process.stop().await?;
            }
        }
        Ok(())
    }
}

/// Returns an address that is free now.
fn free() -> anyhow::Result<SocketAddr> {
    let port = carrel_testbed::port::free()?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Makes connections to each address: one for every ten rooms of the largest scenario over gRPC.
fn channels(addresses: &[SocketAddr]) -> anyhow::Result<Vec<Channel>> {
    let mut channels = Vec::new();
    for _ in 0..STREAMS / 10 {
        for address in addresses {
            channels.push(Endpoint::new(format!("http://{address}"))?.connect_lazy());
        }
    }
    Ok(channels)
}
