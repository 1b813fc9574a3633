//! Checks what people were shown against the log: everything from the beginning, once each, in order, in time.

use std::collections::HashMap;

use super::{
    Log, TAIL_REPAIR_US, Violation, Wrong,
    sorted_history::{SortedHistory, View},
    violation,
};
use crate::history::{Action, Audience, Role, Seen};

pub(super) fn check(sorted: &SortedHistory<'_>, log: &Log) -> Vec<Violation> {
    // When each thing that a person did in a session was known to have happened.
    let mut known: HashMap<(&str, &str, &str), u64> = HashMap::new();
    for command in &sorted.commands {
        let what = match command.action {
            Action::Message(text) => ("message", text.as_str()),
            Action::Note(text) => ("note", text.as_str()),
            Action::End => ("ended", ""),
            _ => continue,
        };
        if let Some((at, _)) = command.ok {
            known.insert((command.session, what.0, what.1), at);
        }
    }
    let mut wrong = Vec::new();
    for ((who, session), view) in &sorted.views {
        let events = log
            .get(*session)
            .map_or(&[][..], |log| match view.audience {
                Audience::Patron => &log.patron[..],
                Audience::Staff => &log.staff[..],
            });
        if view.resyncs > 0 {
            let detail = format!("the history of {who} was replaced");
            wrong.push(violation(Wrong::Resync, session, detail));
            continue;
        }
        let role = sorted.people.get(who).map(|person| person.role);
        if role == Some(Role::Patron) && view.audience == Audience::Staff {
            let detail = format!("{who} was given the view of staff");
            wrong.push(violation(Wrong::Leak, session, detail));
        }
        shown(who, session, view, events, &mut wrong);
        for (position, seen) in events {
            let Some(at) = known.get(&(*session, seen.kind.as_str(), seen.text.as_str())) else {
                continue;
            };
            if let Some(late) = late(sorted, view, *position, *at) {
                let detail = format!("{who} was shown {position} {late}");
                wrong.push(violation(Wrong::Stale, session, detail));
            }
        }
    }
    wrong
}

fn shown(
    who: &str,
    session: &str,
    view: &View<'_>,
    events: &[(u64, Seen)],
    wrong: &mut Vec<Violation>,
) {
    for ((_, position, seen), expected) in view.shown.iter().zip(1_u64..) {
        if *position < expected {
            let detail = format!("{who} was shown {position} again, after {}", expected - 1);
            return wrong.push(violation(Wrong::Repeated, session, detail));
        }
        if *position > expected {
            let detail = format!("{who} was shown {position} where {expected} is due");
            return wrong.push(violation(Wrong::Gap, session, detail));
        }
        let there = usize::try_from(position - 1)
            .ok()
            .and_then(|at| events.get(at));
        match there {
            Some((_, there)) if there == *seen => {}
            there => {
                let detail =
                    format!("{who} was shown {seen:?} at {position}, and there is {there:?}");
                return wrong.push(violation(Wrong::Divergence, session, detail));
            }
        }
    }
}

/// Returns how an event that was known to be committed at `at` came too late, if it did.
fn late(sorted: &SortedHistory<'_>, view: &View<'_>, position: u64, at: u64) -> Option<String> {
    let index = usize::try_from(position - 1).ok()?;
    if let Some((seen_at, ..)) = view.shown.get(index) {
        let attending = view
            .spells
            .iter()
            .rev()
            .find(|spell| spell.from <= *seen_at)?;
        let due = at.max(attending.from).max(sorted.calm_since(*seen_at)?) + TAIL_REPAIR_US;
        return (*seen_at > due).then(|| format!("{} ms late", (seen_at - due) / 1_000));
    }
    view.spells.iter().find_map(|spell| {
        let until = spell.until.unwrap_or(sorted.end);
        let due = at.max(spell.from).max(sorted.calm_since(until)?) + TAIL_REPAIR_US;
        (until > due).then(|| format!("never, for {} ms of attending", (until - due) / 1_000))
    })
}
