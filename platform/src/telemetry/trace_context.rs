//! The W3C trace context, as it travels where no gRPC metadata does: in frames, on the bus, within one stream.
//!
//! A context is kept as the text of a `traceparent` header. An empty text means: no trace. A text that is no
//! traceparent is taken as empty, since it came from outside and nothing may depend on it.
//!
//! What asks for something carries the context of its span always ([`of`]), so that whoever serves it keeps or drops
//! the trace as its beginner decided. What merely tells that something happened carries it only when the trace is kept
//! ([`of_sampled`]): most traces are not, and a text for each event would be made and carried for nothing.

use opentelemetry::{
    Context, SpanId,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The name of the header and of the gRPC metadata key.
pub const TRACEPARENT: &str = "traceparent";

/// How long a traceparent is, of the one version that there is.
const LENGTH: usize = 55;

/// The traceparent of the current span; empty when there is no tracing.
#[must_use]
pub fn current() -> String {
    of(&Span::current())
}

/// The traceparent of a span; empty when there is no tracing. From then on the span's parent is settled.
#[must_use]
pub fn of(span: &Span) -> String {
    text(&span.context())
}

/// The traceparent of a span that is part of a trace that is kept; empty of every other. From then on the span's parent
/// is settled.
#[must_use]
pub fn of_sampled(span: &Span) -> String {
    let context = span.context();
    match context.span().span_context().is_sampled() {
        true => text(&context),
        false => String::new(),
    }
}

/// Whether a span is part of a trace that is kept. Whoever would make spans below one that is not can leave it.
#[must_use]
pub fn is_sampled(span: &Span) -> bool {
    !span.is_disabled() && span.context().span().span_context().is_sampled()
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

/// Links a span to another of this process, if that is part of a trace that is kept.
pub fn link_to(span: &Span, cause: &Span) {
    let context = cause.context();
    let cause = context.span().span_context().clone();
    if cause.is_sampled() {
        span.add_link(cause);
    }
}

/// Links a span to what a stranger says that it belongs to: to its ids alone, which decide nothing here.
pub fn link_to_stranger(span: &Span, traceparent: &str) {
    if let Some(said) = parse(traceparent) {
        let said = said.span().span_context().clone();
        if said.span_id() != SpanId::INVALID {
            span.add_link(SpanContext::new(
                said.trace_id(),
                said.span_id(),
                opentelemetry::TraceFlags::NOT_SAMPLED,
                true,
                opentelemetry::trace::TraceState::NONE,
            ));
        }
    }
}

/// Whether two traceparents name spans of one trace.
#[must_use]
pub fn in_one_trace(one: &str, other: &str) -> bool {
    fn trace_id(traceparent: &str) -> Option<&str> {
        traceparent.split('-').nth(1)
    }
    trace_id(one).is_some_and(|id| Some(id) == trace_id(other))
}

/// One traceparent, where a propagator would have headers.
struct Carrier<'a>(&'a str);

impl Extractor for Carrier<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

/// The place for one traceparent.
#[derive(Default)]
struct Place(String);

impl Injector for Place {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = value;
        }
    }
}

fn text(context: &Context) -> String {
    let mut place = Place::default();
    TraceContextPropagator::new().inject_context(context, &mut place);
    place.0
}

fn parse(traceparent: &str) -> Option<Context> {
    // The propagator would take shorter ids for ids.
    if traceparent.len() != LENGTH {
        return None;
    }
    let context =
        TraceContextPropagator::new().extract_with_context(&Context::new(), &Carrier(traceparent));
    context.has_active_span().then_some(context)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written_as_it_was() {
        for flags in ["00", "01"] {
            let traceparent =
                format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
            assert_eq!(text(&parse(&traceparent).unwrap()), traceparent);
        }
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for said in ["", "x", "00-4bf9-00f0-01", &zero, &"0".repeat(1 << 16)] {
            assert!(parse(said).is_none(), "{said:.60}");
        }
    }
}
