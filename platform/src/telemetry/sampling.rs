//! Which spans are kept.
//!
//! Whether a trace is kept is decided where it begins, by chance, and held by everyone who has a part in it. So that
//! the slow and the failed are seen even so, the span of somebody who was served is kept by itself when it failed or
//! took too long. What it was made of is not known then: for whole traces of the slow and the failed, all traces have
//! to go to a collector that decides when it has seen their ends.

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

/// Which part of the traces is kept that begin here: those whose ids, as numbers of 63 bits, are below this. It is the rule
/// of OpenTelemetry's `TraceIdRatioBased`, so that others who go by it keep the same, without what that makes for each
/// decision.
#[derive(Clone, Copy, Debug)]
struct Chance(u64);

impl Chance {
    fn new(ratio: f64) -> Self {
        // All and none for what is out of range.
        Self((ratio * (1_u64 << 63) as f64) as u64)
    }

    fn keeps(self, trace_id: TraceId) -> bool {
        let [.., b0, b1, b2, b3, b4, b5, b6, b7] = trace_id.to_bytes();
        u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]) >> 1 < self.0
    }
}

/// Decides, when a span begins, whether it is kept.
#[derive(Clone, Debug)]
pub(super) struct KeepByChance(Chance);

impl KeepByChance {
    /// Keeps this part of the traces.
    pub(super) fn new(ratio: f64) -> Self {
        Self(Chance::new(ratio))
    }

    fn keeps(&self, parent: Option<&SpanContext>, trace_id: TraceId, links: &[Link]) -> bool {
        match parent {
            Some(parent) => parent.is_sampled(),
            // What several share is kept if it is part of a story that is. What a stranger says is never sampled.
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

/// Decides, where somebody begins to be served, whether their trace is kept, and keeps those of the others who were
/// served slowly or badly.
#[derive(Debug)]
pub(super) struct Keeper {
    chance: Chance,
    slow_after: Duration,
    ids: RandomIdGenerator,
    instrumentation_scope: InstrumentationScope,
    kept: Shared,
}

impl Keeper {
    /// Keeps this part of the traces. Passes on to `kept` what failed or took so long in the others, as spans of
    /// `instrumentation_scope`.
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

    /// The ids of a trace that begins, and whether it is kept.
    pub(super) fn trace(&self) -> TraceIds {
        let trace_id = self.ids.new_trace_id();
        TraceIds {
            trace_id,
            span_id: self.ids.new_span_id(),
            is_sampled: self.chance.keeps(trace_id),
        }
    }

    /// The ids of a trace that begins and is kept.
    pub(super) fn kept_trace(&self) -> TraceIds {
        TraceIds {
            is_sampled: true,
            ..self.trace()
        }
    }

    /// The ids of what is below others.
    pub(super) fn below(&self, of: TraceIds) -> TraceIds {
        TraceIds {
            span_id: self.ids.new_span_id(),
            ..of
        }
    }

    /// Why a span is kept whose trace is not, if it is.
    pub(super) fn reason(&self, failed: bool, took: Duration) -> Option<&'static str> {
        if failed {
            Some("failed")
        } else if took >= self.slow_after {
            Some("slow")
        } else {
            None
        }
    }

    /// What a noted span says of who made it.
    pub(super) fn instrumentation_scope(&self) -> InstrumentationScope {
        self.instrumentation_scope.clone()
    }

    /// Keeps a noted span.
    pub(super) fn keep(&self, span: SpanData) {
        self.kept.on_end(span);
    }
}

/// Where spans go that are kept: those of `tracing`, and those that were noted.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<dyn SpanProcessor>);

impl Shared {
    /// Spans go to `processor`, which says of all of them that they are of this resource.
    pub(super) fn new(mut processor: impl SpanProcessor + 'static, resource: &Resource) -> Self {
        // Nobody can set it later, when the processor is shared.
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
