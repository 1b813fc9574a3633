//! What people may write in a session (R23), besides its messages and notes.

use carrel_platform::text::{TextError, check_line, check_lines, check_text};

use super::refused::Refused;

/// How long a patron's name may be, in Unicode scalar values.
pub const NAME_LIMIT: usize = 100;
/// How long a remark on a transfer may be, in Unicode scalar values.
pub const REMARK_LIMIT: usize = 1_000;
/// How long an e-mail address may be, in Unicode scalar values (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const EMAIL_LIMIT: usize = 254;

/// Why the content of a field was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is not a text that may be written there.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It does not look like an e-mail address.
    #[error("it is not an e-mail address; write it as name@example.org or leave it empty")]
    NotAnEmail,
}

/// A field whose content was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {error}")]
pub struct WrongText {
    /// The field.
    pub field: &'static str,
    /// Why.
    pub error: FieldError,
}

/// Returns a function that turns an error into a refusal of this field.
pub(super) fn in_field<E: Into<FieldError>>(field: &'static str) -> impl FnOnce(E) -> Refused {
    move |error| Refused::Texts {
        first: WrongText {
            field,
            error: error.into(),
        },
        others: Vec::new(),
    }
}

/// Checks the texts of a patron's question: all of them, so that the patron is told at once of all that are wrong.
///
/// # Errors
/// [`Refused::Texts`].
pub(super) fn check_question(
    question: &str,
    patron_name: &str,
    patron_email: &str,
) -> Result<(), Refused> {
    let checks = [
        ("question", check_text(question).map_err(FieldError::from)),
        (
            "patron_name",
            check_name(patron_name).map_err(FieldError::from),
        ),
        ("patron_email", check_email(patron_email)),
    ];
    let mut wrong = checks.into_iter().filter_map(|(field, checked)| {
        Some(WrongText {
            field,
            error: checked.err()?,
        })
    });
    match wrong.next() {
        None => Ok(()),
        Some(first) => Err(Refused::Texts {
            first,
            others: wrong.collect(),
        }),
    }
}

/// Checks the remark that goes with an offer or its refusal, which may be empty.
///
/// # Errors
/// When it is too long or has control characters.
pub fn check_remark(remark: &str) -> Result<(), TextError> {
    check_lines(remark, REMARK_LIMIT)
}

/// Checks a patron's name, which may be empty.
///
/// # Errors
/// When it is too long or has control characters, line breaks among them.
pub fn check_name(name: &str) -> Result<(), TextError> {
    check_line(name, NAME_LIMIT)
}

/// Checks an e-mail address, which may be empty. Only sending a message to it can tell whether it works.
///
/// # Errors
/// When it is too long, has white space or control characters, or has not exactly one `@` with something on each side.
pub fn check_email(email: &str) -> Result<(), FieldError> {
    check_line(email, EMAIL_LIMIT)?;
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
        _ => Err(FieldError::NotAnEmail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wrong_texts_of_a_question_are_named_in_their_order() {
        assert_eq!(check_question("Where?", "Ricky", ""), Ok(()));
        let wrong = |field, error| WrongText { field, error };
        assert_eq!(
            check_question("Where?", "Ricky", "ricky"),
            Err(Refused::Texts {
                first: wrong("patron_email", FieldError::NotAnEmail),
                others: vec![],
            })
        );
        assert_eq!(
            check_question(" ", "Ric\nky", "ricky"),
            Err(Refused::Texts {
                first: wrong("question", TextError::Empty.into()),
                others: vec![
                    wrong(
                        "patron_name",
                        TextError::ControlCharacter { code: 10 }.into()
                    ),
                    wrong("patron_email", FieldError::NotAnEmail),
                ],
            })
        );
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
            assert_eq!(check_email(wrong), Err(FieldError::NotAnEmail), "{wrong}");
        }
    }
}
