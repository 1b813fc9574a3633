//! The rules for what patrons are told who still wait (D57).

use super::{MAX_WAITING_MESSAGES, MAX_WAITING_TEXT, Place, Problem, entry::Entry, languages};
use crate::domain::directory::{Institution, WaitingMessage};

/// Checks the messages of each language by themselves: a patron reads those of one.
pub(super) fn check(it: &Institution, problems: &mut Vec<Problem>) {
    let mut in_order = (1..)
        .zip(&it.waiting_messages)
        .map(|(number, message)| (languages::of(message, it), number, message))
        .collect::<Vec<_>>();
    in_order.sort_by_key(|(language, ..)| *language);
    for of_language in in_order.chunk_by(|(one, ..), (other, ..)| one == other) {
        if of_language.len() > MAX_WAITING_MESSAGES {
            Entry::new(Place::Institution(it.id.clone()), problems).wrong(
                "waiting_message",
                format!(
                    "there are {}{}; {MAX_WAITING_MESSAGES} is the most",
                    of_language.len(),
                    languages::in_words(of_language[0].0, it)
                ),
            );
        }
        let mut last = None;
        for (_, number, message) in of_language.iter().take(MAX_WAITING_MESSAGES) {
            check_message(it, *number, message, last, problems);
            last = Some(message.after_ms);
        }
    }
}

fn check_message(
    of: &Institution,
    number: usize,
    it: &WaitingMessage,
    last_ms: Option<u64>,
    problems: &mut Vec<Problem>,
) {
    let place = Place::WaitingMessage {
        institution: of.id.clone(),
        number,
    };
    let mut entry = Entry::new(place, problems);
    entry.text("text", &it.text);
    entry.filled("text", &it.text);
    if it.text.chars().count() > MAX_WAITING_TEXT {
        entry.wrong(
            "text",
            format!("{MAX_WAITING_TEXT} characters are the most"),
        );
    }
    if let Some(language) = &it.language {
        languages::check_one(language, of, &mut entry);
    }
    entry.later(it.after_ms, last_ms, "the message before");
}
