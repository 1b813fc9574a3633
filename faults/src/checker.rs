//! Judges a run: compares what people were told and shown with the log at the end of the run.
//!
//! Pure, and linear in the length of the history. The log gives the order, so no order has to be searched for. A
//! command whose outcome was unknown may have happened once or never; neither is a violation, but by the end its
//! outcome must be settled.

mod commands;
mod delivery;
mod desk;
mod ownership;
mod sorted_history;
mod transcripts;
mod views;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

pub use delivery::{Deliveries, Delivery, WITHOUT_REDIS_MS};

use crate::history::{Entry, Seen, What};

/// The log at the end of a run: each session's transcripts.
pub type Log = BTreeMap<String, Transcripts>;

/// A session's log: positions and events, in order, in both views.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcripts {
    /// What the patron may see.
    pub patron: Vec<(u64, Seen)>,
    /// What staff may see.
    pub staff: Vec<(u64, Seen)>,
}

/// The kinds of violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// Acknowledged, and not in the log, or not at the position that was told (I1).
    Lost,
    /// In the log twice, or shown twice (I2, I6).
    Repeated,
    /// Not in the order in which its sender sent it (I5).
    Reordered,
    /// A position is missing, in the log or in what somebody was shown (I4, I6).
    Gap,
    /// Somebody was shown something that differs from the log, or the patron's view is not a part of staff's (I4, I20).
    Divergence,
    /// In the log though nobody sent it, or though it was refused for good (I3).
    Phantom,
    /// Shown too late, or never, to somebody who attended (I8).
    Stale,
    /// Messages took too much longer without Redis than with it (I9).
    Slow,
    /// Shown to somebody who must not see it (I17, I18, I21).
    Leak,
    /// Never settled (I3).
    Unsettled,
    /// Two owners at once, two winners, or a message or note by somebody who was not the owner (I11, I12).
    Ownership,
    /// Something was written after the end (I10).
    AfterEnd,
    /// A history was replaced though no standby had taken over.
    Resync,
    /// Somebody at the desk was shown as gone in a rolling restart, or because Redis was away or emptied (I15, I28).
    Flicker,
    /// A socket ended in a rolling restart other than by a close that asks to come back (I28).
    Rude,
    /// A program ended by itself.
    Crashed,
    /// Service did not come back after a fault.
    NotRecovered,
}

/// A violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Its kind.
    pub wrong: Wrong,
    /// The session; empty if there is none.
    pub session: String,
    /// Details that help to find the cause.
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

/// The counts and times of a run.
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

/// The verdict on a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The counts and times of the run.
    pub figures: Figures,
    /// Everything that is wrong.
    pub violations: Vec<Violation>,
}

/// How long an event may take to reach an attending viewer, in microseconds, when nothing is broken (I8).
pub const TAIL_REPAIR_US: u64 = 10_000_000;

/// Judges a run.
#[must_use]
pub fn check(history: &[Entry], log: &Log) -> Verdict {
    let sorted = sorted_history::SortedHistory::read(history);
    let mut violations = Vec::new();
    for (session, transcripts) in log {
        violations.extend(transcripts::check(session, transcripts));
        violations.extend(ownership::check(session, transcripts, &sorted));
    }
    violations.extend(commands::check(&sorted, log));
    violations.extend(views::check(&sorted, log));
    violations.extend(desk::check(history));
    let deliveries = delivery::measure(&sorted);
    violations.extend(delivery::check(&deliveries));
    violations.extend(history.iter().filter_map(leak));
    Verdict {
        figures: Figures {
            deliveries,
            ..sorted.figures(history)
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
