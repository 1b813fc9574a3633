#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const DEMO: &str = include_str!("../../../../carrel/demo/directory.toml");

const SOUND: &str = r#"
[[institution]]
id = "maple"
name = "Maple"
privacy_notice = "We keep it."
primary_queue = "maple"

[[queue]]
id = "maple"
name = "Maple"
patrons_of = ["maple"]
staffed_by = ["maple"]

[[librarian]]
log_in_name = "Lee@Maple"
screen_name = "Mr Lee"
institution = "maple"
role = "librarian"
password = "correct horse battery"
"#;

fn problems(text: &str) -> Vec<String> {
    DirectoryFile::parse(text)
        .problems
        .iter()
        .map(|(line, problem)| format!("line {line}: {problem}"))
        .collect()
}

#[test]
fn the_demo_says_what_the_demo_must() {
    let file = DirectoryFile::parse(DEMO);
    assert_eq!(problems(DEMO), [] as [&str; 0]);
    assert_eq!(
        Vec::from_iter(file.institutions.keys()),
        ["harbor", "maple"]
    );
    assert_eq!(
        Vec::from_iter(file.queues.keys()),
        ["backup", "coop", "harbor", "maple", "practice"]
    );
    for (id, queue) in &file.queues {
        // The demo is open whenever it is tried.
        assert_eq!(queue.hours, None);
        assert_eq!(queue.practice, id == "practice");
        let further: Vec<_> = queue
            .escalate
            .iter()
            .map(|step| (step.to.as_str(), step.after_ms))
            .collect();
        // R17: own library, cooperative, back-up.
        match id.as_str() {
            "maple" | "harbor" => assert_eq!(further, [("coop", 40_000), ("backup", 120_000)]),
            _ => assert_eq!(further, []),
        }
    }
    let roles: Vec<_> = file
        .librarians
        .values()
        .map(|it| (it.log_in_name.as_str(), it.screen_name.as_str(), it.role))
        .collect();
    assert_eq!(
        roles,
        [
            ("admin@harbor", "Harbor Admin", Role::Administrator),
            ("admin@maple", "Maple Admin", Role::Administrator),
            ("ask@maple", "Maple Ask Admin", Role::AskAdministrator),
            ("lee@maple", "Mr Lee", Role::Librarian),
            ("map@harbor", "Ms Map", Role::Librarian),
        ]
    );
    // PR3: what is kept, and that staff of the library may supervise.
    for institution in file.institutions.values() {
        assert_eq!(institution.practice_queue.as_deref(), Some("practice"));
        assert_ne!(institution.question_form_address, "");
        assert_ne!(institution.policy.text, "");
        assert!((2..=3).contains(&institution.scripts.len()));
        let notice = &institution.privacy_notice;
        assert!(notice.contains("We keep"), "{notice}");
        assert!(
            notice.contains(&format!("Staff of {} may", institution.name)),
            "{notice}"
        );
    }
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let file = DirectoryFile::parse(SOUND);
    assert_eq!(problems(SOUND), [] as [&str; 0]);
    let maple = &file.institutions["maple"];
    assert_eq!(maple.staff_naming, StaffNaming::ScreenName);
    assert_eq!(maple.conference_warning, ConferenceWarning::default());
    assert_eq!(maple.policy, Policy::default());
    assert_eq!(maple.question_form_address, "");
    assert_eq!(maple.survey_address, "");
    assert_eq!(maple.waiting_messages, []);
    assert_eq!(maple.practice_queue, None);
    // R8: unless the library says otherwise, a closed tab is no way out of a chat.
    assert!(maple.remember_chats);
    // D84: no page promises an answer in a language that the library did not name.
    assert_eq!(maple.languages, ["en"]);
    assert_eq!(maple.translations, []);
    assert_eq!(maple.scripts, []);
    // D65: the codes are optional, and Carrel does not know what a library wants to count.
    assert!(maple.descriptive_codes.is_empty());
    let queue = &file.queues["maple"];
    assert_eq!(queue.escalate, []);
    assert_eq!(queue.hours, None);
    assert!(!queue.practice);
    assert_eq!(file.librarians["lee@maple"].real_name, "");
    assert!(problems("").is_empty());
}

