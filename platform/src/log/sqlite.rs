//! The embedded engine: the log in one SQLite file.
//!
//! One thread writes. It takes all waiting batches, checks and writes them in one transaction, syncs once and then
//! answers all of them. Reads run on a few connections of their own and wait for no write.
//!
//! Erased events are overwritten in place, and the write-ahead log, which still holds them, is emptied into the file:
//! when an erasure returned `Ok`, nothing of them is left in the files that the log has open. The space is not given
//! back: the file keeps its size.
//!
//! Another process may use the same file at the same time, as the command line does while the server runs: versions
//! are checked in the file, under its write lock.

mod open;
mod reader;
mod writable;
mod writer;

use std::{path::Path, sync::Arc, thread::JoinHandle, time::Duration};

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::open::OpenError;
use self::{open::Place, reader::Readers, writable::Writable, writer::Writer};
use super::{
    Batch, EventLog, Figures, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
    figures::Counters,
    group::{Queue, Work, broken, event_count, measured_append, traced_erasure, validate},
};
use crate::condition::Condition;

/// The name of this engine in spans and metrics.
pub const SYSTEM: &str = "sqlite";

/// How the engine behaves. The default is right for production.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// How long to wait for another process's write lock.
    pub busy_timeout: Duration,
    /// How many appends and erasures may wait for the writer.
    pub queue: usize,
    /// How long an append waits for a place in the queue, and a read for its turn, before it fails with
    /// [`LogError::Unavailable`].
    pub queue_timeout: Duration,
    /// How many reads may run at once.
    pub readers: usize,
    /// Up to which size in bytes the file is checked when it is opened.
    pub check_up_to: u64,
    /// How long after a write that failed the engine tries by itself whether it can write again, if nobody else does.
    pub probe_after: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            queue: 1024,
            queue_timeout: Duration::from_secs(5),
            readers: 4,
            check_up_to: 64 << 20,
            probe_after: Duration::from_secs(5),
        }
    }
}

/// An [`EventLog`] in one SQLite file, cheap to clone.
///
/// When the last clone is dropped, everything handed over is committed and the file is closed before the drop returns.
#[derive(Clone)]
pub struct SqliteLog {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Option<Queue>,
    readers: Readers,
    broken: CancellationToken,
    counters: Arc<Counters>,
    condition: watch::Receiver<Condition>,
    epoch: String,
    thread: Option<JoinHandle<()>>,
}

impl SqliteLog {
    /// Opens the log in `path`, and creates it if there is neither a file nor a sign that there was one.
    ///
    /// The folder must exist. A file that is found is checked; a damaged one is never repaired or replaced.
    ///
    /// # Errors
    /// When the file is missing though there are signs that it was there, is no Carrel log, was written by a newer
    /// version, is damaged or locked, or can't be read and written.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        Self::start(Place::File(path.to_owned()), options)
    }

    /// Opens a log that lives in memory as long as it is open. For tests.
    ///
    /// # Errors
    /// When the system gives no random numbers, or SQLite has no room for it.
    pub fn in_memory() -> Result<Self, OpenError> {
        let name = format!("carrel-{:032x}", random_name()?);
        Self::start(Place::Memory(name), SqliteOptions::default())
    }

    fn start(place: Place, options: SqliteOptions) -> Result<Self, OpenError> {
        let (connection, epoch) = place.writer(options.busy_timeout, options.check_up_to)?;
        let (queue, receiver) = Queue::new(options.queue, options.queue_timeout);
        let broken = CancellationToken::new();
        let counters = Arc::new(Counters::default());
        let writable = Writable::new();
        let condition = writable.watch();
        let writer = Writer::new(
            connection,
            [options.busy_timeout, options.probe_after],
            broken.clone(),
            Arc::clone(&counters),
            writable,
        );
        let thread = std::thread::Builder::new()
            .name("carrel-log".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|error| OpenError::Failed {
                path: place.path(),
                problem: format!("its thread did not start: {error}"),
            })?;
        let readers = Readers::new(
            place,
            options.readers,
            options.busy_timeout,
            options.queue_timeout,
        );
        Ok(Self {
            inner: Arc::new(Inner {
                queue: Some(queue),
                readers,
                broken,
                counters,
                condition,
                epoch,
                thread: Some(thread),
            }),
        })
    }

    /// Returns whether the log can be written: degraded since something could not be, until something was, be it only the
    /// engine's own probe. The receiver does not keep the log open.
    #[must_use]
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.inner.condition.clone()
    }

    /// Returns what the log has done so far, in numbers.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.inner.counters.figures(self.inner.waiting())
    }
}

impl std::fmt::Debug for SqliteLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLog")
            .field("epoch", &self.inner.epoch)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn waiting(&self) -> usize {
        self.queue.as_ref().map_or(0, Queue::waiting)
    }

    async fn append(&self, batch: Batch) -> Result<(), LogError> {
        validate(&batch)?;
        self.ask(Work::Append(batch)).await
    }

    async fn ask(&self, work: Work) -> Result<(), LogError> {
        match &self.queue {
            Some(queue) => queue.ask(work).await,
            None => Err(broken()),
        }
    }

    async fn read_with<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let result = self.readers.run(query).await;
        // After a failed commit, this process and the next one may see different histories: a caller that asks how an
        // unknown append came out must hear it from the next one.
        if self.broken.is_cancelled() {
            return Err(broken());
        }
        result
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.readers.close();
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has reported it already.
            drop(thread.join());
        }
    }
}

impl EventLog for SqliteLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            let size = (batch.writes.len(), event_count(&batch));
            measured_append(SYSTEM, self.inner.waiting(), size, self.inner.append(batch)).await
        })
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        let stream = stream.clone();
        Box::pin(
            self.inner
                .read_with(move |connection| reader::read(connection, &stream, after, limit)),
        )
    }

    fn find<'a>(&'a self, query: StreamQuery) -> BoxFuture<'a, Result<Vec<StreamHead>, LogError>> {
        Box::pin(
            self.inner
                .read_with(move |connection| reader::find(connection, query)),
        )
    }

    fn versions<'a>(
        &'a self,
        streams: &'a [StreamName],
    ) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        let streams = streams.to_vec();
        Box::pin(
            self.inner
                .read_with(move |connection| reader::versions(connection, &streams)),
        )
    }

    fn erase<'a>(
        &'a self,
        stream: &'a StreamName,
        up_to: u64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        Box::pin(async move {
            let work = Work::Erase {
                stream: stream.clone(),
                up_to,
            };
            traced_erasure(SYSTEM, self.inner.waiting(), self.inner.ask(work)).await
        })
    }

    fn epoch(&self) -> &str {
        &self.inner.epoch
    }

    /// Resolves when the engine breaks, for example because a sync failed. What is on the disk is then unknown until
    /// the file is opened again.
    fn failed(&self) -> BoxFuture<'static, ()> {
        Box::pin(self.inner.broken.clone().cancelled_owned())
    }
}

fn random_name() -> Result<u128, OpenError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| OpenError::Failed {
        path: "memory".into(),
        problem: error.to_string(),
    })?;
    Ok(u128::from_ne_bytes(bytes))
}
