//! The commands that people gave, and what is known of each: done, refused for good, or unknown.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use carrel_platform::refusal::Refusal;
use tonic::Code;

use crate::{database::Database, observations::Observations};

/// The kind of a command, as far as it matters to the referee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message, a note or a page: it leaves an event if it is accepted.
    Write,
    /// A change that may already be in effect, and then leaves no event.
    Change,
    /// The end of a session.
    End,
}

/// A command, as its sender knows it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The command's key in the log.
    pub(crate) key: String,
    pub(crate) kind: Kind,
}

/// The result of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// The command did not happen and never will.
    Refused(String),
    /// The outcome is unknown: the same command has to be sent again.
    Unknown(String),
}

/// What is known of a command.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) given: Given,
    pub(crate) answer: Option<Answer>,
    /// How many tries ended without a known outcome. Each may still take effect at any time.
    pub(crate) unsettled_tries: u64,
    tries: u64,
}

/// All commands, in the order in which they were given.
#[derive(Debug, Default)]
pub(crate) struct Commands(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<String, Known>,
    order: Vec<String>,
}

impl Commands {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a command is about to be sent, perhaps again.
    pub(crate) fn sent(&self, given: &Given) {
        let mut state = self.state();
        if !state.known.contains_key(&given.key) {
            state.order.push(given.key.clone());
        }
        let known = state.known.entry(given.key.clone()).or_insert(Known {
            given: given.clone(),
            answer: None,
            unsettled_tries: 0,
            tries: 0,
        });
        known.tries += 1;
        if matches!(known.answer, Some(Answer::Unknown(_))) {
            known.answer = None;
        }
    }

    /// Records the answer to a try, or that there will be none.
    pub(crate) fn answered(
        &self,
        given: &Given,
        answer: Answer,
        database: &Database,
        observations: &Observations,
    ) {
        let leaves_an_event = given.kind != Kind::Change;
        if answer == Answer::Accepted && leaves_an_event && !database.has_command(&given.key) {
            observations.violation(
                "I1",
                &format!("{} was acknowledged and is not in the log", given.key),
            );
        }
        let mut state = self.state();
        if let Some(known) = state.known.get_mut(&given.key) {
            known.unsettled_tries += u64::from(matches!(answer, Answer::Unknown(_)));
            known.answer = Some(answer);
        }
    }

    /// Returns all commands, in the order in which they were first sent.
    pub(crate) fn all(&self) -> Vec<Known> {
        let state = self.state();
        let known = state.order.iter().filter_map(|key| state.known.get(key));
        known.cloned().collect()
    }

    /// Returns what is known of one command.
    pub(crate) fn get(&self, key: &str) -> Option<Known> {
        self.state().known.get(key).cloned()
    }

    /// Returns how many commands there are, and how many times they were sent in all.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        let tries = state.known.values().map(|known| known.tries).sum();
        (state.known.len() as u64, tries)
    }
}

/// Returns what a refusal says about the command.
pub(crate) fn judge(refusal: &Refusal) -> Answer {
    let reason = format!("{:?}/{}", refusal.code, refusal.reason);
    match refusal.code {
        Code::InvalidArgument
        | Code::PermissionDenied
        | Code::NotFound
        | Code::FailedPrecondition
        | Code::AlreadyExists => Answer::Refused(reason),
        // A refusal by a service is definite. One that HTTP/2 makes with the same code is not, and has none of our
        // reasons.
        Code::ResourceExhausted
            if ["SESSION_FULL", "ENTERED_TOO_OFTEN"].contains(&refusal.reason.as_str()) =>
        {
            Answer::Refused(reason)
        }
        _ => Answer::Unknown(reason),
    }
}
