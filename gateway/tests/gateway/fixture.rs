//! A gateway that runs on a free port, before scripted services.

use std::{net::SocketAddr, time::Duration};

use carrel_gateway::{Config, Error, Parts, build, config::SocketConfig};
use carrel_platform::{
    clock::Clock,
    serve::{GrpcServer, Services},
};
use carrel_proto::{
    directory::v1::directory_service_server::DirectoryServiceServer,
    im::v1::im_service_server::ImServiceServer,
    presence::v1::presence_service_server::PresenceServiceServer,
    session::v1::{
        session_service_server::SessionServiceServer,
        transfer_service_server::TransferServiceServer,
    },
};
use carrel_testbed::pipe::pipe;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::services::{Directory, Im, Presence, Seen, Sessions, Transfers};

/// The time that the clock of these tests shows, in seconds.
pub const NOW_S: i64 = 1_800_000_000;

/// Settings with different limits for one socket.
pub fn with_socket(socket: SocketConfig) -> Config {
    Config {
        socket,
        ..Config::default()
    }
}

/// A running gateway. Dropping it stops it.
pub struct Fixture {
    pub address: SocketAddr,
    pub sessions: Sessions,
    pub directory: Directory,
    pub presence: Presence,
    pub im: Im,
    /// The requests to all services except the directory.
    pub seen: Seen,
    pub clock: Clock,
    pub shutdown: CancellationToken,
    pub serving: JoinHandle<Result<(), Error>>,
    services: CancellationToken,
    serving_services: JoinHandle<()>,
    _stop: [DropGuard; 2],
}

impl Fixture {
    pub async fn open() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let (seen, directory) = (Seen::default(), Directory::default());
        let sessions = Sessions::new(seen.clone());
        let presence = Presence::new(seen.clone());
        let im = Im::new(seen.clone());
        let transfers = Transfers::new(seen.clone());
        let services = Services::new()
            .with(SessionServiceServer::new(sessions.clone()))
            .with(TransferServiceServer::new(transfers))
            .with(DirectoryServiceServer::new(directory.clone()))
            .with(PresenceServiceServer::new(presence.clone()))
            .with(ImServiceServer::new(im.clone()));
        let server = GrpcServer::new(services, false).await.unwrap();
        let (to_sessions, from_sessions) = pipe();
        let (to_presence, from_presence) = pipe();
        let (to_im, from_im) = pipe();
        let services = CancellationToken::new();
        let stop = services.clone();
        let serving_services = tokio::spawn(async move {
            let serve = |incoming| server.serve(incoming, stop.clone(), Duration::ZERO);
            let _ = tokio::join!(serve(from_sessions), serve(from_presence), serve(from_im));
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = Clock::manual(NOW_S * 1000);
        let shutdown = CancellationToken::new();
        let gateway = build(
            config,
            Parts {
                session: to_sessions.into(),
                presence: to_presence.into(),
                im: to_im.into(),
                clock: clock.clone(),
                shutdown: shutdown.clone(),
            },
        );
        let serving = tokio::spawn(gateway.serve(listener, None));
        Self {
            address,
            sessions,
            directory,
            presence,
            im,
            seen,
            clock,
            _stop: [services.clone().drop_guard(), shutdown.clone().drop_guard()],
            shutdown,
            serving,
            services,
            serving_services,
        }
    }

    /// Stops the services and ends their connections.
    pub async fn lose_services(&mut self) {
        self.services.cancel();
        (&mut self.serving_services).await.unwrap();
    }
}
