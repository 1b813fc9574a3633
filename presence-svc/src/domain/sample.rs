//! Valid entries of a directory, for tests to start from.

use std::collections::BTreeSet;

use carrel_platform::auth::{Role, StaffNaming};

use super::directory::{
    ConferenceWarning, Directory, EscalationStep, Event, Institution, Librarian, Origin, Policy,
    Queue, Script, Translation, WaitingMessage,
};

/// A library whose patrons wait in the queue of the same id.
pub(crate) fn institution(id: &str) -> Institution {
    Institution {
        id: id.into(),
        name: format!("{id} Library"),
        welcome: "Welcome\nto the desk".into(),
        privacy_notice: "We keep what you write for 90 days.".into(),
        privacy_address: "https://library.example/privacy".into(),
        staff_naming: StaffNaming::ScreenName,
        primary_queue: id.into(),
        conference_warning: ConferenceWarning::default(),
        question_form_address: "https://library.example/ask".into(),
        survey_address: "https://library.example/survey".into(),
        waiting_messages: vec![WaitingMessage {
            language: None,
            after_ms: 60_000,
            text: "We are looking for somebody.".into(),
        }],
        practice_queue: None,
        remember_chats: true,
        languages: vec!["en".into(), "es".into()],
        translations: vec![Translation {
            language: "es".into(),
            welcome: "Bienvenidos".into(),
            privacy_notice: "Guardamos lo que usted escribe durante 90 días.".into(),
            privacy_address: "https://library.example/privacidad".into(),
        }],
        policy: Policy {
            text: format!("{id} lends skis."),
            address: "https://library.example/policy".into(),
            contact: "desk@library.example".into(),
        },
        scripts: vec![Script {
            name: "Hello".into(),
            text: "How can I help?".into(),
        }],
        descriptive_codes: vec!["Opening hours".into(), "Maps".into()],
    }
}

/// A queue for the patrons of some libraries and the librarians of others.
pub(crate) fn queue(id: &str, patrons_of: &[&str], staffed_by: &[&str]) -> Queue {
    let ids = |ids: &[&str]| -> BTreeSet<String> { ids.iter().map(|id| (*id).into()).collect() };
    Queue {
        id: id.into(),
        name: format!("{id} queue"),
        patrons_of: ids(patrons_of),
        staffed_by: ids(staffed_by),
        escalate: Vec::new(),
        hours: None,
        practice: false,
    }
}

/// Steps to queues, each after so many seconds.
pub(crate) fn steps(steps: &[(&str, u64)]) -> Vec<EscalationStep> {
    steps
        .iter()
        .map(|(to, seconds)| EscalationStep {
            to: (*to).into(),
            after_ms: seconds * 1_000,
        })
        .collect()
}

/// A librarian of maple.
pub(crate) fn librarian() -> Librarian {
    Librarian {
        id: "1".into(),
        log_in_name: "lee@maple".into(),
        screen_name: "Mr Lee".into(),
        real_name: "Bruce Lee".into(),
        institution_id: "maple".into(),
        role: Role::Librarian,
        password_hash: "secret".into(),
        origin: Origin::Command,
    }
}

/// The directory of these entries.
pub(crate) fn directory(
    institutions: impl IntoIterator<Item = Institution>,
    queues: impl IntoIterator<Item = Queue>,
    librarians: impl IntoIterator<Item = Librarian>,
) -> Directory {
    let mut directory = Directory::default();
    let institutions = institutions
        .into_iter()
        .map(|institution| Event::InstitutionSet(institution.into()));
    let queues = queues.into_iter().map(Event::QueueSet);
    let librarians = librarians.into_iter().map(Event::LibrarianSet);
    for event in institutions.chain(queues).chain(librarians) {
        directory.apply(event);
    }
    directory
}
