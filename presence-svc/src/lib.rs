//! The directory and presence: who may come to the desk, the tokens by which every service knows them, and who is here.
//!
//! # What it is for
//!
//! It knows the institutions, the queues in which their patrons wait, and the librarians who may monitor them. It lets
//! a patron in (a token for one session and nothing else), logs a librarian in, and renews tokens. Other services never
//! ask it who a caller is: that is in the signed token, which they check themselves. It also knows which librarians
//! have their monitor open and the state of each queue; that part is in [`presence`].
//!
//! # Where the truth is
//!
//! In the event log, in the one stream `directory/all`. The directory in memory is a fold of it, brought up to date
//! before every answer. So a command in another process ([`load_directory_file`], [`add_librarian`],
//! [`remove_librarian`]) takes effect at once in every running server, and any number of servers may share one log.
//! What changed in librarians' roles is written with it into a stream of each library, which its administrators may
//! read.
//!
//! # What it promises
//!
//! - **A token says what the directory says.** A renewed token carries the role, queues, names and warning that are in
//!   force at that moment; a librarian whose account is gone gets none. So a change takes effect everywhere within one
//!   token's lifetime.
//! - **Log-in reveals nothing.** An unknown name and a wrong password get the same answer after the same work. Attempts
//!   are limited per account and address, per account, and per address, in bounded memory; passwords are hashed at most
//!   two at a time.
//! - **A directory is written whole or not at all.** A file with any problem changes nothing, and all its problems are
//!   listed. A file that was loaded is written as one batch.
//!
//! # Where to look
//!
//! [`domain`] is pure: the directory, its events, its rules, and who is there. [`directory`] and [`presence`] are the
//! two halves of the service around it, each with its API.

use std::sync::Arc;

use carrel_platform::{
    auth::{interceptor::Authenticator, keys::KeyRing},
    bus::Bus,
    clock::Clock,
    config::Problems,
    lease::Leases,
    log::EventLog,
    replicas::Replicas,
};
use carrel_proto::{
    directory::v1::directory_service_server::DirectoryServiceServer,
    presence::v1::presence_service_server::PresenceServiceServer,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub mod cli;
pub mod config;
pub mod directory;
pub mod domain;
pub mod error;
pub mod presence;

pub use config::Config;
pub use directory::{
    commands,
    commands::{
        Changes, CommandError, NewLibrarian, add_librarian, load_directory_file, remove_librarian,
    },
    file, storage,
};
pub use error::Error;

/// The settings of the section `[presence]` with their defaults, each explained.
pub const DEFAULT_SETTINGS: &str = include_str!("default.toml");

/// The parts that the service is built from.
pub struct Parts {
    /// The log, which holds the directory.
    pub log: Arc<dyn EventLog>,
    /// The bus to other servers.
    pub bus: Arc<dyn Bus>,
    /// The leases: who is here.
    pub leases: Arc<dyn Leases>,
    /// The source of time.
    pub clock: Clock,
    /// The keys that sign tokens.
    pub keys: KeyRing,
    /// Authenticates callers, by the same keys.
    pub auth: Authenticator,
    /// The replicas of session-svc, for its LoadService.
    pub load: Replicas,
    /// Cancelled to stop the service: streams end, and what was begun is finished.
    pub stop: CancellationToken,
}

/// The service, ready to be mounted, and a handle to wait for its end.
pub struct Running {
    /// The directory service, to be mounted on a tonic server.
    pub directory: DirectoryServiceServer<directory::DirectoryApi>,
    /// The presence service, to be mounted on a tonic server.
    pub presence: PresenceServiceServer<presence::PresenceApi>,
    /// To wait, after [`Parts::stop`] was cancelled, until everything that was begun is finished.
    pub tasks: TaskTracker,
}

/// Why the service did not start.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The directory can't be read, or no password can be checked.
    #[error("presence-svc can't begin: {0}")]
    Begin(#[from] Error),
}

/// Starts the service: reads the directory and who is here, and follows changes.
///
/// # Errors
/// When a setting can't be used, the directory can't be read from the log, or no password can be hashed.
pub async fn build(config: Config, parts: Parts) -> Result<Running, StartError> {
    config.check()?;
    let Parts {
        log,
        bus,
        leases,
        clock,
        keys,
        auth,
        load,
        stop,
    } = parts;
    let tasks = TaskTracker::new();
    let (desk, news) = presence::Desk::new(
        config.clone(),
        presence::DeskParts {
            log: Arc::clone(&log),
            bus,
            leases,
            clock: clock.clone(),
            keys: keys.clone(),
        },
    )
    .await
    .map_err(Error::from)?;
    desk.show();
    tasks.spawn(desk.clone().follow(news, stop.clone()));
    let source = presence::LoadSource {
        session: load,
        keys: keys.clone(),
        clock: clock.clone(),
    };
    tasks.spawn(presence::follow_load(desk.clone(), source, stop.clone()));
    let presence =
        presence::PresenceApi::new(desk, auth.clone(), clock.clone(), stop, tasks.clone());

    let trust_forwarded_for = config.trust_forwarded_for;
    let service = directory::service::Service::new(config, log, clock, keys).await?;
    tasks.close();
    Ok(Running {
        directory: DirectoryServiceServer::new(directory::DirectoryApi::new(
            service,
            auth,
            trust_forwarded_for,
        )),
        presence: PresenceServiceServer::new(presence),
        tasks,
    })
}
