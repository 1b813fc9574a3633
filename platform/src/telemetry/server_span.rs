//! The spans of who is served: of frames, requests, calls and acts.
//!
//! They are kept if their trace is, and else by themselves if they turn out slow or failed. Most are neither. So of a
//! trace that is not kept no span is made where something begins, but only a note of what the span would say: its
//! ids, its name, its beginning. At its end the note is thrown away, or the span is made from it after all.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    KeyValue, SpanId, StringValue, Value,
    trace::{Link, SpanKind, Status},
};
use opentelemetry_sdk::trace::{SpanData, SpanLinks};
use tonic::Code;
use tracing::Span;

use super::{
    attribute,
    coarse_instant::CoarseInstant,
    grpc::code_name,
    sampling::Keeper,
    scope::{Scope, Unsampled},
    trace_context::{self, STATUS_CODE},
};

/// Who decides what is kept, once the process is traced.
static KEEPER: OnceLock<Keeper> = OnceLock::new();

/// Has this keeper decide from now on. The first counts.
pub(super) fn start(keeper: Keeper) {
    let _ = KEEPER.set(keeper);
}

/// The span of somebody who is served, from when it is made until it is dropped. Nothing, and free of cost, where
/// nobody traces.
///
/// A constructor is given a closure that makes the span, and calls it if the trace is kept. The fields of attributes
/// are left empty there and are filled in by [`record`](Self::record), so that they are said in one place for spans
/// that are made at once and for those that are made at their end.
#[derive(Debug, Default)]
pub struct ServerSpan(Option<Box<Inner>>);

#[derive(Debug)]
enum Inner {
    Made(Span),
    Unmade(Unmade),
}

/// What a span would say whose trace is not kept.
#[derive(Debug)]
struct Unmade {
    keeper: &'static Keeper,
    ids: Unsampled,
    /// The caller's span.
    parent: Option<SpanId>,
    name: StringValue,
    /// Most have one.
    attribute: Option<KeyValue>,
    further: Vec<KeyValue>,
    /// The trace that a stranger says it belongs to.
    said: String,
    failed: bool,
    began: CoarseInstant,
}

/// What a span of no trace that is kept is below of.
static NONE: Span = Span::none();

impl ServerSpan {
    /// Begins a trace, and decides whether it is kept.
    pub fn begin(name: impl Into<StringValue>, make: impl FnOnce() -> Span) -> Self {
        Self::begin_with(KEEPER.get(), name, make)
    }

    /// Goes on with the trace of a caller, and keeps it if they do. A caller who names none begins one.
    pub fn below(
        traceparent: &str,
        name: impl Into<StringValue>,
        make: impl FnOnce() -> Span,
    ) -> Self {
        Self::below_with(KEEPER.get(), traceparent, name, make)
    }

    /// A part of the current span, whoever that serves. Nothing if its trace is not kept: then whoever made it sees to
    /// it that it is kept if it is slow or fails.
    #[must_use]
    pub fn current() -> Self {
        match Unsampled::current() {
            Some(_) => Self(None),
            None => Self::made(Span::current()),
        }
    }

    fn begin_with(
        keeper: Option<&'static Keeper>,
        name: impl Into<StringValue>,
        make: impl FnOnce() -> Span,
    ) -> Self {
        match keeper.and_then(|keeper| Some((keeper, keeper.drops()?))) {
            Some((keeper, ids)) => Self::unmade(keeper, ids, None, name.into()),
            None => Self::made(make()),
        }
    }

    fn below_with(
        keeper: Option<&'static Keeper>,
        traceparent: &str,
        name: impl Into<StringValue>,
        make: impl FnOnce() -> Span,
    ) -> Self {
        let Some(keeper) = keeper else {
            let span = make();
            trace_context::set_parent(&span, traceparent);
            return Self::made(span);
        };
        match trace_context::parse(traceparent) {
            None => Self::begin_with(Some(keeper), name, make),
            Some(parent) if parent.is_sampled() => {
                let span = make();
                trace_context::set_parent(&span, traceparent);
                Self::made(span)
            }
            Some(parent) => {
                let ids = Unsampled {
                    trace_id: parent.trace_id(),
                    span_id: keeper.span_id(),
                };
                Self::unmade(keeper, ids, Some(parent.span_id()), name.into())
            }
        }
    }

    fn made(span: Span) -> Self {
        match span.is_disabled() {
            true => Self(None),
            false => Self(Some(Box::new(Inner::Made(span)))),
        }
    }

