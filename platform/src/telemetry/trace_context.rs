//! The W3C trace context, as it travels where no gRPC metadata does: in frames, on the bus, within one stream.
//!
//! A context is kept as the text of a `traceparent` header. An empty text means: no trace. A text that is no
//! traceparent is taken as empty, since it came from outside and nothing may depend on it.

use std::collections::HashMap;

use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The name of the header and of the gRPC metadata key.
pub const TRACEPARENT: &str = "traceparent";

/// The traceparent of the current span; empty when it is not traced.
#[must_use]
pub fn current() -> String {
    of(&Span::current())
}

/// The traceparent of a span; empty when it is not traced. From then on the span's parent is settled.
#[must_use]
pub fn of(span: &Span) -> String {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT).unwrap_or_default()
}

/// Makes a span the child of what a traceparent names.
///
/// To be called before the span is entered or asked for its own context: its parent is settled by then.
pub fn set_parent(span: &Span, traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        // Without an exporter there is no trace to be part of.
        let _ = span.set_parent(parent);
    }
}

/// Links a span to what a traceparent names: caused by it, and no part of it.
pub fn link(span: &Span, traceparent: &str) {
    if let Some(cause) = parse(traceparent) {
        span.add_link(cause.span().span_context().clone());
    }
}

fn parse(traceparent: &str) -> Option<Context> {
    if traceparent.is_empty() {
        return None;
    }
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    context.has_active_span().then_some(context)
}
