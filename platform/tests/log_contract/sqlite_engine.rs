//! How the SQLite engine in particular shares syncs, waits, and fails.

use std::time::Duration;

use carrel_platform::log::{
    EventLog, LogError,
    sqlite::{SqliteLog, SqliteOptions},
};
use futures::future::join_all;

use crate::{
    Place,
    sentences::{batch, payloads, stream, write},
    sqlite_place::SqliteFile,
    strangers::unavailable,
};

#[tokio::test]
async fn what_writes_nothing_costs_no_sync() {
    let place = SqliteFile::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
    log.append(batch([write("s", 1, [])])).await.unwrap();
    log.append(batch([write("s", 0, ["e"])])).await.unwrap_err();
    let figures = log.figures();
    assert_eq!(
        (figures.commits, figures.batches, figures.conflicts),
        (1, 2, 1)
    );
    assert_eq!(figures.waiting, 0);
}

#[tokio::test]
async fn a_strangers_lock_makes_the_log_unavailable_and_no_more() {
    let place = SqliteFile::new().await;
    let log = place.open_with(SqliteOptions {
        busy_timeout: Duration::from_millis(20),
        ..SqliteOptions::default()
    });
    log.append(batch([write("s", 0, ["e1"])])).await.unwrap();
    let stranger = place.stranger();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(unavailable(
        &log.append(batch([write("s", 1, ["e2"])])).await
    ));
    assert_eq!(payloads(&log, "s").await, ["e1"]);
    stranger.execute_batch("ROLLBACK").unwrap();
    log.append(batch([write("s", 1, ["e2"])])).await.unwrap();
    assert_eq!(payloads(&log, "s").await, ["e1", "e2"]);
}

#[tokio::test]
async fn another_log_on_the_same_file_is_respected() {
    let place = SqliteFile::new().await;
    let log = place.open().await;
    let other = place.open().await;
    assert_eq!(log.epoch(), other.epoch());
    log.append(batch([write("s", 0, ["1"])])).await.unwrap();
    other.append(batch([write("s", 1, ["2"])])).await.unwrap();
    let stale = log.append(batch([write("s", 1, ["x"])])).await;
    assert!(
        matches!(stale, Err(LogError::Conflict { actual: 2, .. })),
        "{stale:?}"
    );
    log.append(batch([write("s", 2, ["3"])])).await.unwrap();
    assert_eq!(payloads(&other, "s").await, ["1", "2", "3"]);
}

/// Makes the engine fail where a disk might: a payload `break` fails the commit.
fn set_trap_at_commit(place: &SqliteFile) {
    place
        .stranger()
        .execute_batch(
            "CREATE TABLE trap (parent INTEGER REFERENCES stream (stream_id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER at_commit AFTER INSERT ON event WHEN NEW.payload = CAST('break' AS BLOB)
                 BEGIN INSERT INTO trap VALUES (-1); END;",
        )
        .unwrap();
}

// F18
#[tokio::test]
async fn after_a_failed_commit_the_engine_is_never_used_again() {
    let place = SqliteFile::new().await;
    let log = place.open().await;
    set_trap_at_commit(&place);
    log.append(batch([write("s", 0, ["e1"])])).await.unwrap();
    let failed = log.failed();
    let stranger = place.stranger();
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut together = join_all([
        log.append(batch([write("s", 1, ["break"])])),
        log.append(batch([write("t", 0, ["e1"])])),
    ]);
    assert!(futures::poll!(&mut together).is_pending());
    stranger.execute_batch("ROLLBACK").unwrap();
    let results = together.await;
    assert!(
        matches!(results[0], Err(LogError::Unknown(_))),
        "{results:?}"
    );
    // It shared the commit, or was still waiting.
    assert!(
        matches!(
            results[1],
            Err(LogError::Unknown(_) | LogError::Unavailable(_))
        ),
        "{results:?}"
    );
    failed.await;
    assert!(unavailable(
        &log.append(batch([write("t", 0, ["e1"])])).await
    ));
    let read = log.read(&stream("s"), 0, 10).await;
    assert!(matches!(read, Err(LogError::Unavailable(_))), "{read:?}");
    drop(log);

    let log = place.open().await;
    assert_eq!(payloads(&log, "s").await, ["e1"]);
    assert!(payloads(&log, "t").await.is_empty());
    log.append(batch([write("t", 0, ["e1"])])).await.unwrap();
}

#[tokio::test]
async fn logs_in_memory_are_apart() {
    let one = SqliteLog::in_memory().unwrap();
    let other = SqliteLog::in_memory().unwrap();
    one.append(batch([write("s", 0, ["e"])])).await.unwrap();
    assert!(payloads(&other, "s").await.is_empty());
    assert_ne!(one.epoch(), other.epoch());
}
