//! Vacuuming of erased events.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connector::Connector;

/// The shortest time between two runs.
const EVERY: Duration = Duration::from_secs(60);

/// Vacuums the event table after erasures, in the background, until `stop`.
///
/// PostgreSQL's autovacuum runs only when a certain share of the table is dead; a few erasures in a large table would
/// wait for ever.
pub(super) async fn run(connector: Arc<Connector>, erased: Arc<Notify>, stop: CancellationToken) {
    let work = async {
        loop {
            erased.notified().await;
            if let Err(problem) = vacuum(&connector).await {
                tracing::warn!(problem, "log: erased events are not vacuumed yet");
                erased.notify_one();
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    // The work can be dropped at any point: the connection closes.
    stop.run_until_cancelled(work).await;
}

async fn vacuum(connector: &Connector) -> Result<(), String> {
    let session = connector
        .connect()
        .await
        .map_err(|error| error.to_string())?;
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
