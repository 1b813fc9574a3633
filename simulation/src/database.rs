//! The one database of the simulated world: a log that is obviously right, and the ways in which it becomes
//! unreachable.
//!
//! Each call takes effect at one moment, under one lock. Everything that goes wrong does so before or after that
//! moment: the caller waits, is refused, gets no answer, or dies.

mod servers_log;
mod streams;
mod trouble;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use carrel_platform::log::{RecordedEvent, StreamName};

pub(crate) use self::{servers_log::ServersLog, trouble::Faults};
use self::{streams::Streams, trouble::Trouble};
use crate::{dice::Dice, observations::Observations};

/// The epoch: there is only ever one history.
pub(crate) const EPOCH: &str = "the only one";

/// The database. All servers' logs lead to it.
#[derive(Debug)]
pub(crate) struct Database {
    state: Mutex<State>,
    observations: Arc<Observations>,
}

#[derive(Debug)]
struct State {
    streams: Streams,
    trouble: Trouble,
}

impl Database {
    pub(crate) fn new(seed: u64, observations: Arc<Observations>) -> Self {
        Self {
            state: Mutex::new(State {
                streams: Streams::default(),
                trouble: Trouble::by(Dice::of(seed, "database")),
            }),
            observations,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the rates of faults from now on.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.state().trouble.set(faults);
    }

    /// Cuts a server off from the database until `until_ms`.
    pub(crate) fn cut_off(&self, host: &'static str, until_ms: u64) {
        self.state().trouble.cut_off(host, until_ms);
    }

    /// Lets all servers reach the database again.
    pub(crate) fn heal(&self) {
        self.state().trouble.heal();
    }

    /// Takes the servers that must die now. Each is returned once.
    pub(crate) fn take_doomed(&self) -> BTreeSet<&'static str> {
        self.state().trouble.take_doomed()
    }

    /// Returns how many calls were made to fail.
    pub(crate) fn injected(&self) -> u64 {
        self.state().trouble.injected()
    }

    /// Puts events into a stream unchecked, before the run begins.
    pub(crate) fn restore(&self, stream: StreamName, events: Vec<RecordedEvent>) {
        self.state().streams.restore(stream, events);
    }

    /// Returns the streams of a category, by id, with all their events.
    pub(crate) fn streams(&self, category: &str) -> Vec<(String, Vec<RecordedEvent>)> {
        self.state().streams.of(category)
    }

    /// Returns the events of one stream after a version.
    pub(crate) fn events_after(
        &self,
        category: &'static str,
        id: &str,
        version: u64,
    ) -> Vec<RecordedEvent> {
        let stream = StreamName::new(category, id);
        self.state().streams.all_after(&stream, version)
    }

    /// Returns whether a command has left an event in the log.
    pub(crate) fn has_command(&self, command_key: &str) -> bool {
        self.state().streams.has_command(command_key)
    }
}
