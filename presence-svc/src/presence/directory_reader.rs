//! Keeps up with the directory, for looks that must not wait for a log that hangs.

use std::{sync::Arc, time::Duration};

use carrel_platform::log::{EventLog, LogError};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::directory::storage::{self, Snapshot};

/// How long a look waits for the directory. It is seldom changed, and who is here must be known even when the log is
/// slow.
const WAIT: Duration = Duration::from_secs(1);

/// Reads the changes of the directory.
pub(super) struct DirectoryReader {
    log: Arc<dyn EventLog>,
    /// How long a look waits.
    wait: Duration,
    under_way: Option<UnderWay>,
}

/// A read that has begun.
struct UnderWay {
    /// A task of its own: it goes on, and releases what it holds of the log, whether or not anything waits for it.
    read: AbortOnDropHandle<Result<Option<Snapshot>, LogError>>,
    late_at: Instant,
    /// Whether it was logged that it is late.
    said: bool,
}

/// The log did not answer in time.
struct Late;

impl DirectoryReader {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            wait: WAIT,
            under_way: None,
        }
    }

    /// Returns the directory if it is newer than `known`, as far as the log answers in time. Cancel safe.
    ///
    /// A late read is not given up, since asking the same question over and over, on a new connection each time, does
    /// not help a log in trouble. Until it has ended, no look waits again.
    pub(super) async fn newer(&mut self, known: &Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        // A read that began earlier does not show what was written since.
        let before = self.answer().await.ok()?;
        let log = Arc::clone(&self.log);
        let known = Arc::clone(before.as_ref().unwrap_or(known));
        let read = async move { storage::read_newer(&*log, &known).await };
        self.under_way = Some(UnderWay {
            read: AbortOnDropHandle::new(tokio::spawn(read)),
            late_at: Instant::now() + self.wait,
            said: false,
        });
        self.answer().await.ok().flatten().or(before)
    }

    /// Returns what is newer by the read that is under way, if there is one.
    async fn answer(&mut self) -> Result<Option<Arc<Snapshot>>, Late> {
        let Some(under_way) = &mut self.under_way else {
            return Ok(None);
        };
        let Ok(answer) = timeout_at(under_way.late_at, &mut under_way.read).await else {
            if !std::mem::replace(&mut under_way.said, true) {
                tracing::warn!(
                    "the directory can't be read in time; it counts as it was last known"
                );
            }
            return Err(Late);
        };
        self.under_way = None;
        let kind = match answer {
            Ok(Ok(newer)) => return Ok(newer.map(Arc::new)),
            Ok(Err(error)) => error.kind(),
            Err(_) => "panic",
        };
        tracing::warn!(kind, "the directory could not be brought up to date");
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        future::ready,
        sync::atomic::{AtomicBool, Ordering},
    };

    use carrel_testbed::log::FaultyLog;
    use futures::FutureExt as _;

    use super::*;
    use crate::domain::{directory::Event, role_change::Means, sample};

    async fn add(log: &FaultyLog, name: &str) {
        let known = storage::read(log).await.unwrap();
        let events = [Event::InstitutionSet(sample::institution(name).into())];
        storage::append(log, &known, &events, Means::Command, 0)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_read_that_is_late_is_waited_for_once_and_tells_its_news_when_it_has_ended() {
        let log = FaultyLog::in_memory().unwrap();
        add(&log, "north").await;
        let known = Arc::default();
        let mut reader = DirectoryReader::new(Arc::clone(&log) as Arc<dyn EventLog>);
        log.hang(true);
        tokio::time::pause();
        assert!(reader.newer(&known).await.is_none());
        let reads = log.reads();
        assert!(reader.newer(&known).now_or_never().unwrap().is_none());
        assert_eq!(log.reads(), reads);

        // The log has threads, which know nothing of paused time.
        tokio::time::resume();
        log.hang(false);
        add(&log, "south").await;
        while reader
            .newer(&known)
            .await
            .is_none_or(|newer| newer.version < 2)
        {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_read_that_is_late_goes_on_while_nobody_waits_for_it() {
        let log = FaultyLog::in_memory().unwrap();
        add(&log, "north").await;
        log.before_reads(|_| {
            async {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
            .boxed()
        });
        let known = Arc::default();
        let mut reader = DirectoryReader::new(Arc::clone(&log) as Arc<dyn EventLog>);
        log.hang(true);
        tokio::time::pause();
        assert!(reader.newer(&known).await.is_none());

        // The log has threads, which know nothing of paused time.
        tokio::time::resume();
        log.hang(false);
        while !reader.under_way.as_ref().unwrap().read.is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(reader.newer(&known).await.unwrap().version, 1);
    }

    #[tokio::test]
    async fn a_read_that_panics_is_one_that_failed() {
        let log = FaultyLog::in_memory().unwrap();
        add(&log, "north").await;
        let panics = Arc::new(AtomicBool::new(true));
        log.before_reads({
            let panics = Arc::clone(&panics);
            move |_| {
                assert!(!panics.load(Ordering::SeqCst), "the log has a defect");
                ready(Ok(())).boxed()
            }
        });
        let known = Arc::default();
        let mut reader = DirectoryReader::new(Arc::clone(&log) as Arc<dyn EventLog>);
        assert!(reader.newer(&known).await.is_none());
        panics.store(false, Ordering::SeqCst);
        while reader.newer(&known).await.is_none() {}
    }

    #[tokio::test]
    async fn what_is_written_after_a_look_was_dropped_is_seen_by_the_next() {
        let log = FaultyLog::in_memory().unwrap();
        let known = Arc::default();
        // The first look is dropped, not late, however long the write takes.
        let mut reader = DirectoryReader {
            wait: Duration::from_secs(3_600),
            ..DirectoryReader::new(Arc::clone(&log) as Arc<dyn EventLog>)
        };
        assert!(reader.newer(&known).now_or_never().is_none());
        add(&log, "north").await;
        assert_eq!(reader.newer(&known).await.unwrap().version, 1);
    }
}
