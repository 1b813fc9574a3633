//! The connections for commands: one to each master, for as long as it is one. Outside a cluster the server itself is
//! asked whether it is a master; once it is not, the connection is made anew, which looks up its name again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    Cmd, ErrorKind, PushKind, RedisError as Error, RedisResult, ServerErrorKind, Value,
    aio::MultiplexedConnection,
};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Address, Dialer, Health, Part, RedisError, RedisTopology, Report, Settings, Topology,
    dial::{self, NO_MASTER},
};
use crate::backoff::Backoff;

/// How often a connection is checked.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(1);
/// How long the answer to a check may take.
pub(crate) const PONG_WITHIN: Duration = Duration::from_secs(2);
/// How soon a command is retried after a temporary failure.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Why a command was not answered. It may or may not have been carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// There was no answer within the budget.
    #[error("Redis gave no answer within {budget:?}: {problem}")]
    TooLate {
        /// How long it was allowed to take.
        budget: Duration,
        /// What was wrong at the last try.
        problem: String,
    },
    /// The server refused it.
    #[error("Redis refuses: {0}")]
    Refused(String),
    /// The server does not have the script.
    #[error("Redis does not have the script")]
    NoScript,
}

/// The connections for commands. Cheap to clone; they are closed when the last clone is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    inner: Arc<Inner>,
    _keeper: Arc<AbortOnDropHandle<()>>,
}

#[derive(Debug)]
struct Inner {
    topology: Arc<Topology>,
    dialer: Dialer,
    health: Health,
    links: Mutex<HashMap<Address, Link>>,
}

#[derive(Debug)]
struct Link {
    line: watch::Receiver<Option<Line>>,
    _task: AbortOnDropHandle<()>,
}

/// An open connection.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) connection: MultiplexedConnection,
    /// Notified when the server's refusal of a write shows that it is no longer a master.
    demoted: Arc<Notify>,
}

impl Line {
    /// Whether this is the same connection as the other.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.demoted, &other.demoted)
    }
}

impl Nodes {
    /// Finds the masters, connects to each of them, and keeps the connections up to date from then on.
    pub(crate) async fn connect(settings: &Settings, health: Health) -> Result<Self, RedisError> {
        let topology = Arc::new(Topology::find(settings, health.clone()).await?);
        let dialer = match settings.topology {
            RedisTopology::Sentinel => settings.dialer.clone().masters_only(),
            // Its name may come to stand for another server, while the previous one continues as a replica.
            RedisTopology::Single => settings.dialer.clone().masters_where_told(),
            RedisTopology::Cluster => settings.dialer.clone(),
        };
        let mut connected = Vec::new();
        for address in topology.now().masters() {
            let connected_to = Connected::to(address, &dialer).await;
            let connected_to = connected_to.map_err(RedisError::Unreachable)?;
            connected.push((address.clone(), connected_to));
        }
        let inner = Arc::new(Inner {
            topology,
            dialer,
            health,
            links: Mutex::default(),
        });
        for (address, connected) in connected {
            inner.link(&address, Some(connected));
        }
        let keeper = tokio::spawn(keep_links(Arc::clone(&inner)));
        Ok(Self {
            inner,
            _keeper: Arc::new(AbortOnDropHandle::new(keeper)),
        })
    }

    /// Returns the topology.
    pub(crate) fn topology(&self) -> &Arc<Topology> {
        &self.inner.topology
    }

    /// Returns the dialer that connects to the masters.
    pub(crate) fn dialer(&self) -> &Dialer {
        &self.inner.dialer
    }

    /// Returns the connection to a master, if one is open.
    pub(crate) fn connection(&self, master: &Address) -> Option<MultiplexedConnection> {
        self.line(master).map(|line| line.connection)
    }

    /// Returns the connection to a master as a [`Line`], which can be told from the connections that follow it.
    pub(crate) fn line(&self, master: &Address) -> Option<Line> {
        let links = self.inner.links();
        links.get(master)?.line.borrow().clone()
    }

