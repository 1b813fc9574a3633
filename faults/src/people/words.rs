//! What people say: no two texts are the same, and each message says when it was sent.

use crate::seed::Dice;

/// A text that is in every note, and must not be in any byte sent to a patron.
pub(super) const CANARY: &str = "CANARY";

/// Makes a person's message, sent at `at`.
pub(super) fn message(who: &str, number: usize, at: u64, dice: &mut Dice) -> String {
    // Mostly a line, now and then a page.
    let length = if dice.once_in(50) {
        3_000
    } else {
        dice.below(120)
    };
    format!("{who} {number} @{at} {}", "x".repeat(length))
}

/// Makes a person's note.
pub(super) fn note(who: &str, number: usize, at: u64) -> String {
    format!("{CANARY} {who} {number} @{at}")
}

/// Returns when a message was sent.
pub(super) fn sent_at(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once('@')?;
    rest.split(' ').next()?.parse().ok()
}
