//! The writing tasks, each on a connection of its own, and their group commit.

mod unanswered;

use std::{
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{
        Mutex, Notify,
        mpsc::{self, error::TryRecvError},
    },
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    SYSTEM,
    connector::Connector,
    error::{OpenError, message},
    transaction::{Failure, Locking, WritingSession},
};
use crate::log::{
    LogError,
    figures::Counters,
    group::{Request, answer, broken, commit_span, count, gather, measure_commit, record_commit},
};

/// What all writers of a log share.
pub(super) struct Shared {
    pub(super) connector: Arc<Connector>,
    pub(super) requests: Mutex<mpsc::Receiver<Request>>,
    pub(super) broken: CancellationToken,
    pub(super) counters: Arc<Counters>,
    pub(super) links: Arc<Links>,
    /// Notified after each commit that erased something.
    pub(super) erased: Arc<Notify>,
    /// How long to wait for an answer of the database.
    pub(super) patience: Duration,
}

/// Which writers are connected.
#[derive(Default)]
pub(super) struct Links {
    up: AtomicUsize,
    problem: StdMutex<Option<OpenError>>,
}

/// Why a writer stopped serving a connection.
enum Ended {
    /// The connection is closed.
    Lost,
    /// The server has not answered a commit yet.
    Unanswered,
    /// No sender is left, or the log broke.
    Done,
}

/// Makes a connection that can write.
pub(super) async fn connect(
    connector: &Connector,
    patience: Duration,
) -> Result<WritingSession, OpenError> {
    let session = connector.connect().await?;
    // A halted server says nothing, while its kernel keeps the connection open.
    let error = match timeout(patience, WritingSession::new(session, patience)).await {
        Ok(Ok(session)) => return Ok(session),
        Ok(Err(error)) => OpenError::Failed {
            problem: message(&error),
        },
        Err(_) => OpenError::Failed {
            problem: format!("it did not answer within {patience:?}"),
        },
    };
    connector.note(&error).await;
    Err(error)
}

/// Writes requests as they arrive, until every sender is gone or the log breaks.
pub(super) async fn run(shared: Arc<Shared>, mut session: Option<WritingSession>) {
    // If this task panicked, no request would be answered any more.
    let _guard = BreakOnPanic(shared.broken.clone());
    loop {
        let Some(connected) = shared.connected(session.take()).await else {
            break;
        };
        match shared.serve(&connected).await {
            Ended::Lost => {}
            Ended::Unanswered => {
                if shared.until_answered(&connected).await {
                    session = Some(connected);
                }
            }
            Ended::Done => break,
        }
    }
    if shared.broken.is_cancelled() {
        shared.refuse_all().await;
    }
}

impl Shared {
    /// Returns the given connection, or a new one as soon as one can be made. While no writer has a connection,
    /// waiting requests are refused.
    async fn connected(&self, session: Option<WritingSession>) -> Option<WritingSession> {
        if session.is_some() {
            return session;
        }
        while !self.broken.is_cancelled() {
            match connect(&self.connector, self.patience).await {
                Ok(session) => {
                    self.links.set_problem(None);
                    return Some(session);
                }
                Err(error) => {
                    tracing::warn!(%error, "log: a writer is not connected");
                    self.links.set_problem(Some(error));
                }
            }
            if !self.refuse_waiting() {
                return None;
            }
            self.connector.pause().await;
        }
        None
    }

    async fn serve(&self, session: &WritingSession) -> Ended {
        let _up = self.links.count_in();
        loop {
            let group = tokio::select! {
                biased;
                () = self.broken.cancelled() => return Ended::Done,
                () = session.session.closed() => return Ended::Lost,
                group = self.next_group() => group,
            };
            let Some(group) = group else {
                return Ended::Done;
            };
            match self.commit(session, &group).await {
                Ok(results) => answer(group.into_iter().zip(results)),
                Err(failure) => {
                    tracing::error!(error = %failure.error, requests = group.len(), "log: a group was not committed");
                    let refused = group.into_iter();
                    answer(refused.map(|request| (request, Err(failure.error.clone()))));
                    if failure.unanswered {
                        return Ended::Unanswered;
                    }
                }
            }
        }
    }

    /// Waits for a group of requests. `None` when every sender is gone. One writer at a time waits here.
    async fn next_group(&self) -> Option<Vec<Request>> {
        let mut requests = self.requests.lock().await;
        let mut group = Vec::new();
        while group.is_empty() {
            let first = requests.recv().await?;
            gather(first, &mut requests, &mut group);
        }
        Some(group)
    }

    async fn commit(
        &self,
        session: &WritingSession,
        group: &[Request],
    ) -> Result<Vec<Result<(), LogError>>, Failure> {
        let mut span = commit_span(SYSTEM, group);
        let started = Instant::now();
        let work: Vec<_> = group.iter().map(|request| &request.work).collect();
        let committed = async {
            match session.commit(&work, Locking::Wait).await {
                // Another session holds one of the streams: the other streams need not wait for it.
                Err(failure) if failure.try_again && !session.session.is_closed() => {
                    session.commit(&work, Locking::LeaveOut).await
                }
                first => first,
            }
        };
        let settled = span.scope().around(committed).await?;
        let figures = count(group, &settled.results);
        self.counters.count_group(figures);
        if settled.written {
            let took = started.elapsed();
            self.counters.count_commit(took);
            measure_commit(SYSTEM, figures, took);
        }
        if settled.erased {
            self.erased.notify_one();
        }
        record_commit(&mut span, figures, settled.statements, settled.sync);
        if settled.written && self.broken.is_cancelled() {
            return Err(Failure::unknown(
                "it was committed, but another server has taken the log over since".to_owned(),
            ));
        }
        Ok(settled.results)
    }

    /// Refuses what waits while no writer is connected. Returns whether more requests may come.
    fn refuse_waiting(&self) -> bool {
        let Some(problem) = self.links.problem() else {
            return true;
        };
        // If another writer holds the requests, it is connected and takes care of them.
        let Ok(mut requests) = self.requests.try_lock() else {
            return true;
        };
        loop {
            match requests.try_recv() {
                Ok(request) => answer([(request, Err(problem.clone()))]),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Refuses what waits and everything that may still come.
    async fn refuse_all(&self) {
        let mut requests = self.requests.lock().await;
        requests.close();
        while let Some(request) = requests.recv().await {
            answer([(request, Err(broken()))]);
        }
    }
}

impl Links {
    /// Returns why nothing can be written at the moment; `None` if it can be, or may be able to soon.
    pub(super) fn problem(&self) -> Option<LogError> {
        if self.up.load(Ordering::Acquire) > 0 {
            return None;
        }
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        let problem = problem.as_ref();
        problem.map(|problem| LogError::Unavailable(problem.to_string()))
    }

    fn set_problem(&self, problem: Option<OpenError>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    fn count_in(&self) -> impl Drop {
        struct Up<'a>(&'a AtomicUsize);

        impl Drop for Up<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::AcqRel);
            }
        }

        self.up.fetch_add(1, Ordering::AcqRel);
        Up(&self.up)
    }
}

struct BreakOnPanic(CancellationToken);

impl Drop for BreakOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.cancel();
        }
    }
}
