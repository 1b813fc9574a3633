//! An event on its way to another user's screen, and how long that takes.

use carrel_platform::{
    clock::Clock,
    telemetry::{
        LazySpan, SpanKind,
        metric::{DELIVERY_DURATION, Label},
        span,
    },
};
use carrel_proto::session::v1::Part;

use crate::attendance::response::{Author, Outline};

/// The user of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum User {
    /// A patron.
    Patron,
    /// A librarian, by their id.
    Librarian(String),
}

impl User {
    /// Returns the user's audience, as metrics name it.
    pub(crate) fn audience(&self) -> &'static str {
        match self {
            Self::Patron => "patron",
            Self::Librarian(_) => "staff",
        }
    }

    /// Whether the user caused the event themselves.
    fn is_author_of(&self, event: &Outline) -> bool {
        match (self, &event.author) {
            (_, None) => false,
            (Self::Patron, Some(author)) => author.part() == Part::Patron,
            (Self::Librarian(id), Some(Author { librarian_id, .. })) => id == librarian_id,
        }
    }
}

/// What is known of a frame until it was written to a browser's socket.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// The span that ends when the frame was written: its own, or that of the frame that it answers.
    span: LazySpan,
    event: Option<Event>,
}

/// An event that another user caused.
#[derive(Debug)]
struct Event {
    accepted_ms: i64,
    audience: &'static str,
    clock: Clock,
}

impl Delivery {
    /// A delivery that is not measured.
    pub(crate) fn of(span: LazySpan) -> Self {
        Self { span, event: None }
    }

    /// The delivery of an event that happened in a session just now. What a user did themselves is not measured: they
    /// have seen it.
    pub(crate) fn of_event(event: &Outline, to: &User, clock: &Clock) -> Self {
        let accepted_ms = event
            .time
            .as_ref()
            .map(|time| unix_ms(time.seconds, time.nanos));
        let event = accepted_ms
            .filter(|_| !to.is_author_of(event))
            .map(|accepted_ms| Event {
                accepted_ms,
                audience: to.audience(),
                clock: clock.clone(),
            });
        Self {
            event,
            ..Self::default()
        }
    }

    /// The same delivery, with a span that ends when the frame was written.
    pub(crate) fn within(self, span: LazySpan) -> Self {
        Self { span, ..self }
    }

    /// Ends the delivery: the frame was written to the socket.
    pub(crate) fn written(self) {
        let ids = self.span.ids();
        drop(self.span);
        let Some(event) = self.event else {
            return;
        };
        let took_ms = event.clock.unix_ms().saturating_sub(event.accepted_ms);
        // The clocks of two machines may differ; nothing arrives before it was sent.
        let took = took_ms.max(0) as f64 / 1e3;
        let labels: [Label; 1] = [event.audience.into()];
        DELIVERY_DURATION.record_in(ids, took, labels);
    }
}

/// Converts a time from another machine to Unix milliseconds. It may be any value, so one out of range saturates.
fn unix_ms(seconds: i64, nanos: i32) -> i64 {
    seconds
        .saturating_mul(1_000)
        .saturating_add(i64::from(nanos) / 1_000_000)
}

/// Begins the span of one delivery, in the trace of what caused it; empty if that trace is not kept.
pub(crate) fn delivery_span(trace_parent: &str) -> LazySpan {
    LazySpan::step_after(trace_parent, SpanKind::Consumer, span::DELIVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(part: Part, librarian_id: &str) -> Outline {
        let mut event = Outline {
            position: 1,
            time: Some(Default::default()),
            author: Some(Author {
                part: part.into(),
                librarian_id: librarian_id.to_owned(),
            }),
        };
        if let Some(time) = &mut event.time {
            (time.seconds, time.nanos) = (7, 9_000_000);
        }
        event
    }

    #[test]
    fn what_somebody_else_did_is_measured_from_when_it_was_accepted() {
        let clock = Clock::manual(8_000);
        let patron = by(Part::Patron, "");
        let owner = by(Part::Owner, "map");
        let measured = |event, to: User| {
            let delivery = Delivery::of_event(event, &to, &clock);
            delivery
                .event
                .map(|event| (event.accepted_ms, event.audience))
        };
        assert_eq!(measured(&patron, User::Patron), None);
        assert_eq!(measured(&owner, User::Patron), Some((7_009, "patron")));
        let map = || User::Librarian("map".to_owned());
        assert_eq!(measured(&owner, map()), None);
        assert_eq!(measured(&patron, map()), Some((7_009, "staff")));
        let admin = User::Librarian("admin".to_owned());
        assert_eq!(measured(&owner, admin), Some((7_009, "staff")));
    }

    #[test]
    fn a_time_that_no_clock_shows_is_measured_as_well() {
        let clock = Clock::manual(8_000);
        for (seconds, nanos) in [(i64::MAX, i32::MAX), (i64::MIN, i32::MIN)] {
            let mut event = by(Part::Patron, "");
            if let Some(time) = &mut event.time {
                (time.seconds, time.nanos) = (seconds, nanos);
            }
            let to = User::Librarian("map".to_owned());
            Delivery::of_event(&event, &to, &clock).written();
        }
    }
}
