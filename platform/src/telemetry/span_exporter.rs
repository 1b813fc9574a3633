//! Sends spans to the collector by OTLP over gRPC, at less cost than `opentelemetry-otlp`, which sends everything else.
//!
//! That crate copies each batch, so as to encode it again for a retry, and computes the encoded length of everything
//! below at each of OTLP's levels (request, resource, scope, span). Here a span is encoded once, and the bytes are sent
//! as often as needed. `docs/performance.md` has the figures.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::uri::PathAndQuery;
use opentelemetry::InstrumentationScope;
use opentelemetry_proto::{
    tonic::{
        collector::trace::v1::ExportTraceServiceResponse, common::v1 as common,
        resource::v1 as resource, trace::v1::Span,
    },
    transform::common::tonic::ResourceAttributesWithSchema,
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::SpanData,
};
use prost::Message;
use tonic::{
    Code, Request, Status,
    client::Grpc,
    transport::{self, Channel, Endpoint},
};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

use super::{EXPORT_TIMEOUT, export::spans_refused, grpc::code_name};
use crate::backoff::Backoff;

/// The collector's method that takes spans.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// How many times a batch is sent at most.
const TRIES: u32 = 4;

/// An `ExportTraceServiceRequest` whose content is already encoded. On the wire, a bytes field and a message field are
/// the same.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(bytes = "bytes", tag = "1")]
    of_resource: Bytes,
}

/// A `ResourceSpans` with one scope.
#[derive(Clone, PartialEq, Message)]
struct OfResource {
    #[prost(message, optional, tag = "1")]
    resource: Option<resource::Resource>,
    #[prost(bytes = "vec", tag = "2")]
    of_scope: Vec<u8>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

/// A `ScopeSpans`.
#[derive(Clone, PartialEq, Message)]
struct OfScope {
    #[prost(message, optional, tag = "1")]
    scope: Option<common::InstrumentationScope>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    spans: Vec<Vec<u8>>,
}

/// Sends spans of one scope to a collector.
#[derive(Debug)]
pub(super) struct SpanExporter {
    client: Grpc<Channel>,
    scope: common::InstrumentationScope,
    resource: ResourceAttributesWithSchema,
    /// Whether it was already logged that the collector does not take all spans.
    warned: AtomicBool,
}

impl SpanExporter {
    /// Creates an exporter to this endpoint, to which it connects with the first spans. Must be called within a tokio
    /// runtime, which drives the connection.
    ///
    /// # Errors
    /// When the endpoint is invalid.
    pub(super) fn new(
        endpoint: &str,
        scope: &InstrumentationScope,
    ) -> Result<Self, transport::Error> {
        let channel = Endpoint::from_shared(endpoint.to_owned())?
            .user_agent(concat!("carrel/", env!("CARGO_PKG_VERSION")))?
            .connect_timeout(EXPORT_TIMEOUT)
            .connect_lazy();
        Ok(Self {
            client: Grpc::new(channel),
            scope: (scope, None).into(),
            resource: ResourceAttributesWithSchema::default(),
            warned: AtomicBool::new(false),
        })
    }

    fn written(&self, batch: Vec<SpanData>) -> Export {
        let of_scope = OfScope {
            scope: Some(self.scope.clone()),
            spans: batch
                .into_iter()
                .map(|span| Span::from(span).encode_to_vec())
                .collect(),
        };
        let of_resource = OfResource {
            resource: Some(resource::Resource {
                attributes: self.resource.attributes.0.clone(),
                ..Default::default()
            }),
            of_scope: of_scope.encode_to_vec(),
            schema_url: self.resource.schema_url.clone().unwrap_or_default(),
        };
        Export {
            of_resource: of_resource.encode_to_vec().into(),
        }
    }

    async fn send(
        &self,
        export: Export,
        within: Duration,
    ) -> Result<ExportTraceServiceResponse, Status> {
        let mut client = self.client.clone();
        client.ready().await.map_err(|error| {
            let mut status = Status::unavailable("there is no connection");
            status.set_source(Arc::new(error));
            status
        })?;
        let codec: ProstCodec<Export, ExportTraceServiceResponse> = ProstCodec::default();
        let path = PathAndQuery::from_static(EXPORT);
        let mut request = Request::new(export);
        request.set_timeout(within);
        let answer = client.unary(request, path, codec).await?;
        Ok(answer.into_inner())
    }

