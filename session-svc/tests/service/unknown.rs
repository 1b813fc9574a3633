//! Sessions that do not exist.

use std::time::Duration;

use carrel_platform::auth::Role;
use tonic::Code;

use crate::desk::Desk;
use crate::person::reason;

/// I26: requests for sessions that do not exist, however many, leave nothing in memory.
#[tokio::test]
async fn what_does_not_exist_takes_no_room() {
    let desk = Desk::open().await;
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    let mut ricky = desk.patron("unopened");
    let before = desk.tasks.len();
    for number in 0..100 {
        let id = format!("nowhere{number}");
        let status = map.pick_up(desk.command_id(), &id).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        assert!(map.attend(&id, None).await.is_err());
        let status = admin.enter(desk.command_id(), &id).await.unwrap_err();
        assert_eq!(reason(&status), "NOT_FOUND");
        assert!(ricky.post(desk.command_id(), &id, "hello?").await.is_err());
        assert!(ricky.attend("unopened", None).await.is_err());
    }
    let gone = async {
        while desk.tasks.len() > before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .expect("no session that does not exist stays in memory");
    // A session that does not exist yet can still be opened.
    ricky.open(desk.command_id(), "hello?").await.unwrap();
}
