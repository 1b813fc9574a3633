//! Nothing of an erased event is left in the files of the SQLite engine.

use std::{
    fs,
    io::{BufRead, BufReader},
};

use carrel_platform::log::{
    Command, EventLog, LogError, NewEvent, Write,
    sqlite::{SqliteLog, SqliteOptions},
};
use proptest::{
    collection::vec,
    option::weighted,
    prop_assert, prop_assert_eq,
    sample::select,
    test_runner::{Config, TestRunner},
};

use crate::{
    Place,
    sentences::{batch, event, payloads, stream, write},
    sqlite_kill::{child, say},
    sqlite_place::SqliteFile,
};

/// Makes an event whose payload and command are full of a word.
fn full_of(word: &str, bytes: usize) -> NewEvent {
    let text = word.repeat(bytes / word.len() + 1);
    NewEvent {
        command: Some(Command {
            key: format!("{word} {word}"),
            fingerprint: 0x5ec2_e75e_c2e7,
        }),
        ..event(text)
    }
}

async fn append(log: &SqliteLog, id: &str, expected: u64, event: NewEvent) {
    let write = Write {
        events: vec![event],
        ..write(id, expected, [])
    };
    log.append(batch([write])).await.unwrap();
}

impl SqliteFile {
    /// Returns whether a word is anywhere in the files, whatever they are called.
    pub(crate) fn holds(&self, word: &str) -> bool {
        fs::read_dir(self.0.path()).unwrap().any(|file| {
            let content = fs::read(file.unwrap().path()).unwrap();
            let mut places = content.windows(word.len());
            places.any(|place| place == word.as_bytes())
        })
    }
}

// PR6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_what_was_erased() {
    const STREAMS: usize = 8;
    // From rows that share a page to rows that fill many; `None` is an erasure.
    let sizes = vec![10, 40, 300, 1_000, 3_000, 4_000, 9_000, 30_000];
    let steps = vec((0..STREAMS, weighted(0.9, select(sizes))), 1..150);
    let config = Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let follow = async |steps: Vec<(usize, Option<usize>)>| {
        let place = SqliteFile::new().await;
        let log = place.open().await;
        let mut versions = [0; STREAMS];
        let mut erased = [0; STREAMS];
        // A different word after each erasure.
        let word = |n: usize, erased: u64| format!("<word {n} {erased}>");
        let end = (0..STREAMS).map(|n| (n, None));
        for (n, size) in steps.into_iter().chain(end) {
            let id = n.to_string();
            if let Some(bytes) = size {
                let event = full_of(&word(n, erased[n]), bytes);
                append(&log, &id, versions[n], event).await;
                versions[n] += 1;
                // The readers hold the files open too.
                payloads(&log, &id).await;
            } else {
                let there = versions[n] > erased[n];
                prop_assert_eq!(place.holds(&word(n, erased[n])), there);
                log.erase(&stream(&id), versions[n]).await.unwrap();
                prop_assert!(!place.holds(&word(n, erased[n])));
                erased[n] = versions[n];
            }
        }
        prop_assert!(!place.holds("<word"));
        Ok(())
    };
    tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&steps, |steps| runtime.block_on(follow(steps)))
    })
    .unwrap();
}

#[tokio::test]
async fn an_erasure_is_not_confirmed_while_somebody_reads_what_was_there() {
    let place = SqliteFile::new().await;
    let log = place.open_with(SqliteOptions {
        busy_timeout: std::time::Duration::from_millis(20),
        ..SqliteOptions::default()
    });
    append(&log, "s", 0, full_of("<secret>", 100)).await;
    let stranger = place.stranger();
    let events = |sql: &str| -> u32 { stranger.query_row(sql, [], |row| row.get(0)).unwrap() };
    stranger.execute_batch("BEGIN").unwrap();
    assert_eq!(events("SELECT count(*) FROM event"), 1);
    let result = log.erase(&stream("s"), 1).await;
    assert!(matches!(result, Err(LogError::Unknown(_))), "{result:?}");
    // Nothing else waits for the readers.
    append(&log, "s", 1, event("2")).await;
    assert_eq!(payloads(&log, "s").await, ["2"]);

    stranger.execute_batch("COMMIT").unwrap();
    log.erase(&stream("s"), 1).await.unwrap();
    assert!(!place.holds("<secret>"));
    assert_eq!(payloads(&log, "s").await, ["2"]);
}

/// The work of the process that will be killed: it writes, erases and says what it erased.
pub(crate) async fn erase_until_killed(log: &SqliteLog) {
    for n in 0.. {
        append(log, &n.to_string(), 0, full_of(&format!("<word {n}>"), 500)).await;
        append(log, &n.to_string(), 1, event("left")).await;
        log.erase(&stream(&n.to_string()), 1).await.unwrap();
        say(&format!("erased {n}"));
    }
}

// F1
#[tokio::test]
async fn what_was_erased_is_gone_whenever_the_process_is_killed() {
    for enough in [1, 7, 20] {
        let place = SqliteFile::new().await;
        drop(place.open().await);
        let mut process = child("erase", &place.path(), false);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut erased = 0;
        let mut note = |line: std::io::Result<String>| {
            erased += usize::from(line.unwrap().starts_with("erased "));
            erased
        };
        while note(lines.next().expect("the process ended by itself")) < enough {}
        process.kill().unwrap();
        lines.for_each(|line| {
            note(line);
        });
        process.wait().unwrap();

        let gone = |n: &usize| !place.holds(&format!("<word {n}>"));
        assert!((0..erased).all(|n| gone(&n)));
        let log = place.open().await;
        for n in 0..erased {
            assert_eq!(payloads(&log, &n.to_string()).await, ["left"]);
        }
    }
}
