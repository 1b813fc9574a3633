#![allow(clippy::unwrap_used, clippy::panic)]

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;

use super::*;
use crate::telemetry::sampling::{Shared, tests::Kept};

/// Nothing in these tests is this slow.
const NEVER: Duration = Duration::from_secs(3_600);

/// A traced process.
struct Process {
    keeper: &'static Keeper,
    kept: Kept,
}

impl Process {
    /// Keeps this fraction of the traces and, of the others, spans that take at least `slow_after`.
    fn new(ratio: f64, slow_after: Duration) -> Self {
        let kept = Kept::default();
        let scope = InstrumentationScope::builder("test").build();
        let shared = Shared::new(kept.clone(), &Resource::builder_empty().build());
        let keeper = Keeper::new(ratio, slow_after, scope, shared);
        Self {
            keeper: Box::leak(Box::new(keeper)),
            kept,
        }
    }

    fn begin(&self, name: &'static str) -> LazySpan {
        LazySpan::begin_with(Some(self.keeper), name)
    }

    fn below(&self, traceparent: &str, name: &'static str) -> LazySpan {
        LazySpan::below_with(Some(self.keeper), traceparent, name)
    }

    fn step(&self, of: &LazySpan, name: &'static str) -> LazySpan {
        LazySpan::step_with(Some(self.keeper), of.ids(), false, SpanKind::Internal, name)
    }

    fn kept(&self) -> Vec<SpanData> {
        self.kept.spans()
    }
}

/// What a span says apart from its times and ids.
fn story(span: &SpanData) -> (&str, &SpanKind, &Status, Vec<(String, String)>) {
    let mut attributes: Vec<_> = span
        .attributes
        .iter()
        .map(|pair| (pair.key.to_string(), pair.value.to_string()))
        .filter(|(key, _)| key != attribute::KEPT_FOR)
        .collect();
    attributes.sort();
    (&span.name, &span.span_kind, &span.status, attributes)
}

/// Spans that between them use everything that a span can say.
pub(in crate::telemetry) fn spans_of_all_kinds() -> Vec<SpanData> {
    let process = Process::new(1.0, NEVER);
    let mut frame = process.begin("ws act");
    frame.link_to_untrusted("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    frame.record(attribute::FRAME, "act");
    frame.record(attribute::EVENTS, 7);
    let traceparent = trace_context::of_sampled(frame.ids());
    let mut served = process.below(&traceparent, "serve");
    served.answered(Code::Internal);
    let mut step = process.step(&frame, "decide");
    step.link(served.ids().unwrap());
    drop((served, step, frame));
    process.kept()
}

fn reason(span: &SpanData) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let reason = attributes.find(|pair| pair.key.as_str() == attribute::KEPT_FOR)?;
    Some(reason.value.to_string())
}

/// Of a trace that is not kept, only spans of failed or slow requests are shown.
#[test]
fn of_a_trace_that_is_not_kept_only_the_slow_and_the_failed_are() {
    let patient = Process::new(0.0, NEVER);
    let impatient = Process::new(0.0, Duration::ZERO);
    patient.begin("quick").answered(Code::Ok);
    patient.begin("refused").answered(Code::PermissionDenied);
    patient.begin("failed").answered(Code::Unavailable);
    drop(impatient.begin("slow"));
    for (process, name) in [(patient, "failed"), (impatient, "slow")] {
        let kept = process.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(kept[0].name, name);
        assert_eq!(reason(&kept[0]).as_deref(), Some(name));
        assert!(kept[0].span_context.is_sampled(), "or it is not exported");
    }
}

/// Only the reason tells a span that is kept alone from one that is kept with its trace.
#[test]
fn a_span_that_is_kept_alone_says_what_it_would_have_said() {
    let serve = |ratio| {
        let process = Process::new(ratio, NEVER);
        let mut served = process.begin("ws attend");
        served.record(attribute::FRAME, "attend");
        served.record(attribute::EVENTS, 7);
        served.answered(Code::Internal);
        drop(served);
        process.kept().remove(0)
    };
    let (with_its_trace, alone) = (serve(1.0), serve(0.0));
    assert_eq!(story(&with_its_trace), story(&alone));
    assert_eq!(with_its_trace.status, Status::error(""));
    assert_eq!(reason(&with_its_trace), None);
    assert_eq!(reason(&alone).as_deref(), Some("failed"));
}

#[test]
fn a_span_covers_all_that_it_took() {
    let took = Duration::from_secs(7);
    for ratio in [0.0, 1.0] {
        let process = Process::new(ratio, NEVER);
        let recording = process.begin("slow").0.take().unwrap();
        // A clock that was set in the meantime does not make it longer.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let span = recording.into_span(took, now);
        assert_eq!(span.end_time.duration_since(span.start_time).unwrap(), took);
        assert_eq!(
            span.end_time == now,
            ratio == 0.0,
            "or when it began is known"
        );
    }
}

#[test]
fn steps_are_below_what_is_kept_and_are_none_of_what_is_not() {
    let (kept, dropped) = (Process::new(1.0, NEVER), Process::new(0.0, NEVER));
    let frame = kept.begin("frame");
    drop(kept.step(&frame, "decide"));
    drop(frame);
    let [step, frame] = kept.kept().try_into().unwrap();
    assert_eq!(step.name, "decide");
    assert_eq!(step.span_kind, SpanKind::Internal);
    assert_eq!(step.span_context.trace_id(), frame.span_context.trace_id());
    assert_eq!(step.parent_span_id, frame.span_context.span_id());
    assert!(!step.parent_span_is_remote);
    assert!(frame.start_time <= step.start_time && step.end_time <= frame.end_time);

    let frame = dropped.begin("frame");
    assert!(dropped.step(&frame, "decide").0.is_none());
    assert!(dropped.step(&LazySpan::default(), "decide").0.is_none());
}

