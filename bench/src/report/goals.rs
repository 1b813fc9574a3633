//! The goals that Carrel must reach: ratios to the limits of the same run.

use serde::{Deserialize, Serialize};

use crate::{
    plan::Measured,
    scenario::{MANY_SESSIONS, Scenario, TO_THE_FIRST},
};

/// A goal, and what was measured of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Goal {
    /// What is measured.
    pub what: String,
    /// The bound.
    pub wanted: f64,
    /// Whether the bound is an upper bound.
    pub at_most: bool,
    /// The measured value.
    pub measured: f64,
}

impl Goal {
    /// Returns whether the goal is reached.
    #[must_use]
    pub fn is_met(&self) -> bool {
        if self.at_most {
            self.measured <= self.wanted
        } else {
            self.measured >= self.wanted
        }
    }
}

/// A goal as a ratio: a figure of one subject to the same figure of another.
struct Ratio {
    what: &'static str,
    scenario: Scenario,
    figure: &'static str,
    of: &'static str,
    to: &'static str,
    wanted: f64,
    at_most: bool,
}

const fn ratio(
    what: &'static str,
    scenario: Scenario,
    figure: &'static str,
    of: &'static str,
    to: &'static str,
) -> Ratio {
    Ratio {
        what,
        scenario,
        figure,
        of,
        to,
        wanted: 0.0,
        at_most: false,
    }
}

impl Ratio {
    const fn at_least(mut self, wanted: f64) -> Self {
        self.wanted = wanted;
        self
    }

    const fn at_most(mut self, wanted: f64) -> Self {
        self.wanted = wanted;
        self.at_most = true;
        self
    }
}

const DELIVERED: &str = "delivered/s";
const CPU: &str = "server CPU s per 1,000 delivered";

const RATIOS: [Ratio; 18] = [
    ratio(
        "flood, delivered/s: embedded to raw-sqlite",
        Scenario::Flood,
        DELIVERED,
        "embedded",
        "raw-sqlite",
    )
    .at_least(0.5),
    ratio(
        "flood, delivered/s: embedded to raw-memory",
        Scenario::Flood,
        DELIVERED,
        "embedded",
        "raw-memory",
    )
    .at_least(0.4),
    ratio(
        "flood, CPU per delivered: embedded to raw-sqlite",
        Scenario::Flood,
        CPU,
        "embedded",
        "raw-sqlite",
    )
    .at_most(2.0),
    ratio(
        "flood, delivered/s: distributed to embedded",
        Scenario::Flood,
        DELIVERED,
        "distributed",
        "embedded",
    )
    .at_least(0.4),
    ratio(
        "flood, delivered/s: synced to not synced",
        Scenario::Flood,
        DELIVERED,
        "embedded",
        "embedded, not synced",
    )
    .at_least(0.8),
    ratio(
        "desk, p50: embedded to raw-sqlite",
        Scenario::Desk,
        "delivery p50 ms",
        "embedded",
        "raw-sqlite",
    )
    .at_most(2.0),
    ratio(
        "desk, CPU per delivered: embedded to raw-sqlite",
        Scenario::Desk,
        CPU,
        "embedded",
        "raw-sqlite",
    )
    .at_most(2.5),
    ratio(
        "hall, p99: embedded to raw-memory",
        Scenario::Hall,
        "delivery p99 ms",
        "embedded",
        "raw-memory",
    )
    .at_most(1.5),
    ratio(
        "idle, KiB per socket at 1,000: embedded to raw-memory",
        Scenario::Idle,
        "KiB per socket at 1000",
        "embedded",
        "raw-memory",
    )
    .at_most(1.5),
    ratio(
        "idle, KiB per socket at 5,000: embedded to raw-memory",
        Scenario::Idle,
        "KiB per socket at 5000",
        "embedded",
        "raw-memory",
    )
    .at_most(1.5),
    ratio(
        "idle, KiB per socket at 10,000: embedded to raw-memory",
        Scenario::Idle,
        "KiB per socket at 10000",
        "embedded",
        "raw-memory",
    )
    .at_most(1.5),
    ratio(
        "storm, all back: embedded to raw-memory",
        Scenario::Storm,
        "back: all after s",
        "embedded",
        "raw-memory",
    )
    .at_most(3.0),
    ratio(
        "redis-away, p99: without Redis to with it",
        Scenario::RedisAway,
        "delivery p99 ms",
        "without",
        "with",
    )
    .at_most(1.5),
    ratio(
        "traced, delivered/s: one trace of a hundred kept to none",
        Scenario::Traced,
        TO_THE_FIRST,
        "embedded, 1 % traced",
        "embedded",
    )
    .at_least(0.97),
    ratio(
        "growth, p50: a log of years to an empty one",
        Scenario::Growth,
        "delivery p50 ms",
        "embedded, grown",
        "embedded",
    )
    .at_most(1.15),
    ratio(
        "growth, CPU per delivered: a log of years to an empty one",
        Scenario::Growth,
        CPU,
        "embedded, grown",
        "embedded",
    )
    .at_most(1.15),
    ratio(
        "growth, p50: ten times the sessions at the same rate to the desk",
        Scenario::Growth,
        "delivery p50 ms",
        MANY_SESSIONS,
        "embedded",
    )
    .at_most(1.15),
    ratio(
        "growth, CPU per delivered: ten times the sessions at the same rate to the desk",
        Scenario::Growth,
        CPU,
        MANY_SESSIONS,
        "embedded",
    )
    .at_most(1.15),
];

/// Returns the goals that were measured.
#[must_use]
pub fn goals(measured: &Measured) -> Vec<Goal> {
    let figure = |scenario: Scenario, subject: &str, figure: &str| {
        let subjects = measured.get(&scenario)?;
        if scenario == Scenario::RedisAway {
            let name = format!("{subject} Redis: {figure}");
            return subjects.get("distributed")?.get(&name).copied();
        }
        if subject == MANY_SESSIONS {
            let name = format!("{subject}: {figure}");
            return subjects.get("embedded")?.get(&name).copied();
        }
        subjects.get(subject)?.get(figure).copied()
    };
    let mut goals: Vec<Goal> = RATIOS
        .iter()
        .filter_map(|ratio| {
            let of = figure(ratio.scenario, ratio.of, ratio.figure)?;
            let to = figure(ratio.scenario, ratio.to, ratio.figure)?;
            Some(Goal {
                what: ratio.what.to_owned(),
                wanted: ratio.wanted,
                at_most: ratio.at_most,
                measured: of / to,
            })
        })
        .collect();
    let tail = "delivery p99.9 ms";
    if let (Some(of), Some(to)) = (
        figure(Scenario::Desk, "embedded", tail),
        figure(Scenario::Desk, "raw-sqlite", tail),
    ) {
        goals.push(Goal {
            what: "desk, p99.9: embedded less raw-sqlite, ms".to_owned(),
            wanted: 5.0,
            at_most: true,
            measured: of - to,
        });
    }
    if let Some(measured) = figure(Scenario::Idle, "embedded", "core % at 10000") {
        goals.push(Goal {
            what: "idle, % of a core at 10,000: embedded".to_owned(),
            wanted: 1.0,
            at_most: true,
            measured,
        });
    }
    goals
}