    /// Sends a command to the master of a slot, retrying within `budget` as often as necessary. The command must be
    /// safe to carry out twice.
    pub(crate) async fn call(
        &self,
        slot: u16,
        command: &Cmd,
        budget: Duration,
    ) -> Result<Value, CallError> {
        let problem = Mutex::new("it is not connected".to_owned());
        let tried = timeout(budget, async {
            loop {
                let why = match self.try_once(slot, command).await {
                    Ok(value) => return Ok(value),
                    Err(Failure::Final(error)) => return Err(error),
                    Err(Failure::Passing(why)) => why,
                };
                *problem.lock().unwrap_or_else(PoisonError::into_inner) = why;
                sleep(ASK_AGAIN_AFTER).await;
            }
        });
        tried.await.unwrap_or_else(|_| {
            Err(CallError::TooLate {
                budget,
                problem: problem.into_inner().unwrap_or_else(PoisonError::into_inner),
            })
        })
    }

    async fn try_once(&self, slot: u16, command: &Cmd) -> Result<Value, Failure> {
        let map = self.inner.topology.now();
        let Some(master) = map.master_of(slot) else {
            self.inner.topology.hint();
            return Err(Failure::Passing(format!("nobody holds slot {slot}")));
        };
        let Some(mut line) = self.line(master) else {
            return Err(Failure::Passing(format!("{master} is not connected")));
        };
        let error = match dial::ask(&mut line.connection, command).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => {
                return Err(Failure::Final(CallError::NoScript));
            }
            ErrorKind::Server(ServerErrorKind::Ask) => {
                return self.try_where_it_went(&error, command).await;
            }
            ErrorKind::Server(ServerErrorKind::ReadOnly) => line.demoted.notify_one(),
            _ => {}
        }
        if passes(&error) {
            self.inner.topology.hint();
            Err(Failure::Passing(error.to_string()))
        } else {
            Err(Failure::Final(CallError::Refused(error.to_string())))
        }
    }

    /// Sends a command to where an ASK error redirects: the slot is being moved, and the key is already at the new
    /// master.
    async fn try_where_it_went(&self, error: &Error, command: &Cmd) -> Result<Value, Failure> {
        let connection = error.redirect_node().and_then(|(host, port)| {
            self.connection(&Address {
                host: host.to_owned(),
                port,
            })
        });
        let Some(mut connection) = connection else {
            return Err(Failure::Passing(error.to_string()));
        };
        let mut both = redis::pipe();
        both.cmd("ASKING").add_command(command.clone());
        let answers = connection.send_packed_commands(&both, 0, 2).await;
        let answer =
            answers.and_then(|mut answers| answers.pop().unwrap_or(Value::Nil).extract_error());
        answer.map_err(|error| match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoScript) => Failure::Final(CallError::NoScript),
            _ => Failure::Passing(error.to_string()),
        })
    }
}

enum Failure {
    /// It may succeed in a moment.
    Passing(String),
    Final(CallError),
}

/// Whether an error is temporary: the server recovers, or the map catches up, in a moment.
fn passes(error: &Error) -> bool {
    use ServerErrorKind as Kind;
    match error.kind() {
        ErrorKind::Server(kind) => matches!(
            kind,
            Kind::Moved
                | Kind::Ask
                | Kind::TryAgain
                | Kind::ClusterDown
                | Kind::MasterDown
                | Kind::ReadOnly
                | Kind::BusyLoading
        ),
        _ => error.is_unrecoverable_error() || error.is_timeout(),
    }
}

