//! Spans of messages sent on the bus from one server to others: of sending, and of processing.
//!
//! The context of the sending span travels within the payload, which is sealed. A message goes to all subscribers at
//! once, and each of them has a span of its own below the one sending span: there are as many as there are servers that
//! hold the topic's subject, which are few.

use tracing::Span;

use super::{TraceIds, attribute, span, trace_context};
use crate::bus::Bus;

/// A bus topic, as it names spans.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    template: &'static str,
    send: &'static str,
    process: &'static str,
}

/// Creates a [`Topic`] from its template: a span's name is the operation and the template.
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
    /// Use [`topic!`](crate::topic), which derives the span names from the template.
    #[doc(hidden)]
    #[must_use]
    pub const fn named(template: &'static str, send: &'static str, process: &'static str) -> Self {
        Self {
            template,
            send,
            process,
        }
    }

    /// Creates the span of sending what came of an act; disabled if the act's trace is not kept. It must be current
    /// when the message is published: it ends when the bus has sent or dropped the message.
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

    /// Creates the span of processing a message, below the sending span; disabled if the message carries no trace.
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

/// Returns the current span, to be held while a message is on its way; `None` if it is not traced.
pub(crate) fn on_its_way() -> Option<Span> {
    let span = Span::current();
    (!span.is_disabled()).then_some(span)
}

/// Records the outcome of publishing a message: it was `sent`, or not. The span ends here.
pub(crate) fn arrived(span: Option<&Span>, outcome: &'static str) {
    let Some(span) = span else {
        return;
    };
    if outcome != "sent" {
        span.record(attribute::ERROR_TYPE, outcome);
        span.record("otel.status_code", "ERROR");
    }
    // The span's end time is when it was last exited.
    span.in_scope(|| {});
}
