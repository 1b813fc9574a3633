//! Judges a conversation: compares what clients were told of their messages, and what they saw, with the transcript.
//!
//! A message that was neither accepted nor refused when a connection was lost may have happened or not: it counts as
//! "once or never", and never as a failure.

use std::collections::{HashMap, HashSet};

/// One client's side of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// The texts that it sent, in the order in which it first sent them. No two clients send the same text.
    pub(crate) sent: Vec<String>,
    /// The accepted texts, with the positions that it was told.
    pub(crate) accepted: HashMap<String, u64>,
    /// The events that it received over all connections, in the order of arrival: positions and texts (empty for events
    /// without one).
    pub(crate) seen: Vec<(u64, String)>,
}

/// Returns what is wrong with a conversation, in words; empty if nothing is. `transcript` is what the log holds at the
/// end, for the one audience that all these clients have.
pub(crate) fn judge(accounts: &[Account], transcript: &[(u64, String)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut positions = HashMap::new();
    for (index, (position, text)) in transcript.iter().enumerate() {
        // I4: positions are 1, 2, 3 … without holes.
        if *position != index as u64 + 1 {
            wrong.push(format!(
                "the transcript has {position} at place {}",
                index + 1
            ));
        }
        // I2: no text twice.
        if !text.is_empty() && positions.insert(text.as_str(), *position).is_some() {
            wrong.push(format!("{text:?} is in the transcript twice"));
        }
    }
    let mut known = HashSet::new();
    for account in accounts {
        known.extend(account.sent.iter().map(String::as_str));
        // I1: each accepted text is there, at the position that was told.
        for (text, told) in &account.accepted {
            match positions.get(text.as_str()) {
                Some(position) if position == told => {}
                other => wrong.push(format!(
                    "{text:?} was accepted at {told}, and is at {other:?}"
                )),
            }
        }
        // I5: texts are in the order in which they were sent.
        let order: Vec<u64> = account
            .sent
            .iter()
            .filter_map(|text| positions.get(text.as_str()).copied())
            .collect();
        if !order.is_sorted() {
            wrong.push(format!("a sender's messages are out of order: {order:?}"));
        }
        // I6: the events shown are the transcript from its beginning, each once.
        let shown = &account.seen[..];
        if shown != &transcript[..shown.len().min(transcript.len())] {
            let first = shown.iter().zip(transcript).position(|(a, b)| a != b);
            wrong.push(format!(
                "a client's view differs from the transcript at {first:?}"
            ));
        }
    }
    for text in positions.keys().filter(|text| !known.contains(**text)) {
        wrong.push(format!("{text:?} is in the transcript, and nobody sent it"));
    }
    wrong
}

mod tests {
    use super::*;

    fn account(sent: &[&str], accepted: &[(&str, u64)], seen: &[(u64, &str)]) -> Account {
        Account {
            sent: sent.iter().map(|text| (*text).to_owned()).collect(),
            accepted: accepted
                .iter()
                .map(|(text, position)| ((*text).to_owned(), *position))
                .collect(),
            seen: events(seen),
        }
    }

    fn events(events: &[(u64, &str)]) -> Vec<(u64, String)> {
        events
            .iter()
            .map(|(position, text)| (*position, (*text).to_owned()))
            .collect()
    }

    #[test]
    fn finds_nothing_wrong_with_a_good_conversation() {
        let transcript = events(&[(1, ""), (2, "a"), (3, "b")]);
        let patron = account(&["a", "lost"], &[("a", 2)], &[(1, ""), (2, "a")]);
        let librarian = account(&["b"], &[("b", 3)], &[(1, ""), (2, "a"), (3, "b")]);
        assert!(judge(&[patron, librarian], &transcript).is_empty());
    }

    #[test]
    fn finds_each_kind_of_wrong() {
        let transcript = events(&[(1, "a"), (2, "b")]);
        let good = account(&["a", "b"], &[], &[]);
        for (bad, transcript) in [
            (
                account(&["a", "b", "c"], &[("c", 3)], &[]),
                transcript.clone(),
            ),
            (account(&["a", "b"], &[("a", 2)], &[]), transcript.clone()),
            (account(&["b", "a"], &[], &[]), transcript.clone()),
            (account(&["a", "b"], &[], &[(2, "b")]), transcript.clone()),
            (
                account(&["a", "b"], &[], &[(1, "a"), (1, "a")]),
                transcript.clone(),
            ),
            (
                account(&["a", "b"], &[], &[(1, "a"), (2, "b"), (3, "c")]),
                transcript.clone(),
            ),
            (account(&["a"], &[], &[]), transcript.clone()),
            (good.clone(), events(&[(1, "a"), (3, "b")])),
            (good, events(&[(1, "a"), (2, "b"), (3, "a")])),
        ] {
            assert!(
                !judge(std::slice::from_ref(&bad), &transcript).is_empty(),
                "{bad:?}"
            );
        }
    }
}
