//! What a collector receives of a call between two services. A process can set up tracing only once, so there is
//! one test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod library;
mod otlp;

use std::time::Duration;

use carrel_platform::{
    serve::{GrpcServer, Services},
    telemetry::{self, LogFormat, Scope, TelemetryConfig, attribute, grpc, trace_context},
};
use carrel_proto::directory::v1::{
    GetLibraryRequest, directory_service_client::DirectoryServiceClient,
    directory_service_server::DirectoryServiceServer,
};
use carrel_testbed::pipe::pipe;
use library::{HERE, OneLibrary};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use otlp::Collector;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const GET: &str = "carrel.directory.v1.DirectoryService/GetLibrary";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_a_child_of_its_caller_and_says_how_it_ended() {
    let collector = Collector::start().await;
    let telemetry = telemetry::init(
        "carrel-test",
        &TelemetryConfig {
            otlp_endpoint: Some(collector.endpoint()),
            sample_ratio: 1.0,
            slow_after: Duration::from_secs(1).into(),
            log_format: LogFormat::Text,
            log_filter: "off".to_owned(),
        },
    )
    .unwrap();
    let (channel, incoming) = pipe();
    let services = Services::new().with(DirectoryServiceServer::new(OneLibrary));
    let server = GrpcServer::new(services, false).await.unwrap();
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let serving = tokio::spawn(async move {
        server
            .serve(incoming, stopped, Duration::from_secs(5))
            .await
    });

    let cause = tracing::info_span!(target: "carrel::test", "cause");
    let cause_context = trace_context::of_sampled(trace_context::ids(&cause));
    let frame = tracing::info_span!(target: "carrel::test", "frame");
    trace_context::link_to(&frame, trace_context::ids(&cause));
    trace_context::link_to(&frame, None);
    let ask = |institution_id: &'static str| {
        let mut client = DirectoryServiceClient::new(channel.clone());
        let call = grpc::client_span(GET);
        let within = Scope::within(&call);
        within.around(async move {
            let mut request = Request::new(GetLibraryRequest {
                institution_id: institution_id.to_owned(),
            });
            grpc::inject(request.metadata_mut());
            let code = client
                .get_library(request)
                .await
                .map_or_else(|status| status.code(), |_| Code::Ok);
            grpc::record_client_code(&call, code);
        })
    };
    let asking = async {
        ask(HERE).await;
        ask("nowhere").await;
        // Whoever probes has done nothing that a trace could show.
        let mut probe = Request::new(HealthCheckRequest::default());
        grpc::inject(probe.metadata_mut());
        HealthClient::new(channel.clone())
            .check(probe)
            .await
            .unwrap();
    };
    Scope::within(&frame).around(asking).await;
    drop(frame);
    drop(cause);
    let later = tracing::info_span!(target: "carrel::test", "later");
    trace_context::set_parent(&later, &cause_context);
    drop(later);
    drop(tracing::info_span!(target: "h2", "not ours"));
    stop.cancel();
    serving.await.unwrap().unwrap();
    telemetry.shutdown(Duration::from_secs(10)).await;

    let spans = collector.spans();
    let one = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap();
        assert!(found.next().is_none(), "more than one span {name}");
        span.clone()
    };
    let (cause, frame, later) = (one("cause"), one("frame"), one("later"));
    assert!(frame.parent_span_id.is_empty());
    assert_eq!(frame.links.len(), 1);
    assert_eq!(frame.links[0].span_id, cause.span_id);
    assert_eq!(later.parent_span_id, cause.span_id);
    assert_eq!(later.trace_id, cause.trace_id);

    let of_kind = |kind: SpanKind, code: &str| {
        spans
            .iter()
            .find(|span| {
                span.name == GET
                    && span.kind == kind as i32
                    && otlp::attribute(span, attribute::RPC_RESPONSE_STATUS_CODE).as_deref()
                        == Some(code)
            })
            .cloned()
            .unwrap_or_else(|| panic!("no {kind:?} span that ended with {code} in {spans:#?}"))
    };
    for code in ["OK", "NOT_FOUND"] {
        let (client, server) = (
            of_kind(SpanKind::Client, code),
            of_kind(SpanKind::Server, code),
        );
        assert_eq!(client.parent_span_id, frame.span_id);
        assert_eq!(server.parent_span_id, client.span_id);
        assert_eq!(server.trace_id, frame.trace_id);
        for span in [client, server] {
            assert_eq!(
                otlp::attribute(&span, attribute::RPC_SYSTEM_NAME).as_deref(),
                Some("grpc")
            );
            assert_eq!(
                otlp::attribute(&span, attribute::RPC_METHOD).as_deref(),
                Some(GET)
            );
            // A refusal is a valid answer: whoever looks for failures must not find it.
            assert_eq!(otlp::attribute(&span, attribute::ERROR_TYPE), None);
        }
    }
    assert!(spans.iter().all(|span| span.name != "not ours"));
    assert!(spans.iter().all(|span| !span.name.contains("Health")));
}
