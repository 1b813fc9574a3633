//! A gateway that runs on a free port, before scripted services.

use std::{net::SocketAddr, time::Duration};

use carrel_gateway::{Config, Error, Parts, build, config::SocketConfig};
use carrel_platform::{
    clock::Clock,
    pipe::pipe,
    serve::{GrpcServer, Services},
};
use carrel_proto::{
    directory::v1::directory_service_server::DirectoryServiceServer,
    session::v1::session_service_server::SessionServiceServer,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::services::{Directory, Sessions};

/// When the clock of these tests stands, in seconds.
pub const NOW_S: i64 = 1_800_000_000;

/// Settings that differ in what one socket may do.
pub fn with_socket(socket: SocketConfig) -> Config {
    Config {
        socket,
        ..Config::default()
    }
}

/// A running gateway. Dropping it stops it.
pub struct House {
    pub address: SocketAddr,
    pub sessions: Sessions,
    pub directory: Directory,
    pub clock: Clock,
    pub shutdown: CancellationToken,
    pub serving: JoinHandle<Result<(), Error>>,
    services: CancellationToken,
    serving_services: JoinHandle<()>,
    _stop: [DropGuard; 2],
}

impl House {
    pub async fn open() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let (sessions, directory) = (Sessions::default(), Directory::default());
        let services = Services::new()
            .with(SessionServiceServer::new(sessions.clone()))
            .with(DirectoryServiceServer::new(directory.clone()));
        let server = GrpcServer::new(services, false).await.unwrap();
        let (to_sessions, from_sessions) = pipe();
        let (to_directory, from_directory) = pipe();
        let services = CancellationToken::new();
        let stop = services.clone();
        let serving_services = tokio::spawn(async move {
            let serve = |incoming| server.serve(incoming, stop.clone(), Duration::ZERO);
            let _ = tokio::join!(serve(from_sessions), serve(from_directory));
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = Clock::manual(NOW_S * 1000);
        let shutdown = CancellationToken::new();
        let gateway = build(
            config,
            Parts {
                session: to_sessions,
                directory: to_directory,
                clock: clock.clone(),
                shutdown: shutdown.clone(),
            },
        );
        let serving = tokio::spawn(gateway.serve(listener));
        Self {
            address,
            sessions,
            directory,
            clock,
            _stop: [services.clone().drop_guard(), shutdown.clone().drop_guard()],
            shutdown,
            serving,
            services,
            serving_services,
        }
    }

    /// Takes the services away, connections and all.
    pub async fn lose_services(&mut self) {
        self.services.cancel();
        (&mut self.serving_services).await.unwrap();
    }
}
