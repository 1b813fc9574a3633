//! The database's faults, and when they happen.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use crate::{dice::Dice, time};

/// How often each fault happens, per thousand calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// An append is refused before it was written.
    pub(crate) refused: u64,
    /// An append gets no answer, and was not written.
    pub(crate) lost: u64,
    /// An append gets no answer, and was written.
    pub(crate) unconfirmed: u64,
    /// The server dies after its append was written and before it gets the answer.
    pub(crate) deadly: u64,
    /// A read is refused.
    pub(crate) unread: u64,
    /// The longest time that a call takes, in milliseconds.
    pub(crate) slowest_ms: u64,
}

/// The faults in force.
#[derive(Debug)]
pub(super) struct Trouble {
    dice: Dice,
    faults: Faults,
    /// Until when each server is cut off from the database.
    cut_off: BTreeMap<&'static str, u64>,
    /// The servers that must die.
    doomed: BTreeSet<&'static str>,
    injected: u64,
}

/// What becomes of one append.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Done,
    Refused,
    Lost,
    Unconfirmed,
    Deadly,
}

impl Trouble {
    /// Creates it without faults. Faults that are set later are decided by `dice`.
    pub(super) fn by(dice: Dice) -> Self {
        Self {
            dice,
            faults: Faults::default(),
            cut_off: BTreeMap::new(),
            doomed: BTreeSet::new(),
            injected: 0,
        }
    }

    /// Sets the rates of faults from now on.
    pub(super) fn set(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Cuts a server off from the database until `until_ms`.
    pub(super) fn cut_off(&mut self, host: &'static str, until_ms: u64) {
        self.cut_off.insert(host, until_ms);
    }

    /// Ends all faults.
    pub(super) fn heal(&mut self) {
        self.faults = Faults {
            slowest_ms: 2,
            ..Faults::default()
        };
        self.cut_off.clear();
    }

    /// Marks a server to die.
    pub(super) fn doom(&mut self, host: &'static str) {
        self.doomed.insert(host);
    }

    /// Takes the servers that must die now. Each is returned once.
    pub(super) fn take_doomed(&mut self) -> BTreeSet<&'static str> {
        mem::take(&mut self.doomed)
    }

    /// Returns how many calls were made to fail.
    pub(super) fn injected(&self) -> u64 {
        self.injected
    }

    fn is_cut_off(&self, host: &str) -> bool {
        let until = self.cut_off.get(host).copied().unwrap_or(0);
        time::now_ms() < until
    }

    /// Returns how long a call takes.
    pub(super) fn pause(&mut self) -> Duration {
        let slowest = self.faults.slowest_ms;
        Duration::from_millis(self.dice.between(0, slowest))
    }

    pub(super) fn fate_of_append(&mut self, host: &str) -> Fate {
        let Faults {
            refused,
            lost,
            unconfirmed,
            deadly,
            ..
        } = self.faults;
        let roll = self.dice.roll() % 1000;
        let fate = if self.is_cut_off(host) || roll < refused {
            Fate::Refused
        } else if roll < refused + lost {
            Fate::Lost
        } else if roll < refused + lost + unconfirmed {
            Fate::Unconfirmed
        } else if roll < refused + lost + unconfirmed + deadly {
            Fate::Deadly
        } else {
            return Fate::Done;
        };
        self.injected += 1;
        fate
    }

    pub(super) fn read_fails(&mut self, host: &str) -> bool {
        let unread = self.faults.unread;
        let fails = self.dice.happens(unread) || self.is_cut_off(host);
        self.injected += u64::from(fails);
        fails
    }
}
