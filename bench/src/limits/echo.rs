//! What tonic allows: a bidirectional stream whose other end sends back everything that it receives.
//!
//! The method is that of server reflection, the one small bidirectional stream that comes with a library.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Context;
use carrel_faults::process::{Launch, Process};
use futures::{StreamExt, stream::BoxStream};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Channel, Endpoint, Server},
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse,
    server_reflection_client::ServerReflectionClient,
    server_reflection_server::{ServerReflection, ServerReflectionServer},
};

use crate::{core::Cores, cost, figures::Figures};

/// How many streams there are, on one connection.
const STREAMS: usize = 100;
/// How many messages are under way on each.
const WINDOW: usize = 8;
/// The length of a message of the bench.
const LENGTH: usize = 120;

struct Echo;

#[tonic::async_trait]
impl ServerReflection for Echo {
    type ServerReflectionInfoStream = BoxStream<'static, Result<ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let answers = request.into_inner().map(|request| {
            Ok(ServerReflectionResponse {
                valid_host: request?.host,
                ..Default::default()
            })
        });
        Ok(Response::new(answers.boxed()))
    }
}

/// Serves until the process is killed.
///
/// # Errors
/// If the address can't be used.
pub async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    #[expect(clippy::print_stdout, reason = "it says that it serves")]
    {
        println!("serving on {address}");
    }
    Server::builder()
        .add_service(ServerReflectionServer::new(Echo))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}

/// Measures an echo server on the servers' core for `time`.
///
/// # Errors
/// If it does not start or answer.
pub async fn measure(cores: Cores, time: Duration) -> anyhow::Result<Figures> {
    let folder = TempDir::new()?;
    let port = carrel_testbed::port::free()?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let address_text = address.to_string();
    let mut server = Process::new(Launch {
        name: "echo".to_owned(),
        program: std::env::current_exe()?,
        arguments: ["limit", "echo", "--address", &address_text]
            .map(Into::into)
            .into(),
        environment: Vec::new(),
        log: folder.path().join("echo.log"),
    });
    cores.enter_server()?;
    let started = server.start().await;
    cores.enter_load()?;
    started?;
    let channel = Endpoint::new(format!("http://{address}"))?
        .connect()
        .await?;
    let mut streams = JoinSet::new();
    let before = cost::of_servers()?;
    let began = Instant::now();
    for _ in 0..STREAMS {
        streams.spawn(echo(channel.clone(), began + time));
    }
    let mut echoed = 0;
    while let Some(stream) = streams.join_next().await {
        echoed += stream??;
    }
    let took = began.elapsed().as_secs_f64();
    let cpu = (cost::of_servers()?.cpu - before.cpu).as_secs_f64();
    Ok(Figures::from([
        ("echoed/s".to_owned(), f64::from(echoed) / took),
        (
            "server CPU s per 1,000".to_owned(),
            cpu * 1e3 / f64::from(echoed.max(1)),
        ),
    ]))
}

async fn echo(channel: Channel, until: Instant) -> anyhow::Result<u32> {
    let request = || ServerReflectionRequest {
        host: "x".repeat(LENGTH),
        message_request: None,
    };
    let (requests, receiver) = mpsc::channel(WINDOW);
    for _ in 0..WINDOW {
        requests.send(request()).await?;
    }
    let answers = ServerReflectionClient::new(channel)
        .server_reflection_info(ReceiverStream::new(receiver))
        .await?;
    let mut answers = answers.into_inner();
    let mut echoed = 0;
    while Instant::now() < until {
        answers.message().await?.context("the stream ended")?;
        echoed += 1;
        requests.send(request()).await?;
    }
    Ok(echoed)
}
