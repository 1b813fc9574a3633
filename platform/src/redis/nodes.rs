//! The connections for commands: one to each master, kept as long as it is one. Where nobody else tells that, the server
//! is asked itself, and when it is none any more the connection is made anew, for which its name is looked up again.

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

/// How often a connection is asked whether it is alive.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(1);
/// How long it may take to say so.
pub(crate) const PONG_WITHIN: Duration = Duration::from_secs(2);
/// How soon something that was refused for the moment is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Why a command was not answered. It may have been done or not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// There was no answer within the budget.
    #[error("Redis gave no answer within {budget:?}: {problem}")]
    TooLate {
        /// How long it could have taken.
        budget: Duration,
        /// What was amiss at the last try.
        problem: String,
    },
    /// The server refuses it.
    #[error("Redis refuses: {0}")]
    Refused(String),
    /// The server does not have the script.
    #[error("Redis does not have the script")]
    NoScript,
}

/// Connections for commands, cheap to clone. They are closed with the last clone.
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

/// A connection that is there now.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) connection: MultiplexedConnection,
    /// Told when the server says by what it refuses that it is no master any more.
    demoted: Arc<Notify>,
}

impl Line {
    /// Whether both are the same connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.demoted, &other.demoted)
    }
}

impl Nodes {
    /// Finds out who holds what, connects to each master, and keeps doing so.
    pub(crate) async fn connect(settings: &Settings, health: Health) -> Result<Self, RedisError> {
        let topology = Arc::new(Topology::find(settings, health.clone()).await?);
        let dialer = match settings.topology {
            RedisTopology::Sentinel => settings.dialer.clone().masters_only(),
            // Its name may stand for another server by and by, and the one before go on as a replica.
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

    /// Who holds what.
    pub(crate) fn topology(&self) -> &Arc<Topology> {
        &self.inner.topology
    }

    /// What makes connections to the masters.
    pub(crate) fn dialer(&self) -> &Dialer {
        &self.inner.dialer
    }

    /// The connection to a master, if there is one now.
    pub(crate) fn connection(&self, master: &Address) -> Option<MultiplexedConnection> {
        self.line(master).map(|line| line.connection)
    }

    /// The same, so that it can be told from those that follow it.
    pub(crate) fn line(&self, master: &Address) -> Option<Line> {
        let links = self.inner.links();
        links.get(master)?.line.borrow().clone()
    }

    /// Gives a command to whoever holds a slot, as often as necessary. It must do no harm to be done twice.
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

    /// A slot is on its way to another master, and what is asked for has arrived there already.
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
    /// It may work in a moment.
    Passing(String),
    Final(CallError),
}

/// Whether an error says that the server or the map will do better in a moment.
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

    /// Keeps a connection to a master from now on.
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

/// Has a link to each master, and to nobody else.
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

/// A connection, and how one hears that it was closed.
struct Connected {
    line: Line,
    closed: Arc<Notify>,
    /// Whether the server has to stay a master.
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

    /// Waits until it is closed, does not answer any more, or the server is no master any more and has to be one.
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

    /// Whether the server is still what it has to be, if it answers.
    async fn examine(&mut self) -> RedisResult<bool> {
        let connection = &mut self.line.connection;
        if self.master {
            match dial::ask_whether_master(connection).await {
                // It would be forbidden each time.
                Err(error) if dial::is_forbidden(&error) => self.master = false,
                Ok(true) => {}
                otherwise => return otherwise,
            }
        }
        // A server that still reads its data tells what it is, and serves nobody.
        dial::ask(connection, &redis::cmd("PING")).await?;
        Ok(true)
    }
}

/// Keeps one connection to one master.
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
