//! Spans of what one server tells others by the bus: of telling, and of having been told.
//!
//! The context of the telling travels within the payload, which is sealed. One word is told to all who listen at once,
//! so each of them has a span of its own below the one span of the telling: there are as many as there are servers that
//! hold what the word is about, which are few.

use tracing::Span;

use super::{TraceIds, attribute, span, trace_context};
use crate::bus::Bus;

/// What words are about, as spans are named by it.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    template: &'static str,
    send: &'static str,
    process: &'static str,
}

/// Topics by their template: the span's name is the operation and the template.
#[macro_export]
macro_rules! topic {
    ($template:literal) => {
        $crate::telemetry::messaging::Topic::named(
            $template,
            concat!("send ", $template),
            concat!("process ", $template),
        )
    };
}

impl Topic {
    /// Use [`topic!`](crate::topic), which makes the spans' names of the template.
    #[doc(hidden)]
    #[must_use]
    pub const fn named(template: &'static str, send: &'static str, process: &'static str) -> Self {
        Self {
            template,
            send,
            process,
        }
    }

    /// The span of telling what came of an act; none if the act's trace is not kept. To be the current one when the bus
    /// is given the word: it ends when the bus has sent or dropped it.
    #[must_use]
    pub fn sending(&self, bus: &dyn Bus, act: Option<TraceIds>) -> Span {
        let Some(act) = act.and_then(TraceIds::sampled) else {
            return Span::none();
        };
        let span = tracing::info_span!(
            parent: None,
            span::BUS_SEND,
            otel.name = self.send,
            otel.kind = "producer",
            otel.status_code = tracing::field::Empty,
            { attribute::MESSAGING_SYSTEM } = bus.system(),
            { attribute::MESSAGING_DESTINATION_TEMPLATE } = self.template,
            { attribute::MESSAGING_OPERATION_NAME } = "publish",
            { attribute::MESSAGING_OPERATION_TYPE } = "send",
            { attribute::ERROR_TYPE } = tracing::field::Empty,
        );
        trace_context::set_parent_ids(&span, act);
        span
    }

    /// The span of having been told, below that of the telling; none if the word carries no trace.
    #[must_use]
    pub fn processing(&self, bus: &dyn Bus, traceparent: &str) -> Span {
        if traceparent.is_empty() {
            return Span::none();
        }
        let span = tracing::info_span!(
            parent: None,
            span::BUS_PROCESS,
            otel.name = self.process,
            otel.kind = "consumer",
            { attribute::MESSAGING_SYSTEM } = bus.system(),
            { attribute::MESSAGING_DESTINATION_TEMPLATE } = self.template,
            { attribute::MESSAGING_OPERATION_NAME } = "process",
            { attribute::MESSAGING_OPERATION_TYPE } = "process",
        );
        trace_context::set_parent(&span, traceparent);
        span
    }
}

/// The current span, to be held for as long as a word is on its way; `None` when nobody traces it.
pub(crate) fn on_its_way() -> Option<Span> {
    let span = Span::current();
    (!span.is_disabled()).then_some(span)
}

/// Notes what became of a word, which ends its way: it was `sent`, or not.
pub(crate) fn arrived(span: Option<&Span>, outcome: &'static str) {
    let Some(span) = span else {
        return;
    };
    if outcome != "sent" {
        span.record(attribute::ERROR_TYPE, outcome);
        span.record("otel.status_code", "ERROR");
    }
    // A span ends where it was left last.
    span.in_scope(|| {});
}
