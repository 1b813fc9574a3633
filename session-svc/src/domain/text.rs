//! What people may write (R23).

/// How long a message, note or question may be, in Unicode scalar values.
pub const TEXT_LIMIT: usize = 4_000;
/// How long a patron's name may be, in Unicode scalar values.
pub const NAME_LIMIT: usize = 100;
/// How long a remark on a transfer may be, in Unicode scalar values.
pub const REMARK_LIMIT: usize = 1_000;
/// How long an e-mail address may be, in Unicode scalar values (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const EMAIL_LIMIT: usize = 254;

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing in it but white space.
    #[error("it is empty; write at least one character")]
    Empty,
    /// It is too long.
    #[error("it has {length} characters; at most {limit} are allowed")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// It has a control character that is neither a tab nor a line break.
    #[error("it has the control character U+{code:04X}; remove it")]
    ControlCharacter {
        /// Which.
        code: u32,
    },
    /// It does not look like an e-mail address.
    #[error("it is not an e-mail address; write it as name@example.org or leave it empty")]
    NotAnEmail,
}

/// Checks a message, a note or a question. It is kept as it was sent.
///
/// # Errors
/// When it is empty, too long or has control characters.
pub fn check_text(text: &str) -> Result<(), TextError> {
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    check(text, TEXT_LIMIT, |c| matches!(c, '\t' | '\n' | '\r'))
}

/// Checks what is said with an offer or its refusal, which may be empty.
///
/// # Errors
/// When it is too long or has control characters.
pub fn check_remark(remark: &str) -> Result<(), TextError> {
    check(remark, REMARK_LIMIT, |c| matches!(c, '\t' | '\n' | '\r'))
}

/// Checks a patron's name, which may be empty.
///
/// # Errors
/// When it is too long or has control characters, line breaks among them.
pub fn check_name(name: &str) -> Result<(), TextError> {
    check(name, NAME_LIMIT, |_| false)
}

/// Checks an e-mail address, which may be empty. Whether it works only a message to it can tell.
///
/// # Errors
/// When it is too long, has white space or control characters, or has not exactly one `@` with something on each side.
pub fn check_email(email: &str) -> Result<(), TextError> {
    check(email, EMAIL_LIMIT, |_| false)?;
    if email.is_empty() {
        return Ok(());
    }
    let has_space = email.chars().any(char::is_whitespace);
    match email.split_once('@') {
        Some((name, host))
            if !has_space && !name.is_empty() && !host.is_empty() && !host.contains('@') =>
        {
            Ok(())
        }
        _ => Err(TextError::NotAnEmail),
    }
}

fn check(text: &str, limit: usize, allowed: impl Fn(char) -> bool) -> Result<(), TextError> {
    let length = text.chars().count();
    if length > limit {
        return Err(TextError::TooLong { length, limit });
    }
    match text.chars().find(|c| c.is_control() && !allowed(*c)) {
        Some(c) => Err(TextError::ControlCharacter { code: u32::from(c) }),
        None => Ok(()),
    }
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
        assert_eq!(
            check_text("a\u{0}b"),
            Err(TextError::ControlCharacter { code: 0 })
        );
        assert_eq!(
            check_text("a\u{85}b"),
            Err(TextError::ControlCharacter { code: 0x85 })
        );
        assert_eq!(
            check_name("Ricky\n"),
            Err(TextError::ControlCharacter { code: 10 })
        );
    }

    #[test]
    fn white_space_alone_is_empty() {
        assert_eq!(check_text(" \n\u{3000}"), Err(TextError::Empty));
    }

    #[test]
    fn an_email_has_a_name_and_a_host() {
        assert_eq!(check_email(""), Ok(()));
        assert_eq!(check_email("ricky@example.org"), Ok(()));
        for wrong in [
            "ricky",
            "@example.org",
            "ricky@",
            "a@b@c",
            "ri cky@example.org",
        ] {
            assert_eq!(check_email(wrong), Err(TextError::NotAnEmail), "{wrong}");
        }
    }
}
