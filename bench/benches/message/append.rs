//! Appends to a log on the disk, one at a time and many that share a commit.

use carrel_platform::log::{
    Batch, EventLog, NewEvent, StreamName, Write,
    sqlite::{SqliteLog, SqliteOptions},
};
use divan::{Bencher, counter::ItemsCount};
use futures::future::join_all;
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::text;

#[divan::bench(args = [1, 8, 64], sample_size = 1)]
fn append_together(bencher: Bencher<'_, '_>, together: u64) {
    let folder = TempDir::new().unwrap();
    let log = SqliteLog::open(&folder.path().join("log.db"), SqliteOptions::default()).unwrap();
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut version = 0;
    bencher.counter(ItemsCount::new(together)).bench_local(|| {
        let appends = (0..together).map(|stream| log.append(event(stream, version)));
        for appended in runtime.block_on(join_all(appends)) {
            appended.unwrap();
        }
        version += 1;
    });
}

/// Returns the next event for a stream.
fn event(stream: u64, expected: u64) -> Batch {
    Batch {
        writes: vec![Write {
            stream: StreamName::new("bench", stream.to_string()),
            expected,
            events: vec![NewEvent {
                at_ms: 0,
                payload: text().into_bytes().into(),
                command: None,
            }],
            index_entry: None,
        }],
    }
}
