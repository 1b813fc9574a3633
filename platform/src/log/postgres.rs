//! The log in a PostgreSQL database, for several servers that share it.
//!
//! A few tasks write, each on a connection of its own: while one commit waits for its sync, the next group is on its
//! way. Each takes all waiting batches, locks their streams, checks their versions and writes all of them in one
//! transaction of two round trips, and then answers all of them. A version is assigned under the lock of its stream's
//! row, by every server: so no version can be seen before those below it. Reads go to the same server, on a few
//! connections of their own, and wait for no lock.
//!
//! # Requirements on the server
//!
//! PostgreSQL 13 or newer with `fsync = on`, which is checked, and connections of our own: not through a pooler that
//! hands them round between transactions. Each connection sets `synchronous_commit` to `on`, whatever the server's
//! default is, unless that is `remote_apply`: a commit is answered when it is on the server's disk and, if
//! `synchronous_standby_names` is set, on the disk of a standby. Only such a standby can take over without a loss. The
//! tables are created by [`migrate`], never by opening the log.
//!
//! # Another history
//!
//! The epoch consists of a random number that was stored when the tables were created, and the number of the server's
//! timeline. A standby that takes over begins a new timeline, and so does a server that was restored to a point in
//! time. The epoch is read on every new connection. If it has changed, the log of this process is broken
//! ([`EventLog::failed`]), since what the process knows may never have happened there. (After restoring the tables
//! alone, from a dump, the operator has to make a new epoch:
//! `UPDATE carrel.meta SET value = replace(gen_random_uuid()::text, '-', '') WHERE name = 'epoch'`.)
//!
//! # Erasing
//!
//! Erased events are deleted in an ordinary transaction, and no later read shows them. PostgreSQL itself keeps more:
//! the dead rows until they are vacuumed, which this engine triggers within a minute or so after an erasure, or when it
//! is next opened if the process ends before that, unless an old snapshot is held; their bytes in the free space of the
//! pages until something else overwrites them (`VACUUM FULL carrel.event` rewrites all pages, and blocks all access
//! meanwhile); and what was once written, in the write-ahead log until its segments are recycled, and in standbys,
//! archives and backups for as long as these are kept. Operators who need it gone sooner should encrypt the disks and
//! keep archives only briefly.

mod config;
mod connector;
mod decide;
mod error;
mod facts;
mod migrate;
mod reader;
mod session;
mod tls;
mod transaction;
mod vacuum;
mod writer;

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{
    config::Target,
    connector::Connector,
    reader::Readers,
    writer::{Links, Shared},
};
pub use self::{
    config::{PostgresConfig, TlsMode},
    error::OpenError,
    migrate::{Migration, Status, migrate, status},
};
use super::{
    Batch, EventLog, Figures, LogError, RecordedEvent, StreamHead, StreamName, StreamQuery,
    figures::Counters,
    group::{Queue, Work, broken, event_count, measured_append, traced_erasure, validate},
};
use crate::condition::Condition;

/// The name of this engine in spans and metrics.
pub const SYSTEM: &str = "postgresql";

/// The longest name of a stream, owner or command key, in bytes. Indexed values must fit into a part of a page.
const NAME_BYTES: usize = 1024;

/// The largest batch, all its texts and payloads together. The server accepts no message of more than a gigabyte.
const BATCH_BYTES: usize = 64 << 20;

/// What an event costs beside its payload, at least.
const EVENT_OVERHEAD: usize = 64;

/// An [`EventLog`] in a PostgreSQL database, cheap to clone.
///
/// When the last clone is dropped, everything handed over is still committed, by tasks of the runtime that opened the
/// log.
#[derive(Clone)]
pub struct PostgresLog {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Queue,
    readers: Readers,
    connector: Arc<Connector>,
    links: Arc<Links>,
    broken: CancellationToken,
    counters: Arc<Counters>,
    _stop_vacuum: DropGuard,
}

impl PostgresLog {
    /// Opens the log that the configuration names, within a tokio runtime. Its tables must exist, see [`migrate`].
    ///
    /// # Errors
    /// Each says which setting, or what about the server, must be corrected.
    pub async fn open(config: &PostgresConfig) -> Result<Self, OpenError> {
        let target = Target::new(config)?;
        let broken = CancellationToken::new();
        let connector = Arc::new(Connector::new(target, broken.clone()));
        let patience = config.answer_timeout.get();
        let first = writer::connect(&connector, patience).await?;
        let counters = Arc::new(Counters::default());
        let links = Arc::new(Links::default());
        let erased = Arc::new(Notify::new());
        let (queue, requests) = Queue::new(config.queue, config.queue_timeout.get());
        let shared = Arc::new(Shared {
            connector: Arc::clone(&connector),
            requests: Mutex::new(requests),
            broken: broken.clone(),
            counters: Arc::clone(&counters),
            links: Arc::clone(&links),
            erased: Arc::clone(&erased),
            patience,
        });
        let mut first = Some(first);
        for _ in 0..config.writers {
            tokio::spawn(writer::run(Arc::clone(&shared), first.take()));
        }
        let stop_vacuum = CancellationToken::new();
        tokio::spawn(vacuum::run(
            Arc::clone(&connector),
            erased,
            stop_vacuum.clone(),
        ));
        let readers = Readers::new(
            Arc::clone(&connector),
            config.readers,
            config.queue_timeout.get(),
            patience,
        );
        Ok(Self {
            inner: Arc::new(Inner {
                queue,
                readers,
                connector,
                links,
                broken,
                counters,
                _stop_vacuum: stop_vacuum.drop_guard(),
            }),
        })
    }

