//! What a server reports of itself and of its log, and the checks of it.

use tokio_postgres::{Client, error::SqlState};

use super::{config::PostgresConfig, error::OpenError};

/// What a server reports of itself and of the log that it holds.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The server's version, as the server reports it.
    pub(super) server: String,
    pub(super) fsync: String,
    pub(super) synchronous_commit: String,
    /// The server process that serves this connection: its number, and when it began.
    pub(super) process: String,
    /// The version of the tables; 0 if there are none.
    pub(super) tables: u32,
    /// The name of the history; `None` if there are no tables.
    pub(super) epoch: Option<String>,
}

/// Reads the facts.
pub(super) async fn facts(client: &Client, schema: &str) -> Result<Facts, tokio_postgres::Error> {
    let row = client
        .query_one(
            &format!(
                "SELECT current_setting('server_version'), current_setting('fsync'),
                     current_setting('synchronous_commit'), to_regclass('\"{schema}\".meta') IS NOT NULL,
                     (SELECT pid || ' ' || backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())"
            ),
            &[],
        )
        .await?;
    let mut facts = Facts {
        server: row.try_get(0)?,
        fsync: row.try_get(1)?,
        synchronous_commit: row.try_get(2)?,
        process: row.try_get(4)?,
        tables: 0,
        epoch: None,
    };
    if !row.try_get::<_, bool>(3)? {
        return Ok(facts);
    }
    let mut named = String::new();
    for row in client.query("SELECT name, value FROM meta", &[]).await? {
        let value: String = row.try_get(1)?;
        match row.try_get(0)? {
            "tables" => facts.tables = value.parse().unwrap_or(u32::MAX),
            "epoch" => named = value,
            _ => {}
        }
    }
    let timeline = timeline(client).await?;
    facts.epoch = Some(format!("{named}-{timeline}"));
    Ok(facts)
}

/// Returns the server's timeline: a standby that takes over and a restored server begin a new one.
async fn timeline(client: &Client) -> Result<String, tokio_postgres::Error> {
    let asked = client
        .query_one(
            "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
            &[],
        )
        .await;
    match asked {
        Ok(row) => row.try_get(0),
        // Some engines that speak PostgreSQL's protocol have no timeline.
        Err(error)
            if matches!(
                error.code(),
                Some(
                    &SqlState::UNDEFINED_FUNCTION
                        | &SqlState::FEATURE_NOT_SUPPORTED
                        | &SqlState::INSUFFICIENT_PRIVILEGE
                )
            ) =>
        {
            Ok("0".to_owned())
        }
        Err(error) => Err(error),
    }
}

impl Facts {
    /// Checks that the server keeps what it commits.
    pub(super) fn check_safety(&self, config: &PostgresConfig) -> Result<(), OpenError> {
        if self.fsync != "on" && !config.allow_unsafe_fsync_off {
            return Err(OpenError::Unsafe {
                setting: "fsync",
                value: self.fsync.clone(),
            });
        }
        if !matches!(self.synchronous_commit.as_str(), "on" | "remote_apply") {
            return Err(OpenError::Unsafe {
                setting: "synchronous_commit",
                value: self.synchronous_commit.clone(),
            });
        }
        Ok(())
    }

    /// Checks that there is a log that this version knows. Returns its epoch.
    pub(super) fn check_tables(
        &self,
        config: &PostgresConfig,
        known: u32,
    ) -> Result<&str, OpenError> {
        let found = self.tables;
        match &self.epoch {
            None => Err(OpenError::Missing {
                schema: config.schema.clone(),
            }),
            Some(_) if found < known => Err(OpenError::Older { found, known }),
            Some(_) if found > known => Err(OpenError::Newer { found, known }),
            Some(epoch) => Ok(epoch),
        }
    }
}
