//! The trace of what was seen during the run, and the violations found.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::time;

/// How many lines of the trace are kept, unless all are.
const TAIL: usize = 60;

/// The trace of one run. Its digest covers every line, but only the last lines are kept unless all are asked for.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    state: Mutex<State>,
    keeps_all: bool,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<String>,
    digest: u64,
    count: u64,
    violations: Vec<Violation>,
}

/// Something that happened and must never happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant, such as `I5`.
    pub invariant: String,
    /// When it happened, in milliseconds since the beginning, and what.
    pub what: String,
}

impl State {
    /// Adds a text to the digest (FNV-1a).
    fn digest(&mut self, text: &str) {
        self.digest = text.bytes().fold(self.digest, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    }
}

impl Observations {
    pub(crate) fn new(keeps_all: bool) -> Self {
        Self {
            keeps_all,
            ..Self::default()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that somebody saw or did something.
    pub(crate) fn note(&self, who: &str, what: &str) {
        self.note_at(time::now_ms(), who, what);
    }

    /// Like [`Self::note`], at a time that the caller knows better.
    pub(crate) fn note_at(&self, now_ms: u64, who: &str, what: &str) {
        let line = format!("{now_ms:>7} {who:<12} {what}");
        let mut state = self.state();
        state.digest(&line);
        state.count += 1;
        state.lines.push_back(line);
        if !self.keeps_all && state.lines.len() > TAIL {
            state.lines.pop_front();
        }
    }

    /// Records a detail that only helps to find a cause. The digest does not cover it.
    pub(crate) fn detail(&self, who: &str, what: impl FnOnce() -> String) {
        if self.keeps_all {
            let line = format!("{:>7} {who:<12}   {}", time::now_ms(), what());
            self.state().lines.push_back(line);
        }
    }

    /// Adds something that is not in the trace to the digest.
    pub(crate) fn cover(&self, what: &str) {
        self.state().digest(what);
    }

    /// Records that an invariant is broken.
    pub(crate) fn violation(&self, invariant: &str, what: &str) {
        let now_ms = time::now_ms();
        self.note("VIOLATION", &format!("{invariant}: {what}"));
        self.state().violations.push(Violation {
            invariant: invariant.to_owned(),
            what: format!("at {now_ms} ms: {what}"),
        });
    }

    /// Returns whether no invariant was broken so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.state().violations.is_empty()
    }

    /// Returns the violations.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.state().violations.clone()
    }

    /// Returns a digest of the whole trace and of what was added by [`Self::cover`]: two runs have the same one only if
    /// they were the same, line by line.
    pub(crate) fn digest(&self) -> u64 {
        self.state().digest
    }

    /// Returns how many lines there were.
    pub(crate) fn count(&self) -> u64 {
        self.state().count
    }

    /// Returns the lines that were kept.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state().lines.iter().cloned().collect()
    }
}
