//! Where metrics go: they are collected once, and read by whoever scrapes this process and, if there is a collector, sent
//! to it.

use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    metrics::{Instrument, PeriodicReader, SdkMeterProvider, Stream},
};
use prometheus::Registry;

use super::{
    EXPORT_TIMEOUT, TelemetryError,
    export::{Exports, nothing_given_up},
    exposition::Exposition,
    metric,
};

/// How often metrics are sent to the collector.
const PUSH_EVERY: Duration = Duration::from_secs(15);

/// How many combinations of labels one metric may have. All that the code knows are far fewer; what would be more is
/// counted together, so memory has a bound.
const COMBINATIONS: usize = 512;

/// Collects metrics from now on: for who scrapes and, if there is an endpoint, for the collector.
pub(super) fn start(
    resource: Resource,
    endpoint: Option<&str>,
    exports: &Exports,
) -> Result<(SdkMeterProvider, Exposition), TelemetryError> {
    let registry = Registry::new();
    let scraped = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .scope_info_enabled(false)
        .build()
        .map_err(|error| TelemetryError::Metrics(error.to_string()))?;
    let mut provider = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(scraped)
        .with_view(|_: &Instrument| {
            Stream::builder()
                .with_cardinality_limit(COMBINATIONS)
                .build()
                .ok()
        });
    if let Some(endpoint) = endpoint {
        let exporter = exporter(endpoint)
            .map_err(|error| TelemetryError::Endpoint(endpoint.to_owned(), error))?;
        let reader = PeriodicReader::builder(exports.metrics(exporter))
            .with_interval(PUSH_EVERY)
            .build();
        provider = provider.with_reader(reader);
    }
    let provider = provider.build();
    metric::start(provider.meter("carrel"));
    metric::process::observe();
    nothing_given_up();
    metric::BUILD_INFO.inform([
        env!("CARGO_PKG_VERSION"),
        option_env!("CARREL_COMMIT").unwrap_or("unknown"),
        env!("CARREL_RUSTC"),
    ]);
    Ok((provider, Exposition::of(registry)))
}

fn exporter(endpoint: &str) -> Result<opentelemetry_otlp::MetricExporter, ExporterBuildError> {
    opentelemetry_otlp::MetricExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
}
