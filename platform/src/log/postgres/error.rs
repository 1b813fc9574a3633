//! What PostgreSQL's errors mean for the log.

use tokio_postgres::error::{Severity, SqlState};

use crate::log::LogError;

/// The command that creates and upgrades the log's tables.
const MIGRATE: &str = "carrel-session migrate";

/// Why the log is not opened, or a connection is not used. Each error says what to do; none shows a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A setting can't be used.
    #[error("postgres.{key}: {problem}")]
    Setting {
        /// The setting, without its section.
        key: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// No server can be reached.
    #[error(
        "postgres.url: PostgreSQL can't be reached ({problem}). Start it, or correct the setting"
    )]
    Unreachable {
        /// Each server and what happened there.
        problem: String,
    },
    /// The server does not let us in.
    #[error(
        "postgres.url: PostgreSQL refuses the connection ({problem}). Correct the user, the password or the \
         database in the setting, or the rights that the user has there"
    )]
    Refused {
        /// The server and what it said.
        problem: String,
    },
    /// The server is read-only, for example a standby.
    #[error(
        "postgres.url: there is no server that can be written ({problem}). Name the primary, or all servers with \
         commas between them"
    )]
    ReadOnly {
        /// Each server and what it is.
        problem: String,
    },
    /// The server may lose what it commits.
    #[error(
        "PostgreSQL has {setting} = {value}, so it may lose what it has committed. Set it to on in its configuration"
    )]
    Unsafe {
        /// The server's setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// The log's tables do not exist.
    #[error("postgres.schema: the schema {schema:?} holds no log. Run `{MIGRATE}` to make it")]
    Missing {
        /// The schema.
        schema: String,
    },
    /// The tables are those of an older version.
    #[error(
        "the log's tables are of version {found}, this Carrel works with version {known}. Run `{MIGRATE}` to renew them"
    )]
    Older {
        /// The version of the tables.
        found: u32,
        /// The version that this Carrel works with.
        known: u32,
    },
    /// The tables are those of a newer version.
    #[error(
        "the log's tables are of version {found}, this Carrel works with version {known}. Run the newer Carrel that ran \
         `{MIGRATE}`"
    )]
    Newer {
        /// The version of the tables.
        found: u32,
        /// The version that this Carrel works with.
        known: u32,
    },
    /// The database holds another history than the one that was opened.
    #[error(
        "the database holds another history than before: a standby took over, or it was restored. The process must be \
         started again"
    )]
    OtherHistory,
    /// The server has not answered a commit.
    #[error(
        "PostgreSQL has not answered a commit yet. If it waits for a standby (synchronous_standby_names), start that, or \
         change the setting"
    )]
    Unanswered,
    /// The server failed.
    #[error("PostgreSQL failed: {problem}")]
    Failed {
        /// What it reported.
        problem: String,
    },
}

/// Returns an error's message without its details: the server's detail can quote names of streams.
pub(super) fn message(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", said.message(), said.code().code());
    }
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Returns why the server at `place` can't be used, after connecting to it or asking for its facts failed.
pub(super) fn not_connected(place: &str, error: &tokio_postgres::Error) -> OpenError {
    let problem = format!("{place}: {}", message(error));
    match error.code().map(SqlState::code) {
        // It is starting, stopping, or out of connections.
        Some(code) if code.starts_with("57") || code.starts_with("53") => {
            OpenError::Unreachable { problem }
        }
        Some(code)
            if code.starts_with("28")
                || code == SqlState::INVALID_CATALOG_NAME.code()
                || code == SqlState::INSUFFICIENT_PRIVILEGE.code() =>
        {
            OpenError::Refused { problem }
        }
        Some(_) => OpenError::Failed { problem },
        // For example, a password is missing in the URL. The library tells these kinds apart only by their texts.
        None if error.to_string().contains("authentication")
            || error.to_string().contains("configuration") =>
        {
            OpenError::Refused { problem }
        }
        None => OpenError::Unreachable { problem },
    }
}

/// Returns the error for a failure after which nothing was written.
pub(super) fn unwritten(error: &tokio_postgres::Error) -> LogError {
    let said = message(error);
    let hint = match error.code() {
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => {
            return LogError::Damaged(said);
        }
        Some(&SqlState::DISK_FULL) => "the disk of the database is full; make room",
        Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            "another session of the database holds a lock for too long"
        }
        Some(&SqlState::QUERY_CANCELED) => "the database took too long or was told to stop",
        _ => "nothing was written",
    };
    LogError::Unavailable(format!("{said}: {hint}"))
}

/// Returns the error for a failed read.
pub(super) fn unread(error: &tokio_postgres::Error) -> LogError {
    match error.code() {
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => {
            LogError::Damaged(message(error))
        }
        Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE) => LogError::Invalid(message(error)),
        _ => LogError::Unavailable(message(error)),
    }
}

/// Returns whether the server said that it did not commit. Any other failure of a commit leaves its outcome
/// open: the connection broke, or the server ended it at an unknown moment.
pub(super) fn surely_not_committed(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| {
        let class = said.code().code().get(..2);
        said.parsed_severity() == Some(Severity::Error)
            && !matches!(class, Some("57" | "58" | "08"))
    })
}

/// Returns whether a group that failed like this may succeed if it is tried again.
pub(super) fn worth_another_try(error: &tokio_postgres::Error) -> bool {
    matches!(
        error.code(),
        Some(
            &SqlState::LOCK_NOT_AVAILABLE
                | &SqlState::T_R_DEADLOCK_DETECTED
                | &SqlState::T_R_SERIALIZATION_FAILURE
        )
    )
}