    /// Returns whether the database can be written to.
    #[must_use]
    pub fn condition(&self) -> Condition {
        match self.inner.links.problem() {
            None => Condition::Well,
            Some(problem) => Condition::Degraded(problem.to_string()),
        }
    }

    /// Returns what the log has done so far in this process, in numbers.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.inner.counters.figures(self.inner.queue.waiting())
    }
}

impl std::fmt::Debug for PostgresLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresLog")
            .field("epoch", &self.inner.connector.epoch())
            .finish_non_exhaustive()
    }
}

impl Inner {
    async fn append(&self, batch: Batch) -> Result<(), LogError> {
        validate(&batch)?;
        check_texts(&batch)?;
        self.ask(Work::Append(batch)).await
    }

    async fn ask(&self, work: Work) -> Result<(), LogError> {
        if self.broken.is_cancelled() {
            return Err(broken());
        }
        // Otherwise the request would wait in a queue that no writer serves.
        if let Some(problem) = self.links.problem() {
            return Err(problem);
        }
        self.queue.ask(work).await
    }

    /// Reads, unless the log is broken or breaks meanwhile: this process and the next one may then see different
    /// histories, and a caller that asks how an unknown append came out must hear it from the next one.
    async fn unless_broken<T>(
        &self,
        read: impl Future<Output = Result<T, LogError>>,
    ) -> Result<T, LogError> {
        if self.broken.is_cancelled() {
            return Err(broken());
        }
        let result = read.await;
        match self.broken.is_cancelled() {
            true => Err(broken()),
            false => result,
        }
    }
}

impl EventLog for PostgresLog {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>> {
        Box::pin(async move {
            let size = (batch.writes.len(), event_count(&batch));
            measured_append(
                SYSTEM,
                self.inner.queue.waiting(),
                size,
                self.inner.append(batch),
            )
            .await
        })
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>> {
        let events = self.inner.readers.read(stream, after, limit);
        Box::pin(self.inner.unless_broken(events))
    }

    fn find<'a>(&'a self, query: StreamQuery) -> BoxFuture<'a, Result<Vec<StreamHead>, LogError>> {
        let heads = self.inner.readers.find(query);
        Box::pin(self.inner.unless_broken(heads))
    }

    fn versions<'a>(
        &'a self,
        streams: &'a [StreamName],
    ) -> BoxFuture<'a, Result<Vec<u64>, LogError>> {
        let versions = self.inner.readers.versions(streams);
        Box::pin(self.inner.unless_broken(versions))
    }

    fn erase<'a>(
        &'a self,
        stream: &'a StreamName,
        up_to: u64,
    ) -> BoxFuture<'a, Result<(), LogError>> {
        Box::pin(async move {
            let erase = async {
                check_text("the name of a stream", &stream.id)?;
                let work = Work::Erase {
                    stream: stream.clone(),
                    up_to,
                };
                self.inner.ask(work).await
            };
            traced_erasure(SYSTEM, self.inner.queue.waiting(), erase).await
        })
    }

    fn epoch(&self) -> &str {
        self.inner.connector.epoch()
    }

    /// Resolves when the database turns out to hold another history: a standby took over, or a backup was restored.
    fn failed(&self) -> BoxFuture<'static, ()> {
        Box::pin(self.inner.broken.clone().cancelled_owned())
    }
}

/// Checks that PostgreSQL can store a batch; otherwise it would fail everything that shares its commit.
fn check_texts(batch: &Batch) -> Result<(), LogError> {
    let mut bytes = 0;
    for write in &batch.writes {
        check_text("the name of a stream", &write.stream.id)?;
        bytes += write.stream.id.len();
        if let Some(index_entry) = &write.index_entry {
            check_text("an owner", &index_entry.owner)?;
        }
        for event in &write.events {
            bytes += event.payload.len() + write.stream.id.len() + EVENT_OVERHEAD;
            if let Some(command) = &event.command {
                check_text("the key of a command", &command.key)?;
                bytes += command.key.len();
            }
        }
    }
    if bytes > BATCH_BYTES {
        return Err(LogError::Invalid(format!(
            "the batch has {bytes} bytes; {BATCH_BYTES} is the most"
        )));
    }
    Ok(())
}

fn check_text(what: &str, text: &str) -> Result<(), LogError> {
    if text.len() > NAME_BYTES {
        return Err(LogError::Invalid(format!(
            "{what} has {} bytes; {NAME_BYTES} is the most",
            text.len()
        )));
    }
    if text.contains('\0') {
        return Err(LogError::Invalid(format!(
            "{what} holds a NUL, which PostgreSQL can't keep"
        )));
    }
    Ok(())
}
