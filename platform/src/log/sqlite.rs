//! The log in one SQLite file: the embedded engine.
//!
//! One thread writes. It takes all batches that wait, checks and writes them in one transaction, syncs once and then
//! answers all of them. Reads run on a few connections of their own and wait for nobody.
//!
//! What is erased is overwritten where it stands, and the write-ahead log, which holds it from before, is emptied into
//! the file. The space is not given back: the file keeps its size.
//!
//! Another process may use the same file at the same time, as the command line does while the server runs: versions
//! are checked in the file, under its write lock.

mod open;
mod reader;
mod writer;

use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field};

pub use self::open::OpenError;
use self::{
    open::Place,
    reader::Readers,
    writer::{Counters, Request, Work, Writer, broken, event_count, validate},
};
use super::{Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery};
use crate::telemetry::attribute;

/// How the engine is to behave. The default is right for production.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// How long to wait for another process's write lock.
    pub busy_timeout: Duration,
    /// How many appends and erasures may wait for the writer.
    pub queue: usize,
    /// How long an append waits for a place in the queue, and a read for its turn, before it is
    /// [`LogError::Unavailable`].
    pub queue_timeout: Duration,
    /// How many reads may run at once.
    pub readers: usize,
    /// Up to which size in bytes the file is looked through when it is opened.
    pub check_up_to: u64,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            queue: 1024,
            queue_timeout: Duration::from_secs(5),
            readers: 4,
            check_up_to: 64 << 20,
        }
    }
}

/// What a log has done since it was opened. Counts only go up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Commits that wrote something: each cost one sync.
    pub commits: u64,
    /// Batches that were accepted.
    pub batches: u64,
    /// Events that were written.
    pub events: u64,
    /// Batches that were refused with [`LogError::Conflict`].
    pub conflicts: u64,
    /// How long all these commits took together, their syncs included.
    pub commit_time: Duration,
    /// How many appends and erasures wait for the writer right now.
    pub waiting: usize,
}

/// An [`EventLog`] in one SQLite file, cheap to clone.
///
/// When the last clone is dropped, what was handed over is committed and the file is closed, before the drop returns.
#[derive(Clone)]
pub struct SqliteLog {
    inner: Arc<Inner>,
}

struct Inner {
    requests: Option<mpsc::Sender<Request>>,
    readers: Readers,
    broken: CancellationToken,
    counters: Arc<Counters>,
    queue_timeout: Duration,
    epoch: String,
    thread: Option<JoinHandle<()>>,
}

impl SqliteLog {
    /// Opens the log in `path`, and begins it if there is neither a file nor a sign that there was one.
    ///
    /// The folder must exist. What is found is checked; a file that is not whole is never repaired or replaced.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        Self::start(Place::File(path.to_owned()), options)
    }

    /// A log that lives in memory as long as it is open, for tests.
    pub fn in_memory() -> Result<Self, OpenError> {
        let name = format!("carrel-{:032x}", random_name()?);
        Self::start(Place::Memory(name), SqliteOptions::default())
    }

    fn start(place: Place, options: SqliteOptions) -> Result<Self, OpenError> {
        let (connection, epoch) = place.writer(options.busy_timeout, options.check_up_to)?;
        let (sender, receiver) = mpsc::channel(options.queue.max(1));
        let broken = CancellationToken::new();
        let counters = Arc::new(Counters::default());
        let writer = Writer::new(
            connection,
            options.busy_timeout,
            broken.clone(),
            Arc::clone(&counters),
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
                requests: Some(sender),
                readers,
                broken,
                counters,
                queue_timeout: options.queue_timeout,
                epoch,
                thread: Some(thread),
            }),
        })
    }

    /// What the log has done so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let counters = &self.inner.counters;
        Figures {
            commits: counters.commits.load(Ordering::Relaxed),
            batches: counters.batches.load(Ordering::Relaxed),
            events: counters.events.load(Ordering::Relaxed),
            conflicts: counters.conflicts.load(Ordering::Relaxed),
            commit_time: Duration::from_nanos(counters.commit_nanos.load(Ordering::Relaxed)),
            waiting: self.inner.waiting(),
        }
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
        let requests = self.requests.as_ref();
        requests.map_or(0, |requests| requests.max_capacity() - requests.capacity())
    }

    async fn append(&self, batch: Batch) -> Result<(), LogError> {
        validate(&batch)?;
        self.ask(Work::Append(batch)).await
    }

    async fn ask(&self, work: Work) -> Result<(), LogError> {
        let Some(requests) = &self.requests else {
            return Err(broken());
        };
        let place = match tokio::time::timeout(self.queue_timeout, requests.reserve()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(broken()),
            Err(_) => {
                return Err(LogError::Unavailable(format!(
                    "too much to write: no place in the queue within {:?}",
                    self.queue_timeout
                )));
            }
        };
        let (reply, answer) = oneshot::channel();
        place.send(Request {
            work,
            span: Span::current(),
            reply,
        });
        match answer.await {
            Ok(result) => result,
            // The writer answers everything that it takes, unless it panics.
            Err(_) => Err(LogError::Unknown("the writer stopped".to_owned())),
        }
    }

    async fn read_with<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let result = self.readers.run(query).await;
        // After a failed commit, this process and the next one may see different histories: whoever asks how an
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
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so already.
            drop(thread.join());
        }
    }
}

impl EventLog for SqliteLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            // Made when the append runs, so that it is within the span that its caller runs it in.
            let span = tracing::info_span!(
                "log.append",
                { attribute::DB_SYSTEM_NAME } = "sqlite",
                { attribute::DB_OPERATION_NAME } = "append",
                { attribute::LOG_STREAMS } = batch.writes.len(),
                { attribute::EVENTS } = event_count(&batch),
                { attribute::LOG_QUEUE_DEPTH } = self.inner.waiting(),
                { attribute::ERROR_TYPE } = field::Empty,
            );
            let result = self.inner.append(batch).instrument(span.clone()).await;
            if let Err(error) = &result {
                span.record(attribute::ERROR_TYPE, error_type(error));
            }
            result
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
            let span = tracing::info_span!(
                "log.erase",
                { attribute::DB_SYSTEM_NAME } = "sqlite",
                { attribute::DB_OPERATION_NAME } = "erase",
                { attribute::LOG_QUEUE_DEPTH } = self.inner.waiting(),
                { attribute::ERROR_TYPE } = field::Empty,
            );
            let work = Work::Erase {
                stream: stream.clone(),
                up_to,
            };
            let result = self.inner.ask(work).instrument(span.clone()).await;
            if let Err(error) = &result {
                span.record(attribute::ERROR_TYPE, error_type(error));
            }
            result
        })
    }

    fn epoch(&self) -> &str {
        &self.inner.epoch
    }

    /// When the engine broke, for example because a sync failed. What is on the disk is then unknown until the file is
    /// opened anew.
    fn failed(&self) -> BoxFuture<'static, ()> {
        Box::pin(self.inner.broken.clone().cancelled_owned())
    }
}

fn error_type(error: &LogError) -> &'static str {
    match error {
        LogError::Conflict { .. } => "conflict",
        LogError::Unavailable(_) => "unavailable",
        LogError::Invalid(_) => "invalid",
        LogError::Unknown(_) => "unknown",
        LogError::Damaged(_) => "damaged",
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
