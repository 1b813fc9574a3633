//! Who may use the service at all (S43).

use tonic::Code;

use crate::desk::{Desk, conversation, librarian, queue, reason};

/// S43: a patron is refused everywhere, in the same words.
#[tokio::test]
async fn patrons_are_refused_everywhere() {
    let desk = Desk::open().await;
    desk.floor.monitors("ann", &["maple"]);
    let mut patron = desk.patron();
    let refused = [
        patron.send("1", librarian("ann"), "x").await.map(|_| ()),
        patron.send("1", queue("maple"), "x").await.map(|_| ()),
        patron.list("none", (0, 0), 0).await.map(|_| ()),
        patron.mark_read("none", 1).await,
        patron.typing("none").await,
        patron.watch().await.map(|_| ()),
    ];
    for outcome in refused {
        let status = outcome.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(reason(&status), "ROLE_NOT_ALLOWED");
    }
}

/// Refusals for a conversation of others, or of the staff of a queue that the caller does not monitor, are byte for
/// byte those for one that does not exist.
#[tokio::test]
async fn strangers_learn_nothing() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    desk.floor.monitors("ben", &["maple"]);
    let mut eve = desk.librarian("eve", &["coop"]);
    let two = ann.send("1", librarian("ben"), "hello").await.unwrap();
    let staff = ann.send("2", queue("maple"), "all").await.unwrap();
    let random = "0123456789abcdef0123456789abcdef";
    let ids = [
        two.conversation_id.as_str(),
        &staff.conversation_id,
        random,
        "no id at all",
        "",
    ];
    let mut seen = Vec::new();
    for (number, id) in ids.into_iter().enumerate() {
        // Typing is limited per author, so a different librarian types each time.
        let mut typist = desk.librarian(&format!("typist {number}"), &["coop"]);
        let refused = [
            eve.send("1", conversation(id), "x").await.map(|_| ()),
            eve.list(id, (0, 0), 0).await.map(|_| ()),
            eve.mark_read(id, 1).await,
            typist.typing(id).await,
        ];
        for outcome in refused {
            let status = outcome.unwrap_err();
            assert_eq!(status.code(), Code::NotFound, "{id:?}: {status:?}");
            seen.push((status.message().to_owned(), status.details().to_vec()));
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "all refusals are the same: {seen:?}");
    assert_eq!(
        eve.watch().await.unwrap().snapshot.len(),
        1,
        "her own queue"
    );
}

/// I26: requests for what does not exist, however many, leave nothing in memory.
#[tokio::test]
async fn what_does_not_exist_takes_no_room() {
    let desk = Desk::open().await;
    let mut eve = desk.librarian("eve", &["coop"]);
    let before = desk.tasks.len();
    for number in 0..100 {
        let id = format!("{number:032x}");
        assert!(eve.list(&id, (0, 0), 0).await.is_err());
        let to = librarian(&format!("nobody-{number}"));
        assert!(eve.send(desk.command_id(), to, "x").await.is_err());
    }
    let empty = || async { desk.tasks.len() <= before };
    desk.until("nothing stays in memory", empty).await;
}
