//! The commands that people gave, and what they know of each: done, refused for good, or unknown.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use carrel_platform::refusal::Refusal;
use tonic::Code;

use crate::{database::Database, observations::Observations};

/// What is asked of a service, as far as it matters to the referee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message, a note or a page: it leaves an event whenever it is accepted.
    Write,
    /// What may find that things are already as it wants them, and then leaves no event.
    Change,
    /// The end of a session.
    End,
}

/// A command as the one who gives it knows it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// What the log knows it by.
    pub(crate) key: String,
    pub(crate) kind: Kind,
}

/// What one try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted,
    /// It did not happen and never will.
    Refused(String),
    /// Nobody knows: the same command has to be given again.
    Unknown(String),
}

/// What is known of a command.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) given: Given,
    pub(crate) answer: Option<Answer>,
    /// Whether a try came to nothing that is known: it may take effect at any time later.
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

    /// A command is about to be sent, perhaps again.
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

    /// A try was answered, or never will be.
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

    /// All of them, in the order in which they were first sent.
    pub(crate) fn all(&self) -> Vec<Known> {
        let state = self.state();
        let known = state.order.iter().filter_map(|key| state.known.get(key));
        known.cloned().collect()
    }

    /// What is known of one.
    pub(crate) fn get(&self, key: &str) -> Option<Known> {
        self.state().known.get(key).cloned()
    }

    /// How many there are, and how often they were sent.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        let tries = state.known.values().map(|known| known.tries).sum();
        (state.known.len() as u64, tries)
    }
}

/// What a refusal says of the command.
pub(crate) fn judge(refusal: &Refusal) -> Answer {
    let reason = format!("{:?}/{}", refusal.code, refusal.reason);
    match refusal.code {
        Code::InvalidArgument
        | Code::PermissionDenied
        | Code::NotFound
        | Code::FailedPrecondition
        | Code::AlreadyExists => Answer::Refused(reason),
        // What a service says is definite; what HTTP/2 says in its place is not, and has no reason of ours.
        Code::ResourceExhausted if refusal.reason == "SESSION_FULL" => Answer::Refused(reason),
        _ => Answer::Unknown(reason),
    }
}
