//! The rules for the languages of a library's pages, and for what patrons are told in them.

use super::*;

fn told_in(language: &str, after_ms: u64) -> WaitingMessage {
    WaitingMessage {
        language: Some(language.into()),
        ..told_after(after_ms, "Wait.")
    }
}

fn translation(language: &str) -> Translation {
    Translation {
        language: language.into(),
        ..sample::institution("maple").translations.remove(0)
    }
}

// D84
#[test]
fn a_library_names_languages_that_there_are_each_once() {
    let known = "the languages are \"en\", \"es\", \"fr\", \"de\"";
    for (languages, expected) in [
        (vec!["en"], None),
        (vec!["es", "en", "de", "fr"], None),
        (
            vec![],
            Some("languages: name at least one language, or leave it out for \"en\"".to_owned()),
        ),
        (
            vec!["en", "EN"],
            Some(format!("languages: there is no \"EN\"; {known}")),
        ),
        (
            vec!["en", "es", "en"],
            Some("languages: \"en\" is there twice; leave one out".to_owned()),
        ),
    ] {
        let institution = Institution {
            languages: languages.into_iter().map(Into::into).collect(),
            translations: Vec::new(),
            ..institution()
        };
        assert_eq!(told(institution), expected.into_iter().collect::<Vec<_>>());
    }
}

// D84
#[test]
fn what_a_library_says_in_a_language_is_in_one_of_its_own_and_said_once() {
    for (translations, expected) in [
        (vec![], None),
        (vec![translation("es")], None),
        (
            vec![translation("de")],
            Some(
                "translation \"de\", language: \"de\" is none of the library's languages; add it to them",
            ),
        ),
        (
            vec![translation("en")],
            Some(
                "translation \"en\", language: is the library's first one, which the institution itself is in; name another one",
            ),
        ),
        (
            vec![translation("es"), translation("es")],
            Some("translation \"es\": is there already; write one for each language"),
        ),
        (
            vec![Translation {
                privacy_address: "x".repeat(MAX_ADDRESS),
                ..translation("es")
            }],
            Some(
                "translation \"es\", privacy_address: write a whole http or https address, without a name or password in it, of at most 2048 bytes",
            ),
        ),
    ] {
        let institution = Institution {
            translations,
            ..institution()
        };
        assert_eq!(told(institution), expected.into_iter().collect::<Vec<_>>());
    }
}

// D57, D84: a patron reads the messages of one language, so each has an order and a number of its own.
#[test]
fn each_language_has_waiting_messages_of_its_own() {
    let both: Vec<_> = (1..=5)
        .flat_map(|n| [told_in("en", n), told_in("es", n)])
        .collect();
    for (waiting_messages, expected) in [
        (both, vec![]),
        (
            vec![told_after(2, "Wait."), told_in("es", 1), told_in("en", 2)],
            vec![
                "waiting message 3, after: is 2ms, but the message before comes after 2ms; write a longer time, counted from the beginning of the wait",
            ],
        ),
        (
            vec![told_in("fr", 1)],
            vec![
                "waiting message 1, language: \"fr\" is none of the library's languages; add it to them",
            ],
        ),
        (
            (1..=6).map(|n| told_in("es", n)).collect(),
            vec!["waiting_message: there are 6 in \"es\"; 5 is the most"],
        ),
    ] {
        let institution = Institution {
            waiting_messages,
            ..institution()
        };
        assert_eq!(told(institution), expected);
    }
}

/// The problems of a directory with this institution of the sample's, without its name.
fn told(institution: Institution) -> Vec<String> {
    let told = problems(&directory(institution, queue(), librarian()));
    let without = |problem: &Problem| {
        let told = problem.to_string();
        told.trim_start_matches("institution \"maple\", ")
            .to_owned()
    };
    told.iter().map(without).collect()
}

// D57
#[test]
fn waiting_messages_have_something_to_say_one_after_another() {
    let long = "x".repeat(MAX_WAITING_TEXT);
    for (messages, expected) in [
        (vec![], None),
        (vec![told_after(1, &long), told_after(2, "Wait.")], None),
        (
            vec![told_after(1_000, &format!("{long}x"))],
            Some("waiting message 1, text: 500 characters are the most"),
        ),
        (
            vec![told_after(1_000, " \n")],
            Some("waiting message 1, text: must not be empty"),
        ),
        (
            vec![told_after(0, "Wait.")],
            Some("waiting message 1, after: must be longer than no time at all, for example 40s"),
        ),
        (
            vec![told_after(60_000, "Wait."), told_after(60_000, "Wait on.")],
            Some(
                "waiting message 2, after: is 1m, but the message before comes after 1m; write a longer time, counted from the beginning of the wait",
            ),
        ),
        (
            vec![told_after(MAX_AFTER_MS + 1, "Wait.")],
            Some("waiting message 1, after: 1d is the most"),
        ),
    ] {
        let institution = Institution {
            waiting_messages: messages,
            ..institution()
        };
        let told = problems(&directory(institution, queue(), librarian()));
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        let expected: Vec<_> = expected
            .map(|what| format!("institution \"maple\", {what}"))
            .into_iter()
            .collect();
        assert_eq!(told, expected);
    }
}
