//! A whole session-svc over real gRPC, on a log in memory, and people who use it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use carrel_platform::{
    auth::{
        Librarian, Patron, Role, StaffNaming, Who,
        interceptor::Authenticator,
        keys::KeyRing,
        statement::{CodeList, Introduction, introduce, sign_code_list},
        token::{Lifetimes, issue},
    },
    bus::{Bus, local::LocalBus},
    clock::Clock,
    lease::{Leases, memory::MemoryLeases},
    log::{EventLog, StreamName, StreamQuery, sqlite::SqliteLog},
    serve::{GrpcServer, Services},
};
use carrel_proto::session::v1::{
    self as wire, session_service_client::SessionServiceClient,
    transfer_service_client::TransferServiceClient,
};
use carrel_session::{Config, Parts, domain::audience::Audience, history::History, storage};
use carrel_testbed::{bus::DeafBus, pipe::pipe};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Channel;

use crate::person::Person;

/// The version of the conference warning that is in force at every library here.
pub const WARNING: &str = "w1";
/// The time at which every desk's clock stands still.
pub const NOON_MS: i64 = 1_764_000_000_000;

/// The number of servers that were started.
static REPLICAS: AtomicU64 = AtomicU64::new(0);

/// A running session-svc. Stops when dropped.
pub struct Desk {
    pub clock: Clock,
    pub keys: KeyRing,
    pub channel: Channel,
    /// The tasks of the service, among them one for each session in memory.
    pub tasks: TaskTracker,
    /// The leases, by which all its servers know who attends what.
    pub leases: Arc<dyn Leases>,
    log: Arc<dyn EventLog>,
    bus: Arc<dyn Bus>,
    config: Config,
    stop: CancellationToken,
    commands: AtomicU64,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Desk {
    /// Opens a desk with an empty log.
    pub async fn open() -> Self {
        Self::with(Config::default()).await
    }

    /// Opens a desk with an empty log and these settings.
    pub async fn with(config: Config) -> Self {
        let log = Arc::new(SqliteLog::in_memory().unwrap());
        let bus = Arc::new(LocalBus::default());
        let keys = KeyRing::generate().unwrap();
        Self::start(
            log,
            bus,
            Arc::new(MemoryLeases::default()),
            keys,
            Clock::manual(NOON_MS),
            config,
        )
        .await
    }

    /// Opens a desk on the given log.
    pub async fn on(log: Arc<dyn EventLog>) -> Self {
        Self::on_with(log, Config::default()).await
    }

    /// The same with its own settings.
    pub async fn on_with(log: Arc<dyn EventLog>, config: Config) -> Self {
        let bus = Arc::new(LocalBus::default());
        let keys = KeyRing::generate().unwrap();
        Self::start(
            log,
            bus,
            Arc::new(MemoryLeases::default()),
            keys,
            Clock::manual(NOON_MS),
            config,
        )
        .await
    }

    /// Starts a second server on the same log and leases that hears nothing on the bus.
    pub async fn deaf_replica(&self) -> Self {
        let leases = Arc::clone(&self.leases);
        self.deaf_replica_with(self.config.clone(), leases).await
    }

    /// Does the same with other settings and leases.
    pub async fn deaf_replica_with(&self, config: Config, leases: Arc<dyn Leases>) -> Self {
        Self::start(
            Arc::clone(&self.log),
            Arc::new(DeafBus::default()),
            leases,
            self.keys.clone(),
            self.clock.clone(),
            config,
        )
        .await
    }

    /// Starts a second server on the same log, bus and leases.
    pub async fn replica(&self) -> Self {
        self.replica_with(self.config.clone()).await
    }

    /// Does the same with other settings.
    pub async fn replica_with(&self, config: Config) -> Self {
        let (log, bus) = (Arc::clone(&self.log), Arc::clone(&self.bus));
        Self::start(
            log,
            bus,
            Arc::clone(&self.leases),
            self.keys.clone(),
            self.clock.clone(),
            config,
        )
        .await
    }

    async fn start(
        log: Arc<dyn EventLog>,
        bus: Arc<dyn Bus>,
        leases: Arc<dyn Leases>,
        keys: KeyRing,
        clock: Clock,
        config: Config,
    ) -> Self {
        let stop = CancellationToken::new();
        let running = carrel_session::build(
            config.clone(),
            Parts {
                log: Arc::clone(&log),
                bus: Arc::clone(&bus),
                clock: clock.clone(),
                leases: Arc::clone(&leases),
                auth: Authenticator::new(keys.clone(), clock.clone()),
                replica: format!("replica {}", REPLICAS.fetch_add(1, Ordering::Relaxed)).into(),
                stop: stop.clone(),
            },
        )
        .await
        .unwrap();
        let (channel, incoming) = pipe();
        let services = Services::new()
            .with(running.service)
            .with(running.transfers)
            .with(running.load);
        let server = GrpcServer::new(services, false).await.unwrap();
        let stopped = stop.clone();
        tokio::spawn(async move {
            server
                .serve(incoming, stopped, Duration::from_secs(1))
                .await
        });
        Self {
            clock,
            keys,
            channel,
            tasks: running.tasks,
            log,
            bus,
            leases,
            config,
            stop,
            commands: AtomicU64::new(0),
        }
    }

    /// Returns a person with a valid token for `who`.
    pub fn person(&self, who: Who) -> Person {
        let lifetimes = Lifetimes {
            access: Duration::from_secs(600),
            renewal: Duration::from_secs(3_600),
        };
        let token = issue(&self.keys, &who, self.clock.unix_ms(), lifetimes)
            .unwrap()
            .access_token;
        Person {
            token,
            client: SessionServiceClient::new(self.channel.clone()),
            transfers: TransferServiceClient::new(self.channel.clone()),
        }
    }

    /// Returns a patron of Maple, in the queue `maple`.
    pub fn patron(&self, session_id: &str) -> Person {
        self.person(patron(session_id, StaffNaming::ScreenName))
    }

    /// Returns a librarian.
    pub fn librarian(&self, id: &str, institution: &str, role: Role, queues: &[&str]) -> Person {
        self.person(librarian(id, institution, role, queues))
    }

    /// Returns the introduction that presence-svc would give for a librarian of Harbor who monitors these queues.
    pub fn introduction(&self, id: &str, queues: &[&str]) -> wire::offer_transfer_request::To {
        let introduction = Introduction {
            librarian_id: id.into(),
            screen_name: format!("Name of {id}"),
            institution_id: "harbor".into(),
            institution_name: "Library harbor".into(),
            queues: queues.iter().map(|&queue| queue.to_owned()).collect(),
        };
        let lasts = Duration::from_secs(600);
        let now_ms = self.clock.unix_ms();
        wire::offer_transfer_request::To::Introduction(
            introduce(&self.keys, &introduction, now_ms, lasts).unwrap(),
        )
    }

    /// Returns the list that presence-svc would sign for a library with these descriptive codes. It holds for an hour.
    pub fn code_list(&self, institution: &str, codes: &[&str]) -> String {
        let codes: Vec<_> = codes.iter().map(|&code| code.to_owned()).collect();
        let list = CodeList::new(institution, &codes);
        let lasts = Duration::from_secs(3_600);
        sign_code_list(&self.keys, &list, self.clock.unix_ms(), lasts).unwrap()
    }

    /// Returns all that happened in a session, as staff may know it, from the log itself.
    pub async fn recorded(&self, session_id: &str) -> Vec<wire::SessionEvent> {
        let history = History::load(&*self.log, session_id.to_owned())
            .await
            .unwrap();
        history.view(Audience::Staff).transcript().unwrap()
    }

    /// Returns what the log has of a session: the versions, and all texts one after the other.
    pub async fn written(&self, session_id: &str) -> (Vec<u64>, String) {
        let stream = StreamName::new(storage::SESSION, session_id);
        let events = self.log.read(&stream, 0, 1_000).await.unwrap();
        let texts = events.iter().map(|event| {
            let key = event.command.as_ref().map_or("", |command| &command.key);
            format!("{key} {}", String::from_utf8_lossy(&event.payload))
        });
        let texts: Vec<_> = texts.collect();
        (
            events.iter().map(|event| event.version).collect(),
            texts.concat(),
        )
    }

    /// Returns how many streams of a category are open.
    pub async fn streams(&self, category: &'static str) -> usize {
        let query = StreamQuery::Open {
            category,
            after: None,
            limit: 100,
        };
        self.log.find(query).await.unwrap().len()
    }

    /// Returns a fresh command id. Deterministic, so that two desks that do the same have the same ids.
    pub fn command_id(&self) -> String {
        format!("command-{}", self.commands.fetch_add(1, Ordering::Relaxed))
    }
}

/// Returns what a patron's token says.
pub fn patron(session_id: &str, staff_naming: StaffNaming) -> Who {
    Who::Patron(Patron {
        session_id: session_id.into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming,
        practice: false,
        route: Vec::new(),
    })
}

/// Returns what a librarian's token says.
pub fn librarian(id: &str, institution: &str, role: Role, queues: &[&str]) -> Who {
    Who::Librarian(Librarian {
        librarian_id: id.into(),
        screen_name: format!("Name of {id}"),
        institution_id: institution.into(),
        institution_name: format!("Library {institution}"),
        role,
        queues: queues
            .iter()
            .map(|&queue| queue.to_owned())
            .collect::<BTreeSet<_>>(),
        practice_queues: BTreeSet::new(),
        warning_version: WARNING.into(),
    })
}
