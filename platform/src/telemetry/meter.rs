//! Where metrics go: they are aggregated once, read by scrapers, and sent to the collector if there is one.

use std::{sync::Weak, time::Duration};

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, WithExportConfig as _};
use opentelemetry_prometheus::PrometheusExporter;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{
        Instrument, InstrumentKind, PeriodicReader, Pipeline, SdkMeterProvider, Stream,
        Temporality, data::ResourceMetrics, reader::MetricReader,
    },
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

/// How many label combinations one metric may have. The code uses far fewer; any excess is counted together, so that
/// memory is bounded.
const COMBINATIONS: usize = 512;

/// Starts collecting metrics: for scrapers and, if there is an endpoint, for the collector.
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
    let mut sent: Option<Box<dyn MetricReader>> = None;
    if let Some(endpoint) = endpoint {
        let exporter = exporter(endpoint)
            .map_err(|error| TelemetryError::Endpoint(endpoint.to_owned(), error.to_string()))?;
        let reader = PeriodicReader::builder(exports.metrics(exporter))
            .with_interval(PUSH_EVERY)
            .build();
        sent = Some(Box::new(reader));
    }
    let provider = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(ScrapedAndSent { scraped, sent })
        .with_view(|_: &Instrument| {
            Stream::builder()
                .with_cardinality_limit(COMBINATIONS)
                .build()
                .ok()
        })
        .build();
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

fn exporter(endpoint: &str) -> Result<MetricExporter, ExporterBuildError> {
    MetricExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
}

/// One reader for both scrapers and the collector. Two readers would each have sums of their own, and every value would
/// be added up twice.
#[derive(Debug)]
struct ScrapedAndSent {
    scraped: PrometheusExporter,
    sent: Option<Box<dyn MetricReader>>,
}

impl MetricReader for ScrapedAndSent {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.scraped.register_pipeline(Weak::clone(&pipeline));
        if let Some(sent) = &self.sent {
            sent.register_pipeline(pipeline);
        }
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.scraped.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.sent.as_ref().map_or(Ok(()), |sent| sent.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        // The collector gets the last values first; scrapers need nothing more.
        let sent = self
            .sent
            .as_ref()
            .map_or(Ok(()), |sent| sent.shutdown_with_timeout(timeout));
        sent.and(self.scraped.shutdown_with_timeout(timeout))
    }

    /// Cumulative: the only temporality that Prometheus knows, and the exporter's default.
    fn temporality(&self, _: InstrumentKind) -> Temporality {
        Temporality::Cumulative
    }
}
