//! Telemetry of a process: log lines on standard error, metrics to be scraped ([`exposition`]), and traces, metrics and
//! log lines by OTLP when an endpoint is set.
//!
//! A trace shows one thing that a person did. It begins with a [`LazySpan`], and all work for it runs in its [`Scope`].
//! Its context travels in gRPC metadata ([`grpc`]) and, where there is none, as a string ([`trace_context`]). The names
//! of all spans are in [`span`], those of all metrics in [`metric`], and those of all attributes in [`attribute`],
//! which says what no attribute may hold. Log lines follow the same rule. [`registry`] is how names are declared;
//! `docs/telemetry.md` is generated from them.

pub mod attribute;
pub(crate) mod call_duration;
mod coarse_instant;
mod export;
pub mod exposition;
pub mod grpc;
mod lazy_span;
mod lines;
pub mod messaging;
mod meter;
pub mod metric;
pub mod registry;
mod sampling;
mod scope;
pub mod span;
mod span_exporter;
pub mod trace_context;

use std::{borrow::Cow, fmt::Write, sync::LazyLock, time::Duration};

use opentelemetry::{InstrumentationScope, KeyValue, trace::TracerProvider};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::SdkLoggerProvider,
    metrics::SdkMeterProvider,
    trace::{SdkTracer, SdkTracerProvider},
};
use ring::digest;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, LevelFilter},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use self::{export::Exports, exposition::Exposition};

pub use lazy_span::LazySpan;
pub use opentelemetry::trace::SpanKind;
pub use scope::{Scope, TraceIds};

use sampling::{KeepByChance, Keeper, Shared};
use span_exporter::SpanExporter;

use crate::config::{HumanDuration, Problems};

/// How long one export may take before it is abandoned.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many deliveries of one event each server traces. The rest are alike, and metrics count all of them.
pub const DELIVERIES_TRACED: usize = 16;

/// The telemetry settings of a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Where traces, metrics and log lines are sent by OTLP over gRPC, for example `http://127.0.0.1:4317`. If absent,
    /// nothing is sent.
    #[serde(default)]
    pub otlp_endpoint: Option<String>,
    /// The fraction of the traces beginning here that is kept, 0 to 1.
    pub sample_ratio: f64,
    /// How long a frame or a call may take before it counts as slow. The spans of slow and failed ones are always kept,
    /// each without the rest of its trace.
    pub slow_after: HumanDuration,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written, in `tracing_subscriber::EnvFilter` syntax, for example `info`.
    pub log_filter: String,
}

impl TelemetryConfig {
    /// Checks what the types of the settings do not express.
    ///
    /// # Errors
    /// When a setting can't be used.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        if let Some(endpoint) = &self.otlp_endpoint
            && !is_endpoint(endpoint)
        {
            let problem =
                "is no address of a collector; write for example \"http://127.0.0.1:4317\"";
            problems.add(
                "telemetry.otlp_endpoint",
                format_args!("{endpoint:?} {problem}"),
            );
        }
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            let problem = format_args!("{} is not between 0 and 1", self.sample_ratio);
            problems.add("telemetry.sample_ratio", problem);
        }
        if let Err(problem) = lines::check(&self.log_filter) {
            problems.add("telemetry.log_filter", problem);
        }
        problems.checked()
    }
}

/// Returns whether traces can be sent there: by gRPC without TLS.
fn is_endpoint(text: &str) -> bool {
    let address = text.parse::<http::Uri>();
    address.is_ok_and(|address| {
        address.scheme_str() == Some("http") && address.host().is_some_and(|host| !host.is_empty())
    })
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

/// Why telemetry can't be started as configured.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter can't be parsed.
    #[error("telemetry.log_filter: {0:?} is no filter ({1}); write for example \"info\"")]
    Filter(String, tracing_subscriber::filter::ParseError),
    /// Settings can't be used.
    #[error(transparent)]
    Settings(#[from] Problems),
    /// The endpoint can't be used.
    #[error("telemetry.otlp_endpoint: {0:?} can't be used: {1}")]
    Endpoint(String, String),
    /// Metrics can't be collected.
    #[error("metrics can't be collected: {0}")]
    Metrics(String),
    /// It was already started.
    #[error("telemetry was started twice in one process")]
    StartedTwice,
}

/// The running telemetry of a process. Clones share it.
#[derive(Clone, Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: SdkMeterProvider,
    lines: Option<SdkLoggerProvider>,
    exposition: Exposition,
    sample_ratio: f64,
}

/// Starts writing log lines, collecting metrics and, if an endpoint is set, tracing and sending all of it there. Must
/// be called once per process, within a tokio runtime.
///
/// # Errors
///
/// If a configuration value can't be used. It is no error if nothing listens at the endpoint: the data is then lost,
/// with a warning.
pub fn init(service_name: &str, config: &TelemetryConfig) -> Result<Telemetry, TelemetryError> {
    config.check()?;
    let written = lines::written(config.log_format, &config.log_filter)?;
    let resource = resource(service_name);
    let endpoint = config.otlp_endpoint.as_deref();
    let exports = Exports::default();
    let (metrics, exposition) = meter::start(resource.clone(), endpoint, &exports)?;
    let tracer = InstrumentationScope::builder(env!("CARGO_PKG_NAME")).build();
    let (mut traces, mut lines) = (None, None);
    if let Some(endpoint) = endpoint {
        traces = Some(tracer_provider(
            resource.clone(),
            endpoint,
            config,
            &tracer,
            &exports,
        )?);
        lines = Some(lines::provider(resource, endpoint, &exports)?);
    }
    // Only the layers that are needed: an empty layer would still cause every span to be made.
    let mut layers = vec![written];
    if let Some(provider) = &lines {
        layers.push(lines::exported(provider, &config.log_filter)?.boxed());
    }
    if let Some(provider) = &traces {
        let spans = spans_of(provider.tracer_with_scope(tracer))
            .with_filter(FilterFn::new(is_traced).with_max_level_hint(TRACED));
        layers.push(spans.boxed());
    }
    tracing_subscriber::registry()
        .with(layers)
        .try_init()
        .map_err(|_| TelemetryError::StartedTwice)?;
    Ok(Telemetry {
        traces,
        metrics,
        lines,
        exposition,
        sample_ratio: config.sample_ratio,
    })
}

