//! The spans that every act has: those of served requests, and those of the steps by which they are carried out.
//!
//! When such a span begins, only a recording of what it will say is made: its ids, its name, its start. Most belong to
//! traces that are not kept, so most recordings are thrown away at their end. If its trace is kept, or if a request
//! failed or was slow, the span is made from the recording at its end, once, without a registry that every log line and
//! every layer would query in the meantime. Work that not every act involves (calls between services, messages on the
//! bus, looks at the log) has `tracing` spans, as children of these.

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::{
    KeyValue, SpanId, StringValue, Value,
    trace::{Link, SpanContext, SpanKind, Status},
};
use opentelemetry_sdk::trace::{SpanData, SpanLinks};
use tonic::Code;

use super::{
    attribute,
    coarse_instant::CoarseInstant,
    grpc::code_name,
    sampling::Keeper,
    scope::{Scope, TraceIds},
    trace_context,
};

/// Decides what is kept, once the process is traced.
static KEEPER: OnceLock<Keeper> = OnceLock::new();

/// Sets the keeper. Only the first call has an effect.
pub(super) fn start(keeper: Keeper) {
    let _ = KEEPER.set(keeper);
}

/// A span that lasts from its creation until it is dropped. Empty, and without cost, if the process is not traced.
#[derive(Debug, Default)]
pub struct LazySpan(Option<Box<Recording>>);

/// What a span will say.
#[derive(Debug)]
struct Recording {
    keeper: &'static Keeper,
    ids: TraceIds,
    parent: Option<Parent>,
    kind: SpanKind,
    name: StringValue,
    /// The first attribute; most spans have exactly one.
    attribute: Option<KeyValue>,
    /// Anything else; few spans have any.
    more: Option<Box<More>>,
    failed: bool,
    began: Beginning,
}

/// What else a span may say. Kept separately so that a recording is small.
#[derive(Debug, Default)]
struct More {
    attributes: Vec<KeyValue>,
    links: Vec<SpanContext>,
    /// The traceparent of an untrusted caller, or empty.
    said: String,
}

/// The parent of a span.
#[derive(Clone, Copy, Debug)]
struct Parent {
    span_id: SpanId,
    /// Whether it belongs to another process.
    is_remote: bool,
}

/// When a span began.
#[derive(Clone, Copy, Debug)]
enum Beginning {
    /// For a trace that is kept.
    Exact(SystemTime, Instant),
    /// For a trace that is not kept: the span is then kept only if it failed or took long.
    Coarse(CoarseInstant),
}

impl LazySpan {
    /// Begins a trace with a served request. Decides whether the trace is kept.
    pub fn begin(name: impl Into<StringValue>) -> Self {
        Self::begin_with(KEEPER.get(), name)
    }

    /// Begins the span of a served request as part of the caller's trace, which is kept if the caller keeps it. If the
    /// caller names no valid trace, begins a new one.
    pub fn below(traceparent: &str, name: impl Into<StringValue>) -> Self {
        Self::below_with(KEEPER.get(), traceparent, name)
    }

    /// Begins a step below the span with these ids. Empty if its trace is not kept.
    pub fn step(of: Option<TraceIds>, kind: SpanKind, name: &'static str) -> Self {
        Self::step_with(KEEPER.get(), of, false, kind, name)
    }

    /// Begins a step below a remote span. Empty if its trace is not kept.
    pub fn step_after(traceparent: &str, kind: SpanKind, name: &'static str) -> Self {
        let of = trace_context::parse(traceparent);
        Self::step_with(KEEPER.get(), of, true, kind, name)
    }

    /// Begins a step that serves several acts at once, each given by its trace or `None`. It is below the first act
    /// whose trace is kept, is linked to the other kept ones, and records the number of acts. Empty if no trace is
    /// kept.
    pub fn step_for_all(
        acts: impl ExactSizeIterator<Item = Option<TraceIds>>,
        name: &'static str,
    ) -> Self {
        Self::step_for_all_with(KEEPER.get(), acts, name)
    }

    /// Begins a span of work shared by several traces: a trace of its own, linked to each of them that is kept. Empty
    /// if none is kept.
    pub fn shared(by: impl Iterator<Item = TraceIds>, kind: SpanKind, name: &'static str) -> Self {
        let mut by = by.filter(|ids| ids.is_sampled).peekable();
        match (KEEPER.get(), by.peek()) {
            (Some(keeper), Some(_)) => {
                let mut span =
                    Self::start_recording(keeper, keeper.kept_trace(), None, kind, name.into());
                by.for_each(|ids| span.link(ids));
                span
            }
            _ => Self(None),
        }
    }

    fn begin_with(keeper: Option<&'static Keeper>, name: impl Into<StringValue>) -> Self {
        let Some(keeper) = keeper else {
            return Self(None);
        };
        Self::start_recording(keeper, keeper.trace(), None, SpanKind::Server, name.into())
    }

    fn below_with(
        keeper: Option<&'static Keeper>,
        traceparent: &str,
        name: impl Into<StringValue>,
    ) -> Self {
        let Some(keeper) = keeper else {
            return Self(None);
        };
        let Some(of) = trace_context::parse(traceparent) else {
            return Self::begin_with(Some(keeper), name);
        };
        let parent = Parent {
            span_id: of.span_id,
            is_remote: true,
        };
        let ids = keeper.below(of);
        Self::start_recording(keeper, ids, Some(parent), SpanKind::Server, name.into())
    }

