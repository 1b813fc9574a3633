//! How the PostgreSQL engine in particular shares commits, waits, and fails, on a server that others use, too.

use std::time::Duration;

use bytes::Bytes;
use carrel_platform::{
    config::HumanDuration,
    log::{
        EventLog, IndexEntry, LogError, StreamQuery, Write,
        postgres::{PostgresConfig, PostgresLog},
    },
};
use futures::future::join_all;

use crate::{
    Place,
    postgres_place::{PostgresSchema, Stranger, impatient},
    sentences::{batch, conflict, event, payloads, stream, write},
    strangers::unavailable,
};

/// Appends an event to each of these streams at once.
async fn append_each(log: &PostgresLog, ids: &[&str]) -> Vec<Result<(), LogError>> {
    let appends = ids
        .iter()
        .map(|id| log.append(batch([write(id, 0, ["e"])])));
    join_all(appends).await
}

#[tokio::test]
async fn what_writes_nothing_costs_no_commit_and_leaves_nothing() {
    let place = PostgresSchema::new().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
    log.append(batch([write("s", 1, []), write("none", 0, [])]))
        .await
        .unwrap();
    let result = log
        .append(batch([write("new", 0, ["e"]), write("s", 0, ["e"])]))
        .await;
    assert_eq!(result, Err(conflict("s", 0, 1)));
    let figures = log.figures();
    assert_eq!(
        (figures.commits, figures.batches, figures.conflicts),
        (1, 2, 1)
    );
    assert_eq!(figures.waiting, 0);
    // Nor does it when it shares a commit with something else.
    let both = join_all([
        log.append(batch([write("new", 0, ["e"]), write("s", 0, ["e"])])),
        log.append(batch([write("t", 0, ["e"])])),
    ]);
    assert_eq!(both.await, [Err(conflict("s", 0, 1)), Ok(())]);
    let stranger = place.stranger().await;
    assert_eq!(stranger.count("SELECT count(*) FROM stream").await, 2);
}

/// Each message in a session checks that nobody has entered it, so such a check must not write each time.
#[tokio::test]
async fn a_new_stream_that_is_checked_again_and_again_is_made_once() {
    let place = PostgresSchema::new().await;
    let log = place.open().await;
    let stranger = place.stranger().await;
    let made = "SELECT xmin::text::bigint FROM stream WHERE id = 'checked'";
    let mut before = None;
    for version in 0..5 {
        log.append(batch([write("s", version, ["e"]), write("checked", 0, [])]))
            .await
            .unwrap();
        let made = stranger.count(made).await;
        assert_eq!(*before.get_or_insert(made), made, "at version {version}");
    }
    // To everybody else it does not exist.
    assert_eq!(log.versions(&[stream("checked")]).await.unwrap(), [0]);
    log.append(batch([write("checked", 0, ["e"])]))
        .await
        .unwrap();
    assert_eq!(payloads(&log, "checked").await, ["e"]);
}

/// Another server may be about to lock it: it knows from its look-up that the row is there.
#[tokio::test]
async fn a_stream_that_stands_outlives_a_refused_batch_that_names_it() {
    let place = PostgresSchema::new().await;
    let log = place.open().await;
    let check = || write("checked", 0, []);
    log.append(batch([write("s", 0, ["e"]), check()]))
        .await
        .unwrap();
    let stranger = place.stranger().await;
    let made = "SELECT coalesce(min(xmin::text::bigint), 0) FROM stream WHERE id = 'checked'";
    let before = stranger.count(made).await;
    assert!(before > 0);
    let both = join_all([
        log.append(batch([write("s", 0, ["e"]), check()])),
        log.append(batch([write("t", 0, ["e"])])),
    ]);
    assert_eq!(both.await, [Err(conflict("s", 0, 1)), Ok(())]);
    assert_eq!(log.figures().commits, 2);
    assert_eq!(stranger.count(made).await, before);
}

