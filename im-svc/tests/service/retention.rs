//! R13, D22: what need no longer be kept is gone, from the log, too.

use std::{sync::Arc, time::Duration};

use carrel_im::{
    Config, Keep,
    domain::event::{Event, Participants},
};
use carrel_platform::{
    bus::local::LocalBus,
    config::HumanDuration,
    log::{Batch, EventLog, IndexEntry, NewEvent, StreamName, Write},
};
use carrel_testbed::log::FaultyLog;

use crate::desk::{Desk, NOON_MS, Watching, brisk, librarian, queue};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// R13: messages are kept for 30 days; positions, marks and later messages stay, on every server.
#[tokio::test]
async fn messages_are_gone_after_their_time() {
    let desk = Desk::open().await;
    let replica = desk.replica().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    desk.floor.monitors("ben", &["maple"]);
    let sent = ann.send("1", librarian("ben"), "old secret").await.unwrap();
    let id = sent.conversation_id;
    ann.send("2", librarian("ben"), "old words").await.unwrap();
    desk.caller("ben").mark_read(&id, 2).await.unwrap();
    desk.clock.advance_ms(20 * DAY_MS);
    let mut ann = desk.caller("ann");
    ann.send("3", librarian("ben"), "young words")
        .await
        .unwrap();
    let mut bens = replica.caller("ben").watch().await.unwrap();
    desk.clock.advance_ms(11 * DAY_MS);
    desk.until("the old text is gone from the log", || async {
        let bytes = desk.bytes(&id).await;
        !contains(&bytes, "old secret") && !contains(&bytes, "old words")
    })
    .await;
    let changed = bens.changed(|one| one.first_kept == 3).await;
    assert_eq!((changed.head, changed.read, changed.unread), (3, 2, 1));
    assert_eq!(desk.recorded(&id).await, [(3, "young words".to_owned())]);
    // A server that starts later knows the same.
    let late = desk.replica().await;
    for server in [&desk, &replica, &late] {
        let mut ben = server.caller("ben");
        let page = ben.list(&id, (0, 0), 0).await.unwrap();
        assert_eq!((page.messages.len(), page.more), (1, false));
        let snapshot = ben.watch().await.unwrap().snapshot;
        let own = snapshot
            .iter()
            .find(|one| one.conversation_id == id)
            .unwrap();
        assert_eq!((own.head, own.first_kept, own.read), (3, 3, 2));
    }
    let mut ben = late.caller("ben");
    let sent = ben.send("1", librarian("ann"), "answer").await.unwrap();
    assert_eq!(sent.position, 4);
    // When all messages are gone, so is the conversation, until somebody writes again.
    desk.clock.advance_ms(31 * DAY_MS);
    assert_eq!(bens.gone().await, id);
    let snapshot = desk.caller("ann").watch().await.unwrap().snapshot;
    assert!(snapshot.iter().all(|one| one.conversation_id != id));
    let sent = desk.caller("ann").send("5", librarian("ben"), "anew").await;
    assert_eq!(sent.unwrap().position, 5);
    let back = bens.changed(|one| one.conversation_id == id).await;
    assert_eq!((back.head, back.first_kept), (4, 5));
    assert_eq!(bens.arrived().await.1.text, "anew");
}

/// The staff's conversation stays even without messages.
#[tokio::test]
async fn a_staff_conversation_outlives_its_messages() {
    let desk = Desk::open().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let sent = ann.send("1", queue("maple"), "old secret").await.unwrap();
    let id = sent.conversation_id;
    let mut anns = ann.watch().await.unwrap();
    desk.clock.advance_ms(31 * DAY_MS);
    let changed = anns.changed(|one| one.first_kept == 2).await;
    assert_eq!((changed.head, changed.last_message), (1, None));
    desk.until("the text is gone from the log", || async {
        !contains(&desk.bytes(&id).await, "old secret")
    })
    .await;
}

/// Nothing grows without bound: of too many messages, the oldest go first.
#[tokio::test]
async fn the_oldest_of_too_many_go_first() {
    let desk = Desk::with(Config {
        keep_at_most: 10,
        ..brisk()
    })
    .await;
    let mut ann = desk.librarian("ann", &["maple"]);
    let mut id = String::new();
    for number in 0..50 {
        let text = format!("text {number}");
        let sent = ann.send(desk.command_id(), queue("maple"), &text).await;
        id = sent.unwrap().conversation_id;
    }
    desk.until("forty are gone", || async {
        let recorded = desk.recorded(&id).await;
        recorded
            .first()
            .is_some_and(|(position, _)| *position == 41)
    })
    .await;
    assert_eq!(desk.recorded(&id).await.len(), 10);
}

fn until_log_off(grace: Duration) -> Config {
    Config {
        keep: Keep::UntilLogOff,
        log_off_grace: HumanDuration::from(grace),
        ..brisk()
    }
}

