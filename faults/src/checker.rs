//! Judges a run: what people were told and shown, against the log as it is at the end.
//!
//! Pure and linear in the length of the history. The log gives the order, so no order has to be searched for. What
//! nobody knew the outcome of may have happened once or never; that is not held against anybody, but in the end it must
//! be settled.

mod commands;
mod delivery;
mod desk;
mod ownership;
mod stage;
mod transcripts;
mod views;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

pub use delivery::{Deliveries, Delivery, WITHOUT_REDIS_MS};

use crate::history::{Entry, Seen, What};

/// The log at the end: each session's transcripts.
pub type Log = BTreeMap<String, Transcripts>;

/// What the log holds of a session: positions and events, in order, in both views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcripts {
    /// What the patron may see.
    pub patron: Vec<(u64, Seen)>,
    /// What staff may see.
    pub staff: Vec<(u64, Seen)>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// Acknowledged, and not in the log, or not where it was said to be (I1).
    Lost,
    /// In the log twice, or shown twice (I2, I6).
    Repeated,
    /// Not in the order in which its sender sent it (I5).
    Reordered,
    /// A position is missing, in the log or in what somebody was shown (I4, I6).
    Gap,
    /// Somebody was shown something else than the log holds, or the patron's view is not a part of staff's (I4, I20).
    Divergence,
    /// In the log, and nobody sent it; or refused for good, and there all the same (I3).
    Phantom,
    /// Shown too late, or never, to somebody who attended (I8).
    Stale,
    /// Without Redis messages took too much longer than with it (I9).
    Slow,
    /// Shown to somebody who may not see it (I17, I18, I21).
    Leak,
    /// Never settled (I3).
    Unsettled,
    /// Two owners at once, two winners, or a word of somebody who was not the owner (I11, I12).
    Ownership,
    /// Nothing may be written after the end (I10).
    AfterEnd,
    /// A history was replaced though no log was restored.
    Resync,
    /// Somebody at the desk was shown as gone in a rolling restart, or because Redis was away or emptied (I15, I28).
    Flicker,
    /// A socket ended in a rolling restart otherwise than by a close that asks to come back (I28).
    Rude,
    /// A program ended by itself.
    Crashed,
    /// Service did not come back after a fault.
    NotRecovered,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// What.
    pub wrong: Wrong,
    /// In which session; empty if in none.
    pub session: String,
    /// More, for whoever looks for the cause.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} in session {}: {}",
            self.wrong, self.session, self.detail
        )
    }
}

/// What a run amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Messages and notes that were acknowledged.
    pub acknowledged: u64,
    /// Events that were shown to people.
    pub delivered: u64,
    /// Sessions.
    pub sessions: u64,
    /// Commands whose outcome nobody knew for a while, and which were settled by sending them again.
    pub unknown: u64,
    /// Tries to pick a patron up, and those that succeeded.
    pub pick_ups: (u64, u64),
    /// Tries to accept an offered session, and those that succeeded.
    pub transfers: (u64, u64),
    /// Sockets that were lost.
    pub sockets_lost: u64,
    /// How long messages took.
    pub deliveries: Deliveries,
}

/// The judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What the run amounts to.
    pub figures: Figures,
    /// All that is wrong.
    pub violations: Vec<Violation>,
}

/// How long an event may take to reach somebody who attends, in microseconds, when nothing is broken (I8).
pub const TAIL_REPAIR_US: u64 = 10_000_000;

/// Judges a run.
#[must_use]
pub fn check(history: &[Entry], log: &Log) -> Verdict {
    let stage = stage::Stage::read(history);
    let mut violations = Vec::new();
    for (session, transcripts) in log {
        violations.extend(transcripts::check(session, transcripts));
        violations.extend(ownership::check(session, transcripts, &stage));
    }
    violations.extend(commands::check(&stage, log));
    violations.extend(views::check(&stage, log));
    violations.extend(desk::check(history));
    let deliveries = delivery::measure(&stage);
    violations.extend(delivery::check(&deliveries));
    violations.extend(history.iter().filter_map(leak));
    Verdict {
        figures: Figures {
            deliveries,
            ..stage.figures(history)
        },
        violations,
    }
}

fn leak(entry: &Entry) -> Option<Violation> {
    let What::Leak { canary } = &entry.what else {
        return None;
    };
    Some(violation(
        Wrong::Leak,
        "",
        format!("{} was sent {canary:?}", entry.who),
    ))
}

fn violation(wrong: Wrong, session: &str, detail: String) -> Violation {
    Violation {
        wrong,
        session: session.to_owned(),
        detail,
    }
}
