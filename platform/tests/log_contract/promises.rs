//! What every log promises about appending and reading, one function each.

use bytes::Bytes;
use carrel_platform::log::{
    Batch, Command, EventLog, LogError, NewEvent, RecordedEvent, StreamName, Write,
};
use futures::future::join_all;

use crate::{
    Place,
    sentences::{
        append_indexed, batch, closed, conflict, event, index_entry, open, payloads, stream, write,
    },
};

// I1, I5
pub(crate) async fn a_batch_is_written_whole_over_all_its_streams<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("a", 0, ["a1", "a2"]), write("b", 0, ["b1"])]))
        .await
        .unwrap();
    log.append(batch([write("b", 1, ["b2"]), write("a", 2, ["a3"])]))
        .await
        .unwrap();
    assert_eq!(payloads(&log, "a").await, ["a1", "a2", "a3"]);
    assert_eq!(payloads(&log, "b").await, ["b1", "b2"]);
    assert!(payloads(&log, "c").await.is_empty());
}

pub(crate) async fn a_conflict_writes_nothing_of_its_batch<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("a", 0, ["a1"])])).await.unwrap();
    for (expected, error) in [
        (0, conflict("a", 0, 1)),
        (2, conflict("a", 2, 1)),
        (u64::MAX, conflict("a", u64::MAX, 1)),
    ] {
        let result = log
            .append(batch([
                write("new", 0, ["x"]),
                write("a", expected, ["x"]),
                write("other", 0, ["x"]),
            ]))
            .await;
        assert_eq!(result, Err(error));
    }
    let result = log.append(batch([write("new", 1, ["x"])])).await;
    assert_eq!(result, Err(conflict("new", 1, 0)));
    assert_eq!(payloads(&log, "a").await, ["a1"]);
    assert!(payloads(&log, "new").await.is_empty());
    assert!(payloads(&log, "other").await.is_empty());
}

pub(crate) async fn batches_beside_a_conflict_are_not_disturbed<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    // Each id twice, all at once: one of the two is refused, whatever shares a commit with it.
    let ids: Vec<String> = (0..100).map(|n| (n / 2).to_string()).collect();
    let results = join_all(ids.iter().map(|id| {
        log.append(batch([
            write(id, 0, ["e"]),
            write(&format!("{id}+"), 0, ["e"]),
        ]))
    }))
    .await;
    for pair in results.chunks(2) {
        assert_eq!(pair.iter().filter(|result| result.is_ok()).count(), 1);
    }
    for id in &ids {
        assert_eq!(payloads(&log, id).await, ["e"]);
        assert_eq!(payloads(&log, &format!("{id}+")).await, ["e"]);
    }
}

