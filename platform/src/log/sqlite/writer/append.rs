//! What the writing thread does within a transaction.
//!
//! Its statements are prepared once. It also remembers the versions of the streams that it was asked about: under the
//! file's write lock only this connection changes them, and SQLite says whether another one has since the last
//! transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::log::{Batch, LogError, StreamName, Write};

/// How many streams are remembered between transactions. At this number all are forgotten; streams that are still in
/// use are soon known again.
const REMEMBERED: usize = 8_192;

/// Where a stream is in the file, and its last version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) stream_id: i64,
    pub(super) version: i64,
}

/// The prepared statements, and what is known of the streams.
pub(super) struct Appends<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    data_version: Statement<'c>,
    find: Statement<'c>,
    create: Statement<'c>,
    insert: Statement<'c>,
    advance: Statement<'c>,
    advance_and_index: Statement<'c>,
    /// The known heads of streams; `None` for a stream that is known not to exist.
    heads: HashMap<StreamName, Option<Head>>,
    /// The `data_version` for which `heads` is right.
    known_at: Option<i64>,
}

impl<'c> Appends<'c> {
    /// Prepares the statements, with nothing known of the streams yet.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(super) fn on(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            data_version: connection.prepare("PRAGMA data_version")?,
            find: connection
                .prepare("SELECT stream_id, version FROM stream WHERE category = ?1 AND id = ?2")?,
            create: connection
                .prepare("INSERT INTO stream (category, id, version) VALUES (?1, ?2, 0)")?,
            insert: connection.prepare(
                "INSERT INTO event (stream_id, version, at_ms, payload, command_key, command_fingerprint)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            advance: connection.prepare("UPDATE stream SET version = ?2 WHERE stream_id = ?1")?,
            advance_and_index: connection.prepare(
                "UPDATE stream SET version = ?2, owner = ?3, closed_at_ms = ?4, standing_version = ?2
                 WHERE stream_id = ?1",
            )?,
            heads: HashMap::new(),
            known_at: None,
        })
    }

    /// Begins a transaction with the write lock, and forgets what another connection may have changed.
    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.execute([])?;
        let version = self.data_version.query_row([], |row| row.get(0))?;
        if self.known_at.replace(version) != Some(version) || self.heads.len() >= REMEMBERED {
            self.heads.clear();
        }
        Ok(())
    }

    /// Commits the transaction.
    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.commit.execute([]).map(|_| ())
    }

    /// Forgets all heads, because the transaction was not committed.
    pub(super) fn forget(&mut self) {
        self.heads.clear();
    }

    /// Writes a batch if all of its streams are at the versions that its writer saw; otherwise writes nothing.
    pub(super) fn append(&mut self, batch: &Batch) -> rusqlite::Result<Result<(), LogError>> {
        for write in &batch.writes {
            let actual = self.find(&write.stream)?.map_or(0, |head| head.version);
            if u64::try_from(actual) != Ok(write.expected) {
                return Ok(Err(LogError::Conflict {
                    stream: write.stream.clone(),
                    expected: write.expected,
                    actual: actual.unsigned_abs(),
                }));
            }
        }
        for write in &batch.writes {
            self.write(write)?;
        }
        Ok(Ok(()))
    }

    /// Returns the head of a stream, if the stream exists.
    pub(super) fn find(&mut self, stream: &StreamName) -> rusqlite::Result<Option<Head>> {
        if let Some(head) = self.heads.get(stream) {
            return Ok(*head);
        }
        let head = self
            .find
            .query_row(params![stream.category, stream.id], |row| {
                Ok(Head {
                    stream_id: row.get(0)?,
                    version: row.get(1)?,
                })
            })
            .optional()?;
        self.heads.insert(stream.clone(), head);
        Ok(head)
    }

    fn write(&mut self, write: &Write) -> rusqlite::Result<()> {
        if write.events.is_empty() {
            return Ok(());
        }
        let mut head = match self.find(&write.stream)? {
            Some(head) => head,
            None => self.create(&write.stream)?,
        };
        for event in &write.events {
            head.version += 1;
            let command = event.command.as_ref();
            self.insert.execute(params![
                head.stream_id,
                head.version,
                event.at_ms,
                &event.payload[..],
                command.map(|command| &command.key),
                command.map(|command| command.fingerprint.to_be_bytes()),
            ])?;
        }
        // A statement keeps the values bound to it last, which may be large and may be erased later.
        self.insert.clear_bindings();
        let Head { stream_id, version } = head;
        match &write.index_entry {
            None => self.advance.execute(params![stream_id, version])?,
            Some(index_entry) => self.advance_and_index.execute(params![
                stream_id,
                version,
                index_entry.owner,
                index_entry.closed_at_ms
            ])?,
        };
        if let Some(known) = self.heads.get_mut(&write.stream) {
            *known = Some(head);
        }
        Ok(())
    }

    fn create(&mut self, stream: &StreamName) -> rusqlite::Result<Head> {
        self.create.execute(params![stream.category, stream.id])?;
        Ok(Head {
            stream_id: self.connection.last_insert_rowid(),
            version: 0,
        })
    }
}
