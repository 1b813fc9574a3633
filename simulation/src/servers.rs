//! The hosts on which Carrel's services run: the same services, built and served as in production, with a simulated
//! world around them.

use std::{sync::Arc, time::Duration};

use carrel_platform::{
    auth::interceptor::Authenticator,
    bus::Bus,
    clock::Clock,
    config::HumanDuration,
    lease::Leases,
    log::EventLog,
    serve::{GrpcServer, Services},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::{
    database::ServersLog,
    network::{self, Accepted, Link},
    person::{PRESENCE_SERVERS, SESSION_SERVERS},
    shared_state::SharedState,
    time,
};

/// How long a server waits before it tries to start again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a server that is told to stop lets its connections finish.
const DRAIN: Duration = Duration::from_secs(2);

/// The settings of session-svc: shorter times than in production, so that everything can happen within a minute.
fn session_config() -> carrel_session::Config {
    carrel_session::Config {
        owner_grace: HumanDuration::from_secs(12),
        conference_grace: HumanDuration::from_secs(12),
        patron_away: HumanDuration::from_secs(8),
        patron_lost: HumanDuration::from_secs(20),
        transfer_lapse: HumanDuration::from_secs(10),
        rest_after: HumanDuration::from_secs(5),
        backlog: 32,
        ..carrel_session::Config::default()
    }
}

/// Everything that a server is given.
struct Given {
    shared: Arc<SharedState>,
    host: &'static str,
    log: Arc<dyn EventLog>,
    bus: Arc<dyn Bus>,
    leases: Arc<dyn Leases>,
    clock: Clock,
    auth: Authenticator,
    stop: CancellationToken,
}

impl Given {
    fn new(shared: Arc<SharedState>, host: &'static str) -> Self {
        let clock = time::clock(shared.schedule.clock_ahead_ms(host));
        Self {
            log: Arc::new(ServersLog {
                database: Arc::clone(&shared.database),
                host,
            }),
            bus: Arc::new(shared.bus.clone()),
            leases: Arc::new(shared.leases.clone()),
            auth: Authenticator::new(shared.keys.clone(), clock.clone()),
            clock,
            stop: CancellationToken::new(),
            shared,
            host,
        }
    }

    /// Returns a name that no other server has, or ever had.
    fn replica(&self) -> Arc<str> {
        format!("{}, since {}", self.host, time::now_ms()).into()
    }

    /// Returns a channel to another service: each server uses one particular server of it.
    fn peer(&self, servers: [&'static str; 2]) -> Channel {
        let place = usize::from(self.host.ends_with('2'));
        network::channel(servers[place], Link::WIDE)
    }

    /// Serves until the server dies.
    async fn serve(self, services: Services) -> turmoil::Result {
        let accepted = Accepted::default();
        let incoming = network::listen(accepted.clone()).await?;
        let doomed = self.shared.begin_life(self.host);
        tokio::task::spawn_local(async move {
            doomed.cancelled().await;
            accepted.close();
        });
        self.shared.observations.note(self.host, "serves");
        let server = GrpcServer::new(services, false).await?;
        server.serve(Box::pin(incoming), self.stop, DRAIN).await?;
        Ok(())
    }
}

/// Runs a server of presence-svc.
pub(crate) async fn presence(shared: Arc<SharedState>, host: &'static str) -> turmoil::Result {
    let given = Given::new(shared, host);
    let running = loop {
        let parts = carrel_presence::Parts {
            log: Arc::clone(&given.log),
            bus: Arc::clone(&given.bus),
            leases: Arc::clone(&given.leases),
            clock: given.clock.clone(),
            keys: given.shared.keys.clone(),
            auth: given.auth.clone(),
            load: given.peer(SESSION_SERVERS).into(),
            stop: given.stop.clone(),
        };
        match carrel_presence::build(carrel_presence::Config::default(), parts).await {
            Ok(running) => break running,
            Err(carrel_presence::StartError::Begin(_)) => tokio::time::sleep(AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    };
    let services = Services::new()
        .with(running.directory)
        .with(running.presence);
    given.serve(services).await
}

/// Runs a server of im-svc.
pub(crate) async fn im(shared: Arc<SharedState>, host: &'static str) -> turmoil::Result {
    let given = Given::new(shared, host);
    let parts = carrel_im::Parts {
        log: Arc::clone(&given.log),
        bus: Arc::clone(&given.bus),
        leases: Arc::clone(&given.leases),
        clock: given.clock.clone(),
        auth: given.auth.clone(),
        presence: given.peer(PRESENCE_SERVERS).into(),
        replica: given.replica(),
        stop: given.stop.clone(),
    };
    let running = carrel_im::build(carrel_im::Config::default(), parts).await?;
    given.serve(Services::new().with(running.service)).await
}

/// Runs a server of session-svc.
pub(crate) async fn session(shared: Arc<SharedState>, host: &'static str) -> turmoil::Result {
    let given = Given::new(shared, host);
    let running = loop {
        let parts = carrel_session::Parts {
            log: Arc::clone(&given.log),
            bus: Arc::clone(&given.bus),
            clock: given.clock.clone(),
            leases: Arc::clone(&given.leases),
            auth: given.auth.clone(),
            replica: given.replica(),
            stop: given.stop.clone(),
        };
        match carrel_session::build(session_config(), parts).await {
            Ok(running) => break running,
            Err(carrel_session::StartError::Log(_)) => tokio::time::sleep(AGAIN).await,
            Err(error) => return Err(error.into()),
        }
    };
    let services = Services::new()
        .with(running.service)
        .with(running.transfers)
        .with(running.load);
    given.serve(services).await
}
