//! One connection: how it is made, what is asked of the server, and what must be so for it to be used.

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

/// A connection that may be used. It is closed when this is dropped, whatever the server is doing for it.
pub(super) struct Session {
    pub(super) client: Client,
    /// Which of the server's processes serves it.
    process: String,
    closed: CancellationToken,
    warned: Arc<AtomicBool>,
    driver: JoinHandle<()>,
}

impl Session {
    /// Connects to the first of the servers that can be written.
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

    /// Resolves when the connection is closed, whoever closed it.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled() || self.client.is_closed()
    }

    /// Resolves when the server has answered all that it was asked.
    pub(super) async fn answered(&self) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute("").await
    }

    /// Whether the server that this connection leads to still works for the other one.
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

    /// Whether the server has warned of something since this was asked last.
    ///
    /// A commit that waits for a standby can be told to wait no longer. It is then answered like any other, but with a
    /// warning before the answer.
    pub(super) fn was_warned(&self) -> bool {
        self.warned.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Otherwise the connection would wait for what the server has not answered yet.
        self.driver.abort();
    }
}

/// Carries what is sent and received, until one side closes the connection.
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

/// How a session differs from the server's defaults.
///
/// The plans of our statements do not depend on how full the tables happened to be when they were made: each statement
/// is to go by an index. A session that stops in the middle of a transaction, because its process was halted, must not
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

/// One error for all servers: of the kind that says the most of what to do.
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
