//! The services of one process, which share one log, one bus and one lease store.

use std::sync::Arc;

use carrel_platform::{
    auth::{interceptor::Authenticator, keys::KeyRing},
    bus::{Bus, local::LocalBus},
    clock::Clock,
    in_process::InProcess,
    lease::{Leases, memory::MemoryLeases},
    log::{EventLog, sqlite::SqliteLog},
    serve::Services,
    within_limits,
};
use futures::future;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::AssembleError;
use crate::config::Config;

/// The engines, keys and clock that all services use.
pub(super) struct Shared {
    log: Arc<dyn EventLog>,
    bus: Arc<dyn Bus>,
    leases: Arc<dyn Leases>,
    clock: Clock,
    keys: KeyRing,
    auth: Authenticator,
}

/// The services' running work: the token that stops it, and the tasks to wait for.
pub(super) struct Begun {
    stop: CancellationToken,
    tasks: [TaskTracker; 3],
}

impl Shared {
    pub(super) fn new(log: SqliteLog, keys: KeyRing, clock: Clock) -> Self {
        Self {
            log: Arc::new(log),
            bus: Arc::new(LocalBus::default()),
            leases: Arc::new(MemoryLeases::default()),
            auth: Authenticator::new(keys.clone(), clock.clone()),
            keys,
            clock,
        }
    }
}

impl Begun {
    /// Tells the services to end their streams and to finish what they have begun.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits, after [`Begun::stop`], until everything is finished.
    pub(super) async fn finished(&self) {
        future::join_all(self.tasks.iter().map(TaskTracker::wait)).await;
    }
}

/// Starts the services, which call each other through `here`. None of them needs another to be served before this
/// returns: calls wait until their service is served.
pub(super) async fn build(
    config: &Config,
    shared: Shared,
    here: &InProcess,
) -> Result<(Services, Begun), AssembleError> {
    let Shared {
        log,
        bus,
        leases,
        clock,
        keys,
        auth,
    } = shared;
    let stop = CancellationToken::new();
    let session = carrel_session::build(
        config.session.clone(),
        carrel_session::Parts {
            log: Arc::clone(&log),
            bus: Arc::clone(&bus),
            clock: clock.clone(),
            leases: Arc::clone(&leases),
            auth: auth.clone(),
            replica: "carrel".into(),
            stop: stop.clone(),
        },
    )
    .await?;
    let presence = carrel_presence::build(
        config.presence.clone(),
        carrel_presence::Parts {
            log: Arc::clone(&log),
            bus: Arc::clone(&bus),
            leases: Arc::clone(&leases),
            clock: clock.clone(),
            keys,
            auth: auth.clone(),
            load: here.clone().into(),
            stop: stop.clone(),
        },
    )
    .await?;
    let im = carrel_im::build(
        config.im.clone(),
        carrel_im::Parts {
            log,
            bus,
            leases,
            clock,
            auth,
            presence: here.clone().into(),
            replica: "carrel".into(),
            stop: stop.clone(),
        },
    )
    .await?;
    let services = within_limits![
        session.service,
        session.transfers,
        session.load,
        presence.directory,
        presence.presence,
        im.service,
    ];
    let tasks = [session.tasks, presence.tasks, im.tasks];
    Ok((services, Begun { stop, tasks }))
}
