//! Who may write to whom: every pair of six librarians and four queues.

use std::collections::BTreeSet;

use crate::desk::{Desk, librarian, queue, reason};

type Table = [(&'static str, &'static [&'static str]); 6];

const QUEUES: [&str; 4] = ["maple", "harbor", "coop", "night"];

const BEFORE: Table = [
    ("ann", &["maple"]),
    ("ben", &["maple", "coop"]),
    ("cho", &["coop"]),
    ("dee", &["harbor", "night"]),
    ("eve", &["night", "maple"]),
    ("fay", &[]),
];

/// Every librarian has changed queues or left, except `fay`, who has arrived.
const AFTER: Table = [
    ("ann", &["harbor"]),
    ("ben", &["coop"]),
    ("cho", &["coop", "harbor"]),
    ("dee", &[]),
    ("eve", &["maple"]),
    ("fay", &["maple", "coop"]),
];

fn share(table: &Table, one: usize, other: usize) -> bool {
    let queues: BTreeSet<_> = table[one].1.iter().collect();
    table[other].1.iter().any(|queue| queues.contains(queue))
}

async fn check(desk: &Desk, table: &Table) {
    for (id, queues) in table {
        desk.floor.monitors(id, queues);
    }
    for (one, (from, monitored)) in table.iter().enumerate() {
        let mut writer = desk.caller(from);
        for (other, (to, _)) in table.iter().enumerate() {
            let sent = writer.send(desk.command_id(), librarian(to), "hello").await;
            match sent {
                _ if one == other => assert_eq!(reason(&sent.unwrap_err()), "ONESELF"),
                Ok(_) => assert!(share(table, one, other), "{from} wrote to {to}"),
                Err(status) => {
                    assert_eq!(reason(&status), "NOT_SHARED", "{from} to {to}");
                    assert!(!share(table, one, other), "{from} could not write to {to}");
                }
            }
        }
        for name in QUEUES {
            match writer.send(desk.command_id(), queue(name), "all").await {
                Ok(_) => assert!(monitored.contains(&name), "{from} wrote to {name}"),
                Err(status) => {
                    assert_eq!(reason(&status), "NOT_MONITORING");
                    assert!(
                        !monitored.contains(&name),
                        "{from} could not write to {name}"
                    );
                }
            }
        }
    }
}

/// S36, D15, D20, D21: exactly those librarians can write to each other who monitor a common queue, also after their
/// queues change.
#[tokio::test]
async fn every_pair_before_and_after_a_change_of_queues() {
    let desk = Desk::open().await;
    check(&desk, &BEFORE).await;
    check(&desk, &AFTER).await;
    check(&desk, &BEFORE).await;
}

/// R13: once no queue is shared, the conversation takes no message, however it is addressed, and stays readable for
/// both.
#[tokio::test]
async fn a_conversation_without_a_common_queue_is_read_only() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let first = ann.send("1", librarian("ben"), "hello").await.unwrap();
    let id = first.conversation_id.clone();
    desk.floor.monitors("ben", &["coop"]);
    let by_id = crate::desk::conversation(&id);
    for (writer, other) in [(&mut ann, "ben"), (&mut ben, "ann")] {
        for to in [librarian(other), by_id.clone()] {
            let status = writer.send("2", to, "there?").await.unwrap_err();
            assert_eq!(reason(&status), "NOT_SHARED");
        }
        assert_eq!(reason(&writer.typing(&id).await.unwrap_err()), "NOT_SHARED");
        let page = writer.list(&id, (0, 0), 0).await.unwrap();
        assert_eq!(page.messages.len(), 1);
        writer.mark_read(&id, 1).await.unwrap();
    }
    // A command that was carried out before is still acknowledged when sent again.
    let again = ann.send("1", librarian("ben"), "hello").await.unwrap();
    assert_eq!((again.position, again.replayed), (1, true));
    desk.floor.leaves("ben");
    let gone = ann.send("3", librarian("ben"), "hello").await.unwrap_err();
    let unknown = ann.send("3", librarian("nobody"), "x").await.unwrap_err();
    assert_eq!(gone.message(), unknown.message());
    assert_eq!(gone.details(), unknown.details());
    assert_eq!(desk.recorded(&id).await.len(), 1);
}

/// An administrator also sees librarians with whom they share no queue; they still can't write to them.
#[tokio::test]
async fn an_administrators_sight_is_no_common_queue() {
    let desk = Desk::open().await;
    desk.floor.monitors("ann", &["maple"]);
    let mut admin = desk.librarian("admin", &["coop"]);
    let status = admin
        .send("1", librarian("ann"), "hello")
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "NOT_SHARED");
}

/// Without presence-svc it is unknown who may write to whom, so nobody can write.
#[tokio::test]
async fn nothing_is_written_while_presence_is_unknown() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    desk.floor.monitors("ben", &["maple"]);
    let sent = ann.send("1", librarian("ben"), "hello").await.unwrap();
    desk.floor.close(true);
    for to in [
        librarian("ben"),
        queue("maple"),
        crate::desk::conversation(&sent.conversation_id),
    ] {
        let status = ann.send("2", to, "hello").await.unwrap_err();
        assert_eq!(status.code(), tonic::Code::Unavailable);
        assert_eq!(reason(&status), "PRESENCE_UNAVAILABLE");
    }
    let history = ann.list(&sent.conversation_id, (0, 0), 0).await.unwrap();
    assert_eq!(history.messages.len(), 1);
    desk.floor.close(false);
    ann.send("2", librarian("ben"), "hello").await.unwrap();
    assert_eq!(desk.recorded(&sent.conversation_id).await.len(), 2);
}