/// F16: the row is found, then deleted by whoever holds its lock, so it can't be locked. A server of an earlier version
/// does that.
#[tokio::test]
async fn a_stream_that_is_deleted_while_its_lock_is_waited_for_is_made_again() {
    let place = PostgresSchema::new().await;
    let log = place.open().await;
    let append = |version| log.append(batch([write("s", version, ["e"]), write("checked", 0, [])]));
    append(0).await.unwrap();
    let stranger = place.stranger().await;
    stranger
        .run("BEGIN; SELECT FROM stream WHERE id = 'checked' FOR UPDATE")
        .await;
    let mut waiting = append(1);
    assert!(futures::poll!(&mut waiting).is_pending());
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = current_schema() AND wait_event_type = 'Lock'";
    let onlooker = place.stranger().await;
    while onlooker.count(waits).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stranger
        .run("DELETE FROM stream WHERE id = 'checked'; COMMIT")
        .await;
    assert_eq!(waiting.await, Ok(()));
    assert_eq!(payloads(&log, "s").await, ["e", "e"]);
}

// F16
#[tokio::test]
async fn a_strangers_lock_delays_its_stream_and_no_other() {
    let place = PostgresSchema::new().await;
    let log = place.open_with(impatient).await;
    log.append(batch([write("s", 0, ["e1"])])).await.unwrap();
    let stranger = place.stranger().await;
    stranger
        .run("BEGIN; SELECT FROM stream WHERE id = 's' FOR UPDATE")
        .await;
    // They arrive together, so they share the wait, but not its outcome.
    let results = join_all([
        log.append(batch([write("s", 1, ["e2"])])),
        log.append(batch([write("t", 0, ["e1"])])),
        log.append(batch([write("u", 0, ["e1"]), write("s", 1, ["e2"])])),
        log.append(batch([write("t", 1, ["e2"])])),
    ])
    .await;
    let locked = |result: &Result<(), LogError>| match result {
        Err(LogError::Unavailable(problem)) => problem.contains("locked"),
        _ => false,
    };
    assert!(locked(&results[0]) && locked(&results[2]), "{results:?}");
    assert_eq!((&results[1], &results[3]), (&Ok(()), &Ok(())));
    assert_eq!(payloads(&log, "s").await, ["e1"]);
    assert!(payloads(&log, "u").await.is_empty());
    // Requests that come meanwhile are served by another connection.
    let stuck = log.append(batch([write("s", 1, ["e2"])]));
    tokio::pin!(stuck);
    assert!(futures::poll!(&mut stuck).is_pending());
    for n in 0..5 {
        let append = log.append(batch([write("v", n, ["e"])]));
        append.await.unwrap();
    }
    assert!(unavailable(&stuck.await));
    stranger.run("ROLLBACK").await;
    log.append(batch([write("s", 1, ["e2"])])).await.unwrap();
    assert_eq!(payloads(&log, "s").await, ["e1", "e2"]);
}

// F16
#[tokio::test]
async fn a_new_stream_that_a_stranger_is_making_is_waited_for() {
    let place = PostgresSchema::new().await;
    let log = place.open_with(impatient).await;
    let stranger = place.stranger().await;
    stranger
        .run("BEGIN; INSERT INTO stream (id, category, version) VALUES ('s', 'session', 1)")
        .await;
    assert!(unavailable(
        &log.append(batch([write("s", 0, ["e"])])).await
    ));
    let patient = place.open().await;
    let mut waiting = patient.append(batch([write("s", 0, ["e"])]));
    assert!(futures::poll!(&mut waiting).is_pending());
    stranger.run("COMMIT").await;
    assert_eq!(waiting.await, Err(conflict("s", 0, 1)));
}

// F16
#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let place = PostgresSchema::new().await;
    let log = place.open_with(impatient).await;
    let stranger = place.stranger().await;
    stranger
        .run(
            "CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
             CREATE TRIGGER slow BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.payload = 'sleep')
                 EXECUTE FUNCTION sleep()",
        )
        .await;
    let slow = log.append(batch([write("s", 0, ["sleep"])]));
    tokio::pin!(slow);
    assert!(futures::poll!(&mut slow).is_pending());
    tokio::task::yield_now().await;
    for n in 0..5 {
        let append = log.append(batch([write("t", n, ["e"])]));
        append.await.unwrap();
    }
    let result = slow.await;
    assert!(unavailable(&result), "{result:?}");
    log.append(batch([write("s", 0, ["e"])])).await.unwrap();
}

