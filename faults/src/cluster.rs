//! The subject of a run: real programs of Carrel, their engines, and a fault proxy on each link between them.

mod clock;
mod directory;
mod distributed;
mod embedded;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use carrel_testbed::{postgres::Postgres, redis::Redis};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

pub use clock::Clock;
pub use directory::{LIBRARIES, PASSWORD, Staff, file as directory_file, staff};

use crate::{people::http, process::Process, proxy::Proxy, seed::Dice};

/// How long services may take to be ready after a start.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// The form in which Carrel runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All in one process, with its log in a file.
    Embedded,
    /// Two of each service, on PostgreSQL and Redis.
    Distributed,
}

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// All of them in one process.
    Whole,
    /// session-svc.
    Session,
    /// presence-svc.
    Presence,
    /// im-svc.
    Im,
    /// The gateway.
    Gateway,
}

/// A link between two processes, by who connects to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Browsers to a gateway.
    Client,
    /// Gateways to one session-svc.
    Session,
    /// One session-svc to Redis.
    Redis,
    /// One session-svc to PostgreSQL.
    Postgres,
}

/// One running program.
#[derive(Debug)]
pub struct Instance {
    /// The service that it runs.
    pub service: Service,
    /// The program.
    pub process: Process,
    /// Where its health is served, if it has a listener of its own for that.
    pub health: Option<SocketAddr>,
    /// The program's clock, if it can be set.
    pub clock: Option<Clock>,
}

/// One link and the proxy on it.
#[derive(Debug)]
pub struct Link {
    /// The processes that it connects.
    pub route: Route,
    /// The proxy.
    pub proxy: Proxy,
}

/// Everything that runs. Dropping it stops everything.
#[derive(Debug)]
pub struct Cluster {
    /// The form.
    pub form: Form,
    /// The programs.
    pub instances: Vec<Instance>,
    /// The links.
    pub links: Vec<Link>,
    /// Where session-svcs answer gRPC, without a proxy.
    pub sessions: Vec<SocketAddr>,
    /// The people who work at the libraries.
    pub staff: Vec<Staff>,
    /// The engines, if they are processes of their own.
    pub engines: Option<Engines>,
    folder: TempDir,
}

/// The engines of a distributed Carrel.
#[derive(Debug)]
pub struct Engines {
    /// The log.
    pub postgres: Postgres,
    /// The bus and the leases.
    pub redis: Redis,
}

/// A description of a cluster.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The form.
    pub form: Form,
    /// Where the programs are.
    pub programs: PathBuf,
    /// How many librarians each library has, besides its supervisor.
    pub librarians: usize,
    /// Whether files and logs are kept at the end.
    pub keep: bool,
}

impl Cluster {
    /// Starts a cluster and waits until it serves.
    ///
    /// # Errors
    /// If a program or an engine is missing or does not start; the error says which.
    pub async fn start(plan: &Plan, dice: &mut Dice) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("carrel-faults-")
            .disable_cleanup(plan.keep)
            .tempdir()?;
        let cluster = match plan.form {
            Form::Embedded => embedded::start(plan, folder, dice).await?,
            Form::Distributed => distributed::start(plan, folder, dice).await?,
        };
        cluster.ready().await?;
        Ok(cluster)
    }

    /// Returns the folder of its files and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the addresses to which browsers connect.
    #[must_use]
    pub fn gateways(&self) -> Vec<SocketAddr> {
        let client = self.proxies(Route::Client);
        client.map(Proxy::address).collect()
    }

    /// Returns the proxies on the links of a route.
    pub fn proxies(&self, route: Route) -> impl Iterator<Item = &Proxy> {
        let links = self.links.iter().filter(move |link| link.route == route);
        links.map(|link| &link.proxy)
    }

    /// Returns the places of a service's instances, or the place of the one process that is all services.
    #[must_use]
    pub fn of(&self, service: Service) -> Vec<usize> {
        let instances = self.instances.iter().enumerate();
        instances
            .filter(|(_, instance)| {
                instance.service == service || instance.service == Service::Whole
            })
            .map(|(place, _)| place)
            .collect()
    }

    /// Returns the instance at a place.
    ///
    /// # Errors
    /// If there is none.
    pub fn instance(&mut self, place: usize) -> anyhow::Result<&mut Instance> {
        self.instances.get_mut(place).context("no such instance")
    }

    /// Starts an instance that was killed or stopped, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not serve in time.
    pub async fn start_again(&mut self, place: usize) -> anyhow::Result<()> {
        let instance = self.instance(place)?;
        instance.process.start().await?;
        instance.ready().await
    }

    /// Restarts every program that has ended by itself, as a supervisor of processes does. Returns their names.
    ///
    /// # Errors
    /// If one does not serve in time.
    pub async fn start_ended_again(&mut self) -> anyhow::Result<Vec<String>> {
        let mut ended = Vec::new();
        for place in 0..self.instances.len() {
            let process = &mut self.instance(place)?.process;
            if process.has_ended()? {
                ended.push(process.name().to_owned());
                self.start_again(place).await?;
            }
        }
        Ok(ended)
    }

    /// Waits until everything that was started is ready.
    ///
    /// # Errors
    /// If something is not ready in time; the error says what.
    pub async fn ready(&self) -> anyhow::Result<()> {
        for instance in &self.instances {
            instance.ready().await?;
        }
        Ok(())
    }

    /// Stops everything in order.
    ///
    /// # Errors
    /// If a program does not stop as it should.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for instance in self.instances.iter_mut().rev() {
            instance.process.stop().await?;
        }
        Ok(())
    }
}

/// Parses an address that the testbed gave as text.
pub(crate) fn socket_address(text: &str) -> anyhow::Result<SocketAddr> {
    text.parse()
        .with_context(|| format!("{text:?} is no address"))
}

impl Instance {
    /// Waits until it is ready, even if degraded.
    ///
    /// # Errors
    /// If it is not ready in time.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let Some(health) = self.health else {
            return Ok(());
        };
        let until = Instant::now() + READY_WITHIN;
        loop {
            let answer = http::get(health, "/ready").await;
            if matches!(answer, Ok((200, _))) {
                return Ok(());
            }
            let name = self.process.name();
            ensure!(
                Instant::now() < until,
                "{name} was not ready in time: {answer:?}"
            );
            sleep(LOOK).await;
        }
    }
}
