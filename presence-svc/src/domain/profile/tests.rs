#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::{
    directory::Event,
    sample::{directory, institution, librarian, queue, steps},
};

/// Maple's librarian Lee staffs maple's own queue, a shared one and one for back-up.
fn sample_directory() -> Directory {
    let mut harbor = queue("harbor", &["harbor"], &["harbor"]);
    harbor.escalate = steps(&[("coop", 40), ("backup", 120)]);
    let mut island = queue("island", &["island"], &["island"]);
    island.escalate = steps(&[("backup", 40)]);
    directory(
        ["maple", "harbor", "island", "far", "near"].map(institution),
        [
            queue("maple", &["maple"], &["maple"]),
            queue("coop", &["near"], &["maple", "harbor"]),
            queue("backup", &["maple"], &["maple"]),
            harbor,
            island,
            queue("far", &["far"], &["far"]),
            queue("near", &["near"], &["near"]),
        ],
        [librarian()],
    )
}

#[test]
fn a_profile_lists_the_primary_queue_first_and_only_what_the_library_staffs() {
    let mut directory = sample_directory();
    let profile = directory.profile("1").unwrap();
    let queues: Vec<_> = profile
        .queues
        .iter()
        .map(|queue| (queue.id.as_str(), queue.primary))
        .collect();
    assert_eq!(
        queues,
        [("maple", true), ("backup", false), ("coop", false)]
    );
    // Patrons whose wait reaches a queue wait in it, too.
    assert_eq!(
        profile.queues[1].institution_names,
        ["harbor Library", "island Library", "maple Library"]
    );
    assert_eq!(directory.profile("2"), None);
    directory.apply(Event::InstitutionRemoved { id: "maple".into() });
    assert_eq!(directory.profile("1"), None);
}

/// The libraries whose policy Lee is shown.
fn policies(directory: &Directory) -> Vec<String> {
    let profile = directory.profile("1").unwrap();
    directory
        .policies_for(&profile.institution.id)
        .iter()
        .map(|policy| policy.institution_id.clone())
        .collect()
}

// D37, D38
#[test]
fn a_librarian_is_shown_the_policy_of_each_library_whose_patrons_they_may_answer() {
    let mut directory = sample_directory();
    assert_eq!(policies(&directory), ["harbor", "island", "maple", "near"]);
    let shown = directory.policies_for("maple");
    assert_eq!(shown[0].institution_name, "harbor Library");
    assert_eq!(shown[0].policy.text, "harbor lends skis.");
    assert_eq!(shown[0].scripts[0].name, "Hello");
    assert_eq!(shown[0].descriptive_codes, ["Opening hours", "Maps"]);

    // Their own library's always, even if its librarians staff nothing.
    for id in ["maple", "coop", "backup"] {
        directory.apply(Event::QueueRemoved { id: id.into() });
    }
    assert_eq!(policies(&directory), ["maple"]);
}

// D36
#[test]
fn practice_brings_the_policies_of_those_who_practise_and_is_marked() {
    let mut practice = queue("practice", &["far"], &["maple"]);
    practice.practice = true;
    let mut directory = sample_directory();
    directory.apply(Event::QueueSet(practice));
    assert_eq!(
        policies(&directory),
        ["far", "harbor", "island", "maple", "near"]
    );
    let profile = directory.profile("1").unwrap();
    for queue in profile.queues {
        assert_eq!(queue.practice, queue.id == "practice");
    }
}

#[test]
fn policies_come_by_name() {
    let mut directory = sample_directory();
    let mut first = institution("near");
    first.name = "A library".into();
    directory.apply(Event::InstitutionSet(first.into()));
    assert_eq!(policies(&directory), ["near", "harbor", "island", "maple"]);
}
