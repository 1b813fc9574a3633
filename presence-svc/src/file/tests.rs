#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const DEMO: &str = include_str!("../../../carrel/demo/directory.toml");

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
        ["coop", "harbor", "maple"]
    );
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
    assert!(file.librarians.contains_key("lee@maple"));
    assert!(problems("").is_empty());
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
