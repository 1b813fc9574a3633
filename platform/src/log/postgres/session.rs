//! A single connection: how it is made, and what is checked before it is used.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::future::poll_fn;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, error::SqlState};
use tokio_util::sync::CancellationToken;

use super::{
    config::{PostgresConfig, Server, Target},
    error::{OpenError, not_connected},
    facts::{Facts, facts},
};

/// A usable connection. It is closed when this is dropped, whatever the server is doing for it.
pub(super) struct Session {
    pub(super) client: Client,
    /// The server process that serves it.
    process: String,
    closed: CancellationToken,
    warned: Arc<AtomicBool>,
    driver: JoinHandle<()>,
}

impl Session {
    /// Connects to the first server that can be written.
    pub(super) async fn connect(target: &Target) -> Result<(Self, Facts), OpenError> {
        let mut refusals = Vec::new();
        for server in &target.servers {
            let patience = target.config.connect_timeout.get();
            let attempt = Self::connect_to(target, server);
            match tokio::time::timeout(patience, attempt).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(refusal)) => refusals.push(refusal),
                Err(_) => refusals.push(OpenError::Unreachable {
                    problem: format!("{}: no answer within {patience:?}", server.place),
                }),
            }
        }
        Err(together(refusals))
    }

    async fn connect_to(target: &Target, server: &Server) -> Result<(Self, Facts), OpenError> {
        let refused = |error| not_connected(&server.place, &error);
        let mut session = match &target.tls {
            None => {
                let (client, connection) = server.config.connect(NoTls).await.map_err(refused)?;
                Self::new(client, connection)
            }
            Some(tls) => {
                let connected = server.config.connect(tls.clone()).await;
                let (client, connection) = connected.map_err(refused)?;
                Self::new(client, connection)
            }
        };
        let client = &session.client;
        let read_only: bool = client
            .query_one(
                "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool",
                &[],
            )
            .await
            .and_then(|row| row.try_get(0))
            .map_err(refused)?;
        if read_only {
            return Err(OpenError::ReadOnly {
                problem: format!("{} is a standby or read-only", server.place),
            });
        }
        client
            .batch_execute(&settings(&target.config))
            .await
            .map_err(refused)?;
        let facts = facts(client, &target.config.schema)
            .await
            .map_err(refused)?;
        session.process.clone_from(&facts.process);
        Ok((session, facts))
    }

    fn new<S, T>(client: Client, connection: Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let closed = CancellationToken::new();
        let warned = Arc::new(AtomicBool::new(false));
        let driver = tokio::spawn(drive(
            connection,
            closed.clone().drop_guard(),
            Arc::clone(&warned),
        ));
        Self {
            client,
            process: String::new(),
            closed,
            warned,
            driver,
        }
    }

    /// Resolves when the connection is closed, by either side.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled() || self.client.is_closed()
    }

    /// Resolves when the server has answered everything that was sent.
    pub(super) async fn answered(&self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute("").await
    }

    /// Returns whether this connection's server is still working for the other connection.
    pub(super) async fn sees(&self, other: &Self) -> Result<bool, tokio_postgres::Error> {
        let row = self
            .client
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid || ' ' || backend_start = $1)",
                &[&other.process],
            )
            .await?;
        row.try_get(0)
    }

    /// Closes the connection at once, whatever the server is doing for it.
    pub(super) fn give_up(&self) {
        self.closed.cancel();
        self.driver.abort();
    }

    /// Returns whether the server has sent a warning since the last call.
    ///
    /// A commit that waits for a standby can be told to stop waiting. It is then answered like any other, but with a
    /// warning before the answer.
    pub(super) fn was_warned(&self) -> bool {
        self.warned.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Otherwise the connection would wait for unanswered requests.
        self.driver.abort();
    }
}

/// Drives the connection until one side closes it.
async fn drive<S, T>(
    mut connection: Connection<S, T>,
    _closed: tokio_util::sync::DropGuard,
    warned: Arc<AtomicBool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) if *notice.code() == SqlState::WARNING => {
                warned.store(true, Ordering::Release);
                tracing::warn!(warning = notice.message(), "log: PostgreSQL warns");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(
                    problem = super::error::message(&error),
                    "log: a connection broke"
                );
                return;
            }
        }
    }
}

/// Returns the settings of a session that differ from the server's defaults.
///
/// The plans of our statements must not depend on how full the tables were when the plans were made: every statement
/// is to use an index. A session that stops in the middle of a transaction, because its process was halted, must not
/// hold its locks for longer than a statement may take.
fn settings(config: &PostgresConfig) -> String {
    let statement = config.statement_timeout.get().as_millis();
    let lock = config.lock_timeout.get().as_millis();
    format!(
        "SET search_path = \"{schema}\";
         SET statement_timeout = {statement};
         SET lock_timeout = {lock};
         SET idle_in_transaction_session_timeout = {statement};
         SET default_transaction_isolation = 'read committed';
         SET plan_cache_mode = 'force_generic_plan';
         SET enable_seqscan = off;
         SET enable_hashjoin = off;
         SET enable_mergejoin = off;
         SET jit = off;
         SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
             WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)",
        schema = config.schema,
    )
}

/// Combines the errors of all servers into one, of the kind that helps the most.
fn together(refusals: Vec<OpenError>) -> OpenError {
    let mut problems = Vec::new();
    let mut read_only = false;
    for refusal in refusals {
        match refusal {
            OpenError::Unreachable { problem } => problems.push(problem),
            OpenError::ReadOnly { problem } => {
                read_only = true;
                problems.push(problem);
            }
            other => return other,
        }
    }
    let problem = problems.join("; ");
    match read_only {
        true => OpenError::ReadOnly { problem },
        false => OpenError::Unreachable { problem },
    }
}
