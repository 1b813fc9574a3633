//! gRPC within one process: calls before there is a server, calls after it is gone, and services that panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    convert::Infallible,
    future::ready,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use carrel_platform::{
    in_process::{InProcess, InProcessServer},
    replicas::Replicas,
    serve::{GrpcServer, Services},
};
use futures::{
    FutureExt, StreamExt,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tonic::{Code, Status, body::Body, server::NamedService};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tower::{Service, ServiceExt};

/// A response, frame by frame.
type Answer = BoxStream<'static, Result<Frame<Bytes>, Status>>;

/// A service that behaves according to the method's name, and holds a reference.
#[derive(Clone)]
struct Scripted(Arc<()>);

impl NamedService for Scripted {
    const NAME: &'static str = "test.Scripted";
}

impl Service<Request<Body>> for Scripted {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() == "/test.Scripted/Hang" {
            return future::pending().boxed();
        }
        let first = stream::once(ready(Ok(Frame::data(Bytes::from_static(b"first")))));
        let rest = match request.uri().path() {
            "/test.Scripted/PanicAtOnce" => panic!("at once"),
            "/test.Scripted/PanicLater" => stream::poll_fn(|_| panic!("later")).boxed(),
            "/test.Scripted/SayNoMore" => {
                let held = Arc::clone(&self.0);
                stream::poll_fn(move |_| match Arc::strong_count(&held) {
                    0 => Poll::Ready(None),
                    _ => Poll::Pending,
                })
                .boxed()
            }
            other => panic!("no {other}"),
        };
        let body: Answer = first.chain(rest).boxed();
        ready(Ok(Response::new(Body::new(StreamBody::new(body))))).boxed()
    }
}

/// Starts a server; returns it, a handle for calling it, and the reference that its service holds.
async fn serve() -> (InProcessServer, InProcess, Arc<()>) {
    let held = Arc::new(());
    let services = Services::new().with(Scripted(Arc::clone(&held)));
    let server = InProcessServer::default();
    server.serve(&GrpcServer::new(services, false).await.unwrap());
    let way = server.way();
    (server, way, held)
}

async fn call(way: &InProcess, method: &str) -> Response<Body> {
    let request = Request::post(format!("/test.Scripted/{method}")).body(Body::empty());
    let answer = Replicas::from(way.clone()).oneshot(request.unwrap()).await;
    answer.unwrap()
}

async fn health(way: InProcess) -> Result<ServingStatus, Status> {
    let mut health = HealthClient::new(Replicas::from(way));
    let answer = health.check(HealthCheckRequest::default()).await?;
    Ok(answer.into_inner().status())
}

fn status(answer: &Response<Body>) -> Status {
    Status::from_header_map(answer.headers()).unwrap()
}

#[tokio::test]
async fn a_call_waits_for_the_server() {
    let within = InProcessServer::default();
    let mut early = Box::pin(health(within.way()));
    assert!((&mut early).now_or_never().is_none());
    let server = GrpcServer::new(Services::new(), false).await.unwrap();
    within.serve(&server);
    assert_eq!(early.await.unwrap(), ServingStatus::Serving);
    server.set_healthy(false).await;
    let late = health(within.way()).await;
    assert_eq!(late.unwrap(), ServingStatus::NotServing);
}

/// Services call each other, and would otherwise keep each other alive for ever.
#[tokio::test]
async fn when_the_server_has_gone_nobody_holds_its_services_and_calls_fail() {
    let (server, way, held) = serve().await;
    let early = InProcessServer::default();
    let waits = health(early.way());
    drop((server, early));
    assert_eq!(Arc::strong_count(&held), 1);
    for answer in [health(way).await, waits.await] {
        assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    }
}

#[tokio::test]
async fn a_service_that_panics_takes_only_its_call_along() {
    let (_server, way, _) = serve().await;
    let answer = call(&way, "PanicAtOnce").await;
    assert_eq!(status(&answer).code(), Code::Internal);
    let mut body = call(&way, "PanicLater").await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data();
    assert_eq!(first.unwrap(), Bytes::from_static(b"first"));
    let broken = body.frame().await.unwrap().unwrap_err();
    assert_eq!(broken.code(), Code::Internal);
    assert!(body.frame().await.is_none());
    assert_eq!(health(way).await.unwrap(), ServingStatus::Serving);
}

#[tokio::test]
async fn to_drop_an_answer_ends_its_call() {
    let (_server, way, held) = serve().await;
    let before = Arc::strong_count(&held);
    let mut body = call(&way, "SayNoMore").await.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.frame().now_or_never().is_none());
    assert_eq!(Arc::strong_count(&held), before + 1);
    drop(body);
    assert_eq!(Arc::strong_count(&held), before);
}

#[tokio::test]
async fn a_method_that_nobody_has_is_unimplemented() {
    let (_server, way, _) = serve().await;
    let request = Request::post("/test.Nobody/Answers").body(Body::empty());
    let answer = Replicas::from(way).oneshot(request.unwrap()).await.unwrap();
    assert_eq!(status(&answer).code(), Code::Unimplemented);
}

/// The deadline is kept although there is no connection to keep it.
#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_ends_at_its_deadline() {
    let (_server, way, _) = serve().await;
    let request = Request::post("/test.Scripted/Hang")
        .header("grpc-timeout", "50m")
        .body(Body::empty());
    let call = Replicas::from(way).oneshot(request.unwrap());
    let answer = tokio::time::timeout(Duration::from_secs(60), call).await;
    let code = status(&answer.unwrap().unwrap()).code();
    assert_eq!(code, Code::DeadlineExceeded);
}
