//! The spans that each act has: of who is served, and of the steps on the way of what they did.
//!
//! Of these no span is made where something begins, but only a note of what the span will say: its ids, its name, its
//! beginning. Most are of traces that are not kept, so at its end most notes are thrown away. If its trace is kept, or if
//! somebody was served slowly or badly, the span is made from the note then, once, without a registry that every line and
//! every layer asks for it meanwhile. What is not on every act's way (calls between services, words on the bus, looks at
//! the log) has spans of `tracing`, below these.

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

/// Who decides what is kept, once the process is traced.
static KEEPER: OnceLock<Keeper> = OnceLock::new();

/// Has this keeper decide from now on. The first counts.
pub(super) fn start(keeper: Keeper) {
    let _ = KEEPER.set(keeper);
}

/// A span from when it is made until it is dropped. Nothing, and free of cost, where nobody traces.
#[derive(Debug, Default)]
pub struct NotedSpan(Option<Box<Note>>);

/// What a span will say.
#[derive(Debug)]
struct Note {
    keeper: &'static Keeper,
    ids: TraceIds,
    parent: Option<Parent>,
    kind: SpanKind,
    name: StringValue,
    /// Most have one.
    attribute: Option<KeyValue>,
    /// Few have any.
    more: Option<Box<More>>,
    failed: bool,
    began: Beginning,
}

/// What else a span may say. Apart, so that a note is small.
#[derive(Debug, Default)]
struct More {
    attributes: Vec<KeyValue>,
    links: Vec<SpanContext>,
    /// The trace that a stranger says it belongs to.
    said: String,
}

/// What a span is below of.
#[derive(Clone, Copy, Debug)]
struct Parent {
    span_id: SpanId,
    /// Whether it is somebody else's.
    is_remote: bool,
}

/// When a span began.
#[derive(Clone, Copy, Debug)]
enum Beginning {
    /// Of a trace that is kept.
    Exact(SystemTime, Instant),
    /// Of one that most likely is not, and is shown only if it took very long.
    Coarse(CoarseInstant),
}

impl NotedSpan {
    /// Of somebody who begins a trace by being served. Decides whether it is kept.
    pub fn begin(name: impl Into<StringValue>) -> Self {
        Self::begin_with(KEEPER.get(), name)
    }

    /// Of somebody who is served as a part of their caller's trace, which is kept if they keep it. A caller who names none
    /// begins one.
    pub fn below(traceparent: &str, name: impl Into<StringValue>) -> Self {
        Self::below_with(KEEPER.get(), traceparent, name)
    }

    /// Of a step on the way of what is known by these ids; nothing if its trace is not kept.
    pub fn step(of: Option<TraceIds>, kind: SpanKind, name: &'static str) -> Self {
        Self::step_with(KEEPER.get(), of, false, kind, name)
    }

    /// Of a step on the way of what somebody else was asked or has done; nothing if its trace is not kept.
    pub fn step_after(traceparent: &str, kind: SpanKind, name: &'static str) -> Self {
        let of = trace_context::parse(traceparent);
        Self::step_with(KEEPER.get(), of, true, kind, name)
    }

    /// Of a step that is taken at once for all acts that were asked in these traces, or in none: below the first whose
    /// trace is kept, linked with the others, and says for how many. Nothing if no trace is kept.
    pub fn step_for_all(
        acts: impl ExactSizeIterator<Item = Option<TraceIds>>,
        name: &'static str,
    ) -> Self {
        Self::step_for_all_with(KEEPER.get(), acts, name)
    }

    /// Of what all of these share, linked with each whose trace is kept, and part of no trace of theirs. Nothing if no trace
    /// is kept.
    pub fn shared(by: impl Iterator<Item = TraceIds>, kind: SpanKind, name: &'static str) -> Self {
        let mut by = by.filter(|ids| ids.is_sampled).peekable();
        match (KEEPER.get(), by.peek()) {
            (Some(keeper), Some(_)) => {
                let mut span = Self::noted(keeper, keeper.kept_trace(), None, kind, name.into());
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
        Self::noted(keeper, keeper.trace(), None, SpanKind::Server, name.into())
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
        Self::noted(keeper, ids, Some(parent), SpanKind::Server, name.into())
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
        Self::noted(keeper, keeper.below(of), Some(parent), kind, name.into())
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

    fn noted(
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
        Self(Some(Box::new(Note {
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

    /// What it is known by; nothing where nobody traces.
    #[must_use]
    pub fn ids(&self) -> Option<TraceIds> {
        self.0.as_deref().map(|note| note.ids)
    }

    /// Where what is done for it belongs: within it, or where it would be if it is nothing.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::of(self.ids())
    }

    /// Notes an attribute.
    pub fn record(&mut self, key: &'static str, value: impl Into<Value>) {
        if let Some(note) = self.0.as_deref_mut() {
            note.record(KeyValue::new(key, value));
        }
    }

    /// Links it to another, if the trace of that is kept.
    pub fn link(&mut self, to: TraceIds) {
        if let Some(note) = self.0.as_deref_mut()
            && to.is_sampled
        {
            note.more().links.push(to.context());
        }
    }

    /// Links it to what a stranger says that it belongs to.
    pub fn link_to_stranger(&mut self, traceparent: String) {
        if let Some(note) = self.0.as_deref_mut()
            && !traceparent.is_empty()
        {
            note.more().said = traceparent;
        }
    }

    /// It failed, in this way.
    pub fn failed(&mut self, error_type: impl Into<Value>) {
        if let Some(note) = self.0.as_deref_mut() {
            note.record(KeyValue::new(attribute::ERROR_TYPE, error_type));
            note.failed = true;
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

impl Drop for NotedSpan {
    fn drop(&mut self) {
        let Some(note) = self.0.as_deref() else {
            return;
        };
        let (took, kept_for) = match note.began {
            Beginning::Exact(_, began) => (began.elapsed(), None),
            Beginning::Coarse(began) => {
                let took = began.elapsed();
                let Some(reason) = note.keeper.reason(note.failed, took) else {
                    // Most are thrown away where they are.
                    return;
                };
                (took, Some(reason))
            }
        };
        if let Some(mut note) = self.0.take() {
            if let Some(reason) = kept_for {
                note.record(KeyValue::new(attribute::KEPT_FOR, reason));
            }
            let keeper = note.keeper;
            keeper.keep(note.into_span(took, SystemTime::now()));
        }
    }
}

impl Note {
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
        // A clock that was set meanwhile must not make it longer.
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
        let stranger = trace_context::stranger(&said);
        links
            .links
            .extend(others.into_iter().chain(stranger).map(Link::with_context));
        SpanData {
            span_context: TraceIds {
                // Or it is not exported.
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
