#![allow(clippy::unwrap_used, clippy::panic)]

use opentelemetry::{
    InstrumentationScope,
    trace::{SpanContext, TracerProvider},
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::{
    sampling::{KeepByChance, Shared, tests::Kept},
    spans_of,
};

/// So slow is nobody here.
const NEVER: Duration = Duration::from_secs(3_600);

/// One process that is traced, and nobody else.
struct Process {
    keeper: &'static Keeper,
    provider: SdkTracerProvider,
    kept: Kept,
}

impl Process {
    /// Keeps this part of the traces, and what takes so long of the others.
    fn new(ratio: f64, slow_after: Duration) -> Self {
        let kept = Kept::default();
        let scope = InstrumentationScope::builder("test").build();
        let shared = Shared::new(kept.clone(), &Resource::builder_empty().build());
        Self {
            keeper: Box::leak(Box::new(Keeper::new(
                ratio,
                slow_after,
                scope,
                shared.clone(),
            ))),
            provider: SdkTracerProvider::builder()
                .with_sampler(KeepByChance::new(ratio))
                .with_span_processor(shared)
                .build(),
            kept,
        }
    }

    /// Does something while it is traced.
    fn run(&self, work: impl FnOnce()) {
        let spans = spans_of(self.provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(spans);
        tracing::subscriber::with_default(subscriber, work);
    }

    fn begin(&self, name: &'static str) -> ServerSpan {
        ServerSpan::begin_with(Some(self.keeper), name, || made(name))
    }

    fn below(&self, traceparent: &str, name: &'static str) -> ServerSpan {
        ServerSpan::below_with(Some(self.keeper), traceparent, name, || made(name))
    }

    fn kept(&self) -> Vec<SpanData> {
        self.kept.spans()
    }
}

fn made(name: &'static str) -> Span {
    tracing::info_span!(
        parent: None,
        "served",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        { attribute::FRAME } = tracing::field::Empty,
        { attribute::EVENTS } = tracing::field::Empty,
        { attribute::ERROR_TYPE } = tracing::field::Empty,
    )
}

/// What a span says beside its times and its ids.
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

fn reason(span: &SpanData) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let reason = attributes.find(|pair| pair.key.as_str() == attribute::KEPT_FOR)?;
    Some(reason.value.to_string())
}

/// A trace that is not kept still shows who was served badly, and nothing else.
#[test]
fn of_a_trace_that_is_not_kept_only_the_slow_and_the_failed_are() {
    let patient = Process::new(0.0, NEVER);
    let impatient = Process::new(0.0, Duration::ZERO);
    patient.run(|| {
        patient.begin("quick").answered(Code::Ok);
        patient.begin("refused").answered(Code::PermissionDenied);
        patient.begin("failed").answered(Code::Unavailable);
    });
    impatient.run(|| drop(impatient.begin("slow")));
    for (process, name) in [(patient, "failed"), (impatient, "slow")] {
        let kept = process.kept();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(kept[0].name, name);
        assert_eq!(reason(&kept[0]).as_deref(), Some(name));
        assert!(kept[0].span_context.is_sampled(), "or it is not exported");
    }
}

/// Whether a span was made at once or at its end can be told by its reason alone.
#[test]
fn a_span_that_is_made_at_its_end_says_what_it_would_have_said() {
    let serve = |ratio| {
        let process = Process::new(ratio, NEVER);
        process.run(|| {
            let mut served = process.begin("ws attend");
            served.record(attribute::FRAME, "attend");
            served.record(attribute::EVENTS, 7);
            served.answered(Code::Internal);
        });
        process.kept().remove(0)
    };
    let (at_once, at_its_end) = (serve(1.0), serve(0.0));
    assert_eq!(story(&at_once), story(&at_its_end));
    assert_eq!(at_once.status, Status::error(""));
    assert_eq!(reason(&at_once), None);
    assert_eq!(reason(&at_its_end).as_deref(), Some("failed"));
}

#[test]
fn a_span_that_is_made_at_its_end_covers_all_that_it_took() {
    let process = Process::new(0.0, NEVER);
    let mut served = process.begin("slow");
    let Some(Inner::Unmade(unmade)) = served.0.take().map(|inner| *inner) else {
        panic!("it was made");
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
    let span = unmade.into_span(Duration::from_secs(7), now, "slow");
    assert_eq!(span.end_time, now);
    assert_eq!(span.start_time, now - Duration::from_secs(7));
}

/// What one service hands to another is one trace, whoever of them has something to show.
#[test]
fn both_ends_of_a_trace_that_is_not_kept_show_one_trace() {
    let (gateway, service) = (Process::new(0.0, NEVER), Process::new(1.0, NEVER));
    let mut frame = gateway.begin("frame");
    let sent = frame.scope().run(trace_context::current);
    service.run(|| {
        let mut act = service.below(&sent, "act");
        assert!(act.span().is_disabled(), "the beginner decides");
        act.answered(Code::Internal);
    });
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
    let mut sent = String::new();
    gateway.run(|| sent = gateway.begin("frame").scope().run(trace_context::current));
    service.run(|| drop(service.below(&sent, "act")));
    let (frame, act) = (gateway.kept().remove(0), service.kept().remove(0));
    assert_eq!(frame.span_context.trace_id(), act.span_context.trace_id());
    assert_eq!(act.parent_span_id, frame.span_context.span_id());
}

/// Whoever says no trace, or none that can be read, begins one.
#[test]
fn a_caller_who_names_no_trace_begins_one() {
    for said in ["", "no traceparent"] {
        let process = Process::new(1.0, NEVER);
        process.run(|| drop(process.below(said, "act")));
        assert_eq!(process.kept()[0].parent_span_id, SpanId::INVALID);
    }
}

/// A stranger's context is linked to, and its flag is thrown away.
#[test]
fn it_is_linked_to_what_a_stranger_says_and_nothing_more() {
    const SAID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for ratio in [0.0, 1.0] {
        let process = Process::new(ratio, NEVER);
        process.run(|| {
            let mut served = process.begin("frame");
            served.link_to_stranger(SAID.to_owned());
            served.failed("it did");
        });
        let span = process.kept().remove(0);
        let linked: Vec<&SpanContext> = span.links.iter().map(|link| &link.span_context).collect();
        let said = trace_context::parse(SAID).unwrap();
        assert_eq!(linked.len(), 1);
        assert_eq!(linked[0].trace_id(), said.trace_id());
        assert_eq!(linked[0].span_id(), said.span_id());
        assert!(!linked[0].is_sampled());
        assert_ne!(span.span_context.trace_id(), said.trace_id());
    }
}

/// What is done for somebody whose trace is not kept makes no spans, and is part of no other trace.
#[test]
fn nothing_is_below_a_span_that_may_be_made_later() {
    let process = Process::new(0.0, NEVER);
    process.run(|| {
        let served = process.begin("frame");
        served.scope().run(|| {
            assert!(trace_context::is_unsampled());
            assert!(ServerSpan::current().span().is_disabled());
        });
        assert!(!trace_context::is_unsampled());
    });
}

#[test]
fn where_nobody_traces_there_is_nothing() {
    let served = ServerSpan::begin_with(None, "frame", Span::none);
    assert!(served.0.is_none());
    assert_eq!(served.scope().run(trace_context::current), "");
}