/// R13, D22 "not kept": a conversation stays while one of the two watches, at any server, and is gone when both have
/// logged off.
#[tokio::test]
async fn not_kept_is_gone_when_both_have_logged_off() {
    // A watch renews its lease periodically. The grace is longer than a slow machine delays that.
    let grace = Duration::from_secs(5);
    let desk = Desk::with(until_log_off(grace)).await;
    let replica = desk.replica().await;
    let mut ann = desk.librarian("ann", &["maple"]);
    desk.floor.monitors("ben", &["maple"]);
    let anns = ann.watch().await.unwrap();
    let mut bens = replica.caller("ben").watch().await.unwrap();
    let sent = ann.send("1", librarian("ben"), "secret").await.unwrap();
    let staff = ann.send("2", queue("maple"), "staff secret").await.unwrap();
    let ids = [sent.conversation_id, staff.conversation_id];
    let mut cho = desk.librarian("cho", &["coop"]);
    let unwatched = cho.send("1", queue("coop"), "secret of nobody who watches");
    let unwatched = unwatched.await.unwrap().conversation_id;
    bens.arrived().await;
    drop(anns);
    // Advance by far more than the grace, and wait for some sweeps after the first, before which everybody has the
    // grace to come back: Ben still has the desk open.
    desk.clock.advance_ms(400_000);
    let swept = async {
        while contains(&desk.bytes(&unwatched).await, "secret") {
            bens.heartbeats(1).await;
        }
        bens.heartbeats(40).await;
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, swept)
        .await
        .expect("what nobody watches is gone from the log");
    assert_eq!(desk.recorded(&ids[0]).await.len(), 1);
    // A reload is not a log-off.
    drop(bens);
    let bens = replica.caller("ben").watch().await.unwrap();
    let kept = bens.snapshot.iter().filter(|one| one.head == 1).count();
    assert_eq!(kept, 2);
    drop(bens);
    // What Ben received may have been recorded only just now, by that clock.
    desk.clock.advance_ms(10_000);
    desk.until("both conversations are gone from the log", || async {
        let direct = desk.bytes(&ids[0]).await;
        let staff = desk.bytes(&ids[1]).await;
        !contains(&direct, "secret") && !contains(&staff, "secret")
    })
    .await;
    let snapshot = replica.caller("ben").watch().await.unwrap().snapshot;
    assert_eq!(snapshot.len(), 1, "the staff's, without messages");
    assert_eq!((snapshot[0].head, snapshot[0].first_kept), (1, 2));
}

/// How many conversations the desks below have.
const MANY: usize = 20;

/// Opens a desk with many conversations on this log, and a watch of a librarian in none of them, which serves as a
/// clock.
async fn with_many(log: &Arc<FaultyLog>, config: Config) -> (Desk, Watching) {
    let log = Arc::clone(log) as Arc<dyn EventLog>;
    let desk = Desk::by(Arc::new(LocalBus::default()), log, config).await;
    let mut ann = desk.librarian("ann", &["maple"]);
    for number in 0..MANY {
        let ben = format!("ben-{number}");
        desk.floor.monitors(&ben, &["maple"]);
        let id = desk.command_id();
        ann.send(id, librarian(&ben), "secret").await.unwrap();
    }
    let zoe = desk.librarian("zoe", &[]).watch().await.unwrap();
    (desk, zoe)
}

/// Waits until the log is not read for the duration of many sweeps. Returns how many reads there were.
async fn until_at_rest(log: &FaultyLog, clock: &mut Watching) -> usize {
    let resting = async {
        loop {
            let before = log.reads();
            clock.heartbeats(20).await;
            if log.reads() == before {
                return before;
            }
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, resting)
        .await
        .expect("sweeping reads nothing when nothing can be due")
}

/// A sweep that fails at one conversation forgets nothing about the others.
#[tokio::test]
async fn a_sweep_that_fails_reads_nothing_again() {
    let log = FaultyLog::in_memory().unwrap();
    let (desk, mut zoe) = with_many(&log, brisk()).await;
    until_at_rest(&log, &mut zoe).await;
    log.be_readable(false);
    let between = Participants::Staff {
        queue_id: "maple".into(),
    };
    let began = serde_json::to_vec(&Event::Began { between }).unwrap();
    // A conversation that is swept before all others, written as if by another server.
    let write = Write {
        stream: StreamName::new("im", "0"),
        expected: 0,
        events: vec![NewEvent {
            at_ms: NOON_MS,
            payload: began.into(),
            command: None,
        }],
        index_entry: Some(IndexEntry {
            owner: String::new(),
            closed_at_ms: None,
        }),
    };
    let before = log.reads();
    log.append(Batch {
        writes: vec![write],
    })
    .await
    .unwrap();
    desk.until("sweeping has failed", || async { log.reads() > before + 1 })
        .await;
    let before = log.reads();
    log.be_readable(true);
    let read = until_at_rest(&log, &mut zoe).await - before;
    assert!(read < MANY, "{read} reads");
}

/// D22 "not kept": a conversation in which its members have just written is not brought into memory again and again.
#[tokio::test]
async fn what_can_not_be_due_is_not_asked() {
    let log = FaultyLog::in_memory().unwrap();
    let config = Config {
        rest_after: Duration::from_millis(1).into(),
        keep_at_most: 1,
        ..until_log_off(Duration::from_millis(100))
    };
    let (desk, mut zoe) = with_many(&log, config).await;
    let mut cho = desk.librarian("cho", &["coop"]);
    cho.send("1", queue("coop"), "one too many").await.unwrap();
    let last = cho.send("2", queue("coop"), "secret").await.unwrap();
    desk.until("all have been swept", || async {
        desk.recorded(&last.conversation_id).await.len() == 1
    })
    .await;
    until_at_rest(&log, &mut zoe).await;
    desk.clock.advance_ms(101);
    let query = || carrel_platform::log::StreamQuery::Open {
        category: "im",
        after: None,
        limit: 100,
    };
    let heads = log.find(query()).await.unwrap();
    assert_eq!(heads.len(), MANY + 1);
    for head in heads {
        let id = head.stream.id;
        desk.until("it is gone from the log", || async {
            !contains(&desk.bytes(&id).await, "secret")
        })
        .await;
    }
}