// I2, I6
pub(crate) async fn concurrent_writers_make_a_dense_order_that_never_changes<P: Place>() {
    const WRITERS: usize = 8;
    const EACH: usize = 40;
    let place = P::new().await;
    let log = place.open().await;
    let writers = (0..WRITERS).map(|writer| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut version = 0;
            for n in 0..EACH {
                loop {
                    let write = Write {
                        stream: stream("s"),
                        expected: version,
                        events: vec![event(format!("{writer} {n}"))],
                        index_entry: None,
                    };
                    match log.append(batch([write])).await {
                        Ok(()) => break version += 1,
                        Err(LogError::Conflict { actual, .. }) => version = actual,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut seen: Vec<RecordedEvent> = Vec::new();
    while seen.len() < WRITERS * EACH {
        let now = log.read(&stream("s"), 0, usize::MAX).await.unwrap();
        assert!(now.starts_with(&seen), "what was read has changed");
        assert!(now.iter().map(|e| e.version).eq(1..=now.len() as u64));
        seen = now;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for writer in 0..WRITERS {
        let own = seen
            .iter()
            .map(|e| String::from_utf8(e.payload.to_vec()).unwrap())
            .filter(|payload| payload.starts_with(&format!("{writer} ")));
        assert!(own.eq((0..EACH).map(|n| format!("{writer} {n}"))));
    }
}

pub(crate) async fn an_append_is_seen_by_every_later_read<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let tasks = (0..16).map(|n| {
        let log = log.clone();
        tokio::spawn(async move {
            let id = n.to_string();
            for version in 0..20 {
                log.append(batch([write(&id, version, ["e"])]))
                    .await
                    .unwrap();
                let read = log.read(&stream(&id), version, 10).await.unwrap();
                assert_eq!(read.len(), 1);
                assert_eq!(read[0].version, version + 1);
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

pub(crate) async fn a_page_of_a_stream_is_read_after_a_version<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["1", "2", "3", "4", "5"])]))
        .await
        .unwrap();
    let versions = async |after, limit| -> Vec<u64> {
        let events = log.read(&stream("s"), after, limit).await.unwrap();
        events.iter().map(|event| event.version).collect()
    };
    assert_eq!(versions(0, 2).await, [1, 2]);
    assert_eq!(versions(2, 2).await, [3, 4]);
    assert_eq!(versions(4, 2).await, [5]);
    assert!(versions(5, 2).await.is_empty());
    assert!(versions(9, 2).await.is_empty());
    assert!(versions(0, 0).await.is_empty());
}

pub(crate) async fn the_versions_of_many_streams_are_told_in_their_order<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("a", 0, ["a1", "a2"]), write("b", 0, ["b1"])]))
        .await
        .unwrap();
    let asked = ["b", "none", "a", "b"].map(stream);
    assert_eq!(log.versions(&asked).await, Ok(vec![1, 0, 2, 1]));
    assert_eq!(log.versions(&[]).await, Ok(vec![]));
    let many: Vec<_> = (0..5_000).map(|n| stream(&format!("n{n}"))).collect();
    assert_eq!(log.versions(&many).await, Ok(vec![0; 5_000]));
}

pub(crate) async fn a_write_without_events_only_checks<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("a", 0, ["a1"])])).await.unwrap();
    let check = |id, expected| Write {
        index_entry: Some(index_entry("maple", None)),
        ..write(id, expected, [])
    };
    let result = log
        .append(batch([check("a", 0), write("b", 0, ["b1"])]))
        .await;
    assert_eq!(result, Err(conflict("a", 0, 1)));
    assert!(payloads(&log, "b").await.is_empty());
    log.append(batch([
        check("a", 1),
        check("none", 0),
        write("b", 0, ["b1"]),
    ]))
    .await
    .unwrap();
    assert_eq!(payloads(&log, "a").await, ["a1"]);
    assert_eq!(payloads(&log, "b").await, ["b1"]);
    // Neither an index entry nor a stream came of it.
    assert!(open(&log, None, 10).await.is_empty());
    log.append(batch([check("none", 0)])).await.unwrap();
    log.append(Batch::default()).await.unwrap();
}

// I2
pub(crate) async fn commands_come_back_as_they_were_given<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let commands = [
        None,
        Some(("patron ricky 0f", 0)),
        Some(("", u64::MAX)),
        Some(("librarian Ms Map 7", 1 << 63)),
    ];
    let events: Vec<NewEvent> = commands
        .iter()
        .enumerate()
        .map(|(n, command)| NewEvent {
            at_ms: [i64::MIN, -1, 0, i64::MAX][n],
            payload: Bytes::from(vec![n as u8]),
            command: command.map(|(key, fingerprint)| Command {
                key: key.to_owned(),
                fingerprint,
            }),
        })
        .collect();
    let write = Write {
        events: events.clone(),
        ..write("s", 0, [])
    };
    log.append(batch([write])).await.unwrap();
    let read = log.read(&stream("s"), 0, 10).await.unwrap();
    let read = read.into_iter().map(|event| NewEvent {
        at_ms: event.at_ms,
        payload: event.payload,
        command: event.command,
    });
    assert!(read.eq(events));
}

pub(crate) async fn payloads_of_every_size_come_back_byte_for_byte<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let sizes = [0, 1, 1_000, 1_003, 4_096, 65_536, 4 << 20];
    let content = |size: usize| -> Bytes { (0..size).map(|n| (n * 31 % 251) as u8).collect() };
    for (version, size) in sizes.into_iter().enumerate() {
        let write = Write {
            events: vec![event(content(size))],
            ..write("s", version as u64, [])
        };
        log.append(batch([write])).await.unwrap();
    }
    for (payload, size) in payloads(&log, "s").await.into_iter().zip(sizes) {
        assert!(payload == content(size), "of {size} bytes");
    }
}

