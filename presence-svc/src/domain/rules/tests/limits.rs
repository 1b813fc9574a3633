//! What the limits of a directory are for: tokens, answers and frames that carry parts of it.

use std::time::Duration;

use carrel_platform::auth::{self, Role, Who, keys::KeyRing, token};

use super::*;

/// Whether a token can be issued for `who`.
fn can_be_issued(who: &Who) -> bool {
    let lifetimes = token::Lifetimes {
        access: Duration::from_secs(600),
        renewal: Duration::from_secs(600),
    };
    let issued = KeyRing::generate().map(|keys| token::issue(&keys, who, 0, lifetimes).is_ok());
    matches!(issued, Ok(true))
}

#[test]
fn a_token_can_carry_all_queues_that_a_library_may_have() {
    let queues: BTreeSet<String> = (0..MAX_QUEUES)
        .map(|n| format!("{n:0>width$}", width = MAX_ID))
        .collect();
    assert!(can_be_issued(&Who::Librarian(auth::Librarian {
        librarian_id: "0123456789abcdef".into(),
        screen_name: "ß".repeat(MAX_NAME),
        institution_id: "x".repeat(MAX_ID),
        institution_name: "\u{1f4da}".repeat(MAX_NAME),
        role: Role::AskAdministrator,
        practice_queues: queues,
        queues: BTreeSet::new(),
        warning_version: "0123456789abcdef".into(),
    })));

    let mut crowded = directory(institution(), queue(), librarian());
    for n in 0..MAX_QUEUES {
        crowded.apply(Event::QueueSet(Queue {
            id: format!("queue-{n}"),
            ..queue()
        }));
    }
    assert_eq!(wrong(&crowded), ["institution \"maple\", "]);
}

#[test]
fn a_token_can_carry_all_steps_that_a_wait_may_have() {
    let route = (0..MAX_STEPS).map(|_| auth::RouteStep {
        queue_id: "x".repeat(MAX_ID),
        after_ms: MAX_AFTER_MS,
    });
    assert!(can_be_issued(&Who::Patron(auth::Patron {
        session_id: "x".repeat(32),
        institution_id: "x".repeat(MAX_ID),
        institution_name: "\u{1f4da}".repeat(MAX_NAME),
        queue_id: "x".repeat(MAX_ID),
        staff_naming: auth::StaffNaming::ScreenNameAndLibrary,
        practice: false,
        route: route.collect(),
    })));
}

/// These libraries, each with a queue of its own, and one shared queue that the first library's librarians staff.
fn cooperative(libraries: impl Iterator<Item = Institution>) -> Directory {
    let institutions: Vec<_> = libraries.collect();
    let ids: Vec<&str> = institutions.iter().map(|it| it.id.as_str()).collect();
    let first = [ids[0]];
    let shared = sample::queue("shared", &ids, &first);
    let own = ids.iter().map(|id| sample::queue(id, &[id], &[id]));
    let queues: Vec<_> = own.chain([shared]).collect();
    let mut librarian = librarian();
    librarian.institution_id = first[0].into();
    sample::directory(institutions.clone(), queues, [librarian])
}

fn wordy(number: usize, scripts: usize) -> Institution {
    let mut institution = sample::institution(&format!("library-{number:03}"));
    let text = "x".repeat(MAX_TEXT);
    institution.scripts = (0..scripts)
        .map(|number| script(&number.to_string(), &text))
        .collect();
    institution
}

// D37, D38
#[test]
fn what_librarians_are_shown_of_all_libraries_fits_into_one_answer() {
    let sound = cooperative((0..500).map(|number| wordy(number, 4)));
    assert_eq!(problems(&sound), []);
    let too_much = cooperative((0..500).map(|number| wordy(number, 5)));
    assert_eq!(wrong(&too_much), ["institution \"library-000\", "]);
    let what = &problems(&too_much)[0].what;
    assert!(what.contains("500 libraries"), "{what}");
}

#[test]
fn the_names_of_all_libraries_in_ones_queues_fit_into_the_first_frame() {
    let named = |number: usize| {
        let mut library = sample::institution(&format!("library-{number:03}"));
        library.name = format!("{number:03}{}", "x".repeat(MAX_NAME - 3));
        library
    };
    let with = |queues: usize| {
        let mut directory = cooperative((0..500).map(named));
        let shared = directory.queues["shared"].clone();
        for number in 1..queues {
            let id = format!("shared-{number}");
            let queue = Queue {
                id: id.clone(),
                ..shared.clone()
            };
            directory.queues.insert(id, queue);
        }
        wrong(&directory)
    };
    assert!(with(5).is_empty());
    assert_eq!(with(6), ["institution \"library-000\", "]);
}
