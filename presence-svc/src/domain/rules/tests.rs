use carrel_platform::auth::{Role, StaffNaming};

use super::*;
use crate::domain::directory::{ConferenceWarning, Event, Origin};

fn institution() -> Institution {
    Institution {
        id: "maple".into(),
        name: "Maple County Library".into(),
        welcome: "Welcome\nto the desk".into(),
        privacy_notice: "We keep what you write for 90 days.".into(),
        privacy_address: "https://maple.example/privacy".into(),
        staff_naming: StaffNaming::ScreenName,
        primary_queue: "maple".into(),
        conference_warning: ConferenceWarning::default(),
    }
}

fn queue() -> Queue {
    Queue {
        id: "maple".into(),
        name: "Maple".into(),
        patrons_of: BTreeSet::from(["maple".into()]),
        staffed_by: BTreeSet::from(["maple".into()]),
    }
}

fn librarian() -> Librarian {
    Librarian {
        id: "1".into(),
        log_in_name: "lee@maple".into(),
        screen_name: "Mr Lee".into(),
        institution_id: "maple".into(),
        role: Role::Librarian,
        password_hash: String::new(),
        origin: Origin::Command,
    }
}

fn directory(institution: Institution, queue: Queue, librarian: Librarian) -> Directory {
    let mut directory = Directory::default();
    directory.apply(Event::InstitutionSet(institution));
    directory.apply(Event::QueueSet(queue));
    directory.apply(Event::LibrarianSet(librarian));
    directory
}

/// The fields in which a directory is wrong, as "place, field".
fn wrong(directory: &Directory) -> Vec<String> {
    problems(directory)
        .iter()
        .map(|problem| format!("{}, {}", problem.place, problem.field))
        .collect()
}

#[test]
fn a_sound_directory_has_no_problem() {
    assert_eq!(
        problems(&directory(institution(), queue(), librarian())),
        []
    );
    assert_eq!(problems(&Directory::default()), []);
}

#[test]
fn each_field_of_an_institution_has_its_rule() {
    let long = "x".repeat(MAX_TEXT + 1);
    let many = |n: usize| "x".repeat(n);
    type Change<'a> = Box<dyn Fn(&mut Institution) + 'a>;
    let cases: Vec<(&str, Change<'_>)> = vec![
        ("name", Box::new(|it| it.name.clear())),
        ("name", Box::new(|it| it.name = many(MAX_NAME + 1))),
        ("name", Box::new(|it| it.name = " Maple".into())),
        ("name", Box::new(|it| it.name = "Maple\nCounty".into())),
        (
            "name",
            Box::new(|it| it.name = "Maple\u{202e}ytnuoC".into()),
        ),
        ("welcome", Box::new(|it| it.welcome.clone_from(&long))),
        ("welcome", Box::new(|it| it.welcome = "\u{7}".into())),
        (
            "privacy_notice",
            Box::new(|it| it.privacy_notice = " \n".into()),
        ),
        (
            "privacy_notice",
            Box::new(|it| it.privacy_notice.clone_from(&long)),
        ),
        (
            "privacy_address",
            Box::new(|it| it.privacy_address = "/privacy".into()),
        ),
        (
            "privacy_address",
            Box::new(|it| it.privacy_address = "javascript:alert(1)".into()),
        ),
        (
            "privacy_address",
            Box::new(|it| it.privacy_address = "https://a:b@maple.example".into()),
        ),
        (
            "privacy_address",
            Box::new(|it| it.privacy_address = "https://maple.example/a b".into()),
        ),
        (
            "privacy_address",
            Box::new(|it| it.privacy_address = format!("https://m.example/{}", many(MAX_ADDRESS))),
        ),
        (
            "primary_queue",
            Box::new(|it| it.primary_queue = "other".into()),
        ),
        (
            "conference_warning.text",
            Box::new(|it| it.conference_warning.text.clear()),
        ),
        (
            "conference_warning.rule_address",
            Box::new(|it| it.conference_warning.rule_address = "file:///etc/passwd".into()),
        ),
    ];
    for (field, change) in cases {
        let mut institution = institution();
        change(&mut institution);
        assert_eq!(
            wrong(&directory(institution, queue(), librarian())),
            [format!("institution \"maple\", {field}")]
        );
    }
}

#[test]
fn ids_are_short_and_plain() {
    let id_is_wrong = |id: &str| {
        let queue = Queue {
            id: id.into(),
            ..queue()
        };
        let institution = Institution {
            primary_queue: id.into(),
            ..institution()
        };
        !wrong(&directory(institution, queue, librarian())).is_empty()
    };
    for id in ["a", "maple", "24-7", &"x".repeat(MAX_ID)] {
        assert!(!id_is_wrong(id), "{id:?}");
    }
    for id in [
        "",
        "-a",
        "a-",
        "A",
        "a b",
        "a/b",
        "..",
        "ä",
        "a\n",
        &"x".repeat(MAX_ID + 1),
    ] {
        assert!(id_is_wrong(id), "{id:?}");
    }
}

#[test]
fn what_is_named_must_be_there() {
    let mut queue = queue();
    queue.patrons_of = BTreeSet::from(["nowhere".into()]);
    queue.staffed_by.clear();
    let librarian = Librarian {
        institution_id: "gone".into(),
        ..librarian()
    };
    assert_eq!(
        wrong(&directory(institution(), queue, librarian)),
        [
            "institution \"maple\", primary_queue",
            "queue \"maple\", patrons_of",
            "queue \"maple\", staffed_by",
            "librarian \"lee@maple\", institution",
        ]
    );
}

#[test]
fn log_in_names_are_plain_and_screen_names_tell_colleagues_apart() {
    for name in ["", "a b", "Lee@maple", "lée", &"x".repeat(MAX_NAME + 1)] {
        let librarian = Librarian {
            log_in_name: name.into(),
            ..librarian()
        };
        assert_eq!(
            wrong(&directory(institution(), queue(), librarian)),
            [format!("librarian \"{name}\", log_in_name")]
        );
    }
    let mut two = directory(institution(), queue(), librarian());
    two.apply(Event::LibrarianSet(Librarian {
        log_in_name: "other@maple".into(),
        screen_name: "mr lee".into(),
        ..librarian()
    }));
    assert_eq!(wrong(&two), ["librarian \"other@maple\", screen_name"]);
}

#[test]
fn a_token_can_carry_all_queues_that_a_library_may_have() {
    use carrel_platform::auth::{self, Who, keys::KeyRing, token};
    let queues: BTreeSet<String> = (0..MAX_QUEUES)
        .map(|n| format!("{n:0>width$}", width = MAX_ID))
        .collect();
    let who = Who::Librarian(auth::Librarian {
        librarian_id: "0123456789abcdef".into(),
        screen_name: "ß".repeat(MAX_NAME),
        institution_id: "x".repeat(MAX_ID),
        institution_name: "\u{1f4da}".repeat(MAX_NAME),
        role: Role::AskAdministrator,
        queues,
        warning_version: "0123456789abcdef".into(),
    });
    let lifetimes = token::Lifetimes {
        access: std::time::Duration::from_secs(600),
        renewal: std::time::Duration::from_secs(600),
    };
    let issued = KeyRing::generate().map(|keys| token::issue(&keys, &who, 0, lifetimes).is_ok());
    assert!(matches!(issued, Ok(true)));

    let mut crowded = directory(institution(), queue(), librarian());
    for n in 0..MAX_QUEUES {
        crowded.apply(Event::QueueSet(Queue {
            id: format!("queue-{n}"),
            ..queue()
        }));
    }
    assert_eq!(wrong(&crowded), ["institution \"maple\", "]);
}
