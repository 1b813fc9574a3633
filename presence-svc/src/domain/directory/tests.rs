#![allow(clippy::unwrap_used)]

use proptest::{collection::btree_map, collection::btree_set, option, prelude::*};

use super::*;
use crate::domain::sample;

prop_compose! {
    fn institutions()(
        ids in btree_map("[a-d]", (".{0,8}", ".{0,8}", "[a-d]", any::<[bool; 2]>(), option::of("[a-d]")), 0..4),
    ) -> BTreeMap<String, Institution> {
        ids.into_iter().map(|(id, (name, text, queue, [own_words, remember_chats], practice_queue))| {
            let conference_warning = if own_words {
                ConferenceWarning { text: text.clone(), rule_address: String::new() }
            } else {
                ConferenceWarning::default()
            };
            let institution = Institution {
                name: name.clone(),
                policy: Policy { text: text.clone(), address: String::new(), contact: name },
                scripts: vec![Script { name: String::new(), text: text.clone() }],
                descriptive_codes: vec![text.clone()],
                welcome: text,
                primary_queue: queue,
                conference_warning,
                practice_queue,
                remember_chats,
                ..sample::institution(&id)
            };
            (id, institution)
        }).collect()
    }
}

prop_compose! {
    fn queues()(
        ids in btree_map("[a-d]", (".{0,8}", btree_set("[a-d]", 0..3), option::of("[0-5]"), any::<bool>()), 0..4),
    ) -> BTreeMap<String, Queue> {
        ids.into_iter().map(|(id, (name, ids, hour, practice))| {
            let hours = hour.map(|hour| Hours::new("Europe/Berlin", &[format!("Mon 0{hour}:00-06:00")]).unwrap());
            let escalate = ids.iter().map(|to| EscalationStep { to: to.clone(), after_ms: 40_000 }).collect();
            let (patrons_of, staffed_by) = (ids.clone(), ids);
            (id.clone(), Queue { id, name, patrons_of, staffed_by, escalate, hours, practice })
        }).collect()
    }
}

prop_compose! {
    fn librarians()(
        names in btree_map("[a-d]", ("[0-9]", ".{0,8}", "[a-d]", 0..3usize, any::<bool>()), 0..4),
    ) -> BTreeMap<String, Librarian> {
        const ROLES: [Role; 3] = [Role::Librarian, Role::AskAdministrator, Role::Administrator];
        names.into_iter().map(|(name, (id, screen_name, institution_id, role, by_file))| {
            let librarian = Librarian {
                id,
                log_in_name: name.clone(),
                real_name: screen_name.chars().rev().collect(),
                screen_name,
                institution_id,
                role: ROLES[role],
                password_hash: String::new(),
                origin: if by_file { Origin::File } else { Origin::Command },
            };
            (name, librarian)
        }).collect()
    }
}

prop_compose! {
    fn directory()(institutions in institutions(), queues in queues(), librarians in librarians()) -> Directory {
        Directory { institutions, queues, librarians }
    }
}

fn after(mut directory: Directory, events: impl IntoIterator<Item = Event>) -> Directory {
    for event in events {
        directory.apply(event);
    }
    directory
}

proptest! {
    #[test]
    fn nothing_separates_a_directory_from_itself(directory in directory()) {
        prop_assert_eq!(directory.changes_to(&directory), []);
    }

    #[test]
    fn changes_lead_from_one_directory_to_the_other(from in directory(), to in directory()) {
        let events = from.changes_to(&to);
        prop_assert_eq!(after(from, events), to);
    }

    #[test]
    fn a_fold_step_by_step_equals_one_rebuilt_from_all_events(history in prop::collection::vec(directory(), 1..6)) {
        let mut now = Directory::default();
        let mut all = Vec::new();
        for wanted in &history {
            let events = now.changes_to(wanted);
            all.extend(events.iter().cloned());
            now = after(now, events);
        }
        prop_assert_eq!(&after(Directory::default(), all), &now);
        prop_assert_eq!(&now, history.last().unwrap());
    }

    #[test]
    fn an_event_survives_its_journey_through_json(from in directory(), to in directory()) {
        for event in from.changes_to(&to) {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
        }
    }

    #[test]
    fn the_warning_version_tells_wordings_apart(
        text in ".{0,12}", address in ".{0,12}", other_text in ".{0,12}", other_address in ".{0,12}",
    ) {
        let version = |text: &str, rule_address: &str| ConferenceWarning {
            text: text.into(),
            rule_address: rule_address.into(),
        }.version();
        let same = (&text, &address) == (&other_text, &other_address);
        prop_assert_eq!(version(&text, &address) == version(&other_text, &other_address), same);
    }
}

#[test]
fn what_moves_from_the_text_to_the_address_changes_the_version() {
    let version = |text: &str, address: &str| {
        ConferenceWarning {
            text: text.into(),
            rule_address: address.into(),
        }
        .version()
    };
    assert_ne!(version("ab", "c"), version("a", "bc"));
    assert_eq!(version("ab", "c").len(), 16);
}

// R2
#[test]
fn the_default_warning_says_what_it_must() {
    let text = ConferenceWarning::default().text;
    for part in [
        "is not told that you are here",
        "write a note or an instant message",
        "rather than to the patron",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("  "), "{text}");
}

#[test]
fn an_account_is_found_by_its_id_and_by_its_name_in_any_case() {
    let directory = sample::directory([], [], [sample::librarian()]);
    let lee = directory.librarian("1");
    assert!(lee.is_some());
    assert_eq!(directory.librarian_by_log_in_name(" Lee@Maple "), lee);
    assert_eq!(directory.librarian("2"), None);
}

// D39: the real name is for administrators only, so it must not appear in logs either.
#[test]
fn hashes_and_real_names_do_not_show_in_debug_output() {
    let shown = format!("{:?}", sample::librarian());
    for hidden in ["secret", "Bruce"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn what_was_written_before_these_fields_were_there_is_still_read() {
    let read = |text: &str| serde_json::from_str::<Event>(text).unwrap();
    let Event::InstitutionSet(institution) = read(
        r#"{"kind":"institution_set","id":"maple","name":"Maple","welcome":"","privacy_notice":"We keep it.",
            "privacy_address":"","staff_naming":"librarian","primary_queue":"maple",
            "conference_warning":{"text":"Mind.","rule_address":""}}"#,
    ) else {
        unreachable!("an institution");
    };
    assert_eq!(institution.name, "Maple");
    assert_eq!(institution.practice_queue, None);
    assert_eq!(institution.policy, Policy::default());
    assert_eq!(institution.question_form_address, "");
    assert_eq!(institution.survey_address, "");
    assert_eq!(institution.waiting_messages, []);
    assert_eq!(institution.scripts, []);
    assert!(institution.descriptive_codes.is_empty());
    assert!(institution.remember_chats);
    assert_eq!(institution.languages, ["en"]);
    assert_eq!(institution.translations, []);

    let Event::QueueSet(queue) = read(
        r#"{"kind":"queue_set","id":"maple","name":"Maple","patrons_of":["maple"],"staffed_by":["maple"]}"#,
    ) else {
        unreachable!("a queue");
    };
    assert_eq!(queue.escalate, []);
    assert_eq!(queue.hours, None);
    assert!(!queue.practice);

    let Event::LibrarianSet(librarian) = read(
        r#"{"kind":"librarian_set","id":"1","log_in_name":"lee@maple","screen_name":"Mr Lee","institution_id":"maple",
            "role":"ask_administrator","password_hash":"$argon2id$","origin":"file"}"#,
    ) else {
        unreachable!("a librarian");
    };
    assert_eq!(librarian.real_name, "");
}