impl Inner {
    fn links(&self) -> MutexGuard<'_, HashMap<Address, Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts maintaining a connection to a master.
    fn link(&self, address: &Address, first: Option<Connected>) {
        let (sender, line) = watch::channel(None);
        let keeper = LinkKeeper {
            address: address.clone(),
            dialer: self.dialer.clone(),
            topology: Arc::clone(&self.topology),
            report: Report::new(&self.health, Part::Commands(address.clone())),
            line: sender,
        };
        let link = Link {
            line,
            _task: AbortOnDropHandle::new(tokio::spawn(keeper.run(first))),
        };
        self.links().insert(address.clone(), link);
    }
}

/// Maintains links to exactly the current masters.
async fn keep_links(inner: Arc<Inner>) {
    let mut map = inner.topology.watch();
    loop {
        let now = Arc::clone(&map.borrow_and_update());
        let masters = now.masters();
        inner.links().retain(|address, _| masters.contains(address));
        for address in masters {
            if !inner.links().contains_key(address) {
                inner.link(address, None);
            }
        }
        if map.changed().await.is_err() {
            return;
        }
    }
}

/// A connection, with a notification of its end.
struct Connected {
    line: Line,
    closed: Arc<Notify>,
    /// Whether the server must remain a master.
    master: bool,
}

impl Connected {
    async fn to(address: &Address, dialer: &Dialer) -> Result<Self, String> {
        let closed = Arc::new(Notify::new());
        let ended = Arc::clone(&closed);
        let pushed = move |push: redis::PushInfo| {
            if push.kind == PushKind::Disconnection {
                ended.notify_one();
            }
        };
        let connection = dialer.dial(address, pushed).await?;
        Ok(Self {
            line: Line {
                connection,
                demoted: Arc::default(),
            },
            closed,
            master: dialer.wants_masters(),
        })
    }

    /// Waits until the connection is closed or no longer answers, or the server should be a master but no longer is
    /// one.
    async fn until_broken(mut self, backoff: &mut Backoff) -> &'static str {
        let demoted = Arc::clone(&self.line.demoted);
        let closed = Arc::clone(&self.closed);
        loop {
            let examined = async {
                sleep(PING_EVERY).await;
                timeout(PONG_WITHIN, self.examine()).await
            };
            tokio::select! {
                () = closed.notified() => return "the connection was closed",
                () = demoted.notified() => return NO_MASTER,
                examined = examined => match examined {
                    Ok(Ok(true)) => backoff.reset(),
                    Ok(Ok(false)) => return NO_MASTER,
                    Ok(Err(_)) => return "the connection was closed",
                    Err(_) => return "it does not answer",
                },
            }
        }
    }

    /// Returns whether the server is still what it must be, or an error if it does not answer properly.
    async fn examine(&mut self) -> RedisResult<bool> {
        let connection = &mut self.line.connection;
        if self.master {
            match dial::ask_whether_master(connection).await {
                // It would be forbidden every time.
                Err(error) if dial::is_forbidden(&error) => self.master = false,
                Ok(true) => {}
                otherwise => return otherwise,
            }
        }
        // A server that is still loading its data answers ROLE, but serves no commands.
        dial::ask(connection, &redis::cmd("PING")).await?;
        Ok(true)
    }
}

/// Maintains one connection to one master.
struct LinkKeeper {
    address: Address,
    dialer: Dialer,
    topology: Arc<Topology>,
    report: Report,
    line: watch::Sender<Option<Line>>,
}

impl LinkKeeper {
    async fn run(self, mut first: Option<Connected>) {
        let mut backoff = Backoff::new();
        loop {
            let connected = match first.take() {
                Some(first) => Ok(first),
                None => Connected::to(&self.address, &self.dialer).await,
            };
            let problem = match connected {
                Ok(connected) => {
                    self.report.well();
                    self.line.send_replace(Some(connected.line.clone()));
                    let problem = connected.until_broken(&mut backoff).await;
                    self.line.send_replace(None);
                    format!("{}: {problem}", self.address)
                }
                Err(problem) => problem,
            };
            self.report.amiss(problem);
            self.topology.hint();
            backoff.pause().await;
        }
    }
}
