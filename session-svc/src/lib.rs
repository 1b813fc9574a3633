//! session-svc: a patron's session from the question to the transcript, and who may see what of it.
//!
//! The log is the truth. A session follows from the events in its stream, by the pure rules in [`domain`]. Around them,
//! from the inside out:
//!
//! - [`history`]: one session in memory: its events folded and shown to each of the two audiences. All that a viewer
//!   receives comes from a [`history::View`], so what is not in an audience's view can't reach it.
//! - `live_session`: the task that owns one history. It decides commands, appends the resulting events, and passes them
//!   on.
//! - `sessions`: all live sessions, loaded into memory when needed.
//! - [`append_message`]: what servers tell each other about a session, so that not every server must read the log.
//! - [`live_list`]: the lists that librarians watch.
//! - `retention`: which ended sessions still have their text, and which of them are to be erased.
//! - [`audits`]: the audits of libraries, written before anyone is shown what they record.
//! - `grpc`: the gRPC services: unwrap, call, wrap.
//!
//! It depends on no other service. What it needs to know of a caller is in the caller's token. Several servers may run
//! on the same log, bus and leases: each may hold any session, the log settles which server was first, and the leases
//! say who attends on another server.

use std::{sync::Arc, time::Duration};

use carrel_platform::{
    auth::interceptor::Authenticator,
    bus::Bus,
    clock::Clock,
    config::Problems,
    lease::Leases,
    log::{EventLog, LogError},
    members::Members,
    moments::Moments,
};
use carrel_proto::session::v1::{
    load_service_server::LoadServiceServer, session_service_server::SessionServiceServer,
    transfer_service_server::TransferServiceServer,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub mod append_message;
mod audits;
mod config;
pub mod convert;
mod cut_off;
pub mod domain;
mod error;
mod grpc;
mod heartbeats;
pub mod history;
mod live_list;
mod live_session;
mod retention;
mod sessions;
pub mod storage;
mod subscribers;

pub use config::{Config, EraseAfter, EraseAfterError, LibraryRetention};
pub use error::Error;
pub use grpc::{LoadApi, SessionApi, TransferApi};

/// The settings of the section `[session]` with their defaults, each explained.
pub const DEFAULT_SETTINGS: &str = include_str!("default.toml");

/// How long a caller has to join after opening a stream.
const JOIN_WITHIN: Duration = Duration::from_secs(10);

/// What the service depends on.
pub struct Parts {
    /// The event log, which is the truth.
    pub log: Arc<dyn EventLog>,
    /// The bus to other servers.
    pub bus: Arc<dyn Bus>,
    /// The clock.
    pub clock: Clock,
    /// The leases, by which all servers know who attends what.
    pub leases: Arc<dyn Leases>,
    /// Authenticates callers.
    pub auth: Authenticator,
    /// This replica's name. No two replicas of the service may have the same name.
    pub replica: Arc<str>,
    /// When this is cancelled, streams end and what was begun is finished.
    pub stop: CancellationToken,
}

/// The service, ready to be mounted, and a handle to wait for its end.
pub struct Running {
    /// To be mounted on a tonic server.
    pub service: SessionServiceServer<SessionApi>,
    /// To be mounted on a tonic server.
    pub transfers: TransferServiceServer<TransferApi>,
    /// To be mounted on a tonic server.
    pub load: LoadServiceServer<LoadApi>,
    /// Lets the caller wait, after [`Parts::stop`] was cancelled, until everything that was begun is finished.
    pub tasks: TaskTracker,
}

/// Why the service did not start.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The log can't be read.
    #[error("the sessions can't be read: {0}")]
    Log(#[from] LogError),
}

/// Starts the service: reads which sessions are live, and follows what other servers change.
///
/// # Errors
/// When a setting can't be used, or the log can't be read.
pub async fn build(config: Config, parts: Parts) -> Result<Running, StartError> {
    config.check()?;
    let Parts {
        log,
        bus,
        clock,
        leases,
        auth,
        replica,
        stop,
    } = parts;
    let tasks = TaskTracker::new();
    let list = live_list::LiveList::new(Arc::clone(&log), Arc::clone(&bus), config.backlog);
    let news = list.listen();
    list.catch_up().await?;
    list.show(&clock);
    let repair = config.tail_repair.get();
    let moments = Moments::from_now();
    let heartbeats = heartbeats::Heartbeats::every(config.heartbeat.get(), moments);
    tasks.spawn(list.clone().follow(news, repair, stop.clone()));
    let cut_off = cut_off::CutOff::new(&replica, config.leases_last());
    let members = Members::join(
        Arc::clone(&leases),
        "session-svc",
        replica,
        stop.clone(),
        &tasks,
    )
    .await;
    let parts = live_session::Parts {
        log,
        bus,
        clock: clock.clone(),
        config,
        list,
        audits: audits::Audits::default(),
        cut_off,
        libraries: retention::Libraries::default(),
        heartbeats,
        moments,
        leases,
        stop,
    };
    let sessions = sessions::Sessions::new(parts, tasks.clone());
    tasks.spawn(sessions.clone().keep_up(members.clone()));
    tasks.spawn(sessions.clone().sweep(members));
    tasks.close();
    let load = LoadApi::new(sessions.clone(), auth.clone(), clock.clone());
    let api = SessionApi::new(sessions, auth, clock);
    Ok(Running {
        transfers: TransferServiceServer::new(TransferApi::new(api.clone())),
        load: LoadServiceServer::new(load),
        service: SessionServiceServer::new(api),
        tasks,
    })
}
