#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::sample::{directory, institution, queue, steps};

fn house() -> Directory {
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

fn reachable(house: &Directory, institution_id: &str) -> Vec<String> {
    house
        .reachable_queues(&house.institutions[institution_id])
        .map(|queue| queue.id.clone())
        .collect()
}

// D29, R17
#[test]
fn a_wait_begins_in_the_primary_queue_and_goes_on_as_that_one_escalates() {
    let house = house();
    let maple = &house.institutions["maple"];
    assert_eq!(
        house.wait(maple),
        Wait {
            queue_id: "maple".into(),
            steps: steps(&[("coop", 40), ("backup", 120)]),
        }
    );
    assert_eq!(reachable(&house, "maple"), ["maple", "coop", "backup"]);
    assert_eq!(reachable(&house, "harbor"), ["harbor"]);
    let gone = Institution {
        primary_queue: "gone".into(),
        ..maple.clone()
    };
    assert_eq!(house.wait(&gone).steps, []);
    assert_eq!(house.reachable_queues(&gone).count(), 0);
}

// D36
#[test]
fn practice_waits_in_its_own_queue_alone() {
    let house = house();
    let wait = house.practice_wait(&house.institutions["maple"]).unwrap();
    assert_eq!(wait.queue_id, "practice");
    assert_eq!(wait.steps, []);
    assert_eq!(house.practice_wait(&house.institutions["harbor"]), None);
    assert!(!reachable(&house, "maple").contains(&"practice".to_owned()));
}

#[test]
fn a_queue_is_reached_by_those_it_names_and_by_those_who_wait_so_long() {
    let house = house();
    for (queue_id, expected) in [
        ("maple", vec!["maple"]),
        ("harbor", vec!["harbor"]),
        ("coop", vec!["harbor", "maple"]),
        ("backup", vec!["harbor", "maple"]),
        ("practice", vec!["maple"]),
    ] {
        let libraries = house.libraries_reaching(&house.queues[queue_id]);
        assert_eq!(Vec::from_iter(libraries), expected, "{queue_id}");
    }
}
