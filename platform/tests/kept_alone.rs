//! What a collector receives of a trace that is not kept, when both ends of a call fail. A process can set up tracing
//! only once, so there is one test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod library;
mod otlp;

use std::time::Duration;

use carrel_platform::{
    serve::{GrpcServer, Services},
    telemetry::{self, LazySpan, LogFormat, Scope, TelemetryConfig, attribute, grpc},
};
use carrel_proto::directory::v1::{
    GetLibraryRequest, ListLibrariesRequest, directory_service_client::DirectoryServiceClient,
    directory_service_server::DirectoryServiceServer,
};
use carrel_testbed::pipe::pipe;
use library::{HERE, OneLibrary};
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use otlp::Collector;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, transport::Channel};

/// A browser's frame, as a gateway would trace it.
fn frame() -> LazySpan {
    LazySpan::begin("ws frame")
}

/// Makes a call that the server answers, and one that fails. Returns how that one ended.
async fn ask(channel: Channel) -> Code {
    let mut directory = DirectoryServiceClient::new(channel);
    let mut request = Request::new(GetLibraryRequest {
        institution_id: HERE.to_owned(),
    });
    grpc::inject(request.metadata_mut());
    directory.get_library(request).await.unwrap();

    let call = grpc::client_span("carrel.directory.v1.DirectoryService/ListLibraries");
    let asking = async {
        let mut request = Request::new(ListLibrariesRequest::default());
        grpc::inject(request.metadata_mut());
        let code = directory.list_libraries(request).await.unwrap_err().code();
        grpc::record_client_code(&call, code);
        code
    };
    Scope::within(&call).around(asking).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_kept_at_both_ends_by_one_trace_id_and_nothing_else_is() {
    let collector = Collector::start().await;
    let telemetry = telemetry::init(
        "carrel-test",
        &TelemetryConfig {
            otlp_endpoint: Some(collector.endpoint()),
            sample_ratio: 0.0,
            slow_after: Duration::from_secs(3_600).into(),
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
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

    let mut served = frame();
    let code = served.scope().around(ask(channel)).await;
    served
        .scope()
        .run(|| tracing::info!(target: "carrel::test", "it failed"));
    served.answered(code);
    drop(served);
    drop(frame());
    stop.cancel();
    serving.await.unwrap().unwrap();
    telemetry.shutdown(Duration::from_secs(10)).await;

    let spans = collector.spans();
    let [one, other] = spans.as_slice() else {
        panic!("those two that failed, and not {spans:#?}");
    };
    let (frame, call) = match one.parent_span_id.is_empty() {
        true => (one, other),
        false => (other, one),
    };
    assert_eq!(frame.name, "ws frame");
    assert_eq!(call.trace_id, frame.trace_id);
    assert_eq!(call.parent_span_id, frame.span_id);
    let told = |key| otlp::attribute(call, key);
    assert_eq!(told(attribute::RPC_SYSTEM_NAME).as_deref(), Some("grpc"));
    let failure = Some("UNIMPLEMENTED");
    assert_eq!(
        told(attribute::RPC_RESPONSE_STATUS_CODE).as_deref(),
        failure
    );
    for span in [frame, call] {
        assert_eq!(span.kind, SpanKind::Server as i32);
        let status = span.status.as_ref().unwrap();
        assert_eq!(status.code, StatusCode::Error as i32);
        let told = |key| otlp::attribute(span, key);
        assert_eq!(told(attribute::ERROR_TYPE).as_deref(), failure);
        assert_eq!(told(attribute::KEPT_FOR).as_deref(), Some("failed"));
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }
    assert!(frame.start_time_unix_nano <= call.start_time_unix_nano);

    // A log line of the call names the trace, too.
    let lines = collector.measures().lines();
    let line = lines.iter().find(|line| line.trace_id == frame.trace_id);
    assert_eq!(line.unwrap().span_id, frame.span_id);
}
