#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{Span as _, SpanBuilder, SpanId, TraceFlags, TracerProvider};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use super::*;

/// A processor that remembers the spans that are kept.
#[derive(Clone, Debug, Default)]
pub(in crate::telemetry) struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.0.lock().unwrap().push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Kept {
    /// Returns the spans that it was passed so far.
    pub(in crate::telemetry) fn spans(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }

    fn names(&self) -> Vec<String> {
        self.spans()
            .iter()
            .map(|span| span.name.to_string())
            .collect()
    }
}

fn tracer(ratio: f64) -> (SdkTracer, Kept) {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(KeepByChance::new(ratio))
        .with_span_processor(kept.clone())
        .build();
    (provider.tracer("test"), kept)
}

#[test]
fn chance_is_opentelemetrys() {
    let ids = RandomIdGenerator::default();
    for ratio in [0.0, 0.01, 0.5, 1.0] {
        let (chance, sampler) = (Chance::new(ratio), Sampler::TraceIdRatioBased(ratio));
        for _ in 0..1_000 {
            let id = ids.new_trace_id();
            let kind = SpanKind::Internal;
            let result = sampler.should_sample(None, id, "", &kind, &[], &[]);
            let keeps = result.decision == SamplingDecision::RecordAndSample;
            assert_eq!(chance.keeps(id), keeps, "{ratio} {id}");
        }
    }
}

fn context(sampled: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from(7),
        SpanId::from(7),
        TraceFlags::default().with_sampled(sampled),
        true,
        TraceState::NONE,
    )
}

#[test]
fn a_trace_that_begins_is_kept_by_chance() {
    for ratio in [0.0, 1.0] {
        let (tracer, kept) = tracer(ratio);
        SpanBuilder::from_name("begins").start(&tracer).end();
        assert_eq!(kept.names().len(), usize::from(ratio > 0.0));
    }
}

#[test]
fn what_the_beginner_decided_holds() {
    for (ratio, sampled) in [(0.0, true), (1.0, false)] {
        let (tracer, kept) = tracer(ratio);
        let parent = Context::new().with_remote_span_context(context(sampled));
        for kind in [SpanKind::Server, SpanKind::Internal] {
            let below = SpanBuilder::from_name("below").with_kind(kind);
            below.start_with_context(&tracer, &parent).end();
        }
        assert_eq!(kept.names().len(), 2 * usize::from(sampled));
    }
}

#[test]
fn what_is_shared_with_a_story_that_is_kept_is_kept() {
    let (tracer, kept) = tracer(0.0);
    for sampled in [true, false] {
        let mut shared = SpanBuilder::from_name(if sampled { "shared" } else { "alone" });
        shared.links = Some(vec![Link::with_context(context(sampled))]);
        shared.start(&tracer).end();
    }
    assert_eq!(kept.names(), ["shared"]);
}
