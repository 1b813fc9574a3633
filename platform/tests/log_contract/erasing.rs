//! What every log promises about erasing, one function each.

use bytes::Bytes;
use carrel_platform::log::{
    Command, EventLog, IndexEntry, LogError, NewEvent, StreamHead, StreamQuery, Write,
};
use futures::future::join_all;

use crate::{
    Place,
    sentences::{batch, conflict, event, payloads, stream, write},
};

async fn versions(log: &impl EventLog, id: &str, after: u64, limit: usize) -> Vec<u64> {
    let events = log.read(&stream(id), after, limit).await.unwrap();
    events.into_iter().map(|event| event.version).collect()
}

// R20
pub(crate) async fn a_read_begins_with_the_first_event_that_is_left<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([
        write("s", 0, ["1", "2", "3", "4", "5"]),
        write("t", 0, ["1", "2"]),
    ]))
    .await
    .unwrap();
    log.erase(&stream("s"), 2).await.unwrap();
    assert_eq!(payloads(&log, "s").await, ["3", "4", "5"]);
    assert_eq!(versions(&log, "s", 0, 2).await, [3, 4]);
    assert_eq!(versions(&log, "s", 1, 1).await, [3]);
    assert_eq!(versions(&log, "s", 2, 9).await, [3, 4, 5]);
    assert_eq!(versions(&log, "s", 4, 9).await, [5]);
    assert!(versions(&log, "s", 5, 9).await.is_empty());
    assert_eq!(payloads(&log, "t").await, ["1", "2"]);
    log.erase(&stream("s"), 4).await.unwrap();
    assert_eq!(payloads(&log, "s").await, ["5"]);
}

pub(crate) async fn versions_go_on_after_everything_was_erased<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let index_entry = IndexEntry {
        owner: "maple".to_owned(),
        closed_at_ms: None,
    };
    let first = Write {
        index_entry: Some(index_entry.clone()),
        ..write("s", 0, ["1", "2"])
    };
    log.append(batch([first])).await.unwrap();
    log.erase(&stream("s"), 2).await.unwrap();
    assert!(payloads(&log, "s").await.is_empty());
    let open = StreamQuery::Open {
        category: "session",
        after: None,
        limit: 10,
    };
    let head = StreamHead {
        stream: stream("s"),
        version: 2,
        index_entry,
        index_version: 2,
    };
    assert_eq!(log.find(open).await.unwrap(), [head]);

    for behind in [0, 1, 3] {
        let result = log.append(batch([write("s", behind, ["x"])])).await;
        assert_eq!(result, Err(conflict("s", behind, 2)));
    }
    log.append(batch([write("s", 2, ["3"])])).await.unwrap();
    assert_eq!(versions(&log, "s", 0, 9).await, [3]);
    assert_eq!(payloads(&log, "s").await, ["3"]);
}

pub(crate) async fn erasing_again_or_nothing_changes_nothing<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["1", "2", "3"])]))
        .await
        .unwrap();
    for up_to in [0, 2, 2, 1, 0] {
        log.erase(&stream("s"), up_to).await.unwrap();
    }
    assert_eq!(versions(&log, "s", 0, 9).await, [3]);
    log.erase(&stream("none"), 0).await.unwrap();
    log.append(batch([write("none", 0, ["1"])])).await.unwrap();
}

pub(crate) async fn more_than_there_is_is_not_erased<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["1", "2"])]))
        .await
        .unwrap();
    for (id, up_to) in [("s", 3), ("s", u64::MAX), ("none", 1)] {
        let result = log.erase(&stream(id), up_to).await;
        assert!(matches!(result, Err(LogError::Invalid(_))), "{result:?}");
    }
    assert_eq!(payloads(&log, "s").await, ["1", "2"]);
}

// PR6
pub(crate) async fn an_erased_command_is_forgotten<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let command = |key: &str, fingerprint| {
        Some(Command {
            key: key.to_owned(),
            fingerprint,
        })
    };
    let given = [command("ricky 1", 7), None, command("ricky é", u64::MAX)];
    let write = |expected, command| Write {
        events: vec![NewEvent {
            command,
            ..event("e")
        }],
        ..write("s", expected, [])
    };
    for (version, command) in given.iter().enumerate() {
        let write = write(version as u64, command.clone());
        log.append(batch([write])).await.unwrap();
    }
    log.erase(&stream("s"), 2).await.unwrap();
    log.append(batch([write(3, given[0].clone())]))
        .await
        .unwrap();
    let left = log.read(&stream("s"), 0, 9).await.unwrap();
    let left: Vec<_> = left.into_iter().map(|event| event.command).collect();
    assert_eq!(left, [given[2].clone(), given[0].clone()]);
}

pub(crate) async fn erasures_disturb_nobody_who_appends_or_reads<P: Place>() {
    const EACH: u64 = 30;
    let place = P::new().await;
    let log = place.open().await;
    let tasks = (0..6_usize).map(|n| {
        let log = log.clone();
        tokio::spawn(async move {
            let id = n.to_string();
            for version in 0..EACH {
                log.append(batch([write(&id, version, ["e"])]))
                    .await
                    .unwrap();
                let erased = version.saturating_sub(2);
                if n % 2 == 0 {
                    // A reader of the older state may still be at work.
                    while let Err(error) = log.erase(&stream(&id), erased).await {
                        assert!(matches!(error, LogError::Unknown(_)), "{error}");
                    }
                }
                let first = if n % 2 == 0 { erased + 1 } else { 1 };
                let seen = versions(&log, &id, 0, usize::MAX).await;
                assert!(seen.into_iter().eq(first..=version + 1));
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

pub(crate) async fn what_was_erased_stays_erased<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([
        write("s", 0, ["1", "2", "3"]),
        write("t", 0, ["1"]),
    ]))
    .await
    .unwrap();
    log.erase(&stream("s"), 2).await.unwrap();
    log.erase(&stream("t"), 1).await.unwrap();
    drop(log);
    let log = place.open().await;
    assert_eq!(versions(&log, "s", 0, 9).await, [3]);
    assert_eq!(payloads(&log, "s").await, [Bytes::from("3")]);
    assert!(payloads(&log, "t").await.is_empty());
    log.append(batch([write("t", 1, ["2"])])).await.unwrap();
    drop(log);
    let log = place.open().await;
    assert_eq!(versions(&log, "t", 0, 9).await, [2]);
}
