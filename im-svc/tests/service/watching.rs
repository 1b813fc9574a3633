//! What a watch shows.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;

use carrel_im::{Config, domain::names};
use carrel_platform::log::{Batch, EventLog, IndexEntry, NewEvent, StreamName, Write};
use carrel_proto::im::v1::{conversation::With, watch_conversations_response::Change};
use carrel_testbed::log::FaultyLog;
use tonic::Code;

use crate::desk::{Desk, NOON_MS, TOKEN_LASTS, brisk, conversation, librarian, queue, reason};

/// The snapshot has every conversation, the last written to first, and staff conversations even before anybody wrote.
#[tokio::test]
async fn the_snapshot_has_everything() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple", "coop"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    desk.floor.monitors("cho", &["coop"]);
    ann.send("1", librarian("cho"), "hello Cho").await.unwrap();
    desk.clock.advance_ms(1);
    ann.send("2", queue("maple"), "hello all").await.unwrap();
    desk.clock.advance_ms(1);
    ben.send("3", librarian("ann"), "hello Ann").await.unwrap();
    let snapshot = ann.watch().await.unwrap().snapshot;
    let with: Vec<_> = snapshot
        .iter()
        .map(|one| name(one.with.clone().unwrap()))
        .collect();
    assert_eq!(with, ["ben", "maple", "cho", "coop"]);
    let [bens, maple, chos, coop] = snapshot.as_slice() else {
        panic!("four of them");
    };
    assert_eq!((bens.head, bens.unread, bens.first_kept), (1, 1, 1));
    let last = bens.last_message.as_ref().unwrap();
    assert_eq!((last.text.as_str(), last.position), ("hello Ann", 1));
    assert_eq!((maple.head, maple.unread), (1, 0));
    assert_eq!(chos.delivered_to_other, 0);
    assert_eq!((coop.head, coop.last_message.as_ref()), (0, None));
}

/// R13: what can't be read of one conversation, such as an event of a newer Carrel, takes no other from its members.
#[tokio::test]
async fn a_conversation_that_can_not_be_read_is_left_out() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut cho = desk.librarian("cho", &["maple"]);
    desk.floor.monitors("ben", &["maple"]);
    let sent = ann.send("1", librarian("ben"), "hello Ben").await.unwrap();
    ann.send("2", librarian("cho"), "hello Cho").await.unwrap();
    ann.send("3", queue("maple"), "hello all").await.unwrap();
    for id in [sent.conversation_id.clone(), names::of_staff("coop")] {
        let stream = StreamName::new("im", id.clone());
        let events = desk.log.read(&stream, 0, 100).await.unwrap();
        let unreadable = NewEvent {
            at_ms: NOON_MS,
            payload: Bytes::from_static(br#"{"kind":"of_the_future"}"#),
            command: None,
        };
        let write = Write {
            stream,
            expected: events.last().map_or(0, |last| last.version),
            events: vec![unreadable],
            index_entry: Some(IndexEntry {
                owner: id,
                closed_at_ms: None,
            }),
        };
        let batch = Batch {
            writes: vec![write],
        };
        desk.log.append(batch).await.unwrap();
    }
    // A server that has not had them in memory.
    let replica = desk.replica().await;
    let mut watch = replica
        .librarian("ann", &["maple", "coop"])
        .watch()
        .await
        .unwrap();
    let with: BTreeSet<_> = watch
        .snapshot
        .iter()
        .map(|one| one.with.clone().unwrap())
        .map(name)
        .collect();
    assert_eq!(with, BTreeSet::from(["cho".to_owned(), "maple".to_owned()]));
    cho.send("4", librarian("ann"), "hello Ann").await.unwrap();
    assert_eq!(watch.arrived().await.1.text, "hello Ann");
}

fn name(with: With) -> String {
    match with {
        With::Librarian(member) => member.librarian_id,
        With::QueueId(queue) => queue,
    }
}

/// A new conversation appears with its first message, in order; nothing comes twice.
#[tokio::test]
async fn a_new_conversation_appears() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut bens = ben.watch().await.unwrap();
    let mut anns = ann.watch().await.unwrap();
    let sent = ann.send("1", librarian("ben"), "hello").await.unwrap();
    for watch in [&mut bens, &mut anns] {
        let Change::Changed(begun) = watch.change().await else {
            panic!("the conversation comes first");
        };
        assert_eq!(begun.conversation_id, sent.conversation_id);
        assert_eq!((begun.head, begun.last_message), (0, None));
        let (id, message) = watch.arrived().await;
        assert_eq!((id, message.position), (sent.conversation_id.clone(), 1));
    }
    ben.send("2", conversation(&sent.conversation_id), "hi")
        .await
        .unwrap();
    for watch in [&mut bens, &mut anns] {
        assert_eq!(watch.arrived().await.1.position, 2);
    }
}

/// D21: a message is delivered once the other's stream has carried it, and not before, and read once they say so.
#[tokio::test]
async fn delivered_and_read() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut anns = ann.watch().await.unwrap();
    let sent = ann.send("1", librarian("ben"), "hello").await.unwrap();
    anns.arrived().await;
    let mut other = ann.watch().await.unwrap();
    let shown = |list: &[carrel_proto::im::v1::Conversation]| {
        let id = &sent.conversation_id;
        let one = list.iter().find(|one| one.conversation_id == *id).unwrap();
        (one.delivered_to_other, one.read_by_other)
    };
    assert_eq!(shown(&other.snapshot), (0, 0), "nobody has it yet");
    let mut bens = ben.watch().await.unwrap();
    for watch in [&mut anns, &mut other] {
        let changed = watch.changed(|one| one.delivered_to_other == 1).await;
        assert_eq!((changed.read_by_other, changed.unread), (0, 0));
    }
    ann.send("2", librarian("ben"), "there?").await.unwrap();
    bens.arrived().await;
    anns.changed(|one| one.delivered_to_other == 2).await;
    ben.mark_read(&sent.conversation_id, 2).await.unwrap();
    anns.changed(|one| one.read_by_other == 2).await;
    // The reader's own monitors show it as read, too.
    let own = bens.changed(|one| one.read == 2).await;
    assert_eq!(own.unread, 0);
}

