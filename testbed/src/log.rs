//! A log in memory that fails on demand, for tests of what its users do then.

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
    /// As a log normally does.
    Truly,
    /// Writes nothing, and returns [`LogError::Unavailable`].
    Unavailable,
    /// Writes nothing, and returns [`LogError::Invalid`].
    Invalid,
    /// Writes, and returns [`LogError::Unknown`].
    Unknown,
}

/// Returns a future that runs before a read of this stream; if it fails, the read fails with its error. Called when the
/// read is called, so in the order of reads.
type BeforeRead = dyn Fn(&StreamName) -> BoxFuture<'static, Result<(), LogError>> + Send + Sync;

#[derive(Default)]
struct BeforeReads(OnceLock<Box<BeforeRead>>);

impl std::fmt::Debug for BeforeReads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BeforeReads").finish_non_exhaustive()
    }
}

/// A log that works normally until it is told otherwise, and counts its reads and the appends that it refused.
///
/// Only appends, reads and erasures can be disturbed. No read completes the first time it is polled.
#[derive(Debug)]
pub struct FaultyLog {
    log: SqliteLog,
    answer: Mutex<Answer>,
    refused: AtomicUsize,
    reads: AtomicUsize,
    unreadable: AtomicBool,
    unerasable: AtomicBool,
    hangs: watch::Sender<bool>,
    before_reads: BeforeReads,
    holds: AtomicBool,
    waiting: Semaphore,
    leave: Semaphore,
}

impl FaultyLog {
    /// Creates an empty log that works normally.
    ///
    /// # Errors
    /// When SQLite can't create it.
    pub fn in_memory() -> anyhow::Result<Arc<Self>> {
        Ok(Self::on(SqliteLog::in_memory()?))
    }

    /// Creates a log on top of `log`, which works normally at first. Direct users of `log` are not disturbed.
    #[must_use]
    pub fn on(log: SqliteLog) -> Arc<Self> {
        Arc::new(Self {
            log,
            answer: Mutex::new(Answer::Truly),
            refused: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            unreadable: AtomicBool::new(false),
            unerasable: AtomicBool::new(false),
            hangs: watch::Sender::new(false),
            before_reads: BeforeReads::default(),
            holds: AtomicBool::new(false),
            waiting: Semaphore::new(0),
            leave: Semaphore::new(0),
        })
    }

    /// Answers every append in this way from now on, including those that are held.
    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// Returns how many appends were answered with [`Answer::Unavailable`] or [`Answer::Invalid`].
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// Returns how many times it was read.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// Lets every read that begins from now on succeed, or fail with [`LogError::Unavailable`].
    pub fn be_readable(&self, readable: bool) {
        self.unreadable.store(!readable, Ordering::SeqCst);
    }

    /// Makes all erasures from now on do nothing and report that their outcome is unknown, until this is called with
    /// `true`.
    pub fn be_erasable(&self, erasable: bool) {
        self.unerasable.store(!erasable, Ordering::SeqCst);
    }

    /// Makes all reads from now on hang, until this is called with `false`.
    pub fn hang(&self, hang: bool) {
        self.hangs.send_replace(hang);
    }

    /// Runs this before each read from now on. Only the first call has an effect.
    pub fn before_reads(
        &self,
        happens: impl Fn(&StreamName) -> BoxFuture<'static, Result<(), LogError>>
        + Send
        + Sync
        + 'static,
    ) {
        let _ = self.before_reads.0.set(Box::new(happens));
    }

    /// Holds every append that comes from now on until [`FaultyLog::allow`] releases it.
    pub fn hold(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }

    /// Waits until an append is held, or was, that no earlier call has waited for.
    pub async fn held(&self) {
        take_one(&self.waiting).await;
    }

    /// Releases this many appends, of those that are held and of those that will be.
    pub fn allow(&self, appends: usize) {
        self.leave.add_permits(appends);
    }
}

async fn take_one(permits: &Semaphore) {
    // The semaphore is never closed.
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
            // An error would mean that the sender is gone, but the log owns it.
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
        Box::pin(async move {
            if self.unerasable.load(Ordering::SeqCst) {
                return Err(LogError::Unknown("told so".into()));
            }
            self.log.erase(stream, up_to).await
        })
    }

    fn epoch(&self) -> &str {
        self.log.epoch()
    }

    fn failed(&self) -> BoxFuture<'static, ()> {
        self.log.failed()
    }
}
