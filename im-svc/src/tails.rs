//! Tracks up to which version streams are known here. They are followed by the bus, which may lose the last message, so
//! the log is periodically asked for all of them together whether it has more (I8).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use carrel_platform::log::{EventLog, LogError, StreamName};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many streams the log is asked about at once.
const PAGE: usize = 1024;

/// The followers of each stream.
type Followers<T> = BTreeMap<StreamName, Vec<T>>;

/// All streams that are followed on this server.
#[derive(Debug)]
pub(crate) struct Tails {
    /// `None` if the bus reports everything that it loses.
    followers: Option<Mutex<Followers<Weak<Tail>>>>,
}

/// The version up to which one follower knows a stream.
#[derive(Debug)]
pub(crate) struct Tail {
    known: AtomicU64,
    /// The version that the log had when it was last seen to be behind.
    there: AtomicU64,
    seen: Notify,
}

impl Tail {
    /// Records that the stream is now known up to this version.
    pub(crate) fn knows(&self, version: u64) {
        self.known.store(version, Ordering::Relaxed);
    }

    /// Returns the version up to which the stream is known.
    pub(crate) fn known(&self) -> u64 {
        self.known.load(Ordering::Relaxed)
    }

    /// Waits until the log was seen to have more than is known at that time. Cancel-safe.
    pub(crate) async fn behind(&self) {
        loop {
            self.seen.notified().await;
            if self.is_behind(self.there.load(Ordering::Relaxed)) {
                return;
            }
        }
    }

    fn is_behind(&self, version: u64) -> bool {
        self.known() < version
    }

    /// Takes note of the log's version, and wakes the follower if it is behind.
    fn see(&self, version: u64) {
        if self.is_behind(version) {
            self.there.store(version, Ordering::Relaxed);
            self.seen.notify_one();
        }
    }
}

impl Tails {
    /// Creates an empty set. Streams are checked only if the bus is `lossy`.
    pub(crate) fn new(lossy: bool) -> Self {
        Self {
            followers: lossy.then(Mutex::default),
        }
    }

    /// Follows a stream that is known up to a version, until the returned tail is dropped.
    pub(crate) fn follow(&self, stream: StreamName, known: u64) -> Arc<Tail> {
        let tail = Arc::new(Tail {
            known: AtomicU64::new(known),
            there: AtomicU64::new(known),
            seen: Notify::new(),
        });
        if let Some(followers) = &self.followers {
            let mut followers = followers.lock().unwrap_or_else(PoisonError::into_inner);
            let of_this = followers.entry(stream).or_default();
            of_this.push(Arc::downgrade(&tail));
        }
        tail
    }

    /// Checks all streams periodically until the server stops. Returns at once if the bus reports what it loses.
    pub(crate) async fn keep_up(
        &self,
        log: &dyn EventLog,
        every: Duration,
        stop: &CancellationToken,
    ) {
        let Some(followers) = &self.followers else {
            return;
        };
        while stop
            .run_until_cancelled(tokio::time::sleep(every))
            .await
            .is_some()
        {
            let all = all(followers);
            if let Some(Err(error)) = stop.run_until_cancelled(look(log, &all)).await {
                let kind = error.kind();
                tracing::warn!(
                    kind,
                    "it could not be looked whether the bus lost a message"
                );
            }
        }
    }
}

/// Returns all current followers.
fn all(followers: &Mutex<Followers<Weak<Tail>>>) -> Vec<(StreamName, Vec<Arc<Tail>>)> {
    let mut followers = followers.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = Vec::with_capacity(followers.len());
    followers.retain(|stream, of_this| {
        of_this.retain(|tail| tail.strong_count() > 0);
        let tails: Vec<_> = of_this.iter().filter_map(Weak::upgrade).collect();
        all.push((stream.clone(), tails));
        !of_this.is_empty()
    });
    all
}

/// Wakes the followers of streams of which the log has more than they know.
async fn look(log: &dyn EventLog, all: &[(StreamName, Vec<Arc<Tail>>)]) -> Result<(), LogError> {
    for page in all.chunks(PAGE) {
        let streams: Vec<_> = page.iter().map(|(stream, _)| stream.clone()).collect();
        let versions = log.versions(&streams).await?;
        for ((_, tails), version) in page.iter().zip(versions) {
            tails.iter().for_each(|tail| tail.see(version));
        }
    }
    Ok(())
}
