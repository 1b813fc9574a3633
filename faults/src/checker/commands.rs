//! Checks what people were told about their commands against the log.

use std::collections::{HashMap, HashSet};

use super::{
    Log, Transcripts, Violation, Wrong,
    sorted_history::{Command, SortedHistory},
    transcripts::is_said,
    violation,
};
use crate::history::{Action, Role, Seen};

pub(super) fn check(sorted: &SortedHistory<'_>, log: &Log) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let empty = Transcripts::default();
    let mut by_session: HashMap<&str, Vec<&Command<'_>>> = HashMap::new();
    for command in &sorted.commands {
        by_session.entry(command.session).or_default().push(command);
    }
    for (session, commands) in &by_session {
        let transcripts = log.get(*session).unwrap_or(&empty);
        Session::new(session, transcripts, sorted).check(commands, &mut wrong);
    }
    for (session, transcripts) in log {
        let commands = by_session.get(session.as_str());
        let sent: HashSet<&str> = commands
            .into_iter()
            .flatten()
            .filter_map(|command| said(command.action))
            .collect();
        for (position, seen) in &transcripts.staff {
            if is_said(seen) && !sent.contains(seen.text.as_str()) {
                let detail = format!("{:?} at {position} was never sent", seen.text);
                wrong.push(violation(Wrong::Phantom, session, detail));
            }
        }
    }
    wrong
}

/// One session's log, by text.
struct Session<'a> {
    id: &'a str,
    transcripts: &'a Transcripts,
    sorted: &'a SortedHistory<'a>,
    patron: HashMap<&'a str, u64>,
    staff: HashMap<&'a str, u64>,
}

impl<'a> Session<'a> {
    fn new(id: &'a str, transcripts: &'a Transcripts, sorted: &'a SortedHistory<'a>) -> Self {
        let places = |events: &'a [(u64, Seen)]| {
            let said = events.iter().filter(|(_, seen)| is_said(seen));
            said.map(|(position, seen)| (seen.text.as_str(), *position))
                .collect()
        };
        Self {
            id,
            transcripts,
            sorted,
            patron: places(&transcripts.patron),
            staff: places(&transcripts.staff),
        }
    }

    fn check(&self, commands: &[&Command<'_>], wrong: &mut Vec<Violation>) {
        let mut last: HashMap<&str, (u64, &str)> = HashMap::new();
        for command in commands {
            self.outcome(command, wrong);
            let Some(text) = said(command.action) else {
                continue;
            };
            let Some(position) = self.staff.get(text) else {
                continue;
            };
            let last = last.entry(command.who).or_insert((0, ""));
            if *position < last.0 {
                let detail = format!(
                    "{text:?} is at {position}, before {:?} at {}",
                    last.1, last.0
                );
                wrong.push(violation(Wrong::Reordered, self.id, detail));
            }
            *last = (*position, text);
        }
    }

    fn outcome(&self, command: &Command<'_>, wrong: &mut Vec<Violation>) {
        let who = command.who;
        let action = command.action;
        if let Some(other) = command.other_place {
            let detail = format!("{who} was told two places of {action:?}, the other is {other}");
            wrong.push(violation(Wrong::Repeated, self.id, detail));
        }
        match (command.ok, command.failed) {
            (None, None) => {
                let detail = format!("{who} never learned what became of {action:?}");
                wrong.push(violation(Wrong::Unsettled, self.id, detail));
            }
            (Some((_, position)), None) => {
                if !self.is_there(command, position) {
                    let detail = format!("{who} was told that {action:?} is at {position}");
                    wrong.push(violation(Wrong::Lost, self.id, detail));
                }
            }
            (None, Some(reason)) => {
                if self.is_there(command, 0) {
                    let detail = format!("{action:?} of {who} is there, but was refused: {reason}");
                    wrong.push(violation(Wrong::Phantom, self.id, detail));
                }
            }
            (Some(_), Some(reason)) => {
                let detail = format!("{action:?} of {who} was both accepted and refused: {reason}");
                wrong.push(violation(Wrong::Phantom, self.id, detail));
            }
        }
    }

    /// Returns whether a command's effect is in the log, at the position that was told. A position of 0 means that the
    /// answer named none.
    fn is_there(&self, command: &Command<'_>, position: u64) -> bool {
        let person = self.sorted.people.get(command.who);
        let by_patron = person.is_some_and(|person| person.role == Role::Patron);
        let (staff, patron) = match command.action {
            Action::Message(text) => (
                self.staff.get(text.as_str()),
                self.patron.get(text.as_str()),
            ),
            Action::Note(text) => (self.staff.get(text.as_str()), None),
            Action::Open(question) => {
                self.places(|seen| seen.kind == "opened" && seen.text == *question)
            }
            Action::End => self.places(|seen| seen.kind == "ended"),
            // Owners' commands are judged with the owners. A supervisor's entering and leaving is not in the log.
            _ => return command.failed.is_none(),
        };
        let told = if by_patron { patron } else { staff };
        staff.is_some() && told.is_some_and(|told| position == 0 || *told == position)
    }

    /// Returns the positions of an event in the staff's and the patron's view.
    fn places(&self, is: impl Fn(&Seen) -> bool) -> (Option<&u64>, Option<&u64>) {
        let place = |events: &'a [(u64, Seen)]| {
            let mut events = events.iter();
            events
                .find(|(_, seen)| is(seen))
                .map(|(position, _)| position)
        };
        (
            place(&self.transcripts.staff),
            place(&self.transcripts.patron),
        )
    }
}

/// Returns the text of a message or note.
fn said(action: &Action) -> Option<&str> {
    match action {
        Action::Message(text) | Action::Note(text) => Some(text),
        _ => None,
    }
}
