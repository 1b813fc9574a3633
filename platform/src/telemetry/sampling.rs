//! Which spans are kept.
//!
//! Whether a trace is kept is decided at random where it begins, and everyone who takes part in it abides by that. So
//! that slow and failed requests are seen even so, the span of a served request is kept on its own if it failed or took
//! too long. Its steps are lost: to have whole traces of slow and failed requests, send all traces to a collector that
//! decides once it has seen their ends.

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    Context, InstrumentationScope, KeyValue,
    trace::{Link, SpanContext, SpanKind, TraceContextExt, TraceId, TraceState},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample, Span,
        SpanData, SpanProcessor,
    },
};

use super::scope::TraceIds;

/// Which of the traces beginning here are kept: those whose ids, as 63-bit numbers, are below this. This is the rule of
/// OpenTelemetry's `TraceIdRatioBased`, so that others who use it keep the same traces, without its overhead for each
/// decision.
#[derive(Clone, Copy, Debug)]
struct Chance(u64);

impl Chance {
    fn new(ratio: f64) -> Self {
        // The cast saturates: out-of-range ratios keep all or none.
        Self((ratio * (1_u64 << 63) as f64) as u64)
    }

    fn keeps(self, trace_id: TraceId) -> bool {
        let [.., b0, b1, b2, b3, b4, b5, b6, b7] = trace_id.to_bytes();
        u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]) >> 1 < self.0
    }
}

/// Decides whether a span is kept, when it begins.
#[derive(Clone, Debug)]
pub(super) struct KeepByChance(Chance);

impl KeepByChance {
    /// Keeps this fraction of the traces.
    pub(super) fn new(ratio: f64) -> Self {
        Self(Chance::new(ratio))
    }

    fn keeps(&self, parent: Option<&SpanContext>, trace_id: TraceId, links: &[Link]) -> bool {
        match parent {
            Some(parent) => parent.is_sampled(),
            // Shared work is kept if any linked trace is kept. A link to an untrusted caller's context is never
            // sampled.
            None => {
                links.iter().any(|link| link.span_context.is_sampled()) || self.0.keeps(trace_id)
            }
        }
    }
}

impl ShouldSample for KeepByChance {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _span_kind: &SpanKind,
        _attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent = parent_context.filter(|context| context.has_active_span());
        let parent = parent.map(|context| context.span().span_context().clone());
        let decision = match self.keeps(parent.as_ref(), trace_id, links) {
            true => SamplingDecision::RecordAndSample,
            false => SamplingDecision::Drop,
        };
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: parent.map_or(TraceState::NONE, |parent| parent.trace_state().clone()),
        }
    }
}

/// Decides, when a served request begins a trace, whether that is kept, and keeps the spans of failed or slow requests
/// from the other traces.
#[derive(Debug)]
pub(super) struct Keeper {
    chance: Chance,
    slow_after: Duration,
    ids: RandomIdGenerator,
    instrumentation_scope: InstrumentationScope,
    kept: Shared,
}

impl Keeper {
    /// Keeps the fraction `ratio` of the traces. From the others, passes on to `kept` what failed or took at least
    /// `slow_after`, as spans of `instrumentation_scope`.
    pub(super) fn new(
        ratio: f64,
        slow_after: Duration,
        instrumentation_scope: InstrumentationScope,
        kept: Shared,
    ) -> Self {
        Self {
            chance: Chance::new(ratio),
            slow_after,
            ids: RandomIdGenerator::default(),
            instrumentation_scope,
            kept,
        }
    }

    /// Creates the ids of a new trace and decides whether it is kept.
    pub(super) fn trace(&self) -> TraceIds {
        let trace_id = self.ids.new_trace_id();
        TraceIds {
            trace_id,
            span_id: self.ids.new_span_id(),
            is_sampled: self.chance.keeps(trace_id),
        }
    }

    /// Creates the ids of a new trace that is kept.
    pub(super) fn kept_trace(&self) -> TraceIds {
        TraceIds {
            is_sampled: true,
            ..self.trace()
        }
    }

    /// Creates the ids of a child span.
    pub(super) fn below(&self, of: TraceIds) -> TraceIds {
        TraceIds {
            span_id: self.ids.new_span_id(),
            ..of
        }
    }

    /// Returns why a span is kept although its trace is not, or `None` if it is not kept.
    pub(super) fn reason(&self, failed: bool, took: Duration) -> Option<&'static str> {
        if failed {
            Some("failed")
        } else if took >= self.slow_after {
            Some("slow")
        } else {
            None
        }
    }

    /// Returns the instrumentation scope of noted spans.
    pub(super) fn instrumentation_scope(&self) -> InstrumentationScope {
        self.instrumentation_scope.clone()
    }

    /// Keeps a noted span.
    pub(super) fn keep(&self, span: SpanData) {
        self.kept.on_end(span);
    }
}

/// The processor of all spans that are kept: those of `tracing` and noted ones.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<dyn SpanProcessor>);

impl Shared {
    /// Passes spans to `processor`, which attributes all of them to this resource.
    pub(super) fn new(mut processor: impl SpanProcessor + 'static, resource: &Resource) -> Self {
        // It can't be set once the processor is shared.
        processor.set_resource(resource);
        Self(Arc::new(processor))
    }
}

impl SpanProcessor for Shared {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }
}

#[cfg(test)]
pub(super) mod tests;
