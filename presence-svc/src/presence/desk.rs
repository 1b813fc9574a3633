//! The desk as one server knows it, and everyone who watches it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use carrel_platform::{
    auth::keys::KeyRing,
    bus::{Bus, Origin, Subscription},
    clock::Clock,
    lease::{Held, Lease, LeaseError, Leases},
    log::{EventLog, LogError},
};
use carrel_proto::presence::v1 as wire;
use futures::FutureExt as _;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use wire::watch_desk_response::Change;

use super::{
    convert,
    directory_reader::DirectoryReader,
    introductions::Introductions,
    state::{Difference, LeaseValue, Sources, State},
};
use crate::{
    config::Config,
    directory::storage,
    domain::{
        queues::{Knowledge, Load},
        roster::{Watcher, row_changes, rows_for},
    },
    error::Error,
};

mod answers;
#[cfg(test)]
mod tests;

/// The space of the leases, and the topic on which a server announces whose presence has changed.
const PRESENCE: &str = "presence";

/// The parts that a desk is built from.
pub(crate) struct DeskParts {
    /// The log, which holds the directory.
    pub(crate) log: Arc<dyn EventLog>,
    /// The bus to other servers.
    pub(crate) bus: Arc<dyn Bus>,
    /// The leases: who is there.
    pub(crate) leases: Arc<dyn Leases>,
    /// The source of time.
    pub(crate) clock: Clock,
    /// Signs introductions.
    pub(crate) keys: KeyRing,
}

/// The desk as this server knows it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk(pub(super) Arc<Inner>);

pub(super) struct Inner {
    bus: Arc<dyn Bus>,
    origin: Origin,
    leases: Arc<dyn Leases>,
    clock: Clock,
    introductions: Introductions,
    config: Config,
    started: Instant,
    /// How many looks at the leases were asked for.
    wanted: AtomicU64,
    /// Locked while looking.
    looked: tokio::sync::Mutex<Looked>,
    known: Mutex<Known>,
    /// Goes up with each change of the monitors or of the librarians they belong to.
    changed: watch::Sender<u64>,
}

struct Looked {
    /// How many of the looks that were asked for are done.
    answered: u64,
    directory: DirectoryReader,
}

struct Known {
    state: Arc<State>,
    /// Whether all leases could be read at the last look.
    readable: bool,
    /// When they were last read, or when the desk began.
    confirmed: Instant,
    watchers: Vec<Watching>,
}

struct Watching {
    watcher: Watcher,
    changes: mpsc::Sender<Vec<Change>>,
    ending: Arc<OnceLock<Error>>,
}

/// The receiving end of a watch.
#[derive(Debug)]
pub(crate) struct Watched {
    /// Everything as it is now.
    pub(crate) snapshot: wire::DeskSnapshot,
    /// The changes after that, in order, those of one moment together. It ends when the watch does.
    pub(crate) changes: mpsc::Receiver<Vec<Change>>,
    /// Why the watch ended. Set before it ends.
    pub(crate) ending: Arc<OnceLock<Error>>,
}

