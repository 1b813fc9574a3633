//! The results of the bench, for people and for the next run.

mod goals;

use std::{collections::BTreeMap, fmt::Write};

use serde::{Deserialize, Serialize};

pub use goals::{Goal, goals};

use crate::{
    figures::{Figures, sound},
    machine::Machine,
    plan::Measured,
    scenario::Size,
};

/// The results of one run of the bench.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The machine and programs that were measured.
    pub machine: Machine,
    /// How large the scenarios were.
    pub size: Size,
    /// How many times each was played.
    pub runs: usize,
    /// What disk, Redis and tonic allow.
    pub limits: BTreeMap<String, Figures>,
    /// The medians of all scenarios.
    pub measured: Measured,
    /// The goals that Carrel must reach, and what was measured.
    pub goals: Vec<Goal>,
}

impl Report {
    /// Returns whether nothing was lost, repeated, reordered or refused anywhere.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.measured.values().flat_map(BTreeMap::values).all(sound)
    }

    /// Returns the report as Markdown.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let Machine {
            processor,
            cores,
            memory_gib,
            kernel,
            disk,
            load_average,
            rustc,
            commit,
            engines,
        } = &self.machine;
        // Writing to a string can't fail.
        let _ = write!(
            text,
            "Commit {commit}; {rustc}; {}.\n{processor}, {cores} cores, {memory_gib} GiB; {kernel}; logs on {disk}; load \
             average before: {load_average}.\nSize {:?}; medians of {} runs in turns; servers on one core, the load on \
             another.\n",
            engines.join(", "),
            self.size,
            self.runs,
        );
        if !self.limits.is_empty() {
            text.push_str("\n### What disk, Redis and tonic allow\n\n| what | figure | value |\n|---|---|--:|\n");
            for (what, figures) in &self.limits {
                for (name, value) in figures {
                    let _ = writeln!(text, "| {what} | {name} | {} |", number(*value));
                }
            }
        }
        for (scenario, subjects) in &self.measured {
            let _ = write!(text, "\n### {}\n\n", scenario.name());
            table(&mut text, subjects);
        }
        if !self.goals.is_empty() {
            text.push_str("\n### Goals\n\n| goal | wanted | measured | |\n|---|--:|--:|---|\n");
            for goal in &self.goals {
                let Goal {
                    what,
                    wanted,
                    at_most,
                    measured,
                } = goal;
                let sign = if *at_most { "≤" } else { "≥" };
                let word = if goal.is_met() { "met" } else { "missed" };
                let _ = writeln!(
                    text,
                    "| {what} | {sign} {} | {} | {word} |",
                    number(*wanted),
                    number(*measured)
                );
            }
        }
        text
    }

    /// Returns how each goal has moved since an earlier report. Ratios to limits of the same run can be compared; times
    /// of different days can't.
    #[must_use]
    pub fn compare(&self, before: &Self) -> String {
        let mut text = format!(
            "\n### Against {}\n\n| goal | then | now |\n|---|--:|--:|\n",
            before.machine.commit
        );
        for goal in &self.goals {
            if let Some(then) = before.goals.iter().find(|then| then.what == goal.what) {
                let _ = writeln!(
                    text,
                    "| {} | {} | {} |",
                    goal.what,
                    number(then.measured),
                    number(goal.measured)
                );
            }
        }
        text
    }
}

/// Writes a table with one column for each subject and one row for each figure.
fn table(text: &mut String, subjects: &BTreeMap<String, Figures>) {
    let names: Vec<&String> = subjects.keys().collect();
    let _ = writeln!(
        text,
        "| | {} |",
        names
            .iter()
            .map(|name| name.as_str())
            .collect::<Vec<_>>()
            .join(" | ")
    );
    let _ = writeln!(text, "|---|{}", "--:|".repeat(names.len()));
    let rows: std::collections::BTreeSet<&String> =
        subjects.values().flat_map(BTreeMap::keys).collect();
    for row in rows {
        let _ = write!(text, "| {row} |");
        for name in &names {
            let value = subjects.get(*name).and_then(|figures| figures.get(row));
            let _ = write!(
                text,
                " {} |",
                value.map_or(String::new(), |value| number(*value))
            );
        }
        text.push('\n');
    }
}

/// Formats a number with as many digits as are significant.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}
