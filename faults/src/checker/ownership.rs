//! Checks that a session has at most one owner at each moment, and that each owner was told so by the service.

use std::collections::HashMap;

use super::{Transcripts, Violation, Wrong, sorted_history::SortedHistory, violation};
use crate::history::{Action, Role, Seen};

/// The state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State<'a> {
    Nothing,
    Waiting,
    Owned(&'a str),
    Ended(&'a str),
}

pub(super) fn check(
    session: &str,
    transcripts: &Transcripts,
    sorted: &SortedHistory<'_>,
) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let mut state = State::Nothing;
    let mut offered = false;
    for (position, seen) in &transcripts.staff {
        match step(state, &mut offered, seen) {
            Ok(next) => state = next,
            Err(kind) => {
                let detail = format!(
                    "{} of {:?} at {position}, in {state:?}",
                    seen.kind, seen.author
                );
                wrong.push(violation(kind, session, detail));
            }
        }
        if sorted.is_supervisor(&seen.author) {
            let detail = format!("a silent supervisor is shown at {position}");
            wrong.push(violation(Wrong::Leak, session, detail));
        }
    }
    wrong.extend(winners(session, transcripts, sorted));
    wrong
}

/// Returns the state after an event that may happen in `state`, or what is wrong with the event.
fn step<'a>(state: State<'a>, offered: &mut bool, seen: &'a Seen) -> Result<State<'a>, Wrong> {
    let author = seen.author.as_str();
    let next = match (seen.kind.as_str(), state) {
        ("opened", State::Nothing) => State::Waiting,
        ("note" | "resolution_set" | "descriptive_codes_set", State::Ended(owner))
            if author == owner =>
        {
            state
        }
        (_, State::Ended(_)) => return Err(Wrong::AfterEnd),
        ("picked_up", State::Waiting) => State::Owned(author),
        ("returned", State::Owned(owner)) if author == owner => {
            *offered = false;
            State::Waiting
        }
        ("transfer_offered", State::Owned(owner)) if author == owner => {
            *offered = true;
            state
        }
        ("transfer_closed", State::Owned(_)) => {
            *offered = false;
            state
        }
        ("transferred", State::Owned(_)) if *offered => {
            *offered = false;
            State::Owned(author)
        }
        ("ended", State::Waiting) => State::Ended(""),
        ("ended", State::Owned(owner)) => State::Ended(owner),
        // A patron has no librarian id.
        ("message", State::Waiting | State::Owned(_)) if author.is_empty() => state,
        ("message" | "note", State::Owned(owner)) if author == owner => state,
        (
            "escalated" | "patron_connection" | "colleague_left",
            State::Waiting | State::Owned(_),
        ) => state,
        _ => return Err(Wrong::Ownership),
    };
    Ok(next)
}

/// Checks that everybody who was told that they own the session became its owner in the log as many times, and vice
/// versa.
fn winners(session: &str, transcripts: &Transcripts, sorted: &SortedHistory<'_>) -> Vec<Violation> {
    let mut balance: HashMap<(&str, &str), (u64, u64)> = HashMap::new();
    for (_, seen) in &transcripts.staff {
        if matches!(seen.kind.as_str(), "picked_up" | "transferred") {
            balance.entry((&seen.kind, &seen.author)).or_default().0 += 1;
        }
    }
    for command in sorted.taking(session) {
        let kind = match command.action {
            Action::PickUp => "picked_up",
            _ => "transferred",
        };
        let person = sorted.people.get(command.who);
        let librarian = person.map_or("", |person| person.librarian_id);
        balance.entry((kind, librarian)).or_default().1 += 1;
    }
    let unequal = balance.iter().filter(|(_, (log, told))| log != told);
    unequal
        .map(|((kind, librarian), (log, told))| {
            let detail =
                format!("{librarian} {kind}: {log} times in the log, was told so {told} times");
            violation(Wrong::Ownership, session, detail)
        })
        .collect()
}

impl SortedHistory<'_> {
    fn is_supervisor(&self, librarian_id: &str) -> bool {
        !librarian_id.is_empty()
            && self.people.values().any(|person| {
                person.role == Role::Supervisor && person.librarian_id == librarian_id
            })
    }
}
