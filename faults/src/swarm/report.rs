//! The report of a swarm.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{Settings, memory::Memory, tally::Counts};

/// How soon all but a hundredth must be back.
const BACK_WITHIN: Duration = Duration::from_secs(15);
/// How much more memory the gateways may use than before, in hundredths.
const MORE_MEMORY: u64 = 10;
/// Below this many sockets the memory is not judged: programs vary by as much.
const FEW: usize = 1_000;

/// What was written while the swarm was away.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    /// How many were acknowledged.
    pub acknowledged: usize,
    /// The slowest of them.
    pub slowest: Duration,
    /// Those that were not acknowledged, and why: the pool of connections to the database was exhausted, for example.
    pub refused: Vec<String>,
}

impl Writes {
    pub(super) fn of(outcomes: Vec<Result<Duration, String>>) -> Self {
        let mut writes = Self::default();
        for outcome in outcomes {
            match outcome {
                Ok(took) => {
                    writes.acknowledged += 1;
                    writes.slowest = writes.slowest.max(took);
                }
                Err(why) => writes.refused.push(why),
            }
        }
        writes
    }
}

/// The report of a swarm.
#[derive(Clone, Debug)]
pub struct Report {
    command: String,
    seed: u64,
    sockets: usize,
    there: usize,
    caught_up: usize,
    /// How long the sockets that came back were away, sorted.
    away: Vec<Duration>,
    /// How many times a service ended a socket's attendance, by reason.
    detached: BTreeMap<String, usize>,
    writes: Writes,
    before: Memory,
    after: Memory,
    wrong: Vec<String>,
}

impl Report {
    pub(super) fn new(
        settings: Settings,
        counts: Counts,
        writes: Writes,
        before: Memory,
        after: Memory,
    ) -> Self {
        let Counts {
            there,
            mut returned,
            caught_up,
            detached,
            wrong,
        } = counts;
        returned.sort_unstable();
        let mut report = Self {
            command: settings.command,
            seed: settings.seed,
            sockets: settings.sockets,
            there,
            caught_up,
            away: returned,
            detached,
            writes,
            before,
            after,
            wrong: Vec::new(),
        };
        let shown = wrong
            .iter()
            .map(|(what, times)| format!("{times} times: {what}"));
        report.wrong = report.judge().into_iter().chain(shown).collect();
        report
    }

    /// Returns whether nothing is wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.wrong.is_empty()
    }

    fn judge(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.there < self.sockets {
            wrong.push(format!("{} did not come back", self.sockets - self.there));
        }
        if self.caught_up < self.sockets {
            wrong.push(format!(
                "{} did not catch up",
                self.sockets - self.caught_up
            ));
        }
        if self.away(99) > BACK_WITHIN {
            wrong.push(format!(
                "the slowest hundredth was away for more than {BACK_WITHIN:?}"
            ));
        }
        if let Some(why) = self.writes.refused.first() {
            let refused = self.writes.refused.len();
            wrong.push(format!(
                "{refused} messages were refused meanwhile; the first: {why}"
            ));
        }
        let sent_away: usize = self.detached.values().sum();
        if sent_away > 0 {
            wrong.push(format!(
                "{sent_away} times a service could not take one back at once"
            ));
        }
        let most = self.before.gateways * (100 + MORE_MEMORY) / 100;
        if self.sockets >= FEW && self.after.gateways > most {
            wrong.push(format!(
                "the gateways hold more than {MORE_MEMORY} % more than before"
            ));
        }
        wrong
    }

    /// Returns the longest time that this many hundredths of the sockets were away.
    fn away(&self, hundredths: usize) -> Duration {
        let place = (self.away.len() * hundredths / 100).min(self.away.len().saturating_sub(1));
        self.away.get(place).copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sockets,
            there,
            caught_up,
            writes,
            before,
            after,
            ..
        } = self;
        writeln!(f, "{}", self.command)?;
        writeln!(f, "seed {}\n", self.seed)?;
        writeln!(
            f,
            "{there} of {sockets} sockets came back, {caught_up} caught up"
        )?;
        writeln!(
            f,
            "away for: p50 {} ms, p99 {} ms, worst {} ms",
            self.away(50).as_millis(),
            self.away(99).as_millis(),
            self.away(100).as_millis()
        )?;
        for (reason, times) in &self.detached {
            writeln!(f, "{times} times a socket had to attend again: {reason}")?;
        }
        writeln!(
            f,
            "{} messages acknowledged meanwhile, {} refused, the slowest after {} ms",
            writes.acknowledged,
            writes.refused.len(),
            writes.slowest.as_millis()
        )?;
        writeln!(
            f,
            "{:<14} {:>12} {:>12}",
            "memory", "before KiB", "after KiB"
        )?;
        writeln!(
            f,
            "{:<14} {:>12} {:>12}",
            "gateways", before.gateways, after.gateways
        )?;
        writeln!(
            f,
            "{:<14} {:>12} {:>12}",
            "session-svcs", before.sessions, after.sessions
        )?;
        writeln!(f, "{} things wrong", self.wrong.len())?;
        self.wrong
            .iter()
            .try_for_each(|wrong| writeln!(f, "{wrong}"))
    }
}
