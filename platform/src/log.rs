//! The durable log: the source of truth for everything that Carrel does.
//!
//! The log holds *streams*, named by a category and an id, for example `session/4f…`. A stream is a list of events
//! with the versions 1, 2, 3 …. The meaning of an event is up to its writer; the log keeps bytes.

use bytes::Bytes;
use futures::future::BoxFuture;
use ring::digest;

mod figures;
mod group;
pub mod newest;
mod pace;
pub mod postgres;
pub mod sqlite;
pub mod stored;

pub use self::figures::Figures;

/// A durable log.
///
/// # What every implementation promises
///
/// **Atomic.** A [`Batch`] is written to all streams that it names, or not at all.
///
/// **Versioned.** A [`Write`] names the version that its writer has seen. If the stream has another version at the
/// moment of the write, the whole batch is refused with [`LogError::Conflict`] and nothing is written. So a writer
/// that appends has seen everything before, including the [`Command`]s recorded there, and can tell a repeated command
/// from a new one: this, and not an index, is why a command has one effect. A write without events checks the version
/// and changes nothing.
///
/// **Durable.** When [`EventLog::append`] returns `Ok`, the batch is committed and synced to stable storage: from then
/// on it survives a kill of the process and a loss of power.
///
/// **Settled.** [`LogError::Unknown`] means that an append may or may not have happened; a read tells which. Any other
/// error of an append means that nothing was written and nothing will be.
///
/// **Dense and in order.** A stream's versions have no gaps. A reader that can see version n sees all below n, now and
/// for ever after, and none of them ever changes. Only [`EventLog::erase`] removes events, and only from the
/// beginning: the rest of the stream still has no gaps, and keeps its versions.
///
/// **Read your writes.** After an append or an erasure returned `Ok`, every read through the same log shows it.
///
/// **Shared.** Appends that arrive together are committed together (group commit): they share the cost of a sync, and
/// each is still durable.
///
/// **Cancel-safe.** Dropping the future of an append or an erasure neither breaks the log nor decides the outcome: as
/// with [`LogError::Unknown`], it may or may not have happened.
pub trait EventLog: Send + Sync + 'static {
    /// Writes a batch.
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), LogError>>;

    /// Reads up to `limit` events of one stream with a version above `after`, in order.
    ///
    /// The first of them has the version `after + 1`, unless that was erased. The result is empty if there are none,
    /// or no such stream.
    fn read<'a>(
        &'a self,
        stream: &'a StreamName,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RecordedEvent>, LogError>>;

    /// Finds streams by the [`IndexEntry`] that their writers set last. See [`StreamQuery`].
    fn find<'a>(&'a self, query: StreamQuery) -> BoxFuture<'a, Result<Vec<StreamHead>, LogError>>;

    /// Returns the last version of each of these streams, in the same order; 0 for a stream without events.
    ///
    /// Meant for many streams at once: a server that follows streams by the bus, which may lose the last message,
    /// checks here whether there is more.
    fn versions<'a>(
        &'a self,
        streams: &'a [StreamName],
    ) -> BoxFuture<'a, Result<Vec<u64>, LogError>>;

    /// Erases the events of a stream up to and including a version: their payloads, commands and times.
    ///
    /// Versions go on as if the events were there, and a read begins with the first event that is left. An erased
    /// command is forgotten: if it is given again, it is a new one. Erasing what is not there, or twice, changes
    /// nothing; a version above the last one is [`LogError::Invalid`]. When this returns `Ok`, the erasure is
    /// committed and synced, and no later read shows what was erased. Each engine documents what is then left of it in
    /// files, and for how long. After [`LogError::Unknown`], the events may still be there, or still be in the files:
    /// erase them again.
    fn erase<'a>(
        &'a self,
        stream: &'a StreamName,
        up_to: u64,
    ) -> BoxFuture<'a, Result<(), LogError>>;

    /// Returns the name of this history. It changes when the log is restored from a backup or replaced, so that a
    /// position of another history is never continued.
    fn epoch(&self) -> &str;

    /// Resolves when this process can't use the log any longer, because what it knows of it may no longer be true. The
    /// process must exit and be started again; until then the log is unavailable. Never resolves for a log to which
    /// this can't happen.
    fn failed(&self) -> BoxFuture<'static, ()>;
}

/// The name of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName {
    /// The kind of stream, for example `session`.
    pub category: &'static str,
    /// The id among streams of this kind.
    pub id: String,
}

