//! A log that was written by an older version of Carrel.

use carrel_platform::log::{
    Command, EventLog, RecordedEvent, StreamHead, StreamName, StreamQuery,
    sqlite::{OpenError, SqliteOptions},
};

use crate::{
    Place,
    sentences::{batch, goes_on, payloads, stream, write},
    sqlite_files::open,
    sqlite_place::SqliteFile,
};

async fn of_version_1() -> SqliteFile {
    let place = SqliteFile::new().await;
    let stranger = place.stranger();
    stranger
        .execute_batch(include_str!("version_1.sql"))
        .unwrap();
    place
}

#[tokio::test]
async fn a_log_of_version_1_goes_on_as_it_was() {
    let place = of_version_1().await;
    let event = |version, payload: &'static str, command: Option<(&str, u64)>| RecordedEvent {
        version,
        at_ms: 1_790_000_000_000 + [1, 3, 4][version as usize - 1],
        payload: payload.into(),
        command: command.map(|(key, fingerprint)| Command {
            key: key.to_owned(),
            fingerprint,
        }),
    };
    // Opened twice: the upgrade lasts.
    for _ in 0..2 {
        let log = place.open().await;
        assert_eq!(log.epoch(), "e90c");
        assert_eq!(
            log.read(&stream("a"), 0, 9).await.unwrap(),
            [
                event(1, "a1", Some(("ricky 1", u64::MAX))),
                event(2, "", Some(("ricky 2", 7))),
                event(3, "a3", None),
            ]
        );
        assert_eq!(payloads(&log, "b").await, ["b1"]);
        let directory = StreamName::new("directory", "a");
        assert_eq!(log.read(&directory, 0, 9).await.unwrap().len(), 1);
        let closed = StreamQuery::Closed {
            category: "session",
            owner: "maple".to_owned(),
            before: None,
            limit: 9,
        };
        let closed: Vec<StreamHead> = log.find(closed).await.unwrap();
        assert_eq!(closed.len(), 1);
        assert_eq!(closed[0].index_entry.closed_at_ms, Some(17));
    }
    let log = place.open().await;
    log.append(batch([write("a", 3, ["a4"])])).await.unwrap();
    log.erase(&stream("a"), 3).await.unwrap();
    assert_eq!(payloads(&log, "a").await, ["a4"]);
    // Not even where version 1 had it.
    assert!(!place.holds("ricky 1"));
}

/// The tables of a version never change without a new version, whatever the columns are called in Rust.
#[tokio::test]
async fn a_log_of_version_2_goes_on_as_it_was() {
    let place = SqliteFile::new().await;
    let stranger = place.stranger();
    stranger
        .execute_batch(include_str!("version_2.sql"))
        .unwrap();
    drop(stranger);
    goes_on(&place.open().await).await;
    assert_eq!(payloads(&place.open().await, "a").await, ["a2", "a3", "a4"]);
}

#[tokio::test]
async fn whoever_opens_a_log_of_version_1_at_the_same_time_opens_the_same_log() {
    let place = of_version_1().await;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| place.open_with(SqliteOptions::default())))
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap().epoch(), "e90c");
        }
    });
    assert_eq!(payloads(&place.open().await, "a").await.len(), 3);
}

#[tokio::test]
async fn a_log_of_version_1_without_its_tables_is_refused() {
    let place = of_version_1().await;
    let stranger = place.stranger();
    stranger.execute_batch("DROP TABLE event").unwrap();
    let error = open(&place.path()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'stream', 'event')";
    let left: u32 = stranger.query_row(tables, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 2, "it was changed");
}