    fn unmade(
        keeper: &'static Keeper,
        ids: Unsampled,
        parent: Option<SpanId>,
        name: StringValue,
    ) -> Self {
        Self(Some(Box::new(Inner::Unmade(Unmade {
            keeper,
            ids,
            parent,
            name,
            attribute: None,
            further: Vec::new(),
            said: String::new(),
            failed: false,
            began: CoarseInstant::now(),
        }))))
    }

    /// The span, to make others below it; none if its trace is not kept.
    #[must_use]
    pub fn span(&self) -> &Span {
        match self.0.as_deref() {
            Some(Inner::Made(span)) => span,
            Some(Inner::Unmade(_)) | None => &NONE,
        }
    }

    /// Where what is done for it belongs.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self.0.as_deref() {
            Some(Inner::Unmade(unmade)) => Scope::unsampled(unmade.ids),
            Some(Inner::Made(_)) | None => Scope::within(self.span().clone()),
        }
    }

    /// Notes an attribute.
    pub fn record(&mut self, key: &'static str, value: impl Into<Value>) {
        match self.0.as_deref_mut() {
            None => {}
            Some(Inner::Unmade(unmade)) => unmade.note(KeyValue::new(key, value)),
            Some(Inner::Made(span)) => {
                match value.into() {
                    Value::Bool(flag) => span.record(key, flag),
                    Value::I64(number) => span.record(key, number),
                    Value::F64(number) => span.record(key, number),
                    text => span.record(key, text.as_str().as_ref()),
                };
            }
        }
    }

    /// Links it to what a stranger says that it belongs to.
    pub fn link_to_stranger(&mut self, traceparent: String) {
        match self.0.as_deref_mut() {
            None => {}
            Some(Inner::Unmade(unmade)) => unmade.said = traceparent,
            Some(Inner::Made(span)) => trace_context::link_to_stranger(span, &traceparent),
        }
    }

    /// It failed, in this way.
    pub fn failed(&mut self, error_type: impl Into<Value>) {
        self.record(attribute::ERROR_TYPE, error_type);
        match self.0.as_deref_mut() {
            None => {}
            Some(Inner::Unmade(unmade)) => unmade.failed = true,
            Some(Inner::Made(span)) => {
                span.record(STATUS_CODE, "ERROR");
            }
        }
    }

    /// It was answered by this code, which means that it failed if that was the server's fault. A refusal is a good
    /// answer, and no failure.
    pub fn answered(&mut self, code: Code) {
        let own_fault = matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        if own_fault {
            self.failed(code_name(code));
        }
    }
}

impl Drop for ServerSpan {
    fn drop(&mut self) {
        match self.0.as_deref() {
            None => {}
            // A span ends where it was left last.
            Some(Inner::Made(span)) => span.in_scope(|| {}),
            Some(Inner::Unmade(unmade)) => {
                let took = unmade.began.elapsed();
                // Most are not: they are thrown away where they are.
                if let Some(reason) = unmade.keeper.reason(unmade.failed, took)
                    && let Some(Inner::Unmade(unmade)) = self.0.take().map(|inner| *inner)
                {
                    let keeper = unmade.keeper;
                    keeper.keep(unmade.into_span(took, SystemTime::now(), reason));
                }
            }
        }
    }
}

impl Unmade {
    fn note(&mut self, attribute: KeyValue) {
        match self.attribute {
            None => self.attribute = Some(attribute),
            Some(_) => self.further.push(attribute),
        }
    }

    fn into_span(mut self, took: Duration, now: SystemTime, reason: &'static str) -> SpanData {
        self.note(KeyValue::new(attribute::KEPT_FOR, reason));
        let mut links = SpanLinks::default();
        links
            .links
            .extend(trace_context::stranger(&self.said).map(Link::with_context));
        SpanData {
            span_context: self.keeper.kept(self.ids),
            parent_span_id: self.parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: self.parent.is_some(),
            span_kind: SpanKind::Server,
            name: String::from(self.name).into(),
            // A clock that was set meanwhile must not make it longer.
            start_time: now.checked_sub(took).unwrap_or(now),
            end_time: now,
            attributes: self.attribute.into_iter().chain(self.further).collect(),
            dropped_attributes_count: 0,
            events: Default::default(),
            links,
            status: match self.failed {
                true => Status::error(""),
                false => Status::Unset,
            },
            instrumentation_scope: self.keeper.instrumentation_scope(),
        }
    }
}

#[cfg(test)]
mod tests;
