//! Checks who was at the desk, as a watching librarian was shown it while everything was restarted in order, and while
//! Redis was away and after it came back empty.

use std::collections::{HashMap, HashSet};

use super::{Violation, Wrong, violation};
use crate::history::{Entry, What};

/// The kind of fault in which sockets must end in order.
const ROLLING: &str = "F6";
/// The kinds of fault during which nobody may be shown as gone who has not left, nor afterwards until another fault
/// begins: an emptied store of leases has effects for longer than the fault lasts.
const STEADY: [&str; 2] = [ROLLING, "F7"];

pub(super) fn check(history: &[Entry]) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let mut rolling = HashSet::new();
    let mut others = HashSet::new();
    let mut steady = false;
    let mut left: HashSet<&str> = HashSet::new();
    let mut present: HashMap<&str, HashSet<&str>> = HashMap::new();
    let flicker = |who: &str, gone: &str| {
        let detail = format!("{who} was shown that {gone} had gone");
        violation(Wrong::Flicker, "", detail)
    };
    for entry in history {
        let seen = present.entry(&entry.who).or_default();
        match &entry.what {
            What::Fault { number, kind } => {
                if kind == ROLLING {
                    rolling.insert(*number);
                }
                if !STEADY.contains(&kind.as_str()) {
                    others.insert(*number);
                }
                steady = others.is_empty();
            }
            What::Recovered { number } => {
                rolling.remove(number);
                others.remove(number);
            }
            What::Leaves { librarian_id } => {
                left.insert(librarian_id);
            }
            // Code 1000 is the browser's own close.
            What::Closed { code }
                if !rolling.is_empty() && !matches!(code, Some(1000 | 1001 | 1012)) =>
            {
                let detail = format!("a socket of {} ended with {code:?}", entry.who);
                wrong.push(violation(Wrong::Rude, "", detail));
            }
            What::Desk { present: now } => {
                let now: HashSet<&str> = now.iter().map(String::as_str).collect();
                if steady {
                    let gone = seen.difference(&now).filter(|gone| !left.contains(*gone));
                    wrong.extend(gone.map(|gone| flicker(&entry.who, gone)));
                }
                *seen = now;
            }
            What::Gone { librarian_id }
                if seen.remove(librarian_id.as_str())
                    && steady
                    && !left.contains(librarian_id.as_str()) =>
            {
                wrong.push(flicker(&entry.who, librarian_id));
            }
            _ => {}
        }
    }
    wrong
}
