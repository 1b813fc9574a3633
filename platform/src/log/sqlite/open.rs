//! Opening a log's file: what is accepted, and how the rest is reported.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig};

/// `carl` in ASCII: marks a SQLite file as a Carrel log.
const APPLICATION_ID: i32 = 0x6361_726c;

/// The version of the tables. A newer Carrel that changes them increments it.
const SCHEMA_VERSION: i32 = 2;

const SCHEMA: &str = include_str!("schema.sql");

/// Upgrades tables of version 1, whose events could not be erased, to this version. What it drops is overwritten.
const FROM_VERSION_1: [&str; 2] = [
    "DROP INDEX stream_open;
     DROP INDEX stream_closed;
     ALTER TABLE meta RENAME TO old_meta;
     ALTER TABLE stream RENAME TO old_stream;
     ALTER TABLE event RENAME TO old_event;",
    "INSERT INTO meta (name, value) SELECT name, value FROM old_meta;
     INSERT INTO stream (stream_id, category, id, version, owner, closed_at_ms, standing_version)
         SELECT stream_id, category, id, version, owner, closed_at_ms, version FROM old_stream;
     INSERT INTO event (stream_id, version, at_ms, payload, command_key, command_fingerprint)
         SELECT stream_id, version, at_ms, payload, command_key, unhex(format('%016X', command_fingerprint))
         FROM old_event ORDER BY stream_id, version;
     DROP TABLE old_event;
     DROP TABLE old_stream;
     DROP TABLE old_meta;",
];

/// A file that lies beside the log in every data folder that was ever used; if it is there without the log, the log was
/// lost.
const KEYS_FILE: &str = "keys.json";

/// Why a log's file was not opened. Each error names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log is not there, but other files show that it was.
    #[error(
        "{} is missing or empty, but {} is there: the log was lost or moved away. Put the log back or restore it from \
         a backup; to start anew with an empty log, move everything out of the folder", path.display(), trace.display()
    )]
    Lost {
        /// The log's file.
        path: PathBuf,
        /// The file that shows that there was a log.
        trace: PathBuf,
    },
    /// The file holds something other than a Carrel log.
    #[error(
        "{} is not a log of Carrel ({found}). If the path is right, the file was overwritten: restore it from a \
         backup", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// The file was written by a newer version.
    #[error(
        "{} was written by a newer version of Carrel (tables of version {found}, this one knows {SCHEMA_VERSION}). \
         Run that version", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i32,
    },
    /// The file is a Carrel log, but a check failed.
    #[error(
        "{} is damaged ({problem}). Keep a copy of it together with the files whose names begin with its name, and \
         restore the last backup", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check reported.
        problem: String,
    },
    /// Another process has locked the whole file.
    #[error(
        "{} is locked by another process. Stop the other Carrel or the database tool that has it open, then start \
         again", path.display()
    )]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be written.
    #[error(
        "{} can't be written. Give the user that runs Carrel the right to write the file and its folder",
        path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} can't be opened: {problem}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system said.
        problem: String,
    },
}

/// Where a log is kept.
#[derive(Clone, Debug)]
pub(super) enum Place {
    File(PathBuf),
    /// A database in this process's memory, by its name.
    Memory(String),
}

