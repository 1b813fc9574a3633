//! The ids of conversations, the same on every server and for every member.

use ring::digest;

/// Returns the id of the conversation between two librarians, in whichever order they are given.
#[must_use]
pub fn between_librarians(one: &str, other: &str) -> String {
    let (first, second) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    name(&["librarians", first, second])
}

/// Returns the id of the conversation of a queue's staff.
#[must_use]
pub fn of_staff(queue_id: &str) -> String {
    name(&["staff", queue_id])
}

/// Whether this could be the id of a conversation. Other ids are not looked up.
#[must_use]
pub fn is_conversation_id(id: &str) -> bool {
    id.len() == 32
        && id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Returns half of a digest, which is more than enough to avoid collisions. Each part is hashed with its length, so
/// that no two lists of parts give the same input.
fn name(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    let half = digest.as_ref().iter().take(16);
    half.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn both_sides_call_a_conversation_the_same_and_no_other() {
        let ids = ["a", "b", "ab", "", "staff", "librarians"];
        let mut seen = HashSet::new();
        for (index, one) in ids.iter().enumerate() {
            assert!(seen.insert(of_staff(one)));
            for other in &ids[index..] {
                let id = between_librarians(one, other);
                assert_eq!(id, between_librarians(other, one));
                assert!(is_conversation_id(&id));
                assert!(seen.insert(id));
            }
        }
    }
}
