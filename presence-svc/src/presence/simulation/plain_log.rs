//! A log that answers at once, so that no virtual time passes while it is awaited. One stream is enough here.

use std::sync::Mutex;

use carrel_platform::log::{
    Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
};
use futures::future::{BoxFuture, FutureExt, pending, ready};

#[derive(Default)]
pub(super) struct PlainLog(Mutex<Vec<RecordedEvent>>);

fn no<T: Send + 'static>() -> BoxFuture<'static, Result<T, LogError>> {
    ready(Err(LogError::Unavailable("not in this log".into()))).boxed()
}

impl EventLog for PlainLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        let mut events = self.0.lock().unwrap();
        for event in batch.writes.into_iter().flat_map(|write| write.events) {
            let version = events.len() as u64 + 1;
            events.push(RecordedEvent {
                version,
                at_ms: event.at_ms,
                payload: event.payload,
                command: event.command,
            });
        }
        ready(Ok(())).boxed()
    }

    fn read<'a>(
        &'a self,
        _: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        let events = self.0.lock().unwrap();
        let after = usize::try_from(after).unwrap();
        let page = events.iter().skip(after).take(limit).cloned().collect();
        ready(Ok(page)).boxed()
    }

    fn find(&self, _: StreamQuery) -> BoxFuture<'_, Result<Vec<StreamHead>, LogError>> {
        no()
    }

    fn versions<'a>(&'a self, _: &'a [StreamName]) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        no()
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
