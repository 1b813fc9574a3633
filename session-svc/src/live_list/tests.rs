#![allow(clippy::unwrap_used)]

use carrel_platform::{
    bus::local::LocalBus,
    log::{Batch, IndexEntry, NewEvent, StreamName, Write, sqlite::SqliteLog},
};

use super::{
    samples::{entry, mr_lee},
    *,
};
use crate::{
    domain::{
        event::{Event, Speaker},
        samples::opened,
    },
    storage,
};

const ID: &str = "5e55";

fn list(log: &Arc<SqliteLog>) -> LiveList {
    LiveList::new(log.clone(), Arc::new(LocalBus::default()), 8)
}

fn ended() -> Event {
    Event::Ended {
        by: Some(Speaker::Patron),
    }
}

/// Writes events to a session's stream, after `expected` others.
async fn append(log: &SqliteLog, expected: u64, events: &[Event]) {
    let ends = events.contains(&ended());
    let encode = |event: &Event| storage::encode(event, 1_000, None).unwrap();
    let events: Vec<NewEvent> = events.iter().map(encode).collect();
    let write = Write {
        stream: StreamName::new(storage::SESSION, ID),
        expected,
        events,
        index_entry: Some(IndexEntry {
            owner: "maple".to_owned(),
            closed_at_ms: ends.then_some(1_000),
        }),
    };
    let batch = Batch {
        writes: vec![write],
    };
    log.append(batch).await.unwrap();
}

fn opening() -> Event {
    Event::Opened(opened())
}

/// I8: what a database that failed over has lost is not true any more, whoever still says it.
#[tokio::test]
async fn what_is_said_of_another_history_is_not_listened_to() {
    let log = Arc::new(SqliteLog::in_memory().unwrap());
    append(&log, 0, &[opening()]).await;
    let list = list(&log);
    list.catch_up().await.unwrap();
    let picked_up = Event::PickedUp { by: mr_lee() };
    for further in [&[picked_up][..], &[ended()]] {
        let entry = entry(ID, 1_000, false, further);
        list.hear(&follow::say("another", &entry)).await.unwrap();
        assert_eq!(list.knows(ID), Knows::UpTo((1, 0)));
        list.hear(&follow::say(log.epoch(), &entry)).await.unwrap();
        assert_ne!(list.knows(ID), Knows::UpTo((1, 0)));
        list.read(ID).await.unwrap();
    }
}

/// F11: whoever controls the bus may repeat what was true once.
#[tokio::test]
async fn of_a_session_that_is_not_known_here_only_the_log_is_believed() {
    let log = Arc::new(SqliteLog::in_memory().unwrap());
    append(&log, 0, &[opening(), ended()]).await;
    let list = list(&log);
    list.catch_up().await.unwrap();
    let waiting = follow::say(log.epoch(), &entry(ID, 1_000, false, &[]));
    list.hear(&waiting).await.unwrap();
    assert!(!list.has(ID));
    let never = follow::say(log.epoch(), &entry("never", 1_000, false, &[]));
    list.hear(&never).await.unwrap();
    assert!(!list.has("never"));
}

#[tokio::test]
async fn of_a_session_that_is_new_another_server_is_the_first_to_tell() {
    let log = Arc::new(SqliteLog::in_memory().unwrap());
    let list = list(&log);
    list.catch_up().await.unwrap();
    append(&log, 0, &[opening()]).await;
    let waiting = follow::say(log.epoch(), &entry(ID, 1_000, false, &[]));
    list.hear(&waiting).await.unwrap();
    assert!(list.has(ID));
}

#[tokio::test]
async fn the_log_is_right_about_what_it_contradicts() {
    let log = Arc::new(SqliteLog::in_memory().unwrap());
    append(&log, 0, &[opening()]).await;
    let list = list(&log);
    let picked_up = Event::PickedUp { by: mr_lee() };
    for further in [&[ended()][..], &[picked_up]] {
        assert!(list.take_in_entry(entry(ID, 1_000, false, further)).is_ok());
        assert_ne!(list.knows(ID), Knows::UpTo((1, 0)));
        list.read(ID).await.unwrap();
        assert_eq!(list.knows(ID), Knows::UpTo((1, 0)));
    }
    // But not if it was read before what is known by now.
    let when = list.knows(ID);
    assert!(
        list.take_in_entry(entry(ID, 1_000, false, &[ended()]))
            .is_ok()
    );
    list.take_in_read(entry(ID, 1_000, false, &[]), &when);
    assert_eq!(list.knows(ID), Knows::Ended);
}

/// A server that lagged learns at once that a patron was helped and waits again. They are now ahead of all others,
/// who have to be told.
#[test]
fn who_waits_again_by_the_next_word_of_them_changes_who_waits() {
    let log = Arc::new(SqliteLog::in_memory().unwrap());
    let list = list(&log);
    let entry = |further| entry(ID, 1_000, false, further);
    assert!(list.take_in_entry(entry(&[])).is_ok());
    let mut waiting = list.waiting_changes();
    waiting.mark_unchanged();
    let returned = entry(&[
        Event::PickedUp { by: mr_lee() },
        Event::Returned { from: mr_lee() },
    ]);
    assert!(list.take_in_entry(returned).is_ok());
    assert!(waiting.has_changed().unwrap());
}
