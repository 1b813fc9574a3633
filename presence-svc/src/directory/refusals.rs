//! Why log-ins are refused, for operators, who need to tell a librarian with a wrong password from an attack. Callers are
//! told less, and nobody is told who it was (PR8).

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use carrel_platform::telemetry::metric::LOG_IN_REFUSALS;

use crate::{
    directory::{password::PasswordError, throttle::Allowance},
    error::Error,
};

/// How long no further line is written about log-ins that are refused for the same reason. Those for which attempts
/// are limited come as often as an attacker likes.
const ONE_LINE_IN: Duration = Duration::from_secs(60);

/// Why a log-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RefusedFor {
    /// No librarian has this name and password.
    Credentials,
    /// Too many attempts.
    Attempts(Allowance),
    /// Too many passwords are being checked.
    Busy,
}

impl RefusedFor {
    const ALL: [Self; 5] = [
        Self::Credentials,
        Self::Attempts(Allowance::Address),
        Self::Attempts(Allowance::AccountAndAddress),
        Self::Attempts(Allowance::Account),
        Self::Busy,
    ];

    /// Returns the word for it, in metrics and log lines.
    fn word(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Attempts(Allowance::Address) => "address",
            Self::Attempts(Allowance::AccountAndAddress) => "account_and_address",
            Self::Attempts(Allowance::Account) => "account",
            Self::Busy => "busy",
        }
    }
}

/// The refusals of log-ins, as they are counted and logged.
#[derive(Debug)]
pub(super) struct Refusals(Mutex<[Lines; RefusedFor::ALL.len()]>);

/// The lines about one reason.
#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    last: Option<Instant>,
    /// How many refusals there were since.
    since: u64,
}

impl Refusals {
    /// Counts from zero: each reason is shown in the metrics before the first refusal for it.
    pub(super) fn new() -> Self {
        for reason in RefusedFor::ALL {
            LOG_IN_REFUSALS.add(0, [reason.word().into()]);
        }
        Self(Mutex::default())
    }

    /// Counts and logs a refusal.
    pub(super) fn note(&self, reason: RefusedFor) {
        LOG_IN_REFUSALS.add(1, [reason.word().into()]);
        if let Some(refused) = self.line(reason, Instant::now()) {
            tracing::info!(refused_for = reason.word(), refused, "log-in refused");
        }
    }

    /// Counts and logs why a log-in came to nothing, if it was refused.
    pub(super) fn note_error(&self, error: &Error) {
        match error {
            Error::WrongCredentials => self.note(RefusedFor::Credentials),
            Error::Password(PasswordError::Busy) => self.note(RefusedFor::Busy),
            _ => {}
        }
    }

    /// Returns how many refusals a line is to tell of; `None` if it is too early for another.
    fn line(&self, reason: RefusedFor, now: Instant) -> Option<u64> {
        let place = RefusedFor::ALL.iter().position(|other| *other == reason)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = all.get_mut(place)?;
        lines.since += 1;
        if lines
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < ONE_LINE_IN)
        {
            return None;
        }
        lines.last = Some(now);
        Some(std::mem::take(&mut lines.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // PR8, T14: a flood of attempts neither fills the log nor hides how large it was.
    #[test]
    fn there_is_a_line_a_minute_for_each_reason_and_it_says_how_often() {
        let refusals = Refusals::new();
        let begun = Instant::now();
        let attempts = RefusedFor::Attempts(Allowance::Account);
        assert_eq!(refusals.line(attempts, begun), Some(1));
        for _ in 0..1_000 {
            assert_eq!(refusals.line(attempts, begun), None);
        }
        assert_eq!(refusals.line(RefusedFor::Credentials, begun), Some(1));
        assert_eq!(refusals.line(attempts, begun + ONE_LINE_IN), Some(1_001));
    }

    #[test]
    fn each_reason_has_a_word_of_its_own() {
        let words: std::collections::HashSet<_> =
            RefusedFor::ALL.iter().map(|reason| reason.word()).collect();
        assert_eq!(words.len(), RefusedFor::ALL.len());
    }
}
