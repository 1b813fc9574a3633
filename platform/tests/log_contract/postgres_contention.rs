//! Several servers that write to one log.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use carrel_platform::log::{EventLog, LogError, RecordedEvent, Write, postgres::PostgresLog};
use futures::future::join_all;

use crate::{
    Place,
    postgres_place::PostgresSchema,
    sentences::{batch, event, payloads, stream, write},
};

const EACH: u64 = 60;

/// Appends to two streams at once, in the given order; others append to them, too.
async fn compete(log: PostgresLog, who: String, order: [&'static str; 2]) {
    let mut version = 0;
    for n in 0..EACH {
        loop {
            let one = |id| Write {
                events: vec![event(format!("{who} {n}")), event(format!("{who} {n}+"))],
                ..write(id, version, [])
            };
            match log.append(batch(order.map(one))).await {
                Ok(()) => break version += 2,
                Err(LogError::Conflict { actual, .. }) => version = actual,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Reads one stream again and again, and checks that events once seen stay as they were, without gaps.
async fn watch(log: PostgresLog, id: &'static str, done: Arc<AtomicBool>) {
    let mut seen: Vec<RecordedEvent> = Vec::new();
    loop {
        let last = done.load(Ordering::Acquire);
        let version = log.versions(&[stream(id)]).await.unwrap()[0];
        let now = log.read(&stream(id), 0, usize::MAX).await.unwrap();
        assert!(now.starts_with(&seen), "what was read has changed");
        assert!(now.iter().map(|e| e.version).eq(1..=now.len() as u64));
        assert!(now.len() as u64 >= version, "a version without its events");
        seen = now;
        if last {
            return;
        }
    }
}

// I2, I4, I7
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_write_one_dense_order_without_a_deadlock() {
    let place = PostgresSchema::new().await;
    let logs = [place.open().await, place.open().await];
    let reader = place.open().await;
    let done = Arc::new(AtomicBool::new(false));
    let watchers = ["a", "b"].map(|id| tokio::spawn(watch(reader.clone(), id, Arc::clone(&done))));
    let writers = logs.iter().enumerate().flat_map(|(server, log)| {
        [["a", "b"], ["b", "a"]].into_iter().map(move |order| {
            let who = format!("{server}{}", order[0]);
            tokio::spawn(compete(log.clone(), who, order))
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    done.store(true, Ordering::Release);
    for watcher in join_all(watchers).await {
        watcher.unwrap();
    }
    let a = payloads(&reader, "a").await;
    assert_eq!(a, payloads(&reader, "b").await);
    for who in ["0a", "0b", "1a", "1b"] {
        let own: Vec<_> = a
            .iter()
            .map(|payload| String::from_utf8(payload.to_vec()).unwrap())
            .filter(|payload| payload.starts_with(who))
            .collect();
        let expected: Vec<_> = (0..EACH)
            .flat_map(|n| [format!("{who} {n}"), format!("{who} {n}+")])
            .collect();
        assert_eq!(own, expected);
    }
    let stranger = place.stranger().await;
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(stranger.count(deadlocks).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn streams_that_many_make_at_once_are_made_once() {
    let place = PostgresSchema::new().await;
    let logs = [place.open().await, place.open().await, place.open().await];
    for round in 0..10 {
        let ids: Vec<String> = (0..20).map(|n| format!("{round} {n}")).collect();
        let tasks = logs.iter().enumerate().map(|(n, log)| {
            let (log, mut ids) = (log.clone(), ids.clone());
            ids.rotate_left(n * 7);
            tokio::spawn(async move {
                let writes = ids.iter().map(|id| write(id, 0, ["e"])).collect();
                let batch = carrel_platform::log::Batch { writes };
                log.append(batch).await
            })
        });
        let results = join_all(tasks).await;
        let mut won = 0;
        for result in results {
            match result.unwrap() {
                Ok(()) => won += 1,
                Err(LogError::Conflict { actual, .. }) => assert_eq!(actual, 1),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1);
    }
}

/// Checking a stream that does not exist keeps others from creating it meanwhile, just as with one that exists.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_check_what_the_other_writes_do_not_both_win() {
    let place = PostgresSchema::new().await;
    let logs = [place.open().await, place.open().await];
    for round in 0..30 {
        let [x, y] = ["x", "y"].map(|id| format!("{id}{round}"));
        let one = logs[0].append(batch([write(&x, 0, []), write(&y, 0, ["e"])]));
        let other = logs[1].append(batch([write(&y, 0, []), write(&x, 0, ["e"])]));
        let (one, other) = tokio::join!(one, other);
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}