impl Telemetry {
    /// Returns the metrics, to be scraped.
    #[must_use]
    pub fn exposition(&self) -> Exposition {
        self.exposition.clone()
    }

    /// Reports in the metrics which engines the process uses: the log's, as in `db.system.name`, and the bus's, as in
    /// `messaging.system`.
    pub fn tell_engines(&self, log: Option<&'static str>, bus: Option<&'static str>) {
        if let Some(bus) = bus {
            // So that the counter exists, at zero.
            metric::BUS_MISSED.add(0, [bus.into()]);
        }
        metric::CONFIG_INFO.inform([
            Cow::from(log.unwrap_or("none")),
            Cow::from(bus.unwrap_or("none")),
            Cow::from(self.sample_ratio.to_string()),
        ]);
    }

    /// Sends what is still pending and stops, for all clones. Takes no longer than the deadline.
    pub async fn shutdown(self, deadline: Duration) {
        let Self {
            traces,
            metrics,
            lines,
            ..
        } = self;
        // An exporter's shutdown blocks its thread until everything is sent.
        let mut ends = JoinSet::new();
        let mut end = |shutdown: Box<dyn FnOnce(Duration) -> OTelSdkResult + Send>| {
            ends.spawn_blocking(move || shutdown(deadline));
        };
        end(Box::new(move |within| {
            metrics.shutdown_with_timeout(within)
        }));
        if let Some(traces) = traces {
            end(Box::new(move |within| traces.shutdown_with_timeout(within)));
        }
        if let Some(lines) = lines {
            end(Box::new(move |within| lines.shutdown_with_timeout(within)));
        }
        let ended = async {
            let mut failure = None;
            while let Some(outcome) = ends.join_next().await {
                if let Ok(Err(error)) = outcome {
                    failure = Some(error);
                }
            }
            failure
        };
        match tokio::time::timeout(deadline, ended).await {
            Ok(None) => {}
            Ok(Some(error)) => tracing::warn!(%error, "the last telemetry was not sent"),
            Err(_) => tracing::warn!("the last telemetry was not sent in time"),
        }
    }
}

fn resource(service_name: &str) -> Resource {
    Resource::builder()
        .with_service_name(service_name.to_owned())
        .with_attributes([
            KeyValue::new("service.namespace", "carrel"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", session_hash(service_name)),
        ])
        .build()
}

fn tracer_provider(
    resource: Resource,
    endpoint: &str,
    config: &TelemetryConfig,
    tracer: &InstrumentationScope,
    exports: &Exports,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::new(endpoint, tracer)
        .map_err(|error| TelemetryError::Endpoint(endpoint.to_owned(), error.to_string()))?;
    let kept = Shared::new(exports.spans(exporter), &resource);
    lazy_span::start(Keeper::new(
        config.sample_ratio,
        config.slow_after.get(),
        tracer.clone(),
        kept.clone(),
    ));
    Ok(SdkTracerProvider::builder()
        .with_sampler(KeepByChance::new(config.sample_ratio))
        .with_resource(resource)
        .with_span_processor(kept)
        .build())
}

/// A layer that turns `tracing` spans into the tracer's, with the recorded attributes only.
fn spans_of<S>(tracer: SdkTracer) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        // The current `Scope` says which span is current.
        .with_context_activation(false)
}

/// The most verbose level of our own spans. Given as a level hint, it makes libraries' more verbose ones cost least.
const TRACED: LevelFilter = LevelFilter::INFO;

/// Whether something becomes a span: only our own spans do. Libraries, those of the exporter among them, would trace
/// themselves, and the fields of log events are not restricted to the list of attributes.
fn is_traced(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() <= TRACED && metadata.target().starts_with("carrel")
}

/// Returns a stand-in for a session's id where the id itself must not appear: the same text for the same session within
/// one process, and useless for finding the session.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(change: impl FnOnce(&mut TelemetryConfig)) -> Option<String> {
        let mut config = TelemetryConfig {
            otlp_endpoint: None,
            sample_ratio: 1.0,
            slow_after: HumanDuration::from_secs(1),
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
        };
        change(&mut config);
        config.check().err().map(|problems| problems.to_string())
    }

    #[test]
    fn telemetry_that_can_not_be_started_is_refused_before() {
        let at = |endpoint: &str| {
            problems(|config| config.otlp_endpoint = Some(endpoint.to_owned())).unwrap_or_default()
        };
        assert_eq!(at("http://collector:4317"), "");
        for wrong in ["localhost:4317", "collector", "https://h:4317", "grpc://h"] {
            let problem = at(wrong);
            let right = "write for example \"http://127.0.0.1:4317\"";
            assert!(
                problem.contains(wrong) && problem.ends_with(right),
                "{problem}"
            );
        }
        let all = problems(|config| {
            config.sample_ratio = 1.5;
            config.log_filter = "inof".to_owned();
        });
        let all = all.unwrap_or_default();
        for named in [
            "telemetry.sample_ratio: 1.5",
            "telemetry.log_filter: \"inof\"",
        ] {
            assert!(all.contains(named), "{all}");
        }
    }
}
