#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::sample::{directory, institution, queue, steps};

fn sample_directory() -> Directory {
    let mut maple = queue("maple", &["maple"], &["maple"]);
    maple.escalate = steps(&[("coop", 40), ("backup", 120)]);
    let mut practice = queue("practice", &["maple"], &["maple"]);
    practice.practice = true;
    let mut trains = institution("maple");
    trains.practice_queue = Some("practice".into());
    directory(
        [trains, institution("harbor")],
        [
            maple,
            practice,
            queue("harbor", &["harbor"], &["harbor"]),
            queue("coop", &["harbor"], &["maple"]),
            queue("backup", &["harbor"], &["maple"]),
        ],
        [],
    )
}

fn reachable(directory: &Directory, institution_id: &str) -> Vec<String> {
    directory
        .reachable_queues(&directory.institutions[institution_id])
        .map(|queue| queue.id.clone())
        .collect()
}

// D29, R17
#[test]
fn a_wait_begins_in_the_primary_queue_and_goes_on_as_that_one_escalates() {
    let directory = sample_directory();
    let maple = &directory.institutions["maple"];
    assert_eq!(
        directory.wait(maple),
        Wait {
            queue_id: "maple".into(),
            steps: steps(&[("coop", 40), ("backup", 120)]),
        }
    );
    assert_eq!(reachable(&directory, "maple"), ["maple", "coop", "backup"]);
    assert_eq!(reachable(&directory, "harbor"), ["harbor"]);
    let gone = Institution {
        primary_queue: "gone".into(),
        ..maple.clone()
    };
    assert_eq!(directory.wait(&gone).steps, []);
    assert_eq!(directory.reachable_queues(&gone).count(), 0);
}

// D36
#[test]
fn practice_waits_in_its_own_queue_alone() {
    let directory = sample_directory();
    let wait = directory
        .practice_wait(&directory.institutions["maple"])
        .unwrap();
    assert_eq!(wait.queue_id, "practice");
    assert_eq!(wait.steps, []);
    assert_eq!(
        directory.practice_wait(&directory.institutions["harbor"]),
        None
    );
    assert!(!reachable(&directory, "maple").contains(&"practice".to_owned()));
}

#[test]
fn a_queue_is_reached_by_those_it_names_and_by_those_who_wait_so_long() {
    let directory = sample_directory();
    for (queue_id, expected) in [
        ("maple", vec!["maple"]),
        ("harbor", vec!["harbor"]),
        ("coop", vec!["harbor", "maple"]),
        ("backup", vec!["harbor", "maple"]),
        ("practice", vec!["maple"]),
    ] {
        let libraries = directory.libraries_reaching(&directory.queues[queue_id]);
        assert_eq!(Vec::from_iter(libraries), expected, "{queue_id}");
    }
}
