use super::*;
use crate::domain::{
    directory::{Event, Translation, WaitingMessage},
    sample::{self, librarian, steps},
};

mod languages;
mod limits;

fn institution() -> Institution {
    sample::institution("maple")
}

fn told_after(after_ms: u64, text: &str) -> WaitingMessage {
    WaitingMessage {
        language: None,
        after_ms,
        text: text.into(),
    }
}

fn queue() -> Queue {
    sample::queue("maple", &["maple"], &["maple"])
}

fn directory(institution: Institution, queue: Queue, librarian: Librarian) -> Directory {
    sample::directory([institution], [queue], [librarian])
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
        (
            "question_form_address",
            Box::new(|it| it.question_form_address = "mailto:a@b.example".into()),
        ),
        (
            "survey_address",
            Box::new(|it| it.survey_address = "survey.example".into()),
        ),
        (
            "waiting_message",
            Box::new(|it| {
                it.waiting_messages = (1..=6).map(|n| told_after(n * 1_000, "Wait.")).collect()
            }),
        ),
        (
            "descriptive_codes",
            Box::new(|it| it.descriptive_codes = (0..=MAX_CODES).map(|n| n.to_string()).collect()),
        ),
        (
            "descriptive_codes",
            Box::new(|it| it.descriptive_codes = vec![" ".into()]),
        ),
        (
            "descriptive_codes",
            Box::new(|it| it.descriptive_codes = vec!["Maps ".into()]),
        ),
        (
            "descriptive_codes",
            Box::new(|it| it.descriptive_codes = vec!["Maps\nand more".into()]),
        ),
        (
            "descriptive_codes",
            Box::new(|it| it.descriptive_codes = vec![many(MAX_CODE + 1)]),
        ),
        (
            "descriptive_codes",
            Box::new(|it| it.descriptive_codes = vec!["Maps".into(), "MAPS".into()]),
        ),
        (
            "descriptive_codes",
            Box::new(|it| it.descriptive_codes = vec!["ΟΔΟΣ".into(), "οδοσ".into()]),
        ),
        (
            "practice_queue",
            Box::new(|it| it.practice_queue = Some("other".into())),
        ),
        (
            "practice_queue",
            Box::new(|it| it.practice_queue = Some("maple".into())),
        ),
        (
            "policy.text",
            Box::new(|it| it.policy.text.clone_from(&long)),
        ),
        (
            "policy.text",
            Box::new(|it| it.policy.text = "\u{202e}".into()),
        ),
        (
            "policy.address",
            Box::new(|it| it.policy.address = "policy.example".into()),
        ),
        (
            "policy.contact",
            Box::new(|it| it.policy.contact = "a\nb".into()),
        ),
        (
            "policy.contact",
            Box::new(|it| it.policy.contact = many(MAX_NAME + 1)),
        ),
        (
            "script",
            Box::new(|it| {
                it.scripts = (0..=MAX_SCRIPTS)
                    .map(|n| script(&n.to_string(), "Hello"))
                    .collect();
            }),
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

fn script(name: &str, text: &str) -> Script {
    Script {
        name: name.into(),
        text: text.into(),
    }
}

// D38
#[test]
fn each_script_has_a_name_of_its_own_and_a_text_that_can_be_sent() {
    let text_limit = "x".repeat(MAX_TEXT);
    for (scripts, expected) in [
        (vec![], vec![]),
        (vec![("a", "x"), ("b", &*text_limit)], vec![]),
        (vec![("a", "x\ny")], vec![]),
        (vec![("", "x")], vec!["script \"\", name"]),
        (
            vec![("a\n", "x")],
            vec!["script \"a\n\", name", "script \"a\n\", name"],
        ),
        (vec![("a", " \n")], vec!["script \"a\", text"]),
        (
            vec![("a", &*format!("{text_limit}x"))],
            vec!["script \"a\", text"],
        ),
        (vec![("a", "\u{7}")], vec!["script \"a\", text"]),
        (
            vec![("a", "x"), ("b", "x"), ("a", "y")],
            vec!["script \"a\", "],
        ),
    ] {
        let scripts: Vec<Script> = scripts
            .into_iter()
            .map(|(name, text)| script(name, text))
            .collect();
        let institution = Institution {
            scripts: scripts.clone(),
            ..institution()
        };
        let expected: Vec<String> = expected
            .into_iter()
            .map(|what| format!("institution \"maple\", {what}"))
            .collect();
        assert_eq!(
            wrong(&directory(institution, queue(), librarian())),
            expected,
            "{scripts:?}"
        );
    }
}

/// Maple with a practice queue and two further queues, to which its own escalates by some steps.
fn escalating(to: &[(&str, u64)]) -> Directory {
    let live = Queue {
        escalate: steps(to),
        ..queue()
    };
    let practice = Queue {
        practice: true,
        ..sample::queue("practice", &["maple"], &["maple"])
    };
    let institution = Institution {
        practice_queue: Some("practice".into()),
        ..institution()
    };
    let further = ["coop", "backup"].map(|id| sample::queue(id, &["maple"], &["maple"]));
    let queues = [live, practice].into_iter().chain(further);
    sample::directory([institution], queues, [librarian()])
}

// R17, D29
#[test]
fn a_wait_goes_on_to_other_live_queues_each_later_than_the_one_before() {
    for (to, expected) in [
        (vec![("coop", 40), ("backup", 120)], None),
        (
            vec![("gone", 40)],
            Some("step 1, to: there is no queue \"gone\""),
        ),
        (
            vec![("maple", 40)],
            Some("step 1, to: the wait begins in this queue; name another one"),
        ),
        (
            vec![("coop", 40), ("practice", 120)],
            Some("step 2, to: queue \"practice\" is for practice; name a live one"),
        ),
        (
            vec![("coop", 40), ("coop", 120)],
            Some("step 2, to: an earlier step leads to \"coop\" already; name another queue"),
        ),
        (
            vec![("coop", 40), ("backup", 40)],
            Some(
                "step 2, after: is 40s, but the step before comes after 40s; write a longer time, counted from the beginning of the wait",
            ),
        ),
        (
            vec![("coop", 120), ("backup", 40)],
            Some(
                "step 2, after: is 40s, but the step before comes after 2m; write a longer time, counted from the beginning of the wait",
            ),
        ),
        (
            vec![("coop", 0)],
            Some("step 1, after: must be longer than no time at all, for example 40s"),
        ),
        (
            vec![("coop", 24 * 3600 + 1)],
            Some("step 1, after: 1d is the most"),
        ),
    ] {
        let told: Vec<String> = problems(&escalating(&to))
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = expected.map(|what| format!("queue \"maple\", {what}"));
        assert_eq!(told, Vec::from_iter(expected), "{to:?}");
    }
    let many = vec![("coop", 40); MAX_STEPS + 1];
    assert!(wrong(&escalating(&many)).contains(&"queue \"maple\", escalate".to_owned()));
}

// D36
#[test]
fn practice_is_kept_apart_from_live_queues() {
    assert_eq!(wrong(&escalating(&[])), [] as [&str; 0]);

    let mut primary = escalating(&[]);
    primary.apply(Event::InstitutionSet(Box::new(Institution {
        primary_queue: "practice".into(),
        ..institution()
    })));
    assert_eq!(wrong(&primary), ["institution \"maple\", primary_queue"]);

    let mut goes_on = escalating(&[]);
    goes_on.apply(Event::QueueSet(Queue {
        practice: true,
        escalate: steps(&[("coop", 40)]),
        ..sample::queue("practice", &["maple"], &["maple"])
    }));
    assert_eq!(wrong(&goes_on), ["queue \"practice\", escalate"]);

    let mut of_others = escalating(&[]);
    of_others.apply(Event::InstitutionSet(sample::institution("harbor").into()));
    of_others.apply(Event::QueueSet(sample::queue(
        "harbor",
        &["harbor"],
        &["harbor"],
    )));
    of_others.apply(Event::QueueSet(Queue {
        practice: true,
        ..sample::queue("practice", &["harbor"], &["maple"])
    }));
    assert_eq!(wrong(&of_others), ["institution \"maple\", practice_queue"]);
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
    for name in [" Bruce", "Bruce\nLee", &"x".repeat(MAX_NAME + 1)] {
        let librarian = Librarian {
            real_name: name.into(),
            ..librarian()
        };
        assert_eq!(
            wrong(&directory(institution(), queue(), librarian)),
            ["librarian \"lee@maple\", real_name"]
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