impl Desk {
    /// Creates a desk that knows the directory and, if they can be read, the leases. It hears what other servers change
    /// from before its first look, so none of it is missed: [`Desk::follow`] is to read what it hears.
    ///
    /// # Errors
    /// If the directory can't be read.
    pub(crate) async fn new(
        config: Config,
        parts: DeskParts,
    ) -> Result<(Self, Subscription), LogError> {
        let DeskParts {
            log,
            bus,
            leases,
            clock,
            keys,
        } = parts;
        let origin = Origin::random();
        let news = bus.subscribe(origin, PRESENCE);
        let directory = storage::read(&*log).await?;
        let mut state = State::unknown();
        state.sources.directory = Arc::new(directory);
        let desk = Self(Arc::new(Inner {
            bus,
            origin,
            leases,
            clock,
            introductions: Introductions::new(keys, config.introduction_lifetime.get()),
            config,
            started: Instant::now(),
            wanted: AtomicU64::new(0),
            looked: tokio::sync::Mutex::new(Looked {
                answered: 0,
                directory: DirectoryReader::new(log),
            }),
            known: Mutex::new(Known {
                state: Arc::new(state),
                readable: true,
                confirmed: Instant::now(),
                watchers: Vec::new(),
            }),
            changed: watch::Sender::new(0),
        }));
        desk.look().await;
        Ok((desk, news))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Returns the state, as far as it is known here.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.known().state)
    }

    /// Returns for how long the store of leases has not confirmed who is here.
    pub(super) fn unconfirmed_for(&self) -> Duration {
        self.known().confirmed.elapsed()
    }

    /// Subscribes to changes of the monitors or of the librarians they belong to.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Looks whenever another server announces a change, and once in a while anyway, until `stop`.
    pub(crate) async fn follow(self, mut news: Subscription, stop: CancellationToken) {
        let mut hears = true;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                notice = news.next(), if hears => {
                    hears = notice.is_some();
                    // One look covers everything that was announced before it.
                    while let Some(Some(_)) = news.next().now_or_never() {}
                }
                () = tokio::time::sleep(self.0.config.sweep.get()) => {}
            }
            self.look().await;
        }
    }

    /// Brings the state up to date with the leases and the directory. When it returns, the state is no older than the
    /// call, except for a directory that can't be read in time: who is here does not wait for that.
    pub(crate) async fn look(&self) {
        let wanted = self.0.wanted.fetch_add(1, Ordering::SeqCst) + 1;
        let mut looked = self.0.looked.lock().await;
        if looked.answered >= wanted {
            // A look that began after this call was made has ended while it waited.
            return;
        }
        let answered = self.0.wanted.load(Ordering::SeqCst);
        let known = self.state();
        let (directory, reading) = tokio::join!(
            looked.directory.newer(&known.sources.directory),
            self.0.leases.read(PRESENCE),
        );
        let trouble = match &reading {
            Ok(reading) => reading.doubt.as_ref(),
            Err(error) => Some(error),
        };
        self.update(|sources, readable| {
            if let Some(directory) = directory {
                sources.directory = directory;
            }
            note_whether_readable(*readable, trouble);
            *readable = trouble.is_none();
            if let Ok(reading) = &reading {
                sources.take_in(reading);
            }
        });
        let mut known = self.known();
        if known.readable {
            known.confirmed = Instant::now();
        }
        drop(known);
        // Not earlier: a look may be dropped before it ends.
        looked.answered = answered;
    }

    /// Takes in a change of the load.
    pub(crate) fn set_load(&self, change: impl FnOnce(&mut Load)) {
        self.update(|sources, _| change(&mut sources.load));
    }

    /// Holds a monitor's lease.
    pub(crate) async fn hold(
        &self,
        key: String,
        incarnation: u64,
        value: &LeaseValue,
        lasts: Duration,
    ) -> Result<Held, LeaseError> {
        let value = serde_json::to_vec(value).map_err(|error| LeaseError(error.to_string()))?;
        let lease = Lease {
            space: PRESENCE.to_owned(),
            key,
            incarnation,
            value: Bytes::from(value),
        };
        self.0.leases.hold(lease, lasts).await
    }

    /// Releases a monitor's lease.
    pub(crate) async fn release(&self, key: &str, incarnation: u64) -> Result<(), LeaseError> {
        self.0.leases.release(PRESENCE, key, incarnation).await
    }

    /// Takes in at once that a librarian's presence has changed, and tells other servers to look.
    pub(crate) async fn announce_change(&self, librarian_id: &str) {
        self.0.bus.publish(
            self.0.origin,
            PRESENCE,
            Bytes::copy_from_slice(librarian_id.as_bytes()),
        );
        self.look().await;
    }

    /// Returns the wall clock's time, in Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        self.0.clock.unix_ms()
    }

    /// Starts a watch.
    pub(crate) fn watch(&self, watcher: Watcher) -> Watched {
        let (sender, changes) = mpsc::channel(self.0.config.backlog.max(1));
        let ending = Arc::default();
        let mut known = self.known();
        let state = &known.state;
        let librarians = rows_for(&watcher, &state.people)
            .into_iter()
            .map(|row| convert::librarian(row, &self.0.introductions))
            .collect();
        let mut queues: Vec<wire::QueueState> = state
            .queues
            .iter()
            .filter(|(queue_id, _)| watcher.queues.contains(*queue_id))
            .map(|(queue_id, queue)| convert::queue(queue_id, queue))
            .collect();
        queues.sort_by(|a, b| (&a.name, &a.queue_id).cmp(&(&b.name, &b.queue_id)));
        known
            .watchers
            .retain(|watching| !watching.changes.is_closed());
        known.watchers.push(Watching {
            watcher,
            changes: sender,
            ending: Arc::clone(&ending),
        });
        Watched {
            snapshot: wire::DeskSnapshot { librarians, queues },
            changes,
            ending,
        }
    }

    fn update(&self, change: impl FnOnce(&mut Sources, &mut bool)) {
        let mut known = self.known();
        let mut sources = known.state.sources.clone();
        change(&mut sources, &mut known.readable);
        let now_ms = self.now_ms();
        let half_life = self.0.config.introduction_lifetime.get() / 2;
        let half_life = i64::try_from(half_life.as_millis()).unwrap_or(i64::MAX);
        let state = known.state.next(
            sources,
            self.knowledge(known.readable),
            now_ms,
            now_ms.saturating_sub(half_life),
        );
        let before = std::mem::replace(&mut known.state, Arc::new(state));
        let now = Arc::clone(&known.state);
        let difference = now.difference(&before);
        if !difference.people.is_empty() || !difference.queues.is_empty() {
            known.tell(&before, &now, &difference, &self.0.introductions);
            self.0.introductions.keep_only(&now.people);
        }
        drop(known);
        let monitors_changed = now.sources.monitors != before.sources.monitors;
        if monitors_changed || !difference.people.is_empty() {
            self.0.changed.send_modify(|generation| *generation += 1);
        }
    }

    fn knowledge(&self, readable: bool) -> Knowledge {
        if !readable {
            Knowledge::Stale
        } else if self.0.started.elapsed() < self.0.config.settle.get() {
            Knowledge::Growing
        } else {
            Knowledge::Whole
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Tells each watcher what a change means for them. The watch of a watcher with no room left ends: it was too slow.
    fn tell(
        &mut self,
        before: &State,
        now: &State,
        difference: &Difference,
        introductions: &Introductions,
    ) {
        let librarian = |(librarian_id, row): (String, Option<_>)| match row {
            Some(row) => Change::Librarian(convert::librarian(row, introductions)),
            None => Change::LibrarianGone(wire::LibrarianGone { librarian_id }),
        };
        self.watchers.retain(|watching| {
            let watcher = &watching.watcher;
            let rows = row_changes(watcher, &before.people, &now.people, &difference.people);
            let queues = difference.queues.intersection(&watcher.queues);
            let queues = queues.filter_map(|queue_id| Some((queue_id, now.queues.get(queue_id)?)));
            let queues = queues.map(|(id, queue)| Change::Queue(convert::queue(id, queue)));
            let changes: Vec<Change> = rows.into_iter().map(librarian).chain(queues).collect();
            if changes.is_empty() {
                return !watching.changes.is_closed();
            }
            match watching.changes.try_send(changes) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    let _ = watching.ending.set(Error::TooSlow);
                    false
                }
            }
        });
    }
}

/// Logs when the leases can't be read any more, and when they can be again.
fn note_whether_readable(before: bool, trouble: Option<&LeaseError>) {
    match trouble {
        Some(error) if before => {
            let error = &error.0;
            tracing::warn!(
                error,
                "it can't be read who is here; everybody counts as they were last known"
            );
        }
        None if !before => tracing::info!("it can be read again who is here"),
        _ => {}
    }
}