pub(crate) async fn names_are_compared_byte_for_byte<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let long = "n".repeat(500);
    let ids = [
        "",
        " ",
        "a",
        "A",
        "a ",
        "é",
        "e\u{301}",
        "雪 🦀",
        "'; DROP TABLE event; --",
        "%",
        "_",
        "a/b",
        &long,
    ];
    for id in ids {
        log.append(Batch {
            writes: vec![Write {
                events: vec![event(id.to_owned())],
                index_entry: Some(index_entry("öffentlich", None)),
                ..write(id, 0, [])
            }],
        })
        .await
        .unwrap();
    }
    for id in ids {
        assert_eq!(payloads(&log, id).await, [id.to_owned()]);
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    assert_eq!(open(&log, None, 100).await, sorted);
    let other = StreamName::new("directory", "a");
    assert!(log.read(&other, 0, 10).await.unwrap().is_empty());
}

pub(crate) async fn a_batch_that_names_a_stream_twice_is_refused<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let twice = batch([
        write("b", 0, ["x"]),
        write("a", 0, ["x"]),
        write("a", 1, ["x"]),
    ]);
    let result = log.append(twice).await;
    assert!(matches!(result, Err(LogError::Invalid(_))), "{result:?}");
    assert!(payloads(&log, "a").await.is_empty());
    assert!(payloads(&log, "b").await.is_empty());
}

pub(crate) async fn extreme_numbers_are_no_trouble<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
    for after in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1] {
        let read = log.read(&stream("s"), after, usize::MAX).await.unwrap();
        assert!(read.is_empty());
    }
    append_indexed(&log, "t", 0, Some(index_entry("maple", Some(i64::MAX)))).await;
    append_indexed(&log, "u", 0, Some(index_entry("maple", Some(i64::MIN)))).await;
    assert_eq!(closed(&log, "maple", None, usize::MAX).await.len(), 2);
    let before = Some((i64::MAX, "u"));
    assert_eq!(closed(&log, "maple", before, usize::MAX).await.len(), 2);
}

// I3
pub(crate) async fn a_cancelled_append_leaves_a_working_log<P: Place>() {
    let place = P::new().await;
    let log = place.open().await;
    let mut version = 0;
    for _ in 0..50 {
        let mut append = log.append(batch([write("s", version, ["e"])]));
        let first_look = futures::poll!(&mut append);
        assert!(first_look.is_pending() || first_look.is_ready());
        drop(append);
        // It may have happened or not, now or in a moment; a write with the version that was read
        // settles it.
        loop {
            let read = log.read(&stream("s"), 0, usize::MAX).await.unwrap();
            version = read.len() as u64;
            match log.append(batch([write("s", version, ["e"])])).await {
                Ok(()) => break version += 1,
                Err(LogError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    let read = log.read(&stream("s"), 0, usize::MAX).await.unwrap();
    assert!(read.iter().map(|event| event.version).eq(1..=version));
}

// I1
pub(crate) async fn everything_is_there_after_each_reopening<P: Place>() {
    let place = P::new().await;
    for round in 0..10 {
        let log = place.open().await;
        let before = log.read(&stream("s"), 0, usize::MAX).await.unwrap();
        assert!(before.iter().map(|event| event.version).eq(1..=round));
        assert_eq!(open(&log, None, 10).await.len(), usize::from(round > 0));
        append_indexed(&log, "s", round, Some(index_entry("maple", None))).await;
    }
}

pub(crate) async fn the_epoch_names_one_history<P: Place>() {
    let place = P::new().await;
    let epoch = place.open().await.epoch().to_owned();
    assert!(!epoch.is_empty());
    assert_eq!(place.open().await.epoch(), epoch);
    let log = place.open().await;
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
    assert_eq!(log.epoch(), epoch);
    assert_ne!(P::new().await.open().await.epoch(), epoch);
}