// F16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_ended_are_replaced_and_nothing_is_lost_or_doubled() {
    let place = PostgresSchema::new().await;
    let log = place.open().await;
    let stranger = place.stranger().await;
    let lanes: Vec<_> = (0..4)
        .map(|lane| {
            let log = log.clone();
            tokio::spawn(async move { run_lane(&log, lane, 100).await })
        })
        .collect();
    // In the middle of the work, each time.
    for round in 1..=12 {
        while log.figures().events < round * 30 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stranger
            .run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name = current_schema()",
            )
            .await;
    }
    for lane in lanes {
        lane.await.unwrap();
    }
    for lane in 0..4 {
        let id = lane.to_string();
        // The last connections to be ended may have been readers.
        assert_eq!(settled(&log, &id).await, 100);
        let expected: Vec<_> = (0..100).map(|n| format!("{lane} {n}")).collect();
        assert_eq!(payloads(&log, &id).await, expected);
    }
}

/// Appends so many events to a stream of its own, whatever happens to the database meanwhile. An unknown outcome is
/// settled by a read, or by an append on what was read: the commit may still be under way then.
pub(crate) async fn run_lane(log: &PostgresLog, lane: usize, count: u64) {
    let id = lane.to_string();
    let mut version = 0;
    let mut unknown = false;
    while version < count {
        let write = Write {
            events: vec![event(format!("{lane} {version}"))],
            ..write(&id, version, [])
        };
        match log.append(batch([write])).await {
            Ok(()) => {
                version += 1;
                unknown = false;
            }
            Err(LogError::Unknown(_)) => {
                version = settled(log, &id).await;
                unknown = true;
            }
            Err(LogError::Conflict { actual, .. }) if unknown => version = actual,
            Err(LogError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Returns the last version of a stream, as soon as it can be read.
pub(crate) async fn settled(log: &PostgresLog, id: &str) -> u64 {
    settled_payloads(log, id).await.len() as u64
}

/// Returns all payloads of a stream, as soon as it can be read.
pub(crate) async fn settled_payloads(log: &PostgresLog, id: &str) -> Vec<Bytes> {
    loop {
        match log.read(&stream(id), 0, usize::MAX).await {
            Ok(events) => return events.into_iter().map(|event| event.payload).collect(),
            Err(LogError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_read_waits_for_its_turn_only_so_long() {
    let place = PostgresSchema::new().await;
    let change = |config: &mut PostgresConfig| {
        config.readers = 1;
        config.queue_timeout = HumanDuration::from(Duration::from_millis(50));
    };
    let log = place.open_with(change).await;
    let stranger = place.stranger().await;
    stranger.run("BEGIN; LOCK TABLE event").await;
    let s = stream("s");
    let mut first = log.read(&s, 0, 1);
    assert!(futures::poll!(&mut first).is_pending());
    let second = log.read(&s, 0, 1).await;
    assert!(
        matches!(&second, Err(LogError::Unavailable(problem)) if problem.contains("no turn")),
        "{second:?}"
    );
    stranger.run("ROLLBACK").await;
    assert_eq!(first.await, Ok(vec![]));
    assert_eq!(log.read(&s, 0, 1).await, Ok(vec![]));
}

#[tokio::test]
async fn what_fails_at_the_commit_is_not_written_and_over() {
    let place = PostgresSchema::new().await;
    let log = place.open().await;
    let stranger = place.stranger().await;
    stranger
        .run(
            "CREATE FUNCTION fail_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
             CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW WHEN (NEW.payload = 'late') EXECUTE FUNCTION fail_late()",
        )
        .await;
    let result = log
        .append(batch([write("t", 0, ["e1"]), write("s", 0, ["late"])]))
        .await;
    assert!(unavailable(&result), "{result:?}");
    assert!(payloads(&log, "t").await.is_empty());
    log.append(batch([write("t", 0, ["e1"])])).await.unwrap();
    assert_eq!(payloads(&log, "t").await, ["e1"]);
}

#[tokio::test]
async fn what_postgres_can_not_keep_is_refused_before_it_harms_others() {
    let place = PostgresSchema::new().await;
    let log = place.open().await;
    let long = "x".repeat(1025);
    let owned_by = |owner: &str| Write {
        index_entry: Some(IndexEntry {
            owner: owner.to_owned(),
            closed_at_ms: None,
        }),
        ..write("s", 0, ["e"])
    };
    let bad = [
        write("\0", 0, ["e"]),
        write(&long, 0, ["e"]),
        owned_by("a\0b"),
        owned_by(&long),
    ];
    let mut appends: Vec<_> = bad.map(|write| log.append(batch([write]))).into();
    appends.push(log.append(batch([write("good", 0, ["e"])])));
    let mut results = join_all(appends).await;
    assert_eq!(results.pop(), Some(Ok(())));
    for result in results {
        assert!(matches!(result, Err(LogError::Invalid(_))), "{result:?}");
    }
    let read = log.read(&stream("\0"), 0, 1).await;
    assert!(matches!(read, Err(LogError::Invalid(_))), "{read:?}");
    // Names of the greatest length are found by an index.
    let most = "ü".repeat(512);
    let write = Write {
        index_entry: Some(IndexEntry {
            owner: most.clone(),
            closed_at_ms: Some(1),
        }),
        ..write(&most, 0, ["e"])
    };
    log.append(batch([write])).await.unwrap();
    let closed = StreamQuery::Closed {
        category: "session",
        owner: most.clone(),
        before: None,
        limit: 2,
    };
    assert_eq!(log.find(closed).await.unwrap()[0].stream, stream(&most));
}

/// Waits until the server's statistics say this of the event table.
async fn until_said(stranger: &Stranger, condition: &str) {
    let said = format!(
        "SELECT count(*) FROM pg_stat_user_tables WHERE relid = 'event'::regclass AND {condition}"
    );
    while stranger.count(&said).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// PR6: those of this process at once, and those that it did not come to when the next one starts. This process pauses
/// for a minute after it has vacuumed, and is gone before that is over. A transaction of another test may keep a vacuuming
/// from removing anything: then it is done again.
#[tokio::test]
async fn erased_events_are_vacuumed_in_the_background_and_after_a_restart() {
    let place = PostgresSchema::new().await;
    let stranger = place.stranger().await;
    let log = place.open().await;
    log.append(batch([write("s", 0, ["1", "2", "3"])]))
        .await
        .unwrap();
    // The server does not know of any vacuuming of a new table, so it is vacuumed once.
    until_said(&stranger, "vacuum_count = 1").await;
    log.erase(&stream("s"), 2).await.unwrap();
    drop(log);
    until_said(&stranger, "n_dead_tup = 2").await;
    let log = place.open().await;
    until_said(&stranger, "vacuum_count >= 2 AND n_dead_tup = 0").await;
    assert_eq!(payloads(&log, "s").await, ["3"]);
    log.append(batch([write("s", 3, ["4"])])).await.unwrap();
    drop(log);
    until_said(&stranger, "n_live_tup = 2").await;
    let log = place.open().await;
    log.erase(&stream("s"), 3).await.unwrap();
    until_said(&stranger, "vacuum_count >= 3").await;
    assert_eq!(payloads(&log, "s").await, ["4"]);
}

#[tokio::test]
async fn every_query_goes_by_an_index() {
    const SCANS: &str = "SELECT coalesce(sum(seq_scan), 0)::bigint FROM pg_stat_user_tables
        WHERE relid IN ('event'::regclass, 'stream'::regclass)";
    const CONNECTED: &str =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_schema()";
    let place = PostgresSchema::new().await;
    let stranger = place.stranger().await;
    // The server has counted a connection's scans once the connection is gone.
    let until_gone = async || {
        while stranger.count(CONNECTED).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until_gone().await;
    // Creating an index scans the table.
    let scans_of_migration = stranger.count(SCANS).await;
    assert!(scans_of_migration > 0);
    let log = place.open().await;
    for result in append_each(&log, &["a", "b"]).await {
        result.unwrap();
    }
    for position in [None, Some((1, "a".to_owned()))] {
        let open = StreamQuery::Open {
            category: "session",
            after: position.clone().map(|(_, id)| id),
            limit: 1,
        };
        let closed = StreamQuery::Closed {
            category: "session",
            owner: "maple".to_owned(),
            before: position,
            limit: 1,
        };
        log.find(open).await.unwrap();
        log.find(closed).await.unwrap();
    }
    log.read(&stream("a"), 0, 1).await.unwrap();
    log.versions(&["a", "b"].map(stream)).await.unwrap();
    log.erase(&stream("a"), 1).await.unwrap();
    drop(log);
    until_gone().await;
    assert_eq!(stranger.count(SCANS).await, scans_of_migration);
}
