//! Checks the log by itself: positions are dense, each thing is there once, and the patron's view is a part of staff's.

use std::collections::HashSet;

use super::{Transcripts, Violation, Wrong, violation};
use crate::history::Seen;

/// The kinds of event that only staff are shown.
const FOR_STAFF: [&str; 8] = [
    "note",
    "colleague_left",
    "transfer_offered",
    "transfer_closed",
    "escalated",
    "patron_connection",
    "resolution_set",
    "descriptive_codes_set",
];

pub(super) fn check(session: &str, transcripts: &Transcripts) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for events in [&transcripts.patron, &transcripts.staff] {
        for ((position, seen), expected) in events.iter().zip(1..) {
            if *position != expected {
                let detail = format!(
                    "the log has {position} ({}) where {expected} is due",
                    seen.kind
                );
                wrong.push(violation(Wrong::Gap, session, detail));
                break;
            }
        }
    }
    let mut texts = HashSet::new();
    for (position, seen) in &transcripts.staff {
        if is_said(seen) && !texts.insert(seen.text.as_str()) {
            let detail = format!("{:?} is in the log again at {position}", seen.text);
            wrong.push(violation(Wrong::Repeated, session, detail));
        }
    }
    let shared = transcripts.staff.iter().map(|(_, seen)| seen);
    let shared = shared.filter(|seen| !FOR_STAFF.contains(&seen.kind.as_str()));
    let patron = transcripts.patron.iter().map(|(_, seen)| seen);
    if !shared.map(what).eq(patron.map(what)) {
        let detail = "the patron's transcript is not staff's without what is for staff".to_owned();
        wrong.push(violation(Wrong::Divergence, session, detail));
    }
    for (position, seen) in &transcripts.patron {
        if FOR_STAFF.contains(&seen.kind.as_str()) || !seen.author.is_empty() {
            let detail = format!("the patron's transcript has a {} at {position}", seen.kind);
            wrong.push(violation(Wrong::Leak, session, detail));
        }
    }
    wrong
}

/// Returns whether it is a message or note, so that no other event has the same text.
pub(super) fn is_said(seen: &Seen) -> bool {
    matches!(seen.kind.as_str(), "message" | "note")
}

fn what(seen: &Seen) -> (&str, &str) {
    (&seen.kind, &seen.text)
}
