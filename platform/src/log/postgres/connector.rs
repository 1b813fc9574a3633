//! The source of all database connections of a process, which limits how often they are made.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{config::Target, error::OpenError, migrate, session::Session};

/// The pause after a first failure, in which no further attempt is made.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause, after many failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Makes connections to one history of the log, one at a time. After a failure all callers get the same error for a
/// while, so that a server that comes back is not met by a crowd.
pub(super) struct Connector {
    target: Target,
    epoch: OnceLock<String>,
    broken: CancellationToken,
    failure: Mutex<Option<Failure>>,
}

struct Failure {
    error: OpenError,
    pause: Duration,
    until: Instant,
}

impl Connector {
    /// A connector that cancels `broken` when it finds another history than before.
    pub(super) fn new(target: Target, broken: CancellationToken) -> Self {
        Self {
            target,
            epoch: OnceLock::new(),
            broken,
            failure: Mutex::default(),
        }
    }

    /// Returns the name of the history; empty before the first connection.
    pub(super) fn epoch(&self) -> &str {
        self.epoch.get().map_or("", String::as_str)
    }

    /// Makes a connection to the log, in this history.
    pub(super) async fn connect(&self) -> Result<Session, OpenError> {
        let mut failure = self.failure.lock().await;
        if let Some(failure) = &*failure
            && Instant::now() < failure.until
        {
            return Err(failure.error.clone());
        }
        match self.attempt().await {
            Ok(session) => {
                *failure = None;
                Ok(session)
            }
            Err(error) => {
                *failure = Some(Failure::after(failure.as_ref(), error.clone()));
                Err(error)
            }
        }
    }

    /// Notes that a connection turned out to be of no use.
    pub(super) async fn note(&self, error: &OpenError) {
        let mut failure = self.failure.lock().await;
        *failure = Some(Failure::after(failure.as_ref(), error.clone()));
    }

    /// Waits until the next attempt may be made.
    pub(super) async fn pause(&self) {
        let until = self
            .failure
            .lock()
            .await
            .as_ref()
            .map(|failure| failure.until);
        if let Some(until) = until {
            tokio::time::sleep_until(until.into()).await;
        }
    }

    async fn attempt(&self) -> Result<Session, OpenError> {
        let (session, facts) = Session::connect(&self.target).await?;
        let config = &self.target.config;
        facts.check_safety(config)?;
        let found = facts.check_tables(config, migrate::KNOWN)?;
        if self.epoch.get_or_init(|| found.to_owned()) != found {
            tracing::error!(
                "log: the database holds another history than before; the process must restart"
            );
            self.broken.cancel();
            return Err(OpenError::OtherHistory);
        }
        Ok(session)
    }
}

impl Failure {
    fn after(before: Option<&Self>, error: OpenError) -> Self {
        let pause = before.map_or(FIRST_PAUSE, |before| {
            before.pause.saturating_mul(2).min(LONGEST_PAUSE)
        });
        Self {
            error,
            pause,
            until: Instant::now() + jittered(pause),
        }
    }
}

/// Returns a random pause between half of `pause` and all of it.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without a random number every process waits for the whole pause.
    let part = match getrandom::fill(&mut byte) {
        Ok(()) => u32::from(byte[0]),
        Err(_) => 255,
    };
    pause / 2 + pause / 2 * part / 255
}
