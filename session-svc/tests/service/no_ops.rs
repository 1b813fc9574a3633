//! Commands that find nothing to do, whose ids are remembered all the same (I3).

use carrel_platform::auth::Role;
use tonic::{Code, Status};

use crate::desk::Desk;
use crate::person::{Person, reason};

const SESSION: &str = "5e55";

/// Begins a session, and returns its owner and a supervisor who is outside.
async fn running(desk: &Desk) -> (Person, Person) {
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    (map, admin)
}

/// Returns whether a supervisor is inside: only then may they write notes.
async fn is_inside(desk: &Desk, supervisor: &mut Person) -> bool {
    match supervisor.note(desk.command_id(), SESSION, "here").await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(reason(&status), "NOT_INSIDE");
            false
        }
    }
}

fn is_reused<T: std::fmt::Debug>(answer: Result<T, Status>) {
    let status = answer.unwrap_err();
    assert_eq!(
        (status.code(), &*reason(&status)),
        (Code::AlreadyExists, "COMMAND_ID_REUSED")
    );
}

/// A caller who repeats a command, because its answer was late, wants what they wanted then.
#[tokio::test]
async fn leaving_that_found_nobody_inside_does_nothing_later() {
    let desk = Desk::open().await;
    let (_map, mut admin) = running(&desk).await;
    assert!(admin.leave("x".into(), SESSION).await.unwrap().replayed);
    admin.enter("e".into(), SESSION).await.unwrap();
    assert!(admin.leave("x".into(), SESSION).await.unwrap().replayed);
    assert!(is_inside(&desk, &mut admin).await);
    // Under a new id it does.
    assert!(!admin.leave("y".into(), SESSION).await.unwrap().replayed);
    assert!(!is_inside(&desk, &mut admin).await);
}

#[tokio::test]
async fn an_id_that_found_nothing_to_do_is_of_no_other_command() {
    let desk = Desk::open().await;
    let (mut map, mut admin) = running(&desk).await;
    admin.enter("e1".into(), SESSION).await.unwrap();
    assert!(admin.enter("e3".into(), SESSION).await.unwrap().replayed);
    is_reused(admin.leave("e3".into(), SESSION).await);
    assert!(is_inside(&desk, &mut admin).await);
    // The owner has the patron already.
    assert!(map.pick_up("p".into(), SESSION).await.unwrap().replayed);
    is_reused(map.post("p".into(), SESSION, "hello").await);
    // The ids of different people never clash.
    map.post("e3".into(), SESSION, "hello").await.unwrap();
}
