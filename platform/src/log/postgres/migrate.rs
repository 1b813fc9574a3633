//! Creating and upgrading the log's tables, only ever at an operator's command.

use tokio_postgres::Transaction;

use super::{
    config::{PostgresConfig, Target},
    error::{OpenError, message},
    session::Session,
};

/// The steps from each version of the tables to the next; the first creates version 1. Released steps never change.
const STEPS: [&str; 1] = [include_str!("migrations/1.sql")];

/// The version of the tables that this Carrel works with.
#[expect(clippy::cast_possible_truncation, reason = "there are a few")]
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// The result of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The version that the tables had; 0 if there were none.
    pub from: u32,
    /// The version that they have now.
    pub to: u32,
}

/// The state of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The server's version, as the server reports it.
    pub server: String,
    /// The version of the tables; 0 if there are none.
    pub found: u32,
    /// The version that this Carrel works with.
    pub known: u32,
    /// The epoch of the log; `None` if there are no tables.
    pub epoch: Option<String>,
}

/// Brings the log's tables to the version that this Carrel works with, in one transaction; creates them if there are
/// none. Running it again, or several at once, changes nothing more. Servers of the older version can go on until they
/// are stopped, but can't make new connections.
///
/// # Errors
/// As for opening the log; [`OpenError::Newer`] if the tables are of a newer version.
pub async fn migrate(config: &PostgresConfig) -> Result<Migration, OpenError> {
    let target = Target::new(config)?;
    let (mut session, _) = Session::connect(&target).await?;
    let failed = |error: tokio_postgres::Error| OpenError::Failed {
        problem: message(&error),
    };
    let transaction = session.client.transaction().await.map_err(failed)?;
    let from = lock(&transaction, &config.schema).await.map_err(failed)?;
    let steps = usize::try_from(from)
        .ok()
        .and_then(|from| STEPS.get(from..))
        .ok_or(OpenError::Newer {
            found: from,
            known: KNOWN,
        })?;
    for step in steps {
        transaction.batch_execute(step).await.map_err(failed)?;
    }
    if from < KNOWN {
        transaction
            .execute(
                "INSERT INTO meta (name, value) VALUES ('tables', $1)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                &[&KNOWN.to_string()],
            )
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(Migration { from, to: KNOWN })
}

/// Returns the state of the database without changing anything.
///
/// # Errors
/// If the database can't be reached, or is a standby.
pub async fn status(config: &PostgresConfig) -> Result<Status, OpenError> {
    let (_, facts) = Session::connect(&Target::new(config)?).await?;
    Ok(Status {
        server: facts.server,
        found: facts.tables,
        known: KNOWN,
        epoch: facts.epoch,
    })
}

/// Locks out other migrations of the schema, makes sure that the schema exists, and returns the version of its tables.
async fn lock(transaction: &Transaction<'_>, schema: &str) -> Result<u32, tokio_postgres::Error> {
    // The tables may be large, and another migration may take its time.
    transaction
        .batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        .await?;
    transaction
        .execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('carrel migrates ' || $1, 0))",
            &[&schema],
        )
        .await?;
    // Created only if missing: a user who may use a schema is not always allowed to create one.
    let row = transaction
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1), to_regclass($2) IS NOT NULL",
            &[&schema, &format!("\"{schema}\".meta")],
        )
        .await?;
    if !row.try_get::<_, bool>(0)? {
        transaction
            .batch_execute(&format!("CREATE SCHEMA \"{schema}\""))
            .await?;
    }
    if !row.try_get::<_, bool>(1)? {
        return Ok(0);
    }
    let version = transaction
        .query_one("SELECT value FROM meta WHERE name = 'tables'", &[])
        .await?;
    Ok(version.try_get::<_, &str>(0)?.parse().unwrap_or(u32::MAX))
}
