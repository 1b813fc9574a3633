#![allow(clippy::unwrap_used)]

use proptest::{collection::btree_map, collection::btree_set, prelude::*};

use super::*;

prop_compose! {
    fn institutions()(
        ids in btree_map("[a-d]", (".{0,8}", ".{0,8}", "[a-d]", any::<bool>()), 0..4),
    ) -> BTreeMap<String, Institution> {
        ids.into_iter().map(|(id, (name, text, queue, own_words))| {
            let conference_warning = if own_words {
                ConferenceWarning { text: text.clone(), rule_address: String::new() }
            } else {
                ConferenceWarning::default()
            };
            let institution = Institution {
                id: id.clone(),
                name,
                welcome: text,
                privacy_notice: String::new(),
                privacy_address: String::new(),
                staff_naming: StaffNaming::default(),
                primary_queue: queue,
                conference_warning,
            };
            (id, institution)
        }).collect()
    }
}

prop_compose! {
    fn queues()(
        ids in btree_map("[a-d]", (".{0,8}", btree_set("[a-d]", 0..3), btree_set("[a-d]", 0..3)), 0..4),
    ) -> BTreeMap<String, Queue> {
        ids.into_iter().map(|(id, (name, patrons_of, staffed_by))| {
            (id.clone(), Queue { id, name, patrons_of, staffed_by })
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
fn a_profile_lists_the_primary_queue_first_and_only_what_the_library_staffs() {
    let institution = |id: &str, name: &str| Institution {
        id: id.into(),
        name: name.into(),
        welcome: String::new(),
        privacy_notice: String::new(),
        privacy_address: String::new(),
        staff_naming: StaffNaming::default(),
        primary_queue: id.into(),
        conference_warning: ConferenceWarning::default(),
    };
    let queue = |id: &str, name: &str, patrons_of: &[&str], staffed_by: &[&str]| Queue {
        id: id.into(),
        name: name.into(),
        patrons_of: patrons_of.iter().map(|id| (*id).to_owned()).collect(),
        staffed_by: staffed_by.iter().map(|id| (*id).to_owned()).collect(),
    };
    let librarian = Librarian {
        id: "1".into(),
        log_in_name: "lee@maple".into(),
        screen_name: "Mr Lee".into(),
        institution_id: "maple".into(),
        role: Role::Librarian,
        password_hash: "secret".into(),
        origin: Origin::File,
    };
    assert!(!format!("{librarian:?}").contains("secret"));
    let directory = after(
        Directory::default(),
        [
            Event::InstitutionSet(institution("maple", "Maple")),
            Event::InstitutionSet(institution("harbor", "Harbor")),
            Event::QueueSet(queue(
                "coop",
                "A cooperative",
                &["maple", "harbor"],
                &["maple"],
            )),
            Event::QueueSet(queue("maple", "Maple", &["maple"], &["maple"])),
            Event::QueueSet(queue("harbor", "Harbor", &["harbor"], &["harbor"])),
            Event::LibrarianSet(librarian),
        ],
    );
    let profile = directory.profile("1").unwrap();
    let queues: Vec<_> = profile
        .queues
        .iter()
        .map(|queue| (queue.id.as_str(), queue.primary))
        .collect();
    assert_eq!(queues, [("maple", true), ("coop", false)]);
    assert_eq!(profile.queues[1].institution_names, ["Harbor", "Maple"]);
    assert_eq!(directory.profile("2"), None);
    assert!(directory.librarian_by_log_in_name(" Lee@Maple ").is_some());

    let without = after(
        directory,
        [Event::InstitutionRemoved { id: "maple".into() }],
    );
    assert_eq!(without.profile("1"), None);
}
