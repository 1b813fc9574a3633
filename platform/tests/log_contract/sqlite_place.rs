//! Logs in files, and in memory.

use std::{path::PathBuf, time::Duration};

use carrel_platform::log::{
    Figures,
    sqlite::{SqliteLog, SqliteOptions},
};

use crate::{
    Place,
    strangers::{Reachable, Stranger},
};

/// One log in a folder of its own.
pub(crate) struct SqliteFile(pub(crate) tempfile::TempDir);

impl SqliteFile {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("carrel.db")
    }

    pub(crate) fn open_with(&self, options: SqliteOptions) -> SqliteLog {
        SqliteLog::open(&self.path(), options).unwrap()
    }

    /// Returns a stranger's connection.
    pub(crate) fn stranger(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

impl Place for SqliteFile {
    type Log = SqliteLog;

    async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self) -> SqliteLog {
        self.open_with(SqliteOptions::default())
    }
}

impl Reachable for SqliteFile {
    type Stranger = rusqlite::Connection;

    const WRITERS: usize = 1;

    async fn visit(&self) -> rusqlite::Connection {
        self.stranger()
    }

    async fn open_narrow(&self) -> SqliteLog {
        self.open_with(SqliteOptions {
            queue: 8,
            queue_timeout: Duration::from_millis(20),
            busy_timeout: Duration::from_secs(60),
            ..SqliteOptions::default()
        })
    }

    fn figures(log: &SqliteLog) -> Figures {
        log.figures()
    }
}

impl Stranger for rusqlite::Connection {
    async fn lock(&self) {
        self.execute_batch("BEGIN IMMEDIATE").unwrap();
    }

    async fn unlock(&self) {
        self.execute_batch("ROLLBACK").unwrap();
    }

    async fn set_trap(&self) {
        self.execute_batch(
            "CREATE TRIGGER before_commit AFTER INSERT ON event WHEN NEW.payload = CAST('refuse' AS BLOB)
                 BEGIN SELECT RAISE(ABORT, 'trapped'); END;",
        )
        .unwrap();
    }

    async fn remove_second_events(&self) {
        self.execute("DELETE FROM event WHERE version = 2", [])
            .unwrap();
    }
}

/// Keeps nothing, so it is never asked to open the same log again.
pub(crate) struct SqliteMemory;

impl Place for SqliteMemory {
    type Log = SqliteLog;

    async fn new() -> Self {
        Self
    }

    async fn open(&self) -> SqliteLog {
        SqliteLog::in_memory().unwrap()
    }
}
