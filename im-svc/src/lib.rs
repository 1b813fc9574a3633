//! im-svc: librarian to librarian, outside any patron's session (S36-S38, S43).
//!
//! The log is the truth. A conversation is what follows from the events in its stream; the pure rules of that are in
//! [`domain`]. Around them, from the inside out:
//!
//! - [`history`]: one conversation in memory: its events folded. Its beginning may have been erased from the log; then
//!   a checkpoint in it tells what stays.
//! - `live_conversation`: the task that owns one history. It decides commands, appends what follows, and tells those
//!   who watch.
//! - `conversations`: all of those, brought into memory when needed.
//! - `tails`: what the bus loses, the log is asked for: of all conversations and watches together.
//! - `colleagues`: asks presence-svc, with the caller's own token, who monitors which queues. Who can't be asked about
//!   can't be written to.
//! - `watching` and `sweep`: who has the desk open, and erasing what need not be kept any longer (R13).
//! - `grpc`: the tonic face.
//!
//! Several servers may run on the same log, bus and leases: each may hold any conversation, and the log settles who was
//! first.

use std::sync::Arc;

use carrel_platform::{
    auth::interceptor::Authenticator, bus::Bus, clock::Clock, lease::Leases, log::EventLog,
    members::Members, replicas::Replicas,
};
use carrel_proto::im::v1::im_service_server::ImServiceServer;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

mod colleagues;
mod config;
mod conversations;
pub mod convert;
pub mod domain;
mod error;
mod grpc;
pub mod history;
mod live_conversation;
pub mod storage;
mod sweep;
mod tails;
mod typing;
mod watching;

pub use config::{Config, ConfigError, Keep, KeepError};
pub use error::Error;
pub use grpc::ImApi;

/// The default settings, with their reasons.
pub const DEFAULT_CONFIG: &str = include_str!("../default.toml");

/// What the service works with.
pub struct Parts {
    /// The truth.
    pub log: Arc<dyn EventLog>,
    /// The quick word to other servers.
    pub bus: Arc<dyn Bus>,
    /// Who has the desk open, for all servers.
    pub leases: Arc<dyn Leases>,
    /// The time.
    pub clock: Clock,
    /// Who calls.
    pub auth: Authenticator,
    /// To presence-svc's `PresenceService`.
    pub presence: Replicas,
    /// What this replica is called among those of the service. No two may have the same name.
    pub replica: Arc<str>,
    /// When this is cancelled, streams end and what was begun is finished.
    pub stop: CancellationToken,
}

/// The service, ready to be mounted, and a handle to wait for its end.
pub struct Running {
    /// To be mounted on a tonic server.
    pub service: ImServiceServer<ImApi>,
    /// Waits, after [`Parts::stop`] was cancelled, until everything that was begun is finished.
    pub tasks: TaskTracker,
}

/// Starts the service. It reads no conversation before it is asked for it.
///
/// # Errors
/// When a setting can't be used.
pub async fn build(config: Config, parts: Parts) -> Result<Running, ConfigError> {
    config.check()?;
    let Parts {
        log,
        bus,
        leases,
        clock,
        auth,
        presence,
        replica,
        stop,
    } = parts;
    let tasks = TaskTracker::new();
    let members = Members::join(Arc::clone(&leases), "im-svc", replica, stop.clone(), &tasks).await;
    let tails = tails::Tails::new(bus.lossy());
    let parts = live_conversation::Parts {
        log,
        bus,
        leases,
        clock,
        config,
        tails,
        stop,
    };
    let conversations = conversations::Conversations::new(parts, tasks.clone());
    tasks.spawn(sweep::run(conversations.clone(), members));
    tasks.spawn(conversations.clone().keep_up());
    tasks.close();
    let api = ImApi::new(conversations, colleagues::Colleagues::new(presence), auth);
    Ok(Running {
        service: ImServiceServer::new(api),
        tasks,
    })
}