    /// Sends a batch until the collector takes it, refuses it for good, or the time or the tries are used up. Blocks
    /// its thread between tries.
    async fn send_until_taken(&self, export: Export) -> Result<ExportTraceServiceResponse, Status> {
        let began = Instant::now();
        let left = || EXPORT_TIMEOUT.saturating_sub(began.elapsed());
        let mut backoff = Backoff::new();
        for _ in 1..TRIES {
            let status = match self.send(export.clone(), left()).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            match pause_before_next(&status, &mut backoff) {
                Some(pause) if pause < left() => sleep(pause),
                _ => return Err(status),
            }
        }
        self.send(export, left()).await
    }

    /// Counts the spans that the collector rejected from a batch that it accepted, and logs it once.
    fn note_refused(&self, answer: ExportTraceServiceResponse) {
        let refused = answer.partial_success.unwrap_or_default();
        let spans = usize::try_from(refused.rejected_spans).unwrap_or(0);
        if spans == 0 {
            self.warned.store(false, Ordering::Relaxed);
            return;
        }
        spans_refused(spans);
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                spans,
                "the collector does not take all spans; what it leaves is counted"
            );
        }
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let answer = self.send_until_taken(self.written(batch)).await;
        self.note_refused(answer.map_err(|status| OTelSdkError::InternalFailure(why(&status)))?);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Returns how long to wait before sending again after this status, or `None` if that would be of no use. These are the
/// rules of <https://opentelemetry.io/docs/specs/otlp/#failures>.
fn pause_before_next(status: &Status, backoff: &mut Backoff) -> Option<Duration> {
    let asked_for = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    match status.code() {
        Code::ResourceExhausted => asked_for,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Some(asked_for.unwrap_or_else(|| backoff.next_pause())),
        _ => None,
    }
}

/// Describes why an export failed: the code and its sources, but not the collector's message, which may be anything.
fn why(status: &Status) -> String {
    let mut why = code_name(status.code()).to_owned();
    let mut source = status.source();
    while let Some(error) = source {
        why.push_str(": ");
        why.push_str(&error.to_string());
        source = error.source();
    }
    why
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use opentelemetry::KeyValue;
    use opentelemetry_proto::{
        tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest},
        transform::trace::tonic::group_spans_by_resource_and_scope,
    };
    use opentelemetry_sdk::trace::SpanExporter as _;
    use tonic_types::ErrorDetails;

    use super::*;
    use crate::telemetry::lazy_span::tests::spans_of_all_kinds;

    #[tokio::test]
    async fn it_is_written_as_opentelemetry_writes_it() {
        let scope = InstrumentationScope::builder("test").build();
        let resource = Resource::builder_empty()
            .with_service_name("carrel")
            .with_attribute(KeyValue::new("service.version", "1"))
            .build();
        let mut exporter = SpanExporter::new("http://127.0.0.1:4317", &scope).unwrap();
        exporter.set_resource(&resource);
        let spans = spans_of_all_kinds();
        assert!(!spans.is_empty());
        let written = exporter.written(spans.clone()).encode_to_vec();
        let expected = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(spans, &(&resource).into()),
        };
        assert_eq!(
            ExportTraceServiceRequest::decode(written.as_slice()).unwrap(),
            expected
        );
    }

    #[test]
    fn what_may_be_taken_later_is_sent_again_and_when_the_collector_says() {
        let pause = |status: Status| pause_before_next(&status, &mut Backoff::new());
        assert!(pause(Status::unavailable("")).is_some());
        assert_eq!(pause(Status::resource_exhausted("")), None);
        assert_eq!(pause(Status::invalid_argument("")), None);
        let second = Duration::from_secs(1);
        for code in [Code::ResourceExhausted, Code::Unavailable] {
            let details = ErrorDetails::with_retry_info(Some(second));
            let status = Status::with_error_details(code, "", details);
            assert_eq!(pause(status), Some(second));
        }
    }

    #[tokio::test]
    async fn it_is_said_once_that_not_all_spans_are_taken() {
        let scope = InstrumentationScope::builder("test").build();
        let exporter = SpanExporter::new("http://127.0.0.1:4317", &scope).unwrap();
        let answer = |rejected_spans| ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans,
                error_message: "a warning".to_owned(),
            }),
        };
        let warned = || exporter.warned.load(Ordering::Relaxed);
        exporter.note_refused(answer(0));
        assert!(!warned());
        exporter.note_refused(answer(2));
        assert!(warned());
        exporter.note_refused(ExportTraceServiceResponse::default());
        assert!(!warned());
    }

    #[tokio::test]
    async fn what_is_no_endpoint_is_said_so() {
        let scope = InstrumentationScope::builder("test").build();
        assert!(SpanExporter::new("not an endpoint", &scope).is_err());
    }
}