#[test]
fn what_may_be_there_is_read() {
    let text = SOUND
        .replace(
            "primary_queue = \"maple\"",
            r#"primary_queue = "maple"
practice_queue = "practice"
question_form_address = "https://maple.example/ask"
remember_chats = false
languages = ["es", "en"]
survey_address = "https://maple.example/survey"
descriptive_codes = ["Opening hours", "Catalogue"]
[institution.policy]
text = "We lend skis."
address = "https://maple.example/policy"
contact = "desk@maple.example"
[[institution.script]]
name = "Zero"
text = "Hello!"
[[institution.script]]
name = "Also"
text = "Bye!"
[[institution.translation]]
language = "en"
welcome = "Hello!"
privacy_notice = "We keep it."
privacy_address = "https://maple.example/privacy"
[[institution.waiting_message]]
after = "1m"
text = "Still looking."
language = "en"
[[institution.waiting_message]]
after = "1500ms"
text = "Too soon.""#,
        )
        .replace(
            "staffed_by = [\"maple\"]",
            r#"staffed_by = ["maple"]
escalate = [{ to = "coop" }, { to = "backup" }, { to = "last", after = "5m" }]
hours = { time_zone = "America/Chicago", open = ["Mon-Fri 09:00-21:00", "Sat 10:00-17:00"] }
practice = false"#,
        )
        .replace(
            "screen_name = \"Mr Lee\"",
            "screen_name = \"Mr Lee\"\nreal_name = \"Bruce Lee\"",
        );
    let file = DirectoryFile::parse(&text);
    assert_eq!(problems(&text), [] as [&str; 0]);
    let maple = &file.institutions["maple"];
    assert_eq!(maple.practice_queue.as_deref(), Some("practice"));
    assert_eq!(maple.question_form_address, "https://maple.example/ask");
    assert!(!maple.remember_chats);
    assert_eq!(maple.survey_address, "https://maple.example/survey");
    // D57: as written; the rules see to their order.
    let waiting_messages: Vec<_> = maple
        .waiting_messages
        .iter()
        .map(|message| {
            (
                message.after_ms,
                message.text.as_str(),
                message.language.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        waiting_messages,
        [
            (60_000, "Still looking.", Some("en")),
            (1_500, "Too soon.", None)
        ]
    );
    // D84
    assert_eq!(maple.languages, ["es", "en"]);
    assert_eq!(maple.translations.len(), 1);
    let translation = &maple.translations[0];
    assert_eq!(translation.language, "en");
    assert_eq!(translation.welcome, "Hello!");
    assert_eq!(translation.privacy_notice, "We keep it.");
    assert_eq!(translation.privacy_address, "https://maple.example/privacy");
    assert_eq!(maple.policy.text, "We lend skis.");
    assert_eq!(maple.policy.address, "https://maple.example/policy");
    assert_eq!(maple.policy.contact, "desk@maple.example");
    // D65: in the library's order, too.
    assert_eq!(maple.descriptive_codes, ["Opening hours", "Catalogue"]);
    // D38: in the library's order.
    let scripts: Vec<_> = maple
        .scripts
        .iter()
        .map(|script| (script.name.as_str(), script.text.as_str()))
        .collect();
    assert_eq!(scripts, [("Zero", "Hello!"), ("Also", "Bye!")]);
    let queue = &file.queues["maple"];
    // R17: 40 and 120 seconds are usual.
    let steps: Vec<_> = queue
        .escalate
        .iter()
        .map(|step| (step.to.as_str(), step.after_ms))
        .collect();
    assert_eq!(
        steps,
        [("coop", 40_000), ("backup", 120_000), ("last", 300_000)]
    );
    let hours = Hours::new(
        "America/Chicago",
        &["Mon-Fri 09:00-21:00", "Sat 10:00-17:00"],
    );
    assert_eq!(queue.hours, hours.ok());
    assert_eq!(file.librarians["lee@maple"].real_name, "Bruce Lee");
}

#[test]
fn what_is_wrong_below_an_entry_is_told_with_its_own_line() {
    let institution = r#"[[institution]]
id = "maple"
name = "Maple"
privacy_notice = "We keep it."
primary_queue = "maple"
conference_warning = "x"
[institution.policy]
txt = "We lend skis."
contact = 7
[[institution.script]]
name = "Hello"
[[institution.script]]
name = "Hello"
text = "Hello!"
key = "F1"
[[institution]]
id = "harbor"
name = "Harbor"
privacy_notice = "We keep it."
primary_queue = "maple"
policy = "We lend boats."
languages = "en"
script = "Hello!"
descriptive_codes = ["Maps", 7]
[[institution.translation]]
welcome = "Hello!"
name = "Harbor"
"#;
    assert_eq!(
        problems(institution),
        [
            "line 6: institution \"maple\", conference_warning: must be a table; it is of type string",
            "line 9: institution \"maple\", policy.contact: must be a text in quotation marks; it is of type integer",
            "line 8: institution \"maple\", policy.txt: is not known here",
            "line 10: institution \"maple\", script \"Hello\", text: is missing",
            "line 12: institution \"maple\", script \"Hello\": is there already, in line 10",
            "line 15: institution \"maple\", script \"Hello\", key: is not known here",
            "line 22: institution \"harbor\", languages: must be a list of codes, for example [\"en\", \"es\"]; it is of type string",
            "line 24: institution \"harbor\", descriptive_codes: must be a list of texts, for example [\"Opening hours\", \"Printing\"]; it is of type array",
            "line 21: institution \"harbor\", policy: must be a table; it is of type string",
            "line 23: institution \"harbor\", script: write each one under its own [[institution.script]]",
            "line 25: institution \"harbor\", translation \"\", language: is missing",
            "line 27: institution \"harbor\", translation \"\", name: is not known here",
        ]
    );
    let head = "[[queue]]\nid = \"maple\"\nname = \"Maple\"\npatrons_of = []\nstaffed_by = []\n";
    for (fields, expected) in [
        (
            "escalate = \"coop\"",
            vec![
                "line 6: queue \"maple\", escalate: write a list of steps, for example [{ to = \"coop\", after = \"40s\" }]",
            ],
        ),
        (
            "escalate = [{ to = \"a\" }, { after = \"x\" },\n{ to = \"c\" }, { to = \"d\", afer = \"40s\" }]",
            vec![
                "line 6: queue \"maple\", step 2, to: is missing",
                "line 6: queue \"maple\", step 2, after: \"x\" is not a length of time; write a whole number and its unit, for example 500ms, 5s, 10m, 24h or 30d",
                "line 7: queue \"maple\", step 3, after: is missing; only the first two steps may leave it out",
                "line 7: queue \"maple\", step 4, afer: is not known here",
                "line 7: queue \"maple\", step 4, after: is missing; only the first two steps may leave it out",
            ],
        ),
        (
            "hours = \"always\"",
            vec!["line 6: queue \"maple\", hours: must be a table; it is of type string"],
        ),
        (
            "hours = { open = [\"Mon 9-5\"], closed = [] }",
            vec![
                "line 6: queue \"maple\", hours.time_zone: is missing",
                "line 6: queue \"maple\", hours.open: \"Mon 9-5\" is not a range; \"9\" is not a time; write 00:00 to 23:59, or 24:00 for the end of the day",
                "line 6: queue \"maple\", hours.closed: is not known here",
            ],
        ),
        (
            "practice = \"yes\"\n[queue.hours]\ntime_zone = \"Chicago\"\nopen = \"Mon 09:00-10:00\"",
            vec![
                "line 9: queue \"maple\", hours.open: must be a list of ranges, for example [\"Mon-Fri 09:00-21:00\"]; it is of type string",
                "line 8: queue \"maple\", hours.time_zone: there is no time zone \"Chicago\"; write its name in the IANA database, for example America/Chicago",
                "line 6: queue \"maple\", practice: must be true or false; it is of type string",
            ],
        ),
        (
            "hours = { time_zone = \"UTC\", open = [\"Mon-Fri 09:00-21:00\", \"Wed 20:00-22:00\"] }",
            vec![
                "line 6: queue \"maple\", hours.open: \"Mon-Fri 09:00-21:00\" and \"Wed 20:00-22:00\" overlap; let one end before the other begins",
            ],
        ),
    ] {
        assert_eq!(problems(&format!("{head}{fields}\n")), expected, "{fields}");
    }
}

#[test]
fn all_problems_are_listed_with_their_lines() {
    let text = r#"
colour = "red"
[[institution]]
id = "maple"
name = 7
staff_naming = "nick"
conference_warning.txt = "x"
[[queue]]
id = "maple"
name = "Maple"
patrons_of = "maple"
[[librarian]]
log_in_name = "lee@maple"
screen_name = "Mr Lee"
institution = "maple"
role = "boss"
password = "short"
password_hash = "demo"
[[librarian]]
log_in_name = "LEE@maple"
screen_name = "Mr Lee"
institution = "maple"
role = "librarian"
password = "short"
"#;
    assert_eq!(
        problems(text),
        [
            "line 2: directory, colour: is not known here",
            "line 5: institution \"maple\", name: must be a text in quotation marks; it is of type integer",
            "line 3: institution \"maple\", privacy_notice: is missing",
            "line 6: institution \"maple\", staff_naming: unknown variant `nick`, expected one of `screen_name`, `librarian`, `screen_name_and_library`",
            "line 3: institution \"maple\", primary_queue: is missing",
            "line 7: institution \"maple\", conference_warning.txt: is not known here",
            "line 11: queue \"maple\", patrons_of: must be a list of institution ids; it is of type string",
            "line 8: queue \"maple\", staffed_by: is missing",
            "line 16: librarian \"lee@maple\", role: unknown variant `boss`, expected one of `librarian`, `ask_administrator`, `administrator`",
            "line 17: librarian \"lee@maple\", password: give either password or password_hash, not both",
            "line 19: librarian \"lee@maple\": is there already, in line 12",
            "line 24: librarian \"lee@maple\", password: at least 12 characters are needed",
        ]
    );
}

#[test]
fn broken_toml_is_told_without_its_contents() {
    let text = SOUND.replace("\"correct horse battery\"", "\"correct horse battery");
    let told = problems(&text);
    assert!(
        told[0].starts_with("line 19: directory: not TOML: "),
        "{told:?}"
    );
    assert!(!told.join("").contains("horse"), "{told:?}");
}

#[test]
fn one_table_where_many_belong_is_told() {
    let told = problems("[institution]\nid = \"maple\"\n");
    assert_eq!(
        told,
        ["line 1: directory, institution: write each one under its own [[institution]]"]
    );
}

#[test]
fn passwords_do_not_show_in_debug_output() {
    assert!(!format!("{:?}", DirectoryFile::parse(SOUND)).contains("horse"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = problems(&text);
    }

    #[test]
    fn no_cut_makes_it_panic(at in 0..DEMO.len()) {
        if let Some(text) = DEMO.get(..at) {
            let _ = problems(text);
        }
    }
}
