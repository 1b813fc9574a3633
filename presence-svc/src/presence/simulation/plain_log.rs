//! A log that answers at once, so that no virtual time passes while it is awaited.

use std::{collections::HashMap, sync::Mutex};

use carrel_platform::log::{
    Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery, Write,
};
use futures::future::{BoxFuture, FutureExt, pending, ready};

#[derive(Default)]
pub(super) struct PlainLog(Mutex<HashMap<StreamName, Vec<RecordedEvent>>>);

fn no<T: Send + 'static>() -> BoxFuture<'static, Result<T, LogError>> {
    ready(Err(LogError::Unavailable("not in this log".into()))).boxed()
}

impl EventLog for PlainLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        let mut streams = self.0.lock().unwrap();
        for Write { stream, events, .. } in batch.writes {
            let written = streams.entry(stream).or_default();
            for event in events {
                let version = written.len() as u64 + 1;
                written.push(RecordedEvent {
                    version,
                    at_ms: event.at_ms,
                    payload: event.payload,
                    command: event.command,
                });
            }
        }
        ready(Ok(())).boxed()
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        let streams = self.0.lock().unwrap();
        let written = streams.get(stream).into_iter().flatten();
        let after = usize::try_from(after).unwrap();
        let page = written.skip(after).take(limit).cloned().collect();
        ready(Ok(page)).boxed()
    }

    fn find(&self, _: StreamQuery) -> BoxFuture<'_, Result<Vec<StreamHead>, LogError>> {
        no()
    }

    fn versions<'a>(&'a self, of: &'a [StreamName]) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        let streams = self.0.lock().unwrap();
        let version = |stream| {
            streams
                .get(stream)
                .map_or(0, |written| written.len() as u64)
        };
        ready(Ok(of.iter().map(version).collect())).boxed()
    }

    fn erase<'a>(&'a self, _: &'a StreamName, _: u64) -> BoxFuture<'a, Result<(), LogError>> {
        no()
    }

    fn epoch(&self) -> &'static str {
        "plain"
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        pending().boxed()
    }
}
