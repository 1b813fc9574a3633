//! Which spans are kept.
//!
//! Whether a trace is kept is decided where it begins, by chance, and held by everyone who has a part in it. So that
//! the slow and the failed are seen even so, a span of somebody who was served is recorded in any case, and kept by
//! itself when it failed or took too long. What it was made of is not known then: for whole traces of the slow and the
//! failed, all traces have to go to a collector that decides when it has seen their ends.

use std::time::Duration;

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanContext, SpanKind, Status, TraceContextExt, TraceId, TraceState},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        Sampler, SamplingDecision, SamplingResult, ShouldSample, Span, SpanData, SpanProcessor,
    },
};

use super::attribute;

/// Decides, when a span begins, whether it is kept.
#[derive(Clone, Debug)]
pub(super) struct KeepByChance {
    beginning: Sampler,
    looks_at_ends: bool,
}

impl KeepByChance {
    /// Keeps this part of the traces, and records who was served in the others if somebody
    /// [looks at the ends](KeepSlowAndFailed).
    pub(super) fn new(ratio: f64, looks_at_ends: bool) -> Self {
        Self {
            beginning: Sampler::TraceIdRatioBased(ratio),
            looks_at_ends,
        }
    }

    fn keeps(&self, parent: Option<&SpanContext>, trace_id: TraceId, links: &[Link]) -> bool {
        match parent {
            Some(parent) => parent.is_sampled(),
            // What several share is kept if it is part of a story that is. What a stranger says is never sampled.
            None if links.iter().any(|link| link.span_context.is_sampled()) => true,
            None => {
                let by_chance =
                    self.beginning
                        .should_sample(None, trace_id, "", &SpanKind::Internal, &[], &[]);
                by_chance.decision == SamplingDecision::RecordAndSample
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
        span_kind: &SpanKind,
        _attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent = parent_context.filter(|context| context.has_active_span());
        let parent = parent.map(|context| context.span().span_context().clone());
        let decision = if self.keeps(parent.as_ref(), trace_id, links) {
            SamplingDecision::RecordAndSample
        } else if self.looks_at_ends && *span_kind == SpanKind::Server {
            SamplingDecision::RecordOnly
        } else {
            SamplingDecision::Drop
        };
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: parent.map_or(TraceState::NONE, |parent| parent.trace_state().clone()),
        }
    }
}

/// Passes on, when a span ends, those that are kept.
#[derive(Debug)]
pub(super) struct KeepSlowAndFailed<P> {
    kept: P,
    slow_after: Duration,
}

impl<P> KeepSlowAndFailed<P> {
    /// Passes on to `kept` what is part of a trace that is kept, and what failed or took longer than this.
    pub(super) fn new(slow_after: Duration, kept: P) -> Self {
        Self { kept, slow_after }
    }

    /// Why a span is kept whose trace is not.
    fn reason(&self, span: &SpanData) -> Option<&'static str> {
        let took = span.end_time.duration_since(span.start_time);
        if matches!(span.status, Status::Error { .. }) {
            Some("failed")
        } else if took.is_ok_and(|took| took >= self.slow_after) {
            Some("slow")
        } else {
            None
        }
    }
}

impl<P: SpanProcessor> SpanProcessor for KeepSlowAndFailed<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.kept.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        if !span.span_context.is_sampled() {
            let Some(reason) = self.reason(&span) else {
                return;
            };
            let context = &span.span_context;
            span.span_context = SpanContext::new(
                context.trace_id(),
                context.span_id(),
                context.trace_flags().with_sampled(true),
                context.is_remote(),
                context.trace_state().clone(),
            );
            span.attributes
                .push(KeyValue::new(attribute::KEPT_FOR, reason));
        }
        self.kept.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.kept.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.kept.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.kept.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
