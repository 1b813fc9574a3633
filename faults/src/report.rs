//! The report of a run, for people and for machines.

use std::{collections::BTreeMap, fmt, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{
    checker::{Deliveries, Delivery, Figures, Verdict, Violation, Wrong},
    crash_points::Points,
};

/// The report of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The seed of all random decisions.
    pub seed: u64,
    /// The command that produced it.
    pub command: String,
    /// Whether it ran against separate services, rather than all in one process.
    pub distributed: bool,
    /// How long it took.
    pub seconds: u64,
    /// What was done and shown.
    pub figures: Figures,
    /// The faults.
    pub outcomes: Vec<Outcome>,
    /// What was wrong.
    pub violations: Vec<Violation>,
}

/// A fault and its effects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Its number.
    pub number: usize,
    /// Its kind.
    pub kind: String,
    /// From its beginning until a message sent after that had gone all the way in each conversation: from the patron to
    /// a librarian, and its acknowledgement back.
    pub interrupted_ms: u64,
    /// From its beginning until it was healed.
    pub lasted_ms: u64,
    /// From when it was healed until, once more, a message had gone all the way in each conversation.
    pub recovered_ms: u64,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fault {}, {}: lasted {} ms, messages flowed after {} ms, and {} ms after it was healed",
            self.number, self.kind, self.lasted_ms, self.interrupted_ms, self.recovered_ms
        )
    }
}

impl Report {
    /// Returns whether there are no violations.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// Writes the report as text to the file, and as JSON beside it.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let json = path.with_extension("json");
        std::fs::write(path, self.to_string())
            .and_then(|()| std::fs::write(&json, serde_json::to_string_pretty(self)?))
            .with_context(|| format!("the report can't be written to {}", path.display()))
    }

    fn count(&self, wrong: &[Wrong]) -> usize {
        let violations = self.violations.iter();
        violations
            .filter(|violation| wrong.contains(&violation.wrong))
            .count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.distributed {
            "two of each service on PostgreSQL and Redis"
        } else {
            "all in one process"
        };
        writeln!(f, "{}", self.command)?;
        writeln!(f, "seed {}, {form}, {} s\n", self.seed, self.seconds)?;
        writeln!(
            f,
            "{:<6} {:>6} {:>14} {:>14} {:>14} {:>14}",
            "fault", "times", "flow p50 ms", "flow max ms", "healed p50 ms", "healed max ms"
        )?;
        let mut kinds: BTreeMap<(usize, &str), Vec<&Outcome>> = BTreeMap::new();
        for outcome in &self.outcomes {
            let number = outcome.kind[1..].parse().unwrap_or(usize::MAX);
            kinds
                .entry((number, &outcome.kind))
                .or_default()
                .push(outcome);
        }
        for ((_, kind), outcomes) in &kinds {
            let flow = sorted(outcomes.iter().map(|outcome| outcome.interrupted_ms));
            let healed = sorted(outcomes.iter().map(|outcome| outcome.recovered_ms));
            writeln!(
                f,
                "{kind:<6} {:>6} {:>14} {:>14} {:>14} {:>14}",
                outcomes.len(),
                flow[flow.len() / 2],
                flow[flow.len() - 1],
                healed[healed.len() / 2],
                healed[healed.len() - 1],
            )?;
        }
        let figures = &self.figures;
        writeln!(
            f,
            "\n{} faults of {} kinds; {} messages acknowledged in {} sessions, {} events shown; {} unknown outcomes, all \
             but {} settled",
            self.outcomes.len(),
            kinds.len(),
            figures.acknowledged,
            figures.sessions,
            figures.delivered,
            figures.unknown,
            self.count(&[Wrong::Unsettled]),
        )?;
        writeln!(
            f,
            "{} tries to pick up for {} pick-ups, {} to accept for {} transfers; {} sockets lost",
            figures.pick_ups.0,
            figures.pick_ups.1,
            figures.transfers.0,
            figures.transfers.1,
            figures.sockets_lost,
        )?;
        write_deliveries(f, &figures.deliveries)?;
        let zeros = [
            ("lost", Wrong::Lost),
            ("repeated", Wrong::Repeated),
            ("reordered", Wrong::Reordered),
            ("gaps", Wrong::Gap),
            ("leaks", Wrong::Leak),
            ("divergent", Wrong::Divergence),
            ("phantoms", Wrong::Phantom),
            ("stale", Wrong::Stale),
            ("too slow without Redis", Wrong::Slow),
            ("owners too many", Wrong::Ownership),
        ];
        let known: Vec<Wrong> = zeros.iter().map(|(_, wrong)| *wrong).collect();
        let zeros: Vec<String> = zeros
            .iter()
            .map(|(name, wrong)| format!("{} {name}", self.count(&[*wrong])))
            .collect();
        let other = self.violations.len() - self.count(&known);
        writeln!(f, "{}, {other} of any other kind", zeros.join(", "))?;
        // The first ones tell as much as all.
        for violation in self.violations.iter().take(50) {
            writeln!(f, "{violation}")?;
        }
        Ok(())
    }
}

/// Writes the deliveries with Redis and without, side by side.
fn write_deliveries(f: &mut fmt::Formatter<'_>, deliveries: &Deliveries) -> fmt::Result {
    if deliveries.without_redis.count == 0 {
        return Ok(());
    }
    writeln!(
        f,
        "\n{:<22} {:>10} {:>8} {:>8}",
        "delivery", "messages", "p50 ms", "p99 ms"
    )?;
    let lines = [
        ("nothing broken", deliveries.with_redis),
        ("Redis stopped", deliveries.without_redis),
    ];
    for (name, delivery) in lines {
        let Delivery {
            count,
            p50_ms,
            p99_ms,
        } = delivery;
        writeln!(f, "{name:<22} {count:>10} {p50_ms:>8} {p99_ms:>8}")?;
    }
    writeln!(f)
}

/// Reports progress to a person who watches.
pub fn tell(line: &str) {
    use std::io::Write as _;
    // If standard error was closed, the run goes on all the same.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Returns the report of a sweep over crash points.
#[must_use]
pub fn crash_points(swept: &[Points], verdict: &Verdict) -> String {
    let mut report = format!("{:<10} {:<16} {:>8}\n", "killed", "at the call", "points");
    for points in swept.iter().filter(|points| points.killed > 0) {
        let victim = format!("{:?}", points.victim);
        report += &format!("{victim:<10} {:<16} {:>8}\n", points.call, points.killed);
    }
    let killed: usize = swept.iter().map(|points| points.killed).sum();
    report += &format!(
        "{killed} kills; {} messages acknowledged, {} things wrong\n",
        verdict.figures.acknowledged,
        verdict.violations.len()
    );
    for violation in &verdict.violations {
        report += &format!("{violation}\n");
    }
    report
}

fn sorted(times: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut times: Vec<u64> = times.collect();
    times.sort_unstable();
    times
}
