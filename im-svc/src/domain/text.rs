//! What librarians may write to one another (R23): the same as in a patron's session.

/// How long a message may be, in Unicode scalar values.
pub const TEXT_LIMIT: usize = 4_000;

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing in it but white space.
    #[error("it is empty; write at least one character")]
    Empty,
    /// It is too long.
    #[error("it has {length} characters; at most {TEXT_LIMIT} are allowed")]
    TooLong {
        /// How long it is.
        length: usize,
    },
    /// It has a control character that is neither a tab nor a line break.
    #[error("it has the control character U+{code:04X}; remove it")]
    ControlCharacter {
        /// Which.
        code: u32,
    },
}

/// Checks a message. It is kept as it was sent.
///
/// # Errors
/// When it is empty, too long or has control characters.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    let length = text.chars().count();
    if length > TEXT_LIMIT {
        return Err(TextError::TooLong { length });
    }
    let refused = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    match text.chars().find(refused) {
        Some(c) => Err(TextError::ControlCharacter { code: u32::from(c) }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R23.
    #[test]
    fn characters_count_and_control_characters_are_refused() {
        assert_eq!(check_text(&"é".repeat(TEXT_LIMIT)), Ok(()));
        let length = TEXT_LIMIT + 1;
        let too_long = Err(TextError::TooLong { length });
        assert_eq!(check_text(&"é".repeat(length)), too_long);
        assert_eq!(check_text("one\r\n\ttwo"), Ok(()));
        assert_eq!(check_text(" \n\u{3000}"), Err(TextError::Empty));
        for code in [0, 0x1b, 0x85] {
            let text = format!("a{}b", char::from_u32(code).unwrap_or_default());
            assert_eq!(check_text(&text), Err(TextError::ControlCharacter { code }));
        }
    }
}