impl Place {
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Memory(name) => PathBuf::from(name),
        }
    }

    fn connect(&self, access: OpenFlags) -> rusqlite::Result<Connection> {
        match self {
            Self::File(path) => {
                Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            }
            Self::Memory(name) => Connection::open_with_flags(
                format!("file:/{name}?vfs=memdb"),
                access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI,
            ),
        }
    }

    /// Opens a connection that can't write.
    pub(super) fn reader(&self, busy_timeout: Duration) -> rusqlite::Result<Connection> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(busy_timeout)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
        // Otherwise a statement that selects versions above a number is planned anew for each number.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        Ok(connection)
    }

    /// Opens or creates the log and checks it. Returns the connection that writes, and the epoch.
    pub(super) fn writer(
        &self,
        busy_timeout: Duration,
        check_up_to: u64,
    ) -> Result<(Connection, String), OpenError> {
        let trace = match self {
            Self::File(path) => prepare_file(path)?,
            Self::Memory(_) => None,
        };
        let explain = |error| explain(self.path(), &error);
        let mut access = OpenFlags::SQLITE_OPEN_READ_WRITE;
        if matches!(self, Self::Memory(_)) {
            access |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let mut connection = self.connect(access).map_err(explain)?;
        connection.busy_timeout(busy_timeout).map_err(explain)?;
        // SQLite is asked, not the file system: this rolls back what a crash left of an unfinished creation.
        let pages: i64 = connection
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .map_err(explain)?;
        if pages == 0 {
            if let Some(trace) = trace {
                return Err(OpenError::Lost {
                    path: self.path(),
                    trace,
                });
            }
            begin(&mut connection).map_err(explain)?;
        }
        self.check_kind(&connection)?;
        if connection.is_readonly("main").map_err(explain)? {
            return Err(OpenError::ReadOnly { path: self.path() });
        }
        if matches!(self, Self::File(_)) {
            write_ahead(&connection, busy_timeout).map_err(explain)?;
        }
        configure(&connection).map_err(explain)?;
        self.check_pages(&connection, check_up_to)?;
        upgrade(&mut connection).map_err(|error| self.not_upgraded(&error))?;
        self.check_tables(&connection)?;
        let epoch = connection
            .query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| {
                row.get(0)
            })
            .map_err(explain)?;
        Ok((connection, epoch))
    }

    /// Checks, without changing anything, that the file is a log that this version knows.
    fn check_kind(&self, connection: &Connection) -> Result<(), OpenError> {
        let explain = |error| explain(self.path(), &error);
        let pragma = |name| {
            connection
                .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
                .map_err(explain)
        };
        let application_id = pragma("application_id")?;
        if application_id != APPLICATION_ID {
            return Err(OpenError::Foreign {
                path: self.path(),
                found: format!("a database with the application id {application_id:#x}"),
            });
        }
        let found = pragma("user_version")?;
        if found > SCHEMA_VERSION {
            return Err(OpenError::Newer {
                path: self.path(),
                found,
            });
        }
        Ok(())
    }

    /// Compares the tables with those that this version creates.
    fn check_tables(&self, connection: &Connection) -> Result<(), OpenError> {
        let explain = |error| explain(self.path(), &error);
        let model = Connection::open_in_memory().map_err(explain)?;
        model.execute_batch(SCHEMA).map_err(explain)?;
        let found = tables(connection).map_err(explain)?;
        for (name, sql) in tables(&model).map_err(explain)? {
            if !found.contains(&(name.clone(), sql)) {
                return Err(
                    self.damaged(format!("its table or index {name} is not as it should be"))
                );
            }
        }
        Ok(())
    }

    /// Checks the pages of a file that is small enough not to delay the start.
    fn check_pages(&self, connection: &Connection, check_up_to: u64) -> Result<(), OpenError> {
        let explain = |error| explain(self.path(), &error);
        let size: i64 = connection
            .query_row(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
                [],
                |row| row.get(0),
            )
            .map_err(explain)?;
        if u64::try_from(size).unwrap_or(u64::MAX) <= check_up_to {
            let verdict: String = connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
                .map_err(explain)?;
            if verdict != "ok" {
                return Err(self.damaged(verdict));
            }
        }
        Ok(())
    }

    /// Explains why the tables were not upgraded: unless the system failed, they are not as they should be.
    fn not_upgraded(&self, error: &rusqlite::Error) -> OpenError {
        match error.sqlite_error_code() {
            Some(ErrorCode::Unknown) => self.damaged(error.to_string()),
            _ => explain(self.path(), error),
        }
    }

    fn damaged(&self, problem: String) -> OpenError {
        OpenError::Damaged {
            path: self.path(),
            problem,
        }
    }
}

