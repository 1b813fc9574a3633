//! im-svc: librarian to librarian, outside any patron's session (S36-S38, S43).
//!
//! The log is the truth. A conversation is the fold of the events in its stream; the pure rules for that are in
//! [`domain`]. Around them, from the inside out:
//!
//! - [`history`]: one conversation in memory: its events folded. Its beginning may have been erased from the log; then
//!   a checkpoint in it says what remains known.
//! - `live_conversation`: the task that owns one history. It decides commands, appends the resulting events, and tells
//!   the watchers.
//! - `conversations`: all live conversations, brought into memory when needed.
//! - `tails`: asks the log, for all conversations and watches together, for what the bus lost.
//! - `colleagues`: asks presence-svc, with the caller's own token, who monitors which queues. While that can't be found
//!   out, nobody can be written to.
//! - `watching` and `sweep`: who has the desk open, and erasing what need no longer be kept (R13).
//! - `grpc`: the tonic service.
//!
//! Several servers may run on the same log, bus and leases: each may hold any conversation, and the log decides which
//! server was first.

use std::sync::Arc;

use carrel_platform::{
    auth::interceptor::Authenticator, bus::Bus, clock::Clock, config::Problems, lease::Leases,
    log::EventLog, members::Members, replicas::Replicas,
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

pub use config::{Config, Keep, KeepError};
pub use error::Error;
pub use grpc::ImApi;

/// The settings of the section `[im]` with their defaults, each explained.
pub const DEFAULT_SETTINGS: &str = include_str!("default.toml");

/// What the service is built from.
pub struct Parts {
    /// The truth.
    pub log: Arc<dyn EventLog>,
    /// The quick way to tell other servers.
    pub bus: Arc<dyn Bus>,
    /// Who has the desk open, for all servers.
    pub leases: Arc<dyn Leases>,
    /// The time.
    pub clock: Clock,
    /// Authenticates callers.
    pub auth: Authenticator,
    /// Calls presence-svc's `PresenceService`.
    pub presence: Replicas,
    /// The name of this replica. No two replicas of the service may have the same name.
    pub replica: Arc<str>,
    /// When this is cancelled, streams end and what was begun is finished.
    pub stop: CancellationToken,
}

/// The running service, ready to be mounted, and a handle to wait for its end.
pub struct Running {
    /// To be mounted on a tonic server.
    pub service: ImServiceServer<ImApi>,
    /// The service's tasks. Wait for them, after [`Parts::stop`] was cancelled, to finish what was begun.
    pub tasks: TaskTracker,
}

/// Starts the service. Conversations are read from the log only when needed.
///
/// # Errors
/// When a setting can't be used.
pub async fn build(config: Config, parts: Parts) -> Result<Running, Problems> {
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
