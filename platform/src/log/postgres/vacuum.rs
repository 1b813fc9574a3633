//! Vacuuming of erased events.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{connector::Connector, session::Session};

/// The shortest time between two runs.
const EVERY: Duration = Duration::from_secs(60);

/// Whether the event table may have dead rows. A table of which the server does not know when it was last vacuumed may
/// have some as well: its statistics are lost when it crashes, and when a standby takes over.
const MAY_HAVE_DEAD_ROWS: &str =
    "SELECT n_dead_tup > 0 OR coalesce(last_vacuum, last_autovacuum) IS NULL
    FROM pg_stat_user_tables WHERE relid = 'event'::regclass";

/// Vacuums the event table after erasures, in the background, until `stop`: those of this process, and those that a
/// process before it did not come to. What cannot be removed yet is vacuumed again until it is.
///
/// PostgreSQL's autovacuum runs only when a certain share of the table is dead; a few erasures in a large table would
/// wait for ever.
pub(super) async fn run(connector: Arc<Connector>, erased: Arc<Notify>, stop: CancellationToken) {
    let work = async { tokio::join!(look_back(&connector, &erased), follow(&connector, &erased)) };
    // The work can be dropped at any point: the connections close.
    stop.run_until_cancelled(work).await;
}

/// Has what others erased before this process started vacuumed, if they left any of it. This is looked at again after a
/// while, because what a process did at its end may reach the server's statistics late.
async fn look_back(connector: &Connector, erased: &Notify) {
    for pause in [Duration::ZERO, EVERY] {
        tokio::time::sleep(pause).await;
        match may_have_dead_rows(connector).await {
            Ok(false) => {}
            Ok(true) => return erased.notify_one(),
            Err(problem) => {
                tracing::warn!(
                    problem,
                    "log: can't tell whether erased events were vacuumed"
                );
                return erased.notify_one();
            }
        }
    }
}

async fn follow(connector: &Connector, erased: &Notify) {
    loop {
        erased.notified().await;
        if let Err(problem) = vacuum(connector).await {
            tracing::warn!(problem, "log: erased events are not vacuumed yet");
            erased.notify_one();
        }
        tokio::time::sleep(EVERY).await;
        // An older transaction, such as a backup's, keeps what it might still read from being removed.
        if may_have_dead_rows(connector).await.unwrap_or(true) {
            erased.notify_one();
        }
    }
}

async fn may_have_dead_rows(connector: &Connector) -> Result<bool, String> {
    let session = connect(connector).await?;
    let found = session.client.query_opt(MAY_HAVE_DEAD_ROWS, &[]).await;
    let row = found.map_err(|error| super::error::message(&error))?;
    match row.map(|row| row.try_get(0)).transpose() {
        Ok(dead) => Ok(dead.unwrap_or(true)),
        Err(error) => Err(super::error::message(&error)),
    }
}

async fn vacuum(connector: &Connector) -> Result<(), String> {
    let session = connect(connector).await?;
    for statement in [
        "SET statement_timeout = 0",
        // No truncation, which would need a lock that blocks all access. The indexes are cleaned even if few rows are
        // dead.
        "VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) event",
    ] {
        let done = session.client.batch_execute(statement).await;
        done.map_err(|error| super::error::message(&error))?;
    }
    Ok(())
}

async fn connect(connector: &Connector) -> Result<Session, String> {
    let connected = connector.connect().await;
    connected.map_err(|error| error.to_string())
}
