//! What people may write in a session (R23), besides its messages and notes.

use carrel_platform::text::{TextError, check_line, check_lines, check_text};

use super::refused::Refused;

/// How long a patron's name may be, in Unicode scalar values.
pub const NAME_LIMIT: usize = 100;
/// How long a remark on a transfer may be, in Unicode scalar values.
pub const REMARK_LIMIT: usize = 1_000;
/// How long an e-mail address may be, in Unicode scalar values (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const EMAIL_LIMIT: usize = 254;
/// How long the tag of a language may be (RFC 5646, 4.4.1).
pub const LANGUAGE_LIMIT: usize = 35;

/// Why the content of a field was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It is not a text that may be written there.
    #[error(transparent)]
    Text(#[from] TextError),
    /// It does not look like an e-mail address.
    #[error("it is not an e-mail address; write it as name@example.org or leave it empty")]
    NotAnEmail,
    /// It does not look like the name of a language.
    #[error(
        "it is not a language; write it as a BCP 47 tag such as \"fr\" or \"pt-BR\" or leave it empty"
    )]
    NotALanguage,
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

/// What a patron's page sends with the question.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening<'a> {
    /// The question.
    pub question: &'a str,
    /// The patron's name, or empty.
    pub patron_name: &'a str,
    /// The patron's e-mail address, or empty.
    pub patron_email: &'a str,
    /// The language in which the patron reads the page, or empty.
    pub language: &'a str,
}

impl Opening<'_> {
    /// Checks all the texts, so that the patron is told at once of all that are wrong.
    ///
    /// # Errors
    /// [`Refused::Texts`].
    pub(super) fn check(&self) -> Result<(), Refused> {
        let question = check_text(self.question).map_err(FieldError::from);
        let name = check_name(self.patron_name).map_err(FieldError::from);
        let checks = [
            ("question", question),
            ("patron_name", name),
            ("patron_email", check_email(self.patron_email)),
            ("language", check_language(self.language)),
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

/// Checks the tag of a language (BCP 47), which may be empty. That its parts are registered is not looked up: a page may
/// know more languages than we do.
///
/// # Errors
/// When it is too long, or not a language of letters followed by parts of letters and digits.
pub fn check_language(tag: &str) -> Result<(), FieldError> {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        matches!(language.len(), 2..=8) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_part = |part: &str| {
        matches!(part.len(), 1..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if tag.is_empty() || (tag.len() <= LANGUAGE_LIMIT && is_language && parts.all(is_part)) {
        Ok(())
    } else {
        Err(FieldError::NotALanguage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_wrong_texts_of_a_question_are_named_in_their_order() {
        let check = |question, patron_name, patron_email, language| {
            let opening = Opening {
                question,
                patron_name,
                patron_email,
                language,
            };
            opening.check()
        };
        assert_eq!(check("Where?", "Ricky", "", ""), Ok(()));
        let wrong = |field, error| WrongText { field, error };
        assert_eq!(
            check("Where?", "Ricky", "ricky", "fr"),
            Err(Refused::Texts {
                first: wrong("patron_email", FieldError::NotAnEmail),
                others: vec![],
            })
        );
        assert_eq!(
            check(" ", "Ric\nky", "ricky", "f"),
            Err(Refused::Texts {
                first: wrong("question", TextError::Empty.into()),
                others: vec![
                    wrong(
                        "patron_name",
                        TextError::ControlCharacter { code: 10 }.into()
                    ),
                    wrong("patron_email", FieldError::NotAnEmail),
                    wrong("language", FieldError::NotALanguage),
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

    /// D84.
    #[test]
    fn a_language_is_a_well_formed_tag() {
        let longest = format!("en{}", "-abcdefgh".repeat(3) + "-abcde");
        assert_eq!(longest.len(), LANGUAGE_LIMIT);
        for tag in ["", "fr", "pt-BR", "zh-Hant-TW", "de-1996", "tlh", &longest] {
            assert_eq!(check_language(tag), Ok(()), "{tag}");
        }
        let long = format!("{longest}f");
        for wrong in [
            "f",
            "-",
            "fr-",
            "-fr",
            "fr_CA",
            "fr CA",
            "français",
            "12",
            "x-secret",
            "<b>",
            "abcdefghi",
            "en\n",
            &long,
        ] {
            assert_eq!(
                check_language(wrong),
                Err(FieldError::NotALanguage),
                "{wrong}"
            );
        }
    }
}