/// Makes sure that the file exists, and looks for a trace of an earlier log beside it.
///
/// A crash during creation leaves an empty file, so an empty file counts as none.
fn prepare_file(path: &Path) -> Result<Option<PathBuf>, OpenError> {
    let failed = |error: io::Error| OpenError::Failed {
        path: path.to_owned(),
        problem: error.to_string(),
    };
    let mut write_ahead = path.as_os_str().to_owned();
    write_ahead.push("-wal");
    let traces = [PathBuf::from(write_ahead), path.with_file_name(KEYS_FILE)];
    // The traces are looked for first: they are created after the log, so a log that another process is creating right
    // now is not taken for a loss.
    let mut trace = None;
    for candidate in traces {
        if candidate.try_exists().map_err(failed)? {
            trace = Some(candidate);
        }
    }
    let size = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Some(metadata.len()),
        Ok(_) => {
            return Err(OpenError::Foreign {
                path: path.to_owned(),
                found: "it is not a file".to_owned(),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    match (size, trace) {
        (None | Some(0), Some(trace)) => Err(OpenError::Lost {
            path: path.to_owned(),
            trace,
        }),
        (None, None) => {
            create_private(path).map_err(failed)?;
            Ok(None)
        }
        (Some(_), trace) => Ok(trace),
    }
}

/// Creates an empty file that only its owner may read: it will hold what patrons say.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Creates an empty log in one transaction, unless another process was faster.
fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    let begun = |connection: &Connection| {
        connection.query_row("SELECT count(*) > 0 FROM sqlite_schema", [], |row| {
            row.get(0)
        })
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    if begun(&transaction)? {
        return Ok(());
    }
    transaction.execute_batch(SCHEMA)?;
    transaction.execute(
        "INSERT INTO meta (name, value) VALUES ('epoch', lower(hex(randomblob(16))))",
        [],
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// Upgrades the tables of an older version in one transaction, unless another process was faster.
fn upgrade(connection: &mut Connection) -> rusqlite::Result<()> {
    let version = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))
    };
    if version(connection)? == SCHEMA_VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version(&transaction)? == SCHEMA_VERSION {
        return Ok(());
    }
    let [aside, over] = FROM_VERSION_1;
    for step in [aside, SCHEMA, over] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// The most memory that the writing connection uses for cached pages.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// After how many pages the write-ahead log is copied into the file: 16 MiB, which takes a moment to read after a
/// crash.
const CHECKPOINT_PAGES: i64 = 4096;

/// Switches the file to write-ahead logging.
///
/// If two connections do this at the same time, SQLite refuses one of them at once, ignoring its busy timeout.
fn write_ahead(connection: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    let give_up = Instant::now() + busy_timeout;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < give_up =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            result => break result?,
        }
    }
    // Each commit of a session writes the last page of its index: a large cache keeps these pages at hand, and rare
    // checkpoints copy each into the file once for many commits.
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    // Keeps the write-ahead log from staying as large as it once had to be.
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(32);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // FULL and not NORMAL: with NORMAL, a loss of power would lose the last commits. `fullfsync` does the same for
    // macOS, where a plain sync stops at the drive's cache.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )?;
    connection.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))
}

fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    connection
        .prepare("SELECT name, sql FROM sqlite_schema")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn explain(path: PathBuf, error: &rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        Some(ErrorCode::ReadOnly) => OpenError::ReadOnly { path },
        Some(ErrorCode::NotADatabase) => OpenError::Foreign {
            path,
            found: "it is not a SQLite database".to_owned(),
        },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged {
            path,
            problem: error.to_string(),
        },
        Some(_) => OpenError::Failed {
            path,
            problem: error.to_string(),
        },
        None => OpenError::Damaged {
            path,
            problem: error.to_string(),
        },
    }
}