/// D15: the staff's conversation comes and goes with the caller's own presence.
#[tokio::test]
async fn staff_conversations_follow_the_queues() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["coop"]);
    let mut bens = ben.watch().await.unwrap();
    let first = ann.send("1", queue("maple"), "hello").await.unwrap();
    let maple = first.conversation_id;
    desk.floor.monitors("ben", &["coop", "maple"]);
    let come = bens.changed(|one| one.conversation_id == maple).await;
    assert_eq!((come.head, come.unread), (1, 1));
    ann.send("2", queue("maple"), "more").await.unwrap();
    assert_eq!(bens.arrived().await.1.position, 2);
    desk.floor.monitors("ben", &["coop"]);
    assert_eq!(bens.gone().await, maple);
    // What is written there now must not reach him.
    ann.send("3", queue("maple"), "not for Ben").await.unwrap();
    let status = ben.list(&maple, (0, 0), 0).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    ben.send("1", queue("coop"), "in my own").await.unwrap();
    assert_eq!(bens.arrived().await.1.text, "in my own");
    desk.floor.monitors("ben", &["maple"]);
    let back = bens.changed(|one| one.conversation_id == maple).await;
    assert_eq!(back.head, 3);
}

/// Typing reaches the others but not its author, and is never stored.
#[tokio::test]
async fn typing_reaches_the_others() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let sent = ann.send("1", librarian("ben"), "hello").await.unwrap();
    let id = sent.conversation_id;
    let mut anns = ann.watch().await.unwrap();
    let mut bens = ben.watch().await.unwrap();
    anns.changed(|one| one.delivered_to_other == 1).await;
    let before = desk.bytes(&id).await;
    ann.typing(&id).await.unwrap();
    let typing = loop {
        if let Change::Typing(typing) = bens.change().await {
            break typing;
        }
    };
    assert_eq!(typing.conversation_id, id);
    assert_eq!(typing.member.unwrap().librarian_id, "ann");
    assert_eq!(desk.bytes(&id).await, before);
    ben.send("2", librarian("ann"), "yes?").await.unwrap();
    // The next change that Ann gets is the message, not her own typing.
    assert!(matches!(anns.change().await, Change::Arrived(_)));
}

/// I26: a reader that falls behind is dropped with a reason; a new watch has everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_let_go() {
    let desk = Desk::with(Config {
        backlog: 8,
        heartbeat: Duration::from_secs(60).into(),
        ..brisk()
    })
    .await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut ben = desk.librarian("ben", &["maple"]);
    let mut slow = ben.watch().await.unwrap();
    let text = "é".repeat(4_000);
    let mut sent = 0_u64;
    // More than the HTTP/2 flow-control windows hold.
    while sent < 1_400 {
        ann.send(desk.command_id(), queue("maple"), &text)
            .await
            .unwrap();
        sent += 1;
    }
    let mut position = 0;
    let status = loop {
        match slow.next().await {
            Ok(Some(Change::Arrived(arrived))) => {
                let next = arrived.message.unwrap().position;
                assert_eq!(next, position + 1, "no gap before the end");
                position = next;
            }
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream says why it ends"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&status), "TOO_SLOW");
    assert!(position < sent);
    let snapshot = ben.watch().await.unwrap().snapshot;
    assert_eq!(snapshot[0].head, sent);
}

/// A stream outlives neither its token nor the server, and none is opened while presence-svc is away.
#[tokio::test]
async fn streams_end_with_a_reason() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    // All but a few milliseconds of the token's lifetime have passed.
    let lasts = i64::try_from(TOKEN_LASTS.as_millis()).unwrap();
    desk.clock.advance_ms(lasts - 50);
    let mut watch = ann.watch().await.unwrap();
    desk.clock.advance_ms(50);
    let status = watch.end().await;
    assert_eq!(reason(&status), "TOKEN_EXPIRED");
    assert_eq!(status.code(), Code::Unauthenticated);

    let mut ann = desk.caller("ann");
    desk.floor.close(true);
    let Err(status) = ann.watch().await else {
        panic!("nobody watches while presence is unknown");
    };
    assert_eq!(reason(&status), "PRESENCE_UNAVAILABLE");
    desk.floor.close(false);
    let mut watch = ann.watch().await.unwrap();
    drop(desk);
    assert_eq!(reason(&watch.end().await), "SHUTTING_DOWN");
}

/// A token can expire while a watch is being opened.
#[tokio::test]
async fn a_token_that_expires_meanwhile_opens_no_watch() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let before = log.reads();
    log.hang(true);
    let opening = tokio::spawn(async move { ann.watch().await.map(|_| ()) });
    desk.until("the log is read", || async { log.reads() > before })
        .await;
    let lasts = i64::try_from(TOKEN_LASTS.as_millis()).unwrap();
    desk.clock.advance_ms(lasts);
    log.hang(false);
    let status = opening.await.unwrap().unwrap_err();
    assert_eq!(reason(&status), "TOKEN_EXPIRED");
}
