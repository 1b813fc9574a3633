//! Where what is done now belongs: within a span, within a trace that is not kept, or nowhere.
//!
//! It is known by its ids. They are current while something is done, go along with what is asked of others, and log lines
//! name them. A trace that is not kept has no spans, since to make them would cost each act more than to carry it out;
//! it has its ids all the same, and whoever is asked in it drops it, too.

use std::{cell::Cell, future::poll_fn, pin::pin};

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt as _, TraceState},
};
use tracing::Span;

use super::trace_context;

thread_local! {
    static CURRENT: Cell<Option<TraceIds>> = const { Cell::new(None) };
}

/// What a span is known by, wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceIds {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) is_sampled: bool,
}

impl TraceIds {
    /// Of what is done now; nothing if nobody traces it.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    pub(super) fn of(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: context.trace_id(),
            span_id: context.span_id(),
            is_sampled: context.is_sampled(),
        })
    }

    /// Whether it is part of a trace that is kept. Whoever would make spans below one that is not can leave it.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }

    /// The same, if it is part of a trace that is kept.
    #[must_use]
    pub fn sampled(self) -> Option<Self> {
        self.is_sampled.then_some(self)
    }

    /// The first of these that is part of a trace that is kept.
    pub fn first_sampled(of: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        of.into_iter().flatten().find_map(Self::sampled)
    }

    /// The same for OpenTelemetry, of a span of this process.
    pub(super) fn context(self) -> SpanContext {
        self.context_of(false)
    }

    /// The same for OpenTelemetry, of a span of somebody else.
    pub(super) fn remote_context(self) -> SpanContext {
        self.context_of(true)
    }

    fn context_of(self, is_remote: bool) -> SpanContext {
        SpanContext::new(
            self.trace_id,
            self.span_id,
            TraceFlags::default().with_sampled(self.is_sampled),
            is_remote,
            TraceState::NONE,
        )
    }

    /// Where what is below of it begins, in this process.
    pub(super) fn parent(self) -> Context {
        Context::new().with_remote_span_context(self.context())
    }

    /// Where what is below of it begins, elsewhere.
    pub(super) fn remote_parent(self) -> Context {
        Context::new().with_remote_span_context(self.remote_context())
    }
}

/// Where something belongs, for what is done there later or elsewhere. If it belongs nowhere, it is done where it is done.
#[derive(Clone, Copy, Debug)]
pub struct Scope(Option<TraceIds>);

impl Scope {
    /// Where what is done now belongs.
    #[must_use]
    pub fn current() -> Self {
        Self(TraceIds::current())
    }

    /// Within a span of `tracing`.
    #[must_use]
    pub fn within(span: &Span) -> Self {
        Self(trace_context::ids(span))
    }

    /// Within what is known by these ids.
    #[must_use]
    pub fn of(ids: Option<TraceIds>) -> Self {
        Self(ids)
    }

    /// Has this be current whenever a future is polled.
    pub async fn around<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.run(|| future.as_mut().poll(cx))).await
    }

    /// Does something while this is current.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let _before = self.0.map(|ids| Before(CURRENT.replace(Some(ids))));
        work()
    }
}

/// Puts back what was current before, at its end.
struct Before(Option<TraceIds>);

impl Drop for Before {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(number: u8) -> TraceIds {
        TraceIds {
            trace_id: TraceId::from(u128::from(number)),
            span_id: SpanId::from(u64::from(number)),
            is_sampled: number.is_multiple_of(2),
        }
    }

    fn scope(number: u8) -> Scope {
        Scope::of(Some(ids(number)))
    }

    #[test]
    fn the_innermost_is_current_and_the_outer_comes_back() {
        scope(1).run(|| {
            scope(2).run(|| assert_eq!(TraceIds::current(), Some(ids(2))));
            Scope::of(None).run(|| assert_eq!(TraceIds::current(), Some(ids(1))));
            assert_eq!(TraceIds::current(), Some(ids(1)));
        });
        assert_eq!(TraceIds::current(), None);
    }

    #[test]
    fn the_first_that_is_kept_is_found_behind_those_that_are_not() {
        let of = [None, Some(ids(1)), Some(ids(2)), Some(ids(4))];
        assert_eq!(TraceIds::first_sampled(of), Some(ids(2)));
        assert_eq!(TraceIds::first_sampled([None, Some(ids(1))]), None);
    }

    #[tokio::test]
    async fn a_future_has_it_at_every_poll_and_nobody_else_between() {
        let polled = async {
            assert_eq!(TraceIds::current(), Some(ids(1)));
            tokio::task::yield_now().await;
            assert_eq!(TraceIds::current(), Some(ids(1)));
        };
        let other = async {
            assert_eq!(TraceIds::current(), None);
            tokio::task::yield_now().await;
            assert_eq!(TraceIds::current(), None);
        };
        tokio::join!(scope(1).around(polled), other);
    }
}
