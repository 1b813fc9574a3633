//! The W3C trace context, as it travels where no gRPC metadata does: in frames, on the bus, within one stream.
//!
//! A context is kept as the text of a `traceparent` header. An empty text means: no trace. A text that is no
//! traceparent is taken as empty, since it came from outside and nothing may depend on it.
//!
//! What asks for something carries the context of its span always ([`of`]), so that whoever serves it keeps or drops
//! the trace as its beginner decided. What merely tells that something happened carries it only when the trace is kept
//! ([`of_sampled`]): most traces are not, and a text for each event would be made and carried for nothing.

use std::ops::Range;

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::scope::Unsampled;

/// The name of the header and of the gRPC metadata key.
pub const TRACEPARENT: &str = "traceparent";

/// How long a traceparent is, of the one version that there is.
const LENGTH: usize = 55;
/// Where its parts are, which have a dash between them.
const VERSION: Range<usize> = 0..2;
const TRACE_ID: Range<usize> = 3..35;
const SPAN_ID: Range<usize> = 36..52;
const FLAGS: Range<usize> = 53..55;

/// The field in which a span is told how it ended.
pub(super) const STATUS_CODE: &str = "otel.status_code";

/// The traceparent of what is done now, whether its trace is kept or not; empty when there is no tracing.
#[must_use]
pub fn current() -> String {
    match Unsampled::current() {
        Some(unsampled) => text(&unsampled.context()),
        None => of(&Span::current()),
    }
}

/// The traceparent of a span; empty when there is no tracing. From then on the span's parent is settled.
#[must_use]
pub fn of(span: &Span) -> String {
    text(&ids(span))
}

/// The traceparent of a span that is part of a trace that is kept; empty of every other. From then on the span's parent
/// is settled.
#[must_use]
pub fn of_sampled(span: &Span) -> String {
    let ids = ids(span);
    match ids.is_sampled() {
        true => text(&ids),
        false => String::new(),
    }
}

/// Whether a span is part of a trace that is kept. Whoever would make spans below one that is not can leave it.
#[must_use]
pub fn is_sampled(span: &Span) -> bool {
    ids(span).is_sampled()
}

/// Whether what is done now is part of a trace that is not kept.
pub(crate) fn is_unsampled() -> bool {
    let current = Span::current();
    Unsampled::current().is_some() || !current.is_disabled() && !is_sampled(&current)
}

/// Makes a span the child of what a traceparent names.
///
/// To be called before the span is entered or asked for its own context: its parent is settled by then.
pub fn set_parent(span: &Span, traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        // Without an exporter there is no trace to be part of.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
}

/// Links a span to what a traceparent names: caused by it, and no part of it.
pub fn link(span: &Span, traceparent: &str) {
    if let Some(cause) = parse(traceparent) {
        span.add_link(cause);
    }
}

/// Links a span to another of this process, if that is part of a trace that is kept.
pub fn link_to(span: &Span, cause: &Span) {
    let cause = ids(cause);
    if cause.is_sampled() {
        span.add_link(cause);
    }
}

/// Links a span to what a stranger says that it belongs to: to its ids alone, which decide nothing here.
pub(super) fn link_to_stranger(span: &Span, traceparent: &str) {
    if let Some(said) = stranger(traceparent) {
        span.add_link(said);
    }
}

/// What a stranger says that something belongs to: the ids alone.
pub(super) fn stranger(traceparent: &str) -> Option<SpanContext> {
    let said = parse(traceparent)?;
    Some(context(said.trace_id(), said.span_id(), false))
}

/// Whether two traceparents name spans of one trace.
#[must_use]
pub fn in_one_trace(one: &str, other: &str) -> bool {
    fn trace_id(traceparent: &str) -> Option<&str> {
        traceparent.split('-').nth(1)
    }
    trace_id(one).is_some_and(|id| Some(id) == trace_id(other))
}

/// What a span is known by elsewhere. Not valid when there is no tracing.
pub(super) fn ids(span: &Span) -> SpanContext {
    match span.is_disabled() {
        true => SpanContext::NONE,
        false => span.context().span().span_context().clone(),
    }
}

/// A traceparent, as the one version that there is has it. It is written and read here and not by OpenTelemetry's
/// propagator, since each act has one: a propagator wants headers in a map, and looks for a `tracestate` beside it.
fn text(ids: &SpanContext) -> String {
    if !ids.is_valid() {
        return String::new();
    }
    let mut text = vec![b'-'; LENGTH];
    write_hex(&[0], &mut text[VERSION]);
    write_hex(&ids.trace_id().to_bytes(), &mut text[TRACE_ID]);
    write_hex(&ids.span_id().to_bytes(), &mut text[SPAN_ID]);
    write_hex(&[ids.trace_flags().to_u8()], &mut text[FLAGS]);
    // Digits and dashes are a text.
    String::from_utf8(text).unwrap_or_default()
}

/// What a traceparent names, if it is one.
pub(super) fn parse(traceparent: &str) -> Option<SpanContext> {
    let text: &[u8; LENGTH] = traceparent.as_bytes().try_into().ok()?;
    let dashes = [VERSION.end, TRACE_ID.end, SPAN_ID.end];
    if read_hex(&text[VERSION])? != [0] || dashes.iter().any(|dash| text[*dash] != b'-') {
        return None;
    }
    let trace_id = TraceId::from_bytes(read_hex(&text[TRACE_ID])?);
    let span_id = SpanId::from_bytes(read_hex(&text[SPAN_ID])?);
    let [flags] = read_hex(&text[FLAGS])?;
    let is_sampled = TraceFlags::new(flags).is_sampled();
    Some(context(trace_id, span_id, is_sampled)).filter(SpanContext::is_valid)
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes bytes as digits, two for each.
fn write_hex(bytes: &[u8], digits: &mut [u8]) {
    for (byte, two) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        two.copy_from_slice(&[byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]));
    }
}

/// The value of each lower-case digit, and [`NO_DIGIT`] of all else. Each act has a traceparent, of fifty digits.
static VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Has a bit that the value of no digit has.
const NO_DIGIT: u8 = 0x10;

/// Reads as many bytes from twice as many digits, which must be lower-case.
fn read_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let mut seen = 0;
    for (byte, two) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [two[0], two[1]].map(|digit| VALUES[usize::from(digit)]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen & NO_DIGIT == 0).then_some(bytes)
}

fn context(trace_id: TraceId, span_id: SpanId, is_sampled: bool) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(is_sampled);
    SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE)
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
            let text = text(&parse(&traceparent).unwrap());
            assert_eq!(text, traceparent);
            assert_eq!(text.len(), LENGTH);
        }
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let signed = format!("00-+{}-00f067aa0ba902b7-01", "1".repeat(31));
        let newer = format!("01-{}-00f067aa0ba902b7-01", "1".repeat(32));
        let longer = format!("00-{}-00f067aa0ba902b7-01-1", "1".repeat(32));
        let no_text = "\u{e4}".repeat(28);
        for said in [
            "",
            "x",
            "00-4bf9-00f0-01",
            &zero,
            &signed,
            &newer,
            &longer,
            &no_text,
            &"0".repeat(1 << 16),
        ] {
            assert!(parse(said).is_none(), "{said:.60}");
        }
    }
}
