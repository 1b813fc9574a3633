//! Takes what was erased out of the tables' pages.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connector::Connector;

/// How often at the most.
const EVERY: Duration = Duration::from_secs(60);

/// Vacuums the table of events after erasures, in the background, until it is told to stop.
///
/// PostgreSQL does it too, but only when a part of the table is dead; a few erasures in a large one would wait for ever.
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
    // Whoever waits for nothing more can be left at any point: the connection closes.
    stop.run_until_cancelled(work).await;
}

async fn vacuum(connector: &Connector) -> Result<(), String> {
    let session = connector
        .connect()
        .await
        .map_err(|error| error.to_string())?;
    for statement in [
        "SET statement_timeout = 0",
        // Not truncated, which would need a lock that stops everybody. The indexes are cleaned although few rows are
        // dead.
        "VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) event",
    ] {
        let done = session.client.batch_execute(statement).await;
        done.map_err(|error| super::error::message(&error))?;
    }
    Ok(())
}
