//! Protects this process from a collector that is away, slow or refuses everything: what waits for it is bounded, what
//! is dropped is counted, and it is logged once.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::{Context, InstrumentationScope, logs::Severity};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{
        BatchConfigBuilder as LogBatchConfig, BatchLogProcessor, LogBatch, LogExporter,
        LogProcessor, SdkLogRecord,
    },
    metrics::{
        Temporality,
        data::{Metric, ResourceMetrics, ScopeMetrics},
        exporter::PushMetricExporter,
    },
    trace::{
        BatchConfigBuilder as SpanBatchConfig, BatchSpanProcessor, Span, SpanData, SpanExporter,
        SpanProcessor,
    },
};

use super::metric::TELEMETRY_DROPPED;

/// How many spans, and how many log lines, may wait for the collector.
const WAITING: usize = 2_048;

/// A kind of telemetry that is exported.
#[derive(Clone, Copy, Debug)]
enum Signal {
    Spans,
    Metrics,
    Logs,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Spans, Self::Metrics, Self::Logs];

    fn name(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

/// Tracks whether exports succeed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Exports {
    /// One bit per signal whose last export failed.
    failing: Arc<AtomicU8>,
}

impl Exports {
    fn settled(&self, signal: Signal, items: usize, result: &OTelSdkResult) {
        match result {
            Ok(()) => {
                let before = self.failing.fetch_and(!signal.bit(), Ordering::Relaxed);
                if before == signal.bit() {
                    tracing::info!("the collector takes telemetry again");
                }
            }
            Err(error) => {
                given_up(signal, items);
                let before = self.failing.fetch_or(signal.bit(), Ordering::Relaxed);
                if before == 0 {
                    tracing::warn!(
                        signal = signal.name(),
                        %error,
                        "the collector takes no telemetry; what can't wait is given up until it does, and counted"
                    );
                }
            }
        }
    }

    /// Exports spans, on a thread of its own.
    pub(super) fn spans<E: SpanExporter + 'static>(
        &self,
        exporter: E,
    ) -> impl SpanProcessor + use<E> {
        let room = Arc::default();
        let exporter = Watched {
            exporter,
            exports: self.clone(),
            room: Arc::clone(&room),
        };
        let config = SpanBatchConfig::default()
            .with_max_queue_size(WAITING)
            .build();
        let inner = BatchSpanProcessor::builder(exporter)
            .with_batch_config(config)
            .build();
        Bounded { inner, room }
    }

    /// Exports log lines, on a thread of its own.
    pub(super) fn logs<E: LogExporter + 'static>(&self, exporter: E) -> impl LogProcessor + use<E> {
        let room = Arc::default();
        let exporter = Watched {
            exporter,
            exports: self.clone(),
            room: Arc::clone(&room),
        };
        let config = LogBatchConfig::default()
            .with_max_queue_size(WAITING)
            .build();
        let inner = BatchLogProcessor::builder(exporter)
            .with_batch_config(config)
            .build();
        Bounded { inner, room }
    }

    /// Exports metrics. They are not queued: the next export includes what a failed one would have sent.
    pub(super) fn metrics<E: PushMetricExporter>(
        &self,
        exporter: E,
    ) -> impl PushMetricExporter + use<E> {
        Watched {
            exporter,
            exports: self.clone(),
            room: Arc::default(),
        }
    }
}

/// Makes the counters of dropped items exist, at zero.
pub(super) fn nothing_given_up() {
    for signal in Signal::ALL {
        given_up(signal, 0);
    }
}

fn given_up(signal: Signal, items: usize) {
    TELEMETRY_DROPPED.add(items as u64, [signal.name().into()]);
}

/// Counts spans that the collector rejected from a batch that it accepted.
pub(super) fn spans_refused(spans: usize) {
    given_up(Signal::Spans, spans);
}

/// How many items wait for an exporter or are being exported.
#[derive(Debug, Default)]
struct Room(AtomicUsize);

impl Room {
    /// Takes a place if one is free. If none is, counts the item as dropped and returns `false`.
    fn enter(&self, signal: Signal) -> bool {
        let entered = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < WAITING).then_some(waiting + 1)
            });
        if entered.is_err() {
            given_up(signal, 1);
        }
        entered.is_ok()
    }

    fn leave(&self, items: usize) {
        self.0.fetch_sub(items, Ordering::Relaxed);
    }
}

/// A processor that passes on no more than the inner one can queue, so that the inner one never drops anything
/// uncounted.
#[derive(Debug)]
struct Bounded<P> {
    inner: P,
    room: Arc<Room>,
}

impl SpanProcessor for Bounded<BatchSpanProcessor> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.room.enter(Signal::Spans) {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl LogProcessor for Bounded<BatchLogProcessor> {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.room.enter(Signal::Logs) {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.inner.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// An exporter whose outcomes are recorded.
#[derive(Debug)]
struct Watched<E> {
    exporter: E,
    exports: Exports,
    room: Arc<Room>,
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let items = batch.len();
        let result = self.exporter.export(batch).await;
        self.room.leave(items);
        self.exports.settled(Signal::Spans, items, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Watched<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let items = batch.iter().count();
        let result = self.exporter.export(batch).await;
        self.room.leave(items);
        self.exports.settled(Signal::Logs, items, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let items = metrics
            .scope_metrics()
            .flat_map(ScopeMetrics::metrics)
            .map(Metric::name)
            .count();
        let result = self.exporter.export(metrics).await;
        self.exports.settled(Signal::Metrics, items, &result);
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_waits_than_there_is_room_for() {
        let room = Room::default();
        for _ in 0..WAITING {
            assert!(room.enter(Signal::Spans));
        }
        assert!(!room.enter(Signal::Spans));
        room.leave(2);
        assert!(room.enter(Signal::Spans) && room.enter(Signal::Spans));
        assert!(!room.enter(Signal::Spans));
    }

    #[test]
    fn it_is_noted_once_that_the_collector_takes_nothing_and_once_that_it_does() {
        let exports = Exports::default();
        let failing = || exports.failing.load(Ordering::Relaxed);
        let no = Err(opentelemetry_sdk::error::OTelSdkError::InternalFailure(
            "away".to_owned(),
        ));
        exports.settled(Signal::Spans, 1, &no);
        exports.settled(Signal::Logs, 1, &no);
        assert_eq!(failing(), Signal::Spans.bit() | Signal::Logs.bit());
        exports.settled(Signal::Spans, 1, &Ok(()));
        assert_eq!(failing(), Signal::Logs.bit());
        exports.settled(Signal::Logs, 1, &Ok(()));
        assert_eq!(failing(), 0);
    }
}
