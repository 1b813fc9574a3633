//! The gRPC server: stopping, deadlines, reflection. I28.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{io, net::SocketAddr, sync::Arc, task::Poll, time::Duration};

use carrel_platform::{
    refusal::Refusal,
    serve::{GrpcServer, ServeError, Services},
};
use carrel_proto::directory::v1::{
    AdmitPatronRequest, AdmitPatronResponse, GetLibraryRequest, GetLibraryResponse,
    GetProfileRequest, GetProfileResponse, ListLibrariesRequest, ListLibrariesResponse,
    ListRoleChangesRequest, ListRoleChangesResponse, LogInRequest, LogInResponse,
    RenewTokenRequest, RenewTokenResponse,
    directory_service_client::DirectoryServiceClient,
    directory_service_server::{DirectoryService, DirectoryServiceServer},
};
use carrel_testbed::pipe::pipe;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request, Response, Status,
    transport::{Channel, Endpoint, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// A service that answers when it is allowed to.
#[derive(Clone)]
struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn closed() -> Self {
        Self {
            arrived: Arc::new(Semaphore::new(0)),
            open: Arc::new(Semaphore::new(0)),
        }
    }
}

#[tonic::async_trait]
impl DirectoryService for Gate {
    async fn get_library(
        &self,
        _: Request<GetLibraryRequest>,
    ) -> Result<Response<GetLibraryResponse>, Status> {
        self.arrived.add_permits(1);
        let _open = self.open.acquire().await.unwrap();
        Ok(Response::new(GetLibraryResponse::default()))
    }

