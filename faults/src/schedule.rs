//! Which faults happen and in what order: a list that follows from a seed.

use std::{fmt, str::FromStr, time::Duration};

use crate::{cluster::Form, seed::Dice};

/// A kind of fault, by its number in docs/faults.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A session-svc is killed (SIGKILL) and started again.
    F1,
    /// A presence-svc is killed.
    F2,
    /// An im-svc is killed.
    F3,
    /// A gateway is killed.
    F4,
    /// All gateways are restarted at once, with a crowd of sockets on them.
    F5,
    /// Everything is restarted in order, one after the other (SIGTERM).
    F6,
    /// Redis is stopped for a while.
    F7,
    /// Redis loses all that it holds and cuts its subscribers, again and again.
    F8,
    /// A session-svc and Redis can't reach each other, one way or both.
    F9,
    /// Redis does not answer for a while.
    F10,
    /// Somebody publishes lies on Redis.
    F11,
    /// Redis cuts subscribers whose buffer is full.
    F12,
    /// PostgreSQL crashes and is started again.
    F13,
    /// PostgreSQL fails over to its synchronous standby.
    F14,
    /// PostgreSQL is slow, locked, or terminates connections.
    F16,
    /// The clock of a server is set forward or back.
    F20,
    /// A session-svc is paused (SIGSTOP) and goes on as if nothing had happened.
    F21,
    /// Browsers' connections become half-open.
    F22,
    /// A client reads nothing of very much that is sent to it.
    F23,
    /// Browsers send everything twice, and again on a new socket.
    F24,
    /// The links between gateways and session-svcs break one after the other and heal in another order.
    F30,
}

/// All kinds, with their relative frequencies and how long each lasts, in milliseconds, until it is healed.
const KINDS: [(Kind, &str, usize, u64); 21] = [
    (Kind::F1, "F1", 20, 0),
    (Kind::F2, "F2", 6, 0),
    (Kind::F3, "F3", 4, 0),
    (Kind::F4, "F4", 14, 0),
    (Kind::F5, "F5", 2, 0),
    (Kind::F6, "F6", 1, 0),
    (Kind::F7, "F7", 1, 60_000),
    (Kind::F8, "F8", 14, 1_000),
    (Kind::F9, "F9", 3, 12_000),
    (Kind::F10, "F10", 1, 30_000),
    (Kind::F11, "F11", 14, 1_000),
    (Kind::F12, "F12", 6, 1_000),
    (Kind::F13, "F13", 6, 500),
    (Kind::F14, "F14", 1, 0),
    (Kind::F16, "F16", 14, 1_500),
    (Kind::F20, "F20", 4, 3_000),
    (Kind::F21, "F21", 1, 30_000),
    (Kind::F22, "F22", 2, 14_000),
    (Kind::F23, "F23", 2, 0),
    (Kind::F24, "F24", 12, 1_500),
    (Kind::F30, "F30", 4, 1_000),
];

impl Kind {
    /// Returns all kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, ..)| *kind)
    }

    /// Returns whether the form has what this kind breaks.
    #[must_use]
    pub const fn applies_to(self, form: Form) -> bool {
        match form {
            Form::Distributed => true,
            Form::Embedded => matches!(
                self,
                Self::F1
                    | Self::F5
                    | Self::F6
                    | Self::F20
                    | Self::F21
                    | Self::F22
                    | Self::F23
                    | Self::F24
            ),
        }
    }

    /// Returns how long it lasts before it is healed. Most faults are cut short in a short run.
    #[must_use]
    pub fn lasts(self, short: bool) -> Duration {
        let whole = Duration::from_millis(self.line().3);
        // A fault that is noticed by silence has to last as long as that takes.
        if short && !matches!(self, Self::F9 | Self::F22) {
            return whole.min(Duration::from_secs(4));
        }
        whole
    }

    fn line(self) -> &'static (Self, &'static str, usize, u64) {
        let line = KINDS.iter().find(|(kind, ..)| *kind == self);
        line.unwrap_or(&KINDS[0])
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.line().1)
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let line = KINDS
            .iter()
            .find(|(_, known, ..)| known.eq_ignore_ascii_case(name));
        let names: Vec<&str> = KINDS.iter().map(|(_, name, ..)| *name).collect();
        line.map(|(kind, ..)| *kind)
            .ok_or_else(|| format!("{name:?} is none of {}", names.join(", ")))
    }
}

/// An endless list of faults: first each kind once, in some order, then each by its frequency.
#[derive(Debug)]
pub struct Schedule {
    kinds: Vec<Kind>,
    first: Vec<Kind>,
    dice: Dice,
}

impl Schedule {
    /// Creates the list of a seed. `kinds` are those wanted; none means all. Those that do not apply are left out.
    #[must_use]
    pub fn new(kinds: &[Kind], form: Form, mut dice: Dice) -> Self {
        let wanted = Kind::all().filter(|kind| kinds.is_empty() || kinds.contains(kind));
        let kinds: Vec<Kind> = wanted.filter(|kind| kind.applies_to(form)).collect();
        let mut first = kinds.clone();
        dice.shuffle(&mut first);
        Self { kinds, first, dice }
    }

    /// Returns how many kinds there are.
    #[must_use]
    pub const fn kinds(&self) -> usize {
        self.kinds.len()
    }

    /// Removes a kind that turned out to be impossible here.
    pub fn leave_out(&mut self, kind: Kind) {
        self.kinds.retain(|other| *other != kind);
        self.first.retain(|other| *other != kind);
    }
}

impl Iterator for Schedule {
    type Item = Kind;

    fn next(&mut self) -> Option<Kind> {
        if let Some(kind) = self.first.pop() {
            return Some(kind);
        }
        let total: usize = self.kinds.iter().map(|kind| kind.line().2).sum();
        let mut at = self.dice.below(total);
        self.kinds.iter().copied().find(|kind| {
            let often = kind.line().2;
            let found = at < often;
            at = at.saturating_sub(often);
            found
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_seed_gives_one_list_and_each_kind_comes_first() {
        let list = |seed| -> Vec<Kind> {
            Schedule::new(&[], Form::Distributed, Dice::new(seed))
                .take(200)
                .collect()
        };
        assert_eq!(list(1), list(1));
        assert_ne!(list(1), list(2));
        let mut first = list(1)[..KINDS.len()].to_vec();
        first.sort();
        assert!(first.into_iter().eq(Kind::all()));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in Kind::all() {
            assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
        }
        assert!("F99".parse::<Kind>().unwrap_err().contains("F1, F2"));
    }
}
