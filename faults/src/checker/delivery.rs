//! How long messages take to reach attending viewers, with Redis and without (I9).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    Violation, Wrong,
    sorted_history::{SortedHistory, View},
    violation,
};
use crate::history::Action;

/// By how much the slowest hundredth may be slower without Redis than with it, in milliseconds.
pub const WITHOUT_REDIS_MS: u64 = 2_000;
/// How many deliveries are needed to compute a slowest hundredth.
const ENOUGH: u64 = 100;

/// How long messages took from when they were first sent until another person was shown them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How many deliveries were measured. One message counts once for each person who was shown it.
    pub count: u64,
    /// The median.
    pub p50_ms: u64,
    /// The 99th percentile.
    pub p99_ms: u64,
}

/// Deliveries while nothing was broken, and while Redis was away, side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliveries {
    /// While nothing was broken.
    pub with_redis: Delivery,
    /// Of what was sent while Redis was stopped.
    pub without_redis: Delivery,
}

impl Delivery {
    fn of(mut times_us: Vec<u64>) -> Self {
        times_us.sort_unstable();
        let at = |hundredths: usize| {
            let place = (times_us.len() * hundredths / 100).min(times_us.len().saturating_sub(1));
            times_us.get(place).map_or(0, |time| time / 1_000)
        };
        Self {
            count: times_us.len() as u64,
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }
}

/// Measures a run.
pub(super) fn measure(sorted: &SortedHistory<'_>) -> Deliveries {
    let mut sent = HashMap::new();
    for command in &sorted.commands {
        if let Action::Message(text) = command.action {
            sent.insert((command.session, text.as_str()), (command.who, command.at));
        }
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for ((viewer, session), view) in &sorted.views {
        for (shown_at, _, seen) in &view.shown {
            let Some((who, sent_at)) = sent.get(&(*session, seen.text.as_str())) else {
                continue;
            };
            // A viewer who came later is shown old messages, for which no time can be measured.
            if who == viewer || !attended(view, *sent_at, *shown_at) {
                continue;
            }
            let took = shown_at.saturating_sub(*sent_at);
            if sorted.is_without_redis(*sent_at) {
                without.push(took);
            } else if sorted
                .calm_since(*shown_at)
                .is_some_and(|calm| calm <= *sent_at)
            {
                with.push(took);
            }
        }
    }
    Deliveries {
        with_redis: Delivery::of(with),
        without_redis: Delivery::of(without),
    }
}

fn attended(view: &View<'_>, from: u64, until: u64) -> bool {
    view.spells
        .iter()
        .any(|spell| spell.from <= from && spell.until.is_none_or(|end| until <= end))
}

/// Compares the deliveries without Redis with those with it.
pub(super) fn check(deliveries: &Deliveries) -> Option<Violation> {
    let Deliveries {
        with_redis,
        without_redis,
    } = deliveries;
    let enough = with_redis.count >= ENOUGH && without_redis.count >= ENOUGH;
    let slow = without_redis.p99_ms > with_redis.p99_ms + WITHOUT_REDIS_MS;
    (enough && slow).then(|| {
        let detail = format!(
            "the slowest hundredth took {} ms without Redis and {} ms with it",
            without_redis.p99_ms, with_redis.p99_ms
        );
        violation(Wrong::Slow, "", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Audience, Entry, Seen, What};

    /// Builds a history of a patron's messages, one every ten seconds. Redis is away in the second half, when a
    /// librarian is shown each message after `without_ms` instead of ten milliseconds.
    fn history(without_ms: u64) -> Vec<Entry> {
        let entry = |at, who: &str, what| Entry {
            at,
            who: who.to_owned(),
            what,
        };
        let session = || "s".to_owned();
        let attending = What::Attending {
            session: session(),
            audience: Audience::Staff,
            resync: false,
        };
        let mut history = vec![entry(0, "librarian", attending)];
        for number in 0..400 {
            let at = number * 10_000_000;
            if number == 200 {
                history.push(entry(at, "", What::Redis { there: false }));
            }
            let text = format!("text {number}");
            let invoke = What::Invoke {
                session: session(),
                command: number.to_string(),
                action: Action::Message(text.clone()),
            };
            history.push(entry(at, "patron", invoke));
            let took_ms = if number < 200 { 10 } else { without_ms };
            let event = What::Event {
                session: session(),
                position: number + 1,
                seen: Seen {
                    kind: "message".to_owned(),
                    text,
                    author: String::new(),
                },
            };
            history.push(entry(at + took_ms * 1_000, "librarian", event));
        }
        history
    }

    #[test]
    fn deliveries_with_and_without_redis_are_told_apart() {
        let history = history(1_500);
        let deliveries = measure(&SortedHistory::read(&history));
        let expected = |ms| Delivery {
            count: 200,
            p50_ms: ms,
            p99_ms: ms,
        };
        assert_eq!(deliveries.with_redis, expected(10));
        assert_eq!(deliveries.without_redis, expected(1_500));
        assert_eq!(check(&deliveries), None);
    }

    #[test]
    fn what_takes_too_long_without_redis_is_found() {
        let history = history(2_100);
        let found = check(&measure(&SortedHistory::read(&history)));
        assert_eq!(found.map(|found| found.wrong), Some(Wrong::Slow));
    }
}
