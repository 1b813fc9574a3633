//! What the current work belongs to: a span, a trace that is not kept, or nothing.
//!
//! It is identified by trace ids. They are current while the work runs, go along with requests to others, and appear in
//! log lines. A trace that is not kept has no spans, since making them would cost each act more than carrying it out;
//! it has ids all the same, by which every service that is called in it drops it, too.

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

/// The ids of a span, of this or of another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceIds {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) is_sampled: bool,
}

impl TraceIds {
    /// Returns the ids of the current scope, or `None` outside any trace.
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

    /// Whether it is part of a trace that is kept. If not, spans below it need not be made.
    #[must_use]
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }

    /// Returns the ids themselves if they are part of a trace that is kept.
    #[must_use]
    pub fn sampled(self) -> Option<Self> {
        self.is_sampled.then_some(self)
    }

    /// Returns the first of these that is part of a trace that is kept.
    pub fn first_sampled(of: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        of.into_iter().flatten().find_map(Self::sampled)
    }

    /// Converts to OpenTelemetry's type, for a span of this process.
    pub(super) fn context(self) -> SpanContext {
        self.context_of(false)
    }

    /// Converts to OpenTelemetry's type, for a span of another process.
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

    /// Returns a context whose children are below this span of this process.
    pub(super) fn parent(self) -> Context {
        Context::new().with_remote_span_context(self.context())
    }

    /// Returns a context whose children are below this span of another process.
    pub(super) fn remote_parent(self) -> Context {
        Context::new().with_remote_span_context(self.remote_context())
    }
}

/// The ids that work belongs to, for work that runs later or elsewhere. With no ids, the work runs in the scope that is
/// then current.
#[derive(Clone, Copy, Debug)]
pub struct Scope(Option<TraceIds>);

impl Scope {
    /// Returns the current scope.
    #[must_use]
    pub fn current() -> Self {
        Self(TraceIds::current())
    }

    /// Returns the scope of a `tracing` span.
    #[must_use]
    pub fn within(span: &Span) -> Self {
        Self(trace_context::ids(span))
    }

    /// Returns the scope of these ids.
    #[must_use]
    pub fn of(ids: Option<TraceIds>) -> Self {
        Self(ids)
    }

    /// Makes this scope current whenever the future is polled.
    pub async fn around<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.run(|| future.as_mut().poll(cx))).await
    }

    /// Runs a closure while this scope is current.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let _before = self.0.map(|ids| Before(CURRENT.replace(Some(ids))));
        work()
    }
}

/// Restores the previous scope when dropped.
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