    fn step_with(
        keeper: Option<&'static Keeper>,
        of: Option<TraceIds>,
        is_remote: bool,
        kind: SpanKind,
        name: &'static str,
    ) -> Self {
        let (Some(keeper), Some(of)) = (keeper, of.and_then(TraceIds::sampled)) else {
            return Self(None);
        };
        let parent = Parent {
            span_id: of.span_id,
            is_remote,
        };
        Self::start_recording(keeper, keeper.below(of), Some(parent), kind, name.into())
    }

    fn step_for_all_with(
        keeper: Option<&'static Keeper>,
        acts: impl ExactSizeIterator<Item = Option<TraceIds>>,
        name: &'static str,
    ) -> Self {
        let count = i64::try_from(acts.len()).unwrap_or(i64::MAX);
        let mut kept = acts.flatten().filter_map(TraceIds::sampled);
        let mut span = Self::step_with(keeper, kept.next(), false, SpanKind::Internal, name);
        kept.for_each(|other| span.link(other));
        span.record(attribute::ACTS, count);
        span
    }

    fn start_recording(
        keeper: &'static Keeper,
        ids: TraceIds,
        parent: Option<Parent>,
        kind: SpanKind,
        name: StringValue,
    ) -> Self {
        let began = match ids.is_sampled {
            true => Beginning::Exact(SystemTime::now(), Instant::now()),
            false => Beginning::Coarse(CoarseInstant::now()),
        };
        Self(Some(Box::new(Recording {
            keeper,
            ids,
            parent,
            kind,
            name,
            attribute: None,
            more: None,
            failed: false,
            began,
        })))
    }

    /// Returns the span's ids, or `None` if it is empty.
    #[must_use]
    pub fn ids(&self) -> Option<TraceIds> {
        self.0.as_deref().map(|recording| recording.ids)
    }

    /// Returns the scope for work done in the span. If the span is empty, the current scope stays in effect.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of(self.ids())
    }

    /// Records an attribute.
    pub fn record(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(recording) = self.0.as_deref_mut() {
            recording.record(KeyValue::new(key, value));
        }
    }

    /// Links it to another span if that one's trace is kept.
    pub fn link(&mut self, to: TraceIds) {
        if let Some(recording) = self.0.as_deref_mut()
            && to.is_sampled
        {
            recording.more().links.push(to.context());
        }
    }

    /// Links it to the trace context of an untrusted caller.
    pub fn link_to_untrusted(&mut self, traceparent: String) {
        if let Some(recording) = self.0.as_deref_mut()
            && !traceparent.is_empty()
        {
            recording.more().said = traceparent;
        }
    }

    /// Records that it failed, with this error type.
    pub fn failed(&mut self, error_type: impl Into<Value>) {
        if let Some(recording) = self.0.as_deref_mut() {
            recording.record(KeyValue::new(attribute::ERROR_TYPE, error_type));
            recording.failed = true;
        }
    }

    /// Records that it was answered with this code. It failed if the code means a fault of the server; a refusal is a
    /// valid answer and no failure.
    pub fn answered(&mut self, code: Code) {
        if is_fault(code) {
            self.failed(code_name(code));
        }
    }
}

/// Returns whether an answer with this code means a fault of the server. The others refuse what was asked.
pub(super) fn is_fault(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

impl Drop for LazySpan {
    fn drop(&mut self) {
        let Some(recording) = self.0.as_deref() else {
            return;
        };
        let (took, kept_for) = match recording.began {
            Beginning::Exact(_, began) => (began.elapsed(), None),
            Beginning::Coarse(began) => {
                let took = began.elapsed();
                let Some(reason) = recording.keeper.reason(recording.failed, took) else {
                    // The common case: dropped without being moved.
                    return;
                };
                (took, Some(reason))
            }
        };
        if let Some(mut recording) = self.0.take() {
            if let Some(reason) = kept_for {
                recording.record(KeyValue::new(attribute::KEPT_FOR, reason));
            }
            let keeper = recording.keeper;
            keeper.keep(recording.into_span(took, SystemTime::now()));
        }
    }
}

impl Recording {
    fn record(&mut self, attribute: KeyValue) {
        match self.attribute {
            None => self.attribute = Some(attribute),
            Some(_) => self.more().attributes.push(attribute),
        }
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    fn into_span(self, took: Duration, now: SystemTime) -> SpanData {
        // A clock that was set in the meantime must not make it longer.
        let (start_time, end_time) = match self.began {
            Beginning::Exact(began, _) => (began, began.checked_add(took).unwrap_or(began)),
            Beginning::Coarse(_) => (now.checked_sub(took).unwrap_or(now), now),
        };
        let More {
            attributes,
            links: others,
            said,
        } = self.more.map(|more| *more).unwrap_or_default();
        let mut links = SpanLinks::default();
        let untrusted = trace_context::untrusted(&said);
        links
            .links
            .extend(others.into_iter().chain(untrusted).map(Link::with_context));
        SpanData {
            span_context: TraceIds {
                // Otherwise it would not be exported.
                is_sampled: true,
                ..self.ids
            }
            .context(),
            parent_span_id: self.parent.map_or(SpanId::INVALID, |parent| parent.span_id),
            parent_span_is_remote: self.parent.is_some_and(|parent| parent.is_remote),
            span_kind: self.kind,
            name: String::from(self.name).into(),
            start_time,
            end_time,
            attributes: self.attribute.into_iter().chain(attributes).collect(),
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
pub(super) mod tests;
