//! Where what is done now belongs: within a span, within a trace that is not kept, or nowhere.
//!
//! A trace that is not kept has no spans, since to make them would cost each act more than to carry it out. It has its
//! ids, which are current as a span is: they go along with what is asked of others, who then drop it too, and log
//! lines name them.

use std::{cell::Cell, future::poll_fn, pin::pin};

use opentelemetry::{
    SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceState},
};
use tracing::{Instrument as _, Span};

thread_local! {
    static CURRENT: Cell<Option<Unsampled>> = const { Cell::new(None) };
}

/// The ids of a trace that is not kept, and of whoever is served in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsampled {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
}

impl Unsampled {
    /// What is current, if it is part of such a trace.
    pub(super) fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// As others are told of it.
    pub(super) fn context(self) -> SpanContext {
        SpanContext::new(
            self.trace_id,
            self.span_id,
            TraceFlags::NOT_SAMPLED,
            false,
            TraceState::NONE,
        )
    }
}

/// Where something belongs, for what is done there later or elsewhere. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Scope {
    span: Span,
    unsampled: Option<Unsampled>,
}

impl Scope {
    /// Where what is done now belongs.
    #[must_use]
    pub fn current() -> Self {
        match Unsampled::current() {
            Some(unsampled) => Self::unsampled(unsampled),
            None => Self::within(Span::current()),
        }
    }

    /// Within a span. If that is none, nowhere.
    pub(super) fn within(span: Span) -> Self {
        Self {
            span,
            unsampled: None,
        }
    }

    /// Within a trace that is not kept.
    pub(super) fn unsampled(unsampled: Unsampled) -> Self {
        Self {
            span: Span::none(),
            unsampled: Some(unsampled),
        }
    }

    /// Has this be current whenever a future is polled.
    pub fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> + use<F> {
        let Self { span, unsampled } = self;
        async move {
            let mut future = pin!(future.instrument(span));
            poll_fn(|cx| {
                let _current = Current::made(unsampled);
                future.as_mut().poll(cx)
            })
            .await
        }
    }

    /// Does something while this is current.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let _current = Current::made(self.unsampled);
        self.span.in_scope(work)
    }
}

/// Puts back what was current before, at its end.
struct Current(Option<Unsampled>);

impl Current {
    fn made(unsampled: Option<Unsampled>) -> Self {
        Self(CURRENT.replace(unsampled))
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(number: u8) -> Unsampled {
        Unsampled {
            trace_id: TraceId::from(u128::from(number)),
            span_id: SpanId::from(u64::from(number)),
        }
    }

    #[test]
    fn the_innermost_is_current_and_the_outer_comes_back() {
        Scope::unsampled(ids(1)).run(|| {
            Scope::unsampled(ids(2)).run(|| assert_eq!(Unsampled::current(), Some(ids(2))));
            // Within a span is not within a trace that is not kept.
            Scope::within(Span::none()).run(|| assert_eq!(Unsampled::current(), None));
            assert_eq!(Unsampled::current(), Some(ids(1)));
        });
        assert_eq!(Unsampled::current(), None);
    }

    #[tokio::test]
    async fn a_future_has_it_at_every_poll_and_nobody_else_between() {
        let polled = async {
            assert_eq!(Unsampled::current(), Some(ids(1)));
            tokio::task::yield_now().await;
            assert_eq!(Unsampled::current(), Some(ids(1)));
        };
        let other = async {
            assert_eq!(Unsampled::current(), None);
            tokio::task::yield_now().await;
            assert_eq!(Unsampled::current(), None);
        };
        tokio::join!(Scope::unsampled(ids(1)).around(polled), other);
    }
}
