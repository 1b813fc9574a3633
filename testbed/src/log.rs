//! A log in memory that fails when it is told to, for tests of what its users say then.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use carrel_platform::log::{
    Batch, EventLog, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
    sqlite::SqliteLog,
};
use futures::future::BoxFuture;
use tokio::{
    sync::{Semaphore, watch},
    task::yield_now,
};

/// How a [`FaultyLog`] answers appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As any log does.
    Truly,
    /// Writes nothing, and says that it is unavailable.
    Unavailable,
    /// Writes nothing, and says that it can't take this.
    Invalid,
    /// Writes, and says that it does not know whether it did.
    Unknown,
}

/// What happens before a read of this stream, which then goes on, or fails with this. Called at once, in the order of reads.
type BeforeRead = dyn Fn(&StreamName) -> BoxFuture<'static, Result<(), LogError>> + Send + Sync;

#[derive(Default)]
struct BeforeReads(OnceLock<Box<BeforeRead>>);

impl std::fmt::Debug for BeforeReads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BeforeReads").finish_non_exhaustive()
    }
}

/// A log that does as any log does until it is told otherwise, and counts.
///
/// All else but appends and reads is never disturbed. No read is answered the first time that it is polled.
#[derive(Debug)]
pub struct FaultyLog {
    log: SqliteLog,
    answer: Mutex<Answer>,
    refused: AtomicUsize,
    reads: AtomicUsize,
    unreadable: AtomicBool,
    hangs: watch::Sender<bool>,
    before_reads: BeforeReads,
    holds: AtomicBool,
    waiting: Semaphore,
    leave: Semaphore,
}

impl FaultyLog {
    /// An empty one that does as any log does.
    ///
    /// # Errors
    /// When SQLite can't make it.
    pub fn in_memory() -> anyhow::Result<Arc<Self>> {
        Ok(Self::on(SqliteLog::in_memory()?))
    }

    /// One that has what this log has, and does as any log does. Whoever uses that log itself is not disturbed.
    #[must_use]
    pub fn on(log: SqliteLog) -> Arc<Self> {
        Arc::new(Self {
            log,
            answer: Mutex::new(Answer::Truly),
            refused: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            unreadable: AtomicBool::new(false),
            hangs: watch::Sender::new(false),
            before_reads: BeforeReads::default(),
            holds: AtomicBool::new(false),
            waiting: Semaphore::new(0),
            leave: Semaphore::new(0),
        })
    }

    /// Answers every append in this way from now on, also those that are held.
    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// How many appends it has said to be unavailable for.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// How many times it was read.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Has every read that begins from now on succeed, or say that the log is unavailable.
    pub fn be_readable(&self, readable: bool) {
        self.unreadable.store(!readable, Ordering::SeqCst);
    }

    /// Has every read that begins from now on go unanswered, until it is told otherwise.
    pub fn hang(&self, hang: bool) {
        self.hangs.send_replace(hang);
    }

    /// Has this happen before each read from now on. Only the first that is given counts.
    pub fn before_reads(
        &self,
        happens: impl Fn(&StreamName) -> BoxFuture<'static, Result<(), LogError>>
        + Send
        + Sync
        + 'static,
    ) {
        let _ = self.before_reads.0.set(Box::new(happens));
    }

    /// Holds every append that comes from now on until it is allowed.
    pub fn hold(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }

    /// Waits until one more append than before is held, or was.
    pub async fn held(&self) {
        take_one(&self.waiting).await;
    }

    /// Lets so many appends go on, of those that are held and those that will be.
    pub fn allow(&self, appends: usize) {
        self.leave.add_permits(appends);
    }
}

async fn take_one(permits: &Semaphore) {
    // It is never closed.
    if let Ok(permit) = permits.acquire().await {
        permit.forget();
    }
}

impl EventLog for FaultyLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            if self.holds.load(Ordering::SeqCst) {
                self.waiting.add_permits(1);
                take_one(&self.leave).await;
            }
            let answer = *self.answer.lock().unwrap_or_else(PoisonError::into_inner);
            match answer {
                Answer::Truly => self.log.append(batch).await,
                Answer::Unavailable => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    Err(LogError::Unavailable("told so".into()))
                }
                Answer::Invalid => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    Err(LogError::Invalid("there is what it never takes".into()))
                }
                Answer::Unknown => {
                    self.log.append(batch).await?;
                    Err(LogError::Unknown("told so".into()))
                }
            }
        })
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let unreadable = self.unreadable.load(Ordering::SeqCst);
        let before = self.before_reads.0.get().map(|happens| happens(stream));
        let mut hangs = self.hangs.subscribe();
        Box::pin(async move {
            yield_now().await;
            // Its sender is as old as the log.
            let _ = hangs.wait_for(|hangs| !hangs).await;
            if unreadable {
                return Err(LogError::Unavailable("told so".into()));
            }
            if let Some(before) = before {
                before.await?;
            }
            self.log.read(stream, after, limit).await
        })
    }

    fn find<'a>(&'a self, query: StreamQuery) -> BoxFuture<'a, Result<Vec<StreamHead>, LogError>> {
        self.log.find(query)
    }

    fn versions<'a>(
        &'a self,
        streams: &'a [StreamName],
    ) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        self.log.versions(streams)
    }

    fn erase<'a>(
        &'a self,
        stream: &'a StreamName,
        up_to: u64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        self.log.erase(stream, up_to)
    }

    fn epoch(&self) -> &str {
        self.log.epoch()
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        self.log.failed()
    }
}
