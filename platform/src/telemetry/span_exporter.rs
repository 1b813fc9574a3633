//! How spans go to the collector: by OTLP over gRPC, as `opentelemetry-otlp` sends them, at half of what it takes for it.
//!
//! That crate copies each batch, so that it can be made anew if it has to be sent again, and has each of OTLP's levels
//! (request, resource, scope, span) measure all that is below it before it is written. Here a span is written once, and
//! what was written is sent as often as need be. `docs/performance.md` has the figures.

use std::{
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

use super::{EXPORT_TIMEOUT, export::spans_refused};

/// The method of the collector that takes spans.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// How often a batch is sent at the most.
const TRIES: u32 = 3;
/// How long it rests before it is sent again; then twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// An `ExportTraceServiceRequest`, in which what is below is written already. On the wire, bytes are what a message is.
#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(bytes = "bytes", tag = "1")]
    of_resource: Bytes,
}

/// A `ResourceSpans` of one scope.
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
}

impl SpanExporter {
    /// Sends to this endpoint; whether anybody is there shows with the first spans. To be called within a tokio runtime,
    /// which keeps the connection.
    ///
    /// # Errors
    /// When that is no endpoint.
    pub(super) fn new(
        endpoint: &str,
        scope: &InstrumentationScope,
    ) -> Result<Self, transport::Error> {
        let channel = Endpoint::from_shared(endpoint.to_owned())?
            .timeout(EXPORT_TIMEOUT)
            .connect_lazy();
        Ok(Self {
            client: Grpc::new(channel),
            scope: (scope, None).into(),
            resource: ResourceAttributesWithSchema::default(),
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

    async fn send(&self, export: Export) -> Result<ExportTraceServiceResponse, Status> {
        let mut client = self.client.clone();
        client
            .ready()
            .await
            .map_err(|error| Status::unavailable(error.to_string()))?;
        let codec: ProstCodec<Export, ExportTraceServiceResponse> = ProstCodec::default();
        let path = PathAndQuery::from_static(EXPORT);
        let answer = client.unary(Request::new(export), path, codec).await?;
        Ok(answer.into_inner())
    }

    /// Sends it until the collector has it, or the time or the tries are used up. Blocks its thread in between.
    async fn send_until_taken(&self, export: Export) -> Result<ExportTraceServiceResponse, Status> {
        let began = Instant::now();
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.send(export.clone()).await {
                Err(status)
                    if is_worth_a_try(&status) && began.elapsed() + pause < EXPORT_TIMEOUT =>
                {
                    sleep(pause);
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
        self.send(export).await
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let answer = self.send_until_taken(self.written(batch)).await;
        let answer = answer.map_err(|status| OTelSdkError::InternalFailure(status.to_string()))?;
        if let Some(refused) = answer.partial_success {
            tracing::debug!(
                why = refused.error_message,
                "the collector did not take all spans"
            );
            spans_refused(usize::try_from(refused.rejected_spans).unwrap_or(0));
        }
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Whether the collector may take later what it did not take now, as OTLP's specification has it
/// (<https://opentelemetry.io/docs/specs/otlp/#failures>).
fn is_worth_a_try(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use opentelemetry::KeyValue;
    use opentelemetry_proto::{
        tonic::collector::trace::v1::ExportTraceServiceRequest,
        transform::trace::tonic::group_spans_by_resource_and_scope,
    };
    use opentelemetry_sdk::trace::SpanExporter as _;

    use super::*;
    use crate::telemetry::noted_span::tests::spans_of_all_kinds;

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

    #[tokio::test]
    async fn what_is_no_endpoint_is_said_so() {
        let scope = InstrumentationScope::builder("test").build();
        assert!(SpanExporter::new("not an endpoint", &scope).is_err());
    }
}