/// Acts whose traces are not kept are counted, too.
#[test]
fn a_step_for_many_acts_is_below_the_first_that_is_kept_and_says_for_how_many() {
    let (kept, dropped) = (Process::new(1.0, NEVER), Process::new(0.0, NEVER));
    let frames = [&dropped, &kept, &kept].map(|process| process.begin("frame"));
    let acts = [None, frames[0].ids(), frames[1].ids(), frames[2].ids()];
    let step = |acts: &[Option<TraceIds>]| {
        LazySpan::step_for_all_with(Some(kept.keeper), acts.iter().copied(), "decide")
    };
    assert!(step(&acts[..2]).0.is_none());
    drop(step(&acts));
    let span = kept.kept().remove(0);
    assert_eq!(span.parent_span_id, acts[2].unwrap().span_id);
    let links: Vec<_> = span.links.iter().map(|link| &link.span_context).collect();
    assert_eq!(links, [&acts[3].unwrap().context()]);
    let count = (attribute::ACTS.to_owned(), "4".to_owned());
    assert_eq!(story(&span).3, [count]);
}

/// Work done in an empty step belongs to the surrounding scope.
#[test]
fn within_nothing_is_where_it_is() {
    let process = Process::new(0.0, NEVER);
    let frame = process.begin("frame");
    let within = frame.scope().run(|| {
        let step = process.step(&frame, "decide");
        step.scope().run(TraceIds::current)
    });
    assert_eq!(within, frame.ids());
    assert!(within.is_some());
}

#[test]
fn a_link_to_a_trace_that_is_not_kept_is_none() {
    let (kept, dropped) = (Process::new(1.0, NEVER), Process::new(0.0, NEVER));
    let mut span = kept.begin("append");
    for other in [&kept, &dropped] {
        span.link(other.begin("other").ids().unwrap());
    }
    drop(span);
    let spans = kept.kept();
    let [other, append] = spans.as_slice() else {
        panic!("two and not {spans:?}");
    };
    let links: Vec<_> = append.links.iter().map(|link| &link.span_context).collect();
    assert_eq!(links, [&other.span_context]);
}

/// A call from one service to another is one trace, whichever of them shows a span.
#[test]
fn both_ends_of_a_trace_that_is_not_kept_show_one_trace() {
    let (gateway, service) = (Process::new(0.0, NEVER), Process::new(1.0, NEVER));
    let mut frame = gateway.begin("frame");
    let sent = frame.scope().run(trace_context::current);
    service.below(&sent, "act").answered(Code::Internal);
    frame.answered(Code::Internal);
    drop(frame);
    let (frame, act) = (gateway.kept().remove(0), service.kept().remove(0));
    assert_eq!(frame.span_context.trace_id(), act.span_context.trace_id());
    assert_ne!(frame.span_context.span_id(), act.span_context.span_id());
    assert_eq!(frame.parent_span_id, SpanId::INVALID);
    assert_eq!(act.parent_span_id, frame.span_context.span_id());
    assert!(act.parent_span_is_remote);
}

#[test]
fn a_trace_that_its_beginner_keeps_is_kept() {
    let (gateway, service) = (Process::new(1.0, NEVER), Process::new(0.0, NEVER));
    let sent = gateway.begin("frame").scope().run(trace_context::current);
    drop(service.below(&sent, "act"));
    let (frame, act) = (gateway.kept().remove(0), service.kept().remove(0));
    assert_eq!(frame.span_context.trace_id(), act.span_context.trace_id());
    assert_eq!(act.parent_span_id, frame.span_context.span_id());
}

/// A caller that sends no traceparent, or an invalid one, begins a trace.
#[test]
fn a_caller_who_names_no_trace_begins_one() {
    for said in ["", "no traceparent"] {
        let process = Process::new(1.0, NEVER);
        drop(process.below(said, "act"));
        assert_eq!(process.kept()[0].parent_span_id, SpanId::INVALID);
    }
}

/// An untrusted caller's context is linked to, and its sampled flag is ignored.
#[test]
fn it_is_linked_to_what_an_untrusted_caller_says_and_nothing_more() {
    const SAID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for ratio in [0.0, 1.0] {
        let process = Process::new(ratio, NEVER);
        let mut served = process.begin("frame");
        served.link_to_untrusted(SAID.to_owned());
        served.failed("it did");
        drop(served);
        let span = process.kept().remove(0);
        let linked: Vec<&SpanContext> = span.links.iter().map(|link| &link.span_context).collect();
        let said = trace_context::parse(SAID).unwrap();
        assert_eq!(linked.len(), 1);
        assert_eq!(linked[0].trace_id(), said.trace_id);
        assert_eq!(linked[0].span_id(), said.span_id);
        assert!(!linked[0].is_sampled());
        assert_ne!(span.span_context.trace_id(), said.trace_id);
    }
}

/// Work done for a trace that is not kept knows so.
#[test]
fn a_trace_that_is_not_kept_is_current_while_it_is_worked_for() {
    let process = Process::new(0.0, NEVER);
    let served = process.begin("frame");
    served
        .scope()
        .run(|| assert!(trace_context::is_unsampled()));
    assert!(!trace_context::is_unsampled());
}

#[test]
fn where_nobody_traces_there_is_nothing() {
    let served = LazySpan::begin_with(None, "frame");
    assert!(served.0.is_none());
    assert_eq!(served.scope().run(trace_context::current), "");
}
