//! The rules for a library's languages (D84).

use super::{Place, Problem, entry::Entry};
use crate::domain::{
    directory::{Institution, WaitingMessage},
    language::LANGUAGES,
};

/// Checks which languages a library has.
pub(super) fn check(it: &Institution, entry: &mut Entry<'_>) {
    let field = "languages";
    if it.languages.is_empty() {
        entry.wrong(
            field,
            "name at least one language, or leave it out for \"en\"",
        );
    }
    for (index, language) in it.languages.iter().enumerate() {
        if !LANGUAGES.contains(&language.as_str()) {
            let known = LANGUAGES.map(|known| format!("\"{known}\"")).join(", ");
            entry.wrong(
                field,
                format!("there is no \"{language}\"; the languages are {known}"),
            );
        } else if it.languages[..index].contains(language) {
            entry.wrong(
                field,
                format!("\"{language}\" is there twice; leave one out"),
            );
        }
    }
}

/// Checks that a text is in one of the library's languages.
pub(super) fn check_one(language: &str, of: &Institution, entry: &mut Entry<'_>) {
    if !of.languages.iter().any(|known| known == language) {
        entry.wrong(
            "language",
            format!("\"{language}\" is none of the library's languages; add it to them"),
        );
    }
}

/// Checks what a library says itself in its further languages.
pub(super) fn check_translations(of: &Institution, problems: &mut Vec<Problem>) {
    for (index, it) in of.translations.iter().enumerate() {
        let place = Place::Translation {
            institution: of.id.clone(),
            language: it.language.clone(),
        };
        let mut entry = Entry::new(place, problems);
        entry.text("welcome", &it.welcome);
        entry.text("privacy_notice", &it.privacy_notice);
        entry.address("privacy_address", &it.privacy_address);
        if of.languages.first() == Some(&it.language) {
            entry.wrong(
                "language",
                "is the library's first one, which the institution itself is in; name another one",
            );
        } else {
            check_one(&it.language, of, &mut entry);
        }
        let mut before = of.translations[..index].iter();
        if before.any(|other| other.language == it.language) {
            entry.wrong("", "is there already; write one for each language");
        }
    }
}

/// Returns the language of a message, or nothing if that is a library's first one.
pub(super) fn of<'i>(message: &'i WaitingMessage, library: &Institution) -> Option<&'i str> {
    let first = library.languages.first();
    let language = message.language.as_ref()?;
    (first != Some(language)).then_some(language)
}

/// Says in which language something is, where a library has several.
pub(super) fn in_words(language: Option<&str>, library: &Institution) -> String {
    let first = || library.languages.first().map_or("", String::as_str);
    if library.languages.len() < 2 {
        return String::new();
    }
    format!(" in \"{}\"", language.unwrap_or_else(first))
}
