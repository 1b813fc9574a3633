//! Chains of hashes over entries that only ever get more, so that removing, altering or reordering one shows.

use ring::digest::{Context, SHA256};

/// The hash before the first entry.
pub const START: &str = "";

/// Returns the hash of an entry that was written at this time and has these parts, in lower-case hexadecimal, given the
/// hash of the entry before.
///
/// What is hashed is the time as 8 bytes, and then the hash before and each part, each as its length in bytes (8 bytes)
/// followed by its UTF-8, so that no two entries hash the same bytes. Numbers are big-endian. Logs hold the result, and
/// auditors compute it themselves: it never changes.
#[must_use]
pub fn link(at_ms: i64, before: &str, parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(&at_ms.to_be_bytes());
    for part in std::iter::once(&before).chain(parts) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    hex(context.finish().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_what_it_has_always_been() {
        let told = "33578769fa0fa32e4411cfdfdfc2858b92abc9e3f7d36786698faff956c03867";
        assert_eq!(link(1_700_000_000_002, START, &["entered", "admin"]), told);
    }

    /// I25
    #[test]
    fn a_link_depends_on_all_that_it_joins_and_on_where_one_part_ends() {
        let known = link(1, "a", &["b", "c"]);
        for other in [
            link(2, "a", &["b", "c"]),
            link(1, "", &["b", "c"]),
            link(1, "ab", &["", "c"]),
            link(1, "a", &["bc", ""]),
            link(1, "a", &["c", "b"]),
            link(1, "a", &["b"]),
        ] {
            assert_ne!(other, known);
        }
    }
}
