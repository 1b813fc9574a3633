//! The current directory, folded in memory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use carrel_platform::log::{EventLog, LogError};
use tokio::sync::Mutex;

use crate::directory::storage::{self, Snapshot};

/// The directory with everything that is in the log.
///
/// Every call looks at the log, so that a change made by another process counts at once; but calls that wait meanwhile
/// share one look. When all clients come back at once, one look serves some thousand of them.
pub(crate) struct Latest {
    log: Arc<dyn EventLog>,
    /// How many looks at the log have begun.
    looks: AtomicU64,
    known: Mutex<Known>,
}

struct Known {
    snapshot: Arc<Snapshot>,
    /// The last look that ended, and its error if it could not read the log.
    look: u64,
    failure: Option<LogError>,
}

impl Latest {
    /// Reads the directory.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn read(log: Arc<dyn EventLog>) -> Result<Self, LogError> {
        let known = Known {
            snapshot: Arc::new(storage::read(&*log).await?),
            look: 0,
            failure: None,
        };
        Ok(Self {
            log,
            looks: AtomicU64::new(0),
            known: Mutex::new(known),
        })
    }

    /// Returns the directory as it was at a moment after this was called.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn get(&self) -> Result<Arc<Snapshot>, LogError> {
        let begun = self.looks.load(Ordering::SeqCst);
        let mut known = self.known.lock().await;
        // A look that had begun already may have missed what this caller knows of. A caller that gives up during its
        // look leaves the look to the next.
        if known.look <= begun {
            let look = 1 + self.looks.fetch_add(1, Ordering::SeqCst);
            let newer = storage::read_newer(&*self.log, &known.snapshot).await;
            known.look = look;
            known.failure = match newer {
                Ok(newer) => {
                    if let Some(newer) = newer {
                        known.snapshot = Arc::new(newer);
                    }
                    None
                }
                Err(error) => Some(error),
            };
        }
        match &known.failure {
            Some(error) => Err(error.clone()),
            None => Ok(Arc::clone(&known.snapshot)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::pin::Pin;

    use carrel_testbed::log::FaultyLog;
    use futures::{FutureExt as _, future::join_all};

    use super::*;
    use crate::domain::{directory::Event, role_change::Means, sample};

    async fn empty() -> (Arc<FaultyLog>, Latest) {
        let log = FaultyLog::in_memory().unwrap();
        let latest = Latest::read(Arc::clone(&log) as Arc<dyn EventLog>).await;
        (log, latest.unwrap())
    }

    /// A call that waits: for the look under way, or for the one that it begins.
    fn call(latest: &Latest) -> Pin<Box<impl Future<Output = Result<Arc<Snapshot>, LogError>>>> {
        let mut called = Box::pin(latest.get());
        assert!(called.as_mut().now_or_never().is_none());
        called
    }

    async fn add(log: &FaultyLog, name: &str) {
        let known = storage::read(log).await.unwrap();
        let events = [Event::InstitutionSet(sample::institution(name).into())];
        storage::append(log, &known, &events, Means::Command, 0)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn all_who_call_meanwhile_share_one_look_and_see_what_was_written_before() {
        let (log, latest) = empty().await;
        add(&log, "north").await;
        let first = call(&latest);
        // The look under way began before this was written.
        add(&log, "south").await;
        let before = log.reads();
        let others: Vec<_> = (0..100).map(|_| call(&latest)).collect();
        assert!(first.await.unwrap().version >= 1);
        for other in join_all(others).await {
            assert_eq!(other.unwrap().version, 2);
        }
        assert_eq!(log.reads() - before, 1);
    }

    #[tokio::test]
    async fn who_gives_up_while_they_look_leaves_it_to_the_next() {
        let (log, latest) = empty().await;
        let gives_up = call(&latest);
        add(&log, "north").await;
        let waits = call(&latest);
        drop(gives_up);
        assert_eq!(waits.await.unwrap().version, 1);
    }

    #[tokio::test]
    async fn a_look_that_fails_fails_for_those_who_waited_for_it_only() {
        let (log, latest) = empty().await;
        log.be_readable(false);
        let all = join_all((0..100).map(|_| latest.get())).await;
        assert!(all.iter().all(Result::is_err));
        log.be_readable(true);
        assert_eq!(latest.get().await.unwrap().version, 0);
    }
}