    async fn list_libraries(
        &self,
        _: Request<ListLibrariesRequest>,
    ) -> Result<Response<ListLibrariesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn admit_patron(
        &self,
        _: Request<AdmitPatronRequest>,
    ) -> Result<Response<AdmitPatronResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn log_in(&self, _: Request<LogInRequest>) -> Result<Response<LogInResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn renew_token(
        &self,
        _: Request<RenewTokenRequest>,
    ) -> Result<Response<RenewTokenResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_profile(
        &self,
        _: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_role_changes(
        &self,
        _: Request<ListRoleChangesRequest>,
    ) -> Result<Response<ListRoleChangesResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

struct Served {
    server: GrpcServer,
    address: SocketAddr,
    channel: Channel,
    gate: Gate,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

async fn serve(drain: Duration) -> Served {
    let gate = Gate::closed();
    let services = Services::new().with(DirectoryServiceServer::new(gate.clone()));
    let server = GrpcServer::new(services, true).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = {
        let (server, stop) = (server.clone(), stop.clone());
        tokio::spawn(async move { server.serve(TcpIncoming::from(listener), stop, drain).await })
    };
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    Served {
        server,
        address,
        channel,
        gate,
        stop,
        serving,
    }
}

async fn within_a_minute<T>(happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), happens)
        .await
        .expect("it never happened")
}

#[tokio::test]
async fn a_pipe_carries_calls_and_health_changes() {
    let (channel, incoming) = pipe();
    let server = GrpcServer::new(Services::new(), false).await.unwrap();
    let stop = CancellationToken::new();
    let serving = {
        let (server, stop) = (server.clone(), stop.clone());
        tokio::spawn(async move { server.serve(incoming, stop, Duration::ZERO).await })
    };
    let mut health = HealthClient::new(channel.clone());
    let mut statuses = health
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    let first = statuses.next().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    server.set_healthy(false).await;
    let second = statuses.next().await.unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::NotServing);
    stop.cancel();
    within_a_minute(serving).await.unwrap().unwrap();
    let gone = health.check(HealthCheckRequest::default()).await;
    assert_eq!(gone.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_in_flight_finishes_before_the_end() {
    let served = serve(Duration::from_secs(3600)).await;
    let call = tokio::spawn({
        let channel = served.channel.clone();
        async move {
            DirectoryServiceClient::new(channel)
                .get_library(GetLibraryRequest::default())
                .await
        }
    });
    served.gate.arrived.acquire().await.unwrap().forget();
    served.stop.cancel();
    served.gate.open.add_permits(1);
    within_a_minute(call).await.unwrap().unwrap();
    drop(served.channel);
    within_a_minute(served.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_open_stream_does_not_keep_the_server_for_ever() {
    let served = serve(Duration::from_millis(50)).await;
    let mut statuses = HealthClient::new(served.channel)
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    statuses.next().await.unwrap().unwrap();
    served.stop.cancel();
    within_a_minute(served.serving).await.unwrap().unwrap();
    assert!(within_a_minute(statuses.next()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_connection_without_a_word_does_not_keep_the_server_for_ever() {
    let served = serve(Duration::from_millis(50)).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    // The silent connection was accepted before the stop: a call on a later connection was answered.
    served.gate.open.add_permits(1);
    DirectoryServiceClient::new(served.channel)
        .get_library(GetLibraryRequest::default())
        .await
        .unwrap();
    served.stop.cancel();
    within_a_minute(served.serving).await.unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = within_a_minute(silent.read_to_end(&mut rest)).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_word_is_closed_while_serving() {
    let served = serve(Duration::ZERO).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut said = Vec::new();
    let _ = silent.read_to_end(&mut said).await;
    served.stop.cancel();
    served.serving.await.unwrap().unwrap();
}

/// F28: a few bytes must not hold a place for ever.
#[tokio::test(start_paused = true)]
async fn a_connection_that_stops_within_its_preface_is_closed() {
    let served = serve(Duration::ZERO).await;
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    slow.write_all(b"PRI * HTTP/2.0").await.unwrap();
    let mut said = Vec::new();
    let _ = within_a_minute(slow.read_to_end(&mut said)).await;
    served.stop.cancel();
    served.serving.await.unwrap().unwrap();
}

/// Without file descriptors, nothing can be accepted for a while, and trying again at once does not help.
#[tokio::test(start_paused = true)]
async fn a_listener_that_fails_is_not_asked_without_a_pause() {
    const EMFILE: i32 = 24;
    let mut polls = 0;
    let incoming = futures::stream::poll_fn(|_| {
        polls += 1;
        if polls > 1_000 {
            return Poll::Pending;
        }
        let error = io::Error::from_raw_os_error(EMFILE);
        Poll::Ready(Some(Err::<TcpStream, _>(error)))
    });
    let server = GrpcServer::new(Services::new(), false).await.unwrap();
    let serving = server.serve(incoming, CancellationToken::new(), Duration::ZERO);
    let a_second = tokio::time::timeout(Duration::from_secs(1), serving).await;
    assert!(a_second.is_err(), "it ended");
    assert!((2..=20).contains(&polls), "{polls} polls");
}

#[tokio::test]
async fn a_missed_deadline_is_named_as_such() {
    let served = serve(Duration::ZERO).await;
    // tonic's own client would not wait for the server's answer.
    let socket = TcpStream::connect(served.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
            .await
            .unwrap();
    tokio::spawn(connection);
    // Repeated, since tonic's own timer runs beside ours and must never be the first.
    for timeout in ["0m", "1m", "5m", "20m", "50000u"].repeat(20) {
        let empty_message = tonic::body::Body::new("\0".repeat(5));
        let request = http::Request::post(format!(
            "http://{}/carrel.directory.v1.DirectoryService/GetLibrary",
            served.address
        ))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", timeout)
        .body(empty_message)
        .unwrap();
        let response = client.send_request(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        assert_eq!(Refusal::from(&status).reason, "DEADLINE_EXCEEDED");
    }
    drop(client);
    served.stop.cancel();
    served.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_health_of_each_service_is_told() {
    let served = serve(Duration::ZERO).await;
    let mut health = HealthClient::new(served.channel.clone());
    for service in ["", "carrel.directory.v1.DirectoryService"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = health.check(request.clone()).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
        served.server.set_healthy(false).await;
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::NotServing);
        served.server.set_healthy(true).await;
    }
    served.stop.cancel();
    served.serving.await.unwrap().unwrap();
}

/// The same query in two versions of one protocol, whose types differ only in their module.
macro_rules! services_by_reflection {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut answers = ServerReflectionClient::new($channel)
            .server_reflection_info(tokio_stream::once(request))
            .await
            .unwrap()
            .into_inner();
        match answers.next().await.unwrap().unwrap().message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|s| s.name).collect::<Vec<_>>()
            }
            other => panic!("unexpected answer {other:?}"),
        }
    }};
}

#[tokio::test]
async fn reflection_speaks_both_versions() {
    let served = serve(Duration::ZERO).await;
    let v1 = services_by_reflection!(v1, served.channel.clone());
    let v1alpha = services_by_reflection!(v1alpha, served.channel.clone());
    for services in [v1, v1alpha] {
        for wanted in [
            "carrel.directory.v1.DirectoryService",
            "carrel.session.v1.SessionService",
            "grpc.health.v1.Health",
        ] {
            assert!(services.iter().any(|name| name == wanted), "{services:?}");
        }
    }
    served.stop.cancel();
    served.serving.await.unwrap().unwrap();
}
