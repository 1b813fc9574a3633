//! How a process is watched: logs on standard error, and traces by OTLP when an endpoint is set.
//!
//! A trace shows one thing that a person did. Its context travels in gRPC metadata ([`grpc`]) and, where there is
//! none, as a text ([`trace_context`]). The names of all spans are in [`span`], those of all attributes in
//! [`attribute`], which says what none of them may hold. Log lines follow the same rule. [`registry`] is how names are
//! declared; `docs/telemetry.md` is made from them.

pub mod attribute;
pub mod grpc;
pub mod registry;
pub mod span;
pub mod trace_context;

use std::{fmt::Write, io::IsTerminal, sync::LazyLock, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use ring::digest;
use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    EnvFilter, Layer, filter::FilterFn, layer::SubscriberExt, util::SubscriberInitExt,
};

/// How long one export may take before it is given up.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a process is watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Where traces go by OTLP over gRPC, for example `http://127.0.0.1:4317`. Absent: nowhere.
    #[serde(default)]
    pub otlp_endpoint: Option<String>,
    /// Which part of the traces that begin here is kept, 0 to 1.
    pub sample_ratio: f64,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written, in the syntax of `tracing_subscriber::EnvFilter`, for example `info`.
    pub log_filter: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// Why a process can't be watched as its configuration asks.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter can't be understood.
    #[error("telemetry.log_filter: {0:?} is no filter ({1}); write for example \"info\"")]
    Filter(String, tracing_subscriber::filter::ParseError),
    /// The ratio is out of range.
    #[error("telemetry.sample_ratio: {0} is not between 0 and 1")]
    SampleRatio(f64),
    /// The endpoint can't be used.
    #[error("telemetry.otlp_endpoint: {0:?} can't be used: {1}")]
    Endpoint(String, opentelemetry_otlp::ExporterBuildError),
    /// It was started before.
    #[error("telemetry was started twice in one process")]
    StartedTwice,
}

/// What runs for a process that is watched.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

/// Starts logging and, if an endpoint is set, tracing. Once per process, within a tokio runtime.
///
/// # Errors
///
/// If a value of the configuration can't be used. Not if nobody listens at the endpoint: traces are then lost, with a
/// warning, and nothing else.
pub fn init(service_name: &str, config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    let log_filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| TelemetryError::Filter(config.log_filter.clone(), error))?;
    if !(0.0..=1.0).contains(&config.sample_ratio) {
        return Err(TelemetryError::SampleRatio(config.sample_ratio));
    }
    let traces = match &config.otlp_endpoint {
        Some(endpoint) => Some(tracer_provider(
            service_name,
            endpoint,
            config.sample_ratio,
        )?),
        None => None,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines = match config.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let spans = traces.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(FilterFn::new(is_traced))
    });
    tracing_subscriber::registry()
        .with(lines.with_filter(log_filter))
        .with(spans)
        .try_init()
        .map_err(|_| TelemetryError::StartedTwice)?;
    Ok(Telemetry { traces })
}

impl Telemetry {
    /// Sends what was not sent yet and stops. Takes no longer than the deadline.
    pub async fn shutdown(self, deadline: Duration) {
        let Some(traces) = self.traces else { return };
        // The exporter's shutdown blocks its thread until all is sent.
        let flushed = tokio::task::spawn_blocking(move || traces.shutdown_with_timeout(deadline));
        match tokio::time::timeout(deadline, flushed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the last traces were not sent"),
            Ok(Err(_)) | Err(_) => tracing::warn!("the last traces were not sent in time"),
        }
    }
}

fn tracer_provider(
    service_name: &str,
    endpoint: &str,
    sample_ratio: f64,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| TelemetryError::Endpoint(endpoint.to_owned(), error))?;
    let resource = Resource::builder()
        .with_service_name(service_name.to_owned())
        .with_attributes([
            KeyValue::new("service.namespace", "carrel"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", session_hash(service_name)),
        ])
        .build();
    Ok(SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            sample_ratio,
        ))))
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

/// Our own spans, and nothing else: the libraries below, the exporter's among them, would trace themselves, and a log
/// line's fields are not held to the list of attributes.
fn is_traced(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("carrel")
}

/// Stands for a session where its id must not be: the same text for the same session within one process, and of no
/// use to find the session by.
#[must_use]
pub fn session_hash(session_id: &str) -> String {
    static SALT: LazyLock<Option<[u8; 16]>> = LazyLock::new(|| {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).ok().map(|()| salt)
    });
    let Some(salt) = *SALT else {
        return String::new();
    };
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&salt);
    context.update(session_id.as_bytes());
    let mut hash = String::with_capacity(16);
    for byte in &context.finish().as_ref()[..8] {
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}
