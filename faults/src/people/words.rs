//! What people say: no two the same, and each says when it was sent.

use crate::seed::Dice;

/// What every note holds, and no byte that is sent to a patron.
pub(super) const CANARY: &str = "CANARY";

/// A message of somebody, which was sent at `at`.
pub(super) fn message(who: &str, number: usize, at: u64, dice: &mut Dice) -> String {
    // Mostly a line, now and then a page.
    let length = if dice.once_in(50) {
        3_000
    } else {
        dice.below(120)
    };
    format!("{who} {number} @{at} {}", "x".repeat(length))
}

/// A note of somebody.
pub(super) fn note(who: &str, number: usize, at: u64) -> String {
    format!("{CANARY} {who} {number} @{at}")
}

/// When a message was sent.
pub(super) fn sent_at(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once('@')?;
    rest.split(' ').next()?.parse().ok()
}
