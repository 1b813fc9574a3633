//! Keeping up with the directory, for looks that do not wait for a log that hangs.

use std::{sync::Arc, time::Duration};

use carrel_platform::log::{EventLog, LogError};
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use crate::storage::{self, Snapshot};

/// How long a look waits for the directory. It is seldom changed, and who is here must be known even when the log takes
/// its time.
const WAIT: Duration = Duration::from_secs(1);

/// Reads what is new in the directory.
pub(super) struct DirectoryReader {
    log: Arc<dyn EventLog>,
    /// How long a look waits.
    wait: Duration,
    under_way: Option<UnderWay>,
}

/// A read that was begun. It goes on whenever somebody waits for it.
struct UnderWay {
    read: BoxFuture<'static, Result<Option<Snapshot>, LogError>>,
    late_at: Instant,
    /// Whether it was said that it is late.
    said: bool,
}

/// The log does not answer in time.
struct Late;

impl DirectoryReader {
    pub(super) fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            wait: WAIT,
            under_way: None,
        }
    }

    /// What is newer than `known`, as far as the log says so in time. May be dropped at any moment.
    ///
    /// A read that is late is not given up, since a log that has trouble is not helped by the same question over and
    /// over, on a new connection each time. Until it has ended, nobody waits for another.
    pub(super) async fn newer(&mut self, known: &Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        // What was asked before does not tell what was written since.
        let before = self.answer().await.ok()?;
        let log = Arc::clone(&self.log);
        let known = Arc::clone(before.as_ref().unwrap_or(known));
        self.under_way = Some(UnderWay {
            read: Box::pin(async move { storage::read_newer(&*log, &known).await }),
            late_at: Instant::now() + self.wait,
            said: false,
        });
        self.answer().await.ok().flatten().or(before)
    }

    /// What is newer by the read that is under way, if there is one.
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
        match answer {
            Ok(newer) => Ok(newer.map(Arc::new)),
            Err(error) => {
                let kind = error.kind();
                tracing::warn!(kind, "the directory could not be brought up to date");
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use carrel_testbed::log::FaultyLog;
    use futures::FutureExt as _;

    use super::*;
    use crate::domain::{directory::Event, sample};

    async fn add(log: &FaultyLog, name: &str) {
        let known = storage::read(log).await.unwrap();
        let events = [Event::InstitutionSet(sample::institution(name))];
        storage::append(log, &known, &events, 0).await.unwrap();
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
    async fn what_is_written_after_a_look_was_dropped_is_seen_by_the_next() {
        let log = FaultyLog::in_memory().unwrap();
        let known = Arc::default();
        // The first look is dropped, not late, however long it takes to write.
        let mut reader = DirectoryReader {
            wait: Duration::from_secs(3_600),
            ..DirectoryReader::new(Arc::clone(&log) as Arc<dyn EventLog>)
        };
        assert!(reader.newer(&known).now_or_never().is_none());
        add(&log, "north").await;
        assert_eq!(reader.newer(&known).await.unwrap().version, 1);
    }
}
