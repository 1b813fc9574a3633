//! A wait that reaches further queues (R17, D29, I16).

use carrel_platform::auth::{Patron, Role, RouteStep, StaffNaming, Who};
use carrel_proto::session::v1::{SessionList, session_event::Payload};
use tonic::Code;

use crate::desk::Desk;
use crate::person::Person;

pub(crate) const SESSION: &str = "e5ca1a7e";

/// Returns a patron of Maple, whose wait goes on to the cooperative and to the back-up staff.
pub(crate) fn patron(desk: &Desk) -> Person {
    let step = |queue_id: &str, after_ms| RouteStep {
        queue_id: queue_id.into(),
        after_ms,
    };
    desk.person(Who::Patron(Patron {
        session_id: SESSION.into(),
        institution_id: "maple".into(),
        institution_name: "Maple County Library".into(),
        queue_id: "maple".into(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: vec![step("coop", 40_000), step("backup", 120_000)],
    }))
}

#[tokio::test]
async fn a_wait_reaches_further_queues_in_its_time_and_across_a_restart() {
    let desk = Desk::open().await;
    let mut ricky = patron(&desk);
    let mut local = desk.librarian("lee", "maple", Role::Librarian, &["maple"]);
    let mut coop = desk.librarian("map", "harbor", Role::Librarian, &["coop"]);
    let mut locals = local.watch(&["maple"], false).await.unwrap();
    let mut coops = coop.watch(&["coop"], false).await.unwrap();
    ricky.open(desk.command_id(), "anyone?").await.unwrap();
    locals.until(|rows| !rows.is_empty()).await;
    let early = coop.pick_up(desk.command_id(), SESSION).await.unwrap_err();
    assert_eq!(early.code(), Code::NotFound, "I16");

    desk.clock.advance_ms(40_000);
    coops
        .until(|rows| rows.iter().any(|row| row.list() == SessionList::New))
        .await;
    assert_eq!(coops.rows[0].queue_ids, ["maple", "coop"]);
    locals.until(|rows| rows[0].queue_ids.len() == 2).await;

    // A server that starts later goes on where the first one stopped.
    desk.clock.advance_ms(80_000);
    let next = desk.replica().await;
    let mut backup = next.librarian("night", "harbor", Role::Librarian, &["backup"]);
    let mut backups = backup.watch(&["backup"], false).await.unwrap();
    backups.until(|rows| !rows.is_empty()).await;
    backup.pick_up(next.command_id(), SESSION).await.unwrap();
    locals.until(<[_]>::is_empty).await;
    coops.until(<[_]>::is_empty).await;

    // Staff can read the steps; the patron's positions have no gap where they are.
    let steps: Vec<_> = backup
        .attend(SESSION, None)
        .await
        .unwrap()
        .events_to(4)
        .await
        .into_iter()
        .filter_map(|event| match event.payload {
            Some(Payload::Escalated(step)) => Some(step.queue_id),
            _ => None,
        })
        .collect();
    assert_eq!(steps, ["coop", "backup"]);
    let seen = ricky.attend(SESSION, None).await.unwrap();
    assert_eq!(seen.joined.head.unwrap().number, 2);
    assert!(seen.joined.session.unwrap().queue_ids.is_empty());
}