impl StreamName {
    /// Names a stream.
    pub fn new(category: &'static str, id: impl Into<String>) -> Self {
        Self {
            category,
            id: id.into(),
        }
    }
}

impl std::fmt::Display for StreamName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.category, self.id)
    }
}

/// Writes that happen together or not at all. Each stream may be named once.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The writes.
    pub writes: Vec<Write>,
}

/// A write to one stream.
#[derive(Clone, Debug)]
pub struct Write {
    /// The stream. Its first event creates it.
    pub stream: StreamName,
    /// The stream's version as the writer knows it: 0 if it has no event yet.
    pub expected: u64,
    /// The events, which get the versions `expected + 1`, `expected + 2` …. May be empty: then only the version is
    /// checked.
    pub events: Vec<NewEvent>,
    /// The stream's entry in the log's index from now on. `None` leaves it unchanged, and so does a write without
    /// events.
    pub index_entry: Option<IndexEntry>,
}

/// A stream's entry in the log's index, as its writer sets it: what [`EventLog::find`] finds it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The owner of the stream, for example the patron's library.
    pub owner: String,
    /// When the writer closed the stream, in Unix milliseconds; `None` while it is open.
    pub closed_at_ms: Option<i64>,
}

/// An event to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// When it happened, in Unix milliseconds. Stored as given; the log orders by version only.
    pub at_ms: i64,
    /// What happened.
    pub payload: Bytes,
    /// The command that caused it, if any.
    pub command: Option<Command>,
}

/// What identifies a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// Who gave it and the id that they gave it. Unique in its stream.
    pub key: String,
    /// A digest of its content, to tell a repetition from another command with the same id.
    pub fingerprint: u64,
}

impl Command {
    /// Returns the command with this key and this content.
    ///
    /// Logs hold the result: if it were computed in another way, a repetition would be taken for another command.
    #[must_use]
    pub fn of(key: String, content: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, content);
        let fingerprint = digest
            .as_ref()
            .iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Self { key, fingerprint }
    }
}

/// An event as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its version in the stream: 1, 2, 3 ….
    pub version: u64,
    /// When it happened, in Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub payload: Bytes,
    /// The command that caused it, if any.
    pub command: Option<Command>,
}

/// Which streams to find.
#[derive(Clone, Debug)]
pub enum StreamQuery {
    /// All open streams of a category, ordered by id, after a given id.
    Open {
        /// The category.
        category: &'static str,
        /// The id of the last stream on the previous page.
        after: Option<String>,
        /// The most streams to return.
        limit: usize,
    },
    /// The closed streams of a category that belong to one owner, last closed first.
    Closed {
        /// The category.
        category: &'static str,
        /// The owner.
        owner: String,
        /// Where the previous page ended: the last stream's `closed_at_ms` and id.
        before: Option<(i64, String)>,
        /// The most streams to return.
        limit: usize,
    },
}

/// A stream that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHead {
    /// Its name.
    pub stream: StreamName,
    /// Its last version.
    pub version: u64,
    /// Its entry in the index, as its writer set it last.
    pub index_entry: IndexEntry,
    /// The stream's version at which that was set; stored as `standing_version`. A reader that knows a later version
    /// knows the entry.
    pub index_version: u64,
}

/// Why the log did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum LogError {
    /// A stream has another version than its writer expected. Nothing was written.
    #[error("{stream} is at version {actual}, not {expected}")]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// The version that the writer expected.
        expected: u64,
        /// The version that the stream has.
        actual: u64,
    },
    /// The log can't be reached or is busy. Nothing was written; a later try may succeed.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// The request breaks a rule of the log, for example by naming a stream twice. Nothing was changed, and the same
    /// request will never be accepted.
    #[error("the log can't take this request: {0}")]
    Invalid(String),
    /// The batch may or may not have been written, or the events may or may not have been erased.
    #[error("the log did not confirm the write: {0}")]
    Unknown(String),
    /// What was read is damaged, or was written by a newer version of Carrel.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

impl LogError {
    /// Returns the kind of error without the name of any stream: for operators' logs, which hold no session ids (PR8).
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Invalid(_) => "invalid",
            Self::Unknown(_) => "unknown outcome",
            Self::Damaged(_) => "damaged",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first bytes of SHA-256's output, checked against the standard's own example: logs hold them.
    #[test]
    fn a_fingerprint_is_what_it_has_always_been() {
        let command = Command::of("librarian:ann:1".into(), b"abc");
        assert_eq!(command.key, "librarian:ann:1");
        assert_eq!(command.fingerprint, 0xba78_16bf_8f01_cfea);
    }
}
