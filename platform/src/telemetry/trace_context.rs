//! The W3C trace context, as it travels where there is no gRPC metadata: in frames, on the bus, within one stream.
//!
//! A context is represented as the text of a `traceparent` header. Empty text means no trace. Text that is not a valid
//! traceparent is treated as empty, since it came from outside and nothing may depend on it.
//!
//! A request always carries the context of its span ([`current`]), so that the callee keeps or drops the trace as
//! decided where it began. A mere notification carries it only if the trace is kept ([`of_sampled`]): most traces are
//! not, and a text for each event would be made and carried for nothing.

use std::ops::Range;

use opentelemetry::{
    SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::scope::TraceIds;

/// The name of the header and of the gRPC metadata key.
pub const TRACEPARENT: &str = "traceparent";

/// The length of a traceparent of version 00, the only one there is.
const LENGTH: usize = 55;
/// The parts of a traceparent, separated by dashes.
const VERSION: Range<usize> = 0..2;
const TRACE_ID: Range<usize> = 3..35;
const SPAN_ID: Range<usize> = 36..52;
const FLAGS: Range<usize> = 53..55;

/// The `tracing` field that sets a span's status.
pub(super) const STATUS_CODE: &str = "otel.status_code";

/// Returns the traceparent of the current scope, whether its trace is kept or not; empty outside any trace.
#[must_use]
pub fn current() -> String {
    TraceIds::current().map(text).unwrap_or_default()
}

/// Returns the traceparent of these ids if their trace is kept; otherwise empty.
#[must_use]
pub fn of_sampled(ids: Option<TraceIds>) -> String {
    let sampled = ids.and_then(TraceIds::sampled);
    sampled.map(text).unwrap_or_default()
}

/// Whether the current scope is part of a trace that is not kept.
pub(crate) fn is_unsampled() -> bool {
    TraceIds::current().is_some_and(|ids| !ids.is_sampled)
}

/// Makes a span the child of the span that a traceparent names.
///
/// Must be called before the span is entered or asked for its own context: from then on its parent is fixed.
pub fn set_parent(span: &Span, traceparent: &str) {
    if let Some(parent) = parse(traceparent) {
        // This fails without an exporter; then there are no traces.
        let _ = span.set_parent(parent.remote_parent());
    }
}

/// Makes a span the child of another span of this process, as [`set_parent`] does.
pub(crate) fn set_parent_ids(span: &Span, parent: TraceIds) {
    let _ = span.set_parent(parent.parent());
}

/// Makes a span a child of the current scope.
pub(crate) fn below_current(span: Span) -> Span {
    if let Some(current) = TraceIds::current() {
        set_parent_ids(&span, current);
    }
    span
}

/// Links a span to its cause, which belongs to another trace, if that trace is kept.
pub fn link_to(span: &Span, cause: Option<TraceIds>) {
    if let Some(cause) = cause.and_then(TraceIds::sampled) {
        span.add_link(cause.context());
    }
}

/// Returns the context of an untrusted caller, without its sampled flag, which decides nothing here.
pub(super) fn untrusted(traceparent: &str) -> Option<SpanContext> {
    let said = parse(traceparent)?;
    Some(
        TraceIds {
            is_sampled: false,
            ..said
        }
        .remote_context(),
    )
}

/// Whether two traceparents name spans of one trace.
#[must_use]
pub fn in_one_trace(one: &str, other: &str) -> bool {
    fn trace_id(traceparent: &str) -> Option<&str> {
        traceparent.split('-').nth(1)
    }
    trace_id(one).is_some_and(|id| Some(id) == trace_id(other))
}

/// Returns the ids of a span, or `None` if it is disabled. From then on the span's parent is fixed.
#[must_use]
pub fn ids(span: &Span) -> Option<TraceIds> {
    match span.is_disabled() {
        true => None,
        false => TraceIds::of(span.context().span().span_context()),
    }
}

/// Formats a traceparent of version 00. It is written and read here and not by OpenTelemetry's propagator, since every
/// act has one: a propagator wants headers in a map, and also looks for a `tracestate`.
fn text(ids: TraceIds) -> String {
    let trace_id = u128::from_be_bytes(ids.trace_id.to_bytes());
    let span_id = u64::from_be_bytes(ids.span_id.to_bytes());
    let flags = TraceFlags::default().with_sampled(ids.is_sampled);
    let mut text = vec![b'-'; LENGTH];
    text[VERSION].copy_from_slice(b"00");
    // `write_hex` takes the low 32 bits of the shifted number.
    write_hex(|shift| (trace_id >> shift) as u32, &mut text[TRACE_ID]);
    write_hex(|shift| (span_id >> shift) as u32, &mut text[SPAN_ID]);
    text[FLAGS].copy_from_slice(&to_digits(flags.to_u8().into())[6..]);
    // Digits and dashes are valid UTF-8.
    String::from_utf8(text).unwrap_or_default()
}

/// Parses a traceparent; `None` if it is not a valid one.
pub(super) fn parse(traceparent: &str) -> Option<TraceIds> {
    let text: &[u8; LENGTH] = traceparent.as_bytes().try_into().ok()?;
    let dashes = [VERSION.end, TRACE_ID.end, SPAN_ID.end];
    if text[VERSION] != *b"00" || dashes.iter().any(|dash| text[*dash] != b'-') {
        return None;
    }
    let trace_id = read_hex(&text[TRACE_ID], 0, |id: u128, word| {
        id << 32 | u128::from(word)
    })?;
    let span_id = read_hex(&text[SPAN_ID], 0, |id: u64, word| {
        id << 32 | u64::from(word)
    })?;
    let mut flags = *b"00000000";
    flags[6..].copy_from_slice(&text[FLAGS]);
    let flags = from_digits(flags)? as u8;
    (trace_id != 0 && span_id != 0).then(|| TraceIds {
        trace_id: TraceId::from(trace_id),
        span_id: SpanId::from(span_id),
        is_sampled: TraceFlags::new(flags).is_sampled(),
    })
}

/// Writes a number as hex digits, eight at a time, for speed: each act has fifty digits to write and to read. `word`
/// returns the low 32 bits of the number after a right shift by its argument.
fn write_hex(word: impl Fn(usize) -> u32, digits: &mut [u8]) {
    for (place, eight) in digits.as_chunks_mut().0.iter_mut().rev().enumerate() {
        *eight = to_digits(word(32 * place));
    }
}

/// Reads a number from hex digits, eight at a time. `and` appends the next 32 bits to the number so far.
fn read_hex<T>(digits: &[u8], none: T, and: impl Fn(T, u32) -> T) -> Option<T> {
    let mut eights = digits.as_chunks().0.iter();
    eights.try_fold(none, |number, eight| {
        Some(and(number, from_digits(*eight)?))
    })
}

/// Repeats a byte in all eight bytes.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Formats a number as eight lower-case hex digits.
fn to_digits(number: u32) -> [u8; 8] {
    // Spread the bits until each byte holds one nibble.
    let mut halves = u64::from(number);
    halves = (halves << 16 | halves) & 0x0000_ffff_0000_ffff;
    halves = (halves << 8 | halves) & 0x00ff_00ff_00ff_00ff;
    halves = (halves << 4 | halves) & each(0x0f);
    // Adding six to a nibble above nine carries into bit 4.
    let letters = (halves + each(6)) >> 4 & each(1);
    let digits = halves + each(b'0') + letters * u64::from(b'a' - b'0' - 10);
    digits.to_be_bytes()
}

/// Parses eight lower-case hex digits; `None` if they are not.
fn from_digits(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(digits);
    // Only letters have bit 6 set; their low nibble counts from one.
    let letters = text >> 6 & each(1);
    let mut halves = (text & each(0x0f)) + letters * 9;
    halves = (halves >> 4 | halves) & 0x00ff_00ff_00ff_00ff;
    halves = (halves >> 8 | halves) & 0x0000_ffff_0000_ffff;
    let number = (halves >> 16 | halves) as u32;
    // Only lower-case hex digits survive the round trip.
    (to_digits(number) == digits).then_some(number)
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
            let text = text(parse(&traceparent).unwrap());
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
