//! What people may write (R23): to a patron, to their colleagues, and to other librarians.

use crate::refusal::Refusal;

/// The longest message, note or question, in Unicode scalar values.
pub const TEXT_LIMIT: usize = 4_000;

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The text has nothing in it but white space.
    #[error("it is empty; write at least one character")]
    Empty,
    /// The text is too long.
    #[error("it has {length} characters; at most {limit} are allowed")]
    TooLong {
        /// Its length, in Unicode scalar values.
        length: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// The text has a control character that is not allowed.
    #[error("it contains a hidden control character (U+{code:04X}); remove it")]
    ControlCharacter {
        /// The code point of the character.
        code: u32,
    },
}

impl TextError {
    /// Returns INVALID_ARGUMENT for the field that has the text.
    #[must_use]
    pub fn refuse(&self, field: &str) -> Refusal {
        let refused = |reason| Refusal::invalid(reason, field, self.to_string());
        match self {
            Self::Empty => refused("EMPTY"),
            Self::TooLong { limit, .. } => refused("TOO_LONG").with("limit", limit.to_string()),
            Self::ControlCharacter { .. } => refused("CONTROL_CHARACTER"),
        }
    }
}

/// Checks a message, a note or a question. The text itself is kept as it was sent.
///
/// # Errors
/// If it is empty, too long or has control characters other than tabs and line breaks.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    check_lines(text, TEXT_LIMIT)
}

/// Checks a text that may be empty and may have up to `limit` Unicode scalar values, tabs and line breaks
/// among them.
///
/// # Errors
/// If it is too long or has other control characters.
pub fn check_lines(text: &str, limit: usize) -> Result<(), TextError> {
    check(text, limit, |c| matches!(c, '\t' | '\n' | '\r'))
}

/// Checks a single line that may be empty and may have up to `limit` Unicode scalar values.
///
/// # Errors
/// If it is too long or has control characters, including line breaks.
pub fn check_line(text: &str, limit: usize) -> Result<(), TextError> {
    check(text, limit, |_| false)
}

fn check(text: &str, limit: usize, allowed: impl Fn(char) -> bool) -> Result<(), TextError> {
    let length = text.chars().count();
    if length > limit {
        return Err(TextError::TooLong { length, limit });
    }
    // Every control character begins with one of these bytes. Most texts have none, which is quick to see, most quickly
    // without an end at the first.
    let may_have = |found, b: u8| found | b.is_ascii_control() | (b == 0xc2);
    if !text.bytes().fold(false, may_have) {
        return Ok(());
    }
    match text.chars().find(|c| c.is_control() && !allowed(*c)) {
        Some(c) => Err(TextError::ControlCharacter { code: u32::from(c) }),
        None => Ok(()),
    }
}

/// Returns a text in lower case, letter by letter: two texts are the same but for case if this is the same of both. It
/// is for comparing, sorting and finding, not for showing: a Greek sigma is always written as within a word, since the
/// end of a word may be no end in the text in which it is looked for.
#[must_use]
pub fn without_case(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .map(|letter| if letter == 'ς' { 'σ' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_and_not_bytes() {
        assert_eq!(check_text(&"é".repeat(TEXT_LIMIT)), Ok(()));
        assert_eq!(
            check_text(&"é".repeat(TEXT_LIMIT + 1)),
            Err(TextError::TooLong {
                length: TEXT_LIMIT + 1,
                limit: TEXT_LIMIT
            })
        );
    }

    #[test]
    fn keeps_line_breaks_and_refuses_other_control_characters() {
        assert_eq!(check_text("one\r\n\ttwo"), Ok(()));
        for code in [0, 0x1b, 0x85] {
            let text = format!("a{}b", char::from_u32(code).unwrap_or_default());
            assert_eq!(check_text(&text), Err(TextError::ControlCharacter { code }));
        }
        assert_eq!(
            check_line("Ricky\n", 100),
            Err(TextError::ControlCharacter { code: 10 })
        );
    }

    #[test]
    fn white_space_alone_is_empty() {
        assert_eq!(check_text(" \n\u{3000}"), Err(TextError::Empty));
    }

    #[test]
    fn the_same_but_for_case_is_the_same_in_greek_too() {
        assert_eq!(without_case("Maps OF Öland"), "maps of öland");
        for other in ["ΟΔΟΣ", "Οδος", "οδοσ"] {
            assert_eq!(without_case(other), without_case("οδος"), "{other}");
        }
        assert!(without_case("Οδυσσέας").contains(&without_case("ΟΔΥΣ")));
    }
}
