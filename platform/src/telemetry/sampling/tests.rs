#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use opentelemetry::trace::{Span as _, SpanBuilder, SpanId, TraceFlags, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::*;

/// Remembers what it is passed.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Kept {
    fn names(&self) -> Vec<String> {
        let kept = self.0.lock().unwrap();
        kept.iter().map(|span| span.name.to_string()).collect()
    }
}

const SLOW: Duration = Duration::from_secs(1);

fn tracer(ratio: f64) -> (SdkTracer, Kept) {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(KeepByChance::new(ratio, true))
        .with_span_processor(KeepSlowAndFailed::new(SLOW, kept.clone()))
        .build();
    (provider.tracer("test"), kept)
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

fn server(name: &'static str) -> SpanBuilder {
    SpanBuilder::from_name(name).with_kind(SpanKind::Server)
}

/// A trace that is not kept still shows who was served badly, and nothing else.
#[test]
fn the_slow_and_the_failed_are_kept_by_themselves() {
    let (tracer, kept) = tracer(0.0);
    server("quick").start(&tracer).end();
    let mut failed = server("failed").start(&tracer);
    failed.set_status(Status::error("it did"));
    failed.end();
    let mut slow = server("slow").start(&tracer);
    let mut inner = SpanBuilder::from_name("inner").start(&tracer);
    inner.set_status(Status::error("it did"));
    inner.end();
    slow.end_with_timestamp(std::time::SystemTime::now() + SLOW);
    assert_eq!(kept.names(), ["failed", "slow"]);
    for span in kept.0.lock().unwrap().iter() {
        assert!(span.span_context.is_sampled(), "or it is not exported");
        let reason = KeyValue::new(attribute::KEPT_FOR, span.name.to_string());
        assert_eq!(span.attributes, [reason]);
    }
}

#[test]
fn what_the_beginner_decided_holds() {
    for (ratio, sampled) in [(0.0, true), (1.0, false)] {
        let (tracer, kept) = tracer(ratio);
        let parent = Context::new().with_remote_span_context(context(sampled));
        server("below").start_with_context(&tracer, &parent).end();
        assert_eq!(kept.names().len(), usize::from(sampled));
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
