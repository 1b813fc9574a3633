//! The lists of live sessions that librarians watch: New, My Active and All.
//!
//! The list follows from the log like everything else: it is read from there at the start, and again whenever the bus
//! says that another server changed a session. What a watcher is shown of a session is the one function
//! [`row::row_for`]; a change is the difference between what it gave before and what it gives now.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use carrel_platform::{
    bus::{Bus, Notice, Origin, Subscription},
    log::{EventLog, LogError, StreamQuery},
    refusal::Refusal,
};
use carrel_proto::session::v1 as wire;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{audience::Audience, session::Phase},
    error::Error,
    history::History,
    storage,
};

pub(crate) mod load;
pub(crate) mod row;

use load::Load;
use row::{Entry, Watcher, removed, row_for};

/// The topic on which a server says that a session's standing has changed.
const TOPIC: &str = "session-list";
/// How many sessions are found at once when the list is read from the log.
const PAGE: usize = 256;
/// How long to wait before the list is read again that could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// All live sessions, as far as lists show them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LiveList {
    log: Arc<dyn EventLog>,
    bus: Arc<dyn Bus>,
    origin: Origin,
    backlog: usize,
    state: Arc<Mutex<State>>,
    /// Goes up with each change of who waits, so that waiting patrons look where they stand.
    waiting_changed: watch::Sender<u64>,
    /// Goes up with each change.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    entries: HashMap<String, Entry>,
    watchers: Vec<Watching>,
    ended_while_reading: Option<HashSet<String>>,
}

struct Watching {
    watcher: Watcher,
    changes: mpsc::Sender<wire::watch_sessions_response::Change>,
    ending: Arc<std::sync::OnceLock<Refusal>>,
}

/// The far end of a watch.
#[derive(Debug)]
pub(crate) struct Watched {
    /// All rows as they are now.
    pub snapshot: wire::SessionRows,
    /// What changes after that, in order. It ends when the watch does.
    pub changes: mpsc::Receiver<wire::watch_sessions_response::Change>,
    /// Why it ended. Set before it ends.
    pub ending: Arc<std::sync::OnceLock<Refusal>>,
}

impl LiveList {
    /// An empty list.
    pub(crate) fn new(log: Arc<dyn EventLog>, bus: Arc<dyn Bus>, backlog: usize) -> Self {
        Self {
            log,
            bus,
            origin: Origin::random(),
            backlog,
            state: Arc::default(),
            waiting_changed: watch::Sender::new(0),
            changed: watch::Sender::new(0),
        }
    }

    /// Reads all live sessions from the log.
    ///
    /// # Errors
    /// As the log does.
    pub(crate) async fn read_all(&self) -> Result<(), LogError> {
        let mut after = None;
        loop {
            let query = StreamQuery::Open {
                category: storage::SESSION,
                after: after.take(),
                limit: PAGE,
            };
            let heads = self.log.find(query).await?;
            for head in &heads {
                let history = History::load(&*self.log, head.stream.id.clone()).await?;
                self.take_in(&history);
            }
            match heads.last() {
                Some(last) if heads.len() == PAGE => after = Some(last.stream.id.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// Reads all live sessions again, and those that were live and may no longer be.
    async fn read_again(&self) -> Result<(), LogError> {
        let known: Vec<_> = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.entries.keys().cloned().collect()
        };
        self.read_all().await?;
        for session_id in known {
            self.take_in(&History::load(&*self.log, session_id).await?);
        }
        Ok(())
    }

    /// Begins to hear what other servers change. To be called before the list is read, so that nothing falls between.
    pub(crate) fn listen(&self) -> Subscription {
        self.bus.subscribe(self.origin, TOPIC)
    }

    /// Follows what other servers change, until `stop`. What could not be read is read again after a pause.
    pub(crate) async fn follow(self, mut news: Subscription, stop: CancellationToken) {
        let mut behind = false;
        loop {
            let pause = if behind {
                READ_AGAIN_AFTER
            } else {
                Duration::MAX
            };
            let notice = tokio::select! {
                () = stop.cancelled() => return,
                notice = news.next() => match notice {
                    Some(notice) => notice,
                    None => return,
                },
                () = tokio::time::sleep(pause) => Notice::Missed,
            };
            self.begin_reading();
            let (read, all) = match notice {
                Notice::Payload(id) => (self.read_one(&id).await, false),
                Notice::Missed => (self.read_again().await, true),
            };
            self.end_reading();
            behind = read.is_err() || (behind && !all);
            if let Err(error) = read {
                let kind = error.kind();
                tracing::warn!(kind, "the list of sessions could not be brought up to date");
            }
        }
    }

    async fn read_one(&self, id: &[u8]) -> Result<(), LogError> {
        if let Ok(id) = std::str::from_utf8(id) {
            self.take_in(&History::load(&*self.log, id.to_owned()).await?);
        }
        Ok(())
    }

    /// From now on it is noted which sessions end here, so that what was read of them before does not bring them back.
    fn begin_reading(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended_while_reading = Some(HashSet::new());
    }

    fn end_reading(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.ended_while_reading = None;
    }

    /// Takes in how a session stands now, and tells other servers to look.
    pub(crate) fn changed(&self, history: &History) {
        self.take_in(history);
        self.bus.publish(
            self.origin,
            TOPIC,
            Bytes::copy_from_slice(history.session_id().as_bytes()),
        );
    }

    fn take_in(&self, history: &History) {
        let Some(entry) = Entry::of(history) else {
            return;
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.entries.get(&entry.session_id).cloned();
        if before
            .as_ref()
            .is_some_and(|before| !entry.is_newer_than(before))
        {
            return;
        }
        let ended = entry.phase() == Phase::Ended;
        if let Some(gone) = &mut state.ended_while_reading {
            if ended {
                gone.insert(entry.session_id.clone());
            } else if gone.contains(&entry.session_id) {
                return;
            }
        }
        state.tell(before.as_ref(), &entry);
        let was_waiting = before
            .as_ref()
            .is_some_and(|before| before.phase() == Phase::Waiting);
        let waiting_changes = was_waiting != (entry.phase() == Phase::Waiting);
        if ended {
            state.entries.remove(&entry.session_id);
        } else {
            state.entries.insert(entry.session_id.clone(), entry);
        }
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
        if waiting_changes {
            self.waiting_changed
                .send_modify(|generation| *generation += 1);
        }
    }

    /// Starts a watch.
    pub(crate) fn watch(&self, watcher: Watcher) -> Watched {
        let (sender, changes) = mpsc::channel(self.backlog.max(1));
        let ending = Arc::default();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<_> = state
            .entries
            .values()
            .filter_map(|entry| row_for(entry, &watcher))
            .collect();
        rows.sort_by(|a, b| row::by_age(a).cmp(&row::by_age(b)));
        state
            .watchers
            .retain(|watching| !watching.changes.is_closed());
        state.watchers.push(Watching {
            watcher,
            changes: sender,
            ending: Arc::clone(&ending),
        });
        Watched {
            snapshot: wire::SessionRows { rows },
            changes,
            ending,
        }
    }

    /// How many patrons wait in the same queue before this session; `None` if it does not wait.
    #[must_use]
    pub(crate) fn waiting_ahead(&self, session_id: &str) -> Option<u32> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let this = state
            .entries
            .get(session_id)
            .filter(|entry| entry.phase() == Phase::Waiting)?;
        let ahead = state
            .entries
            .values()
            .filter(|other| other.waits_before(this))
            .count();
        Some(u32::try_from(ahead).unwrap_or(u32::MAX))
    }

    /// The sessions that go on.
    #[must_use]
    pub(crate) fn open(&self) -> Vec<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.entries.keys().cloned().collect()
    }

    /// How much there is to do now.
    #[must_use]
    pub(crate) fn load(&self) -> Load {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Load::count(state.entries.values())
    }

    /// Hears of each change of any session in the list.
    #[must_use]
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Hears of each change of who waits.
    #[must_use]
    pub(crate) fn waiting_changes(&self) -> watch::Receiver<u64> {
        self.waiting_changed.subscribe()
    }
}

impl State {
    /// Tells each watcher what a change of one session is to them. Who has no room left was too slow and is let go.
    fn tell(&mut self, before: Option<&Entry>, now: &Entry) {
        use wire::watch_sessions_response::Change;

        self.watchers.retain(|watching| {
            let old = before.and_then(|before| row_for(before, &watching.watcher));
            let new = row_for(now, &watching.watcher);
            let mut changes = Vec::new();
            if let Some(old) = &old
                && new.as_ref().is_none_or(|new| new.list != old.list)
            {
                changes.push(Change::Removed(removed(old, now)));
            }
            if new != old {
                changes.extend(new.map(Change::Changed));
            }
            changes
                .into_iter()
                .all(|change| match watching.changes.try_send(change) {
                    Ok(()) => true,
                    Err(mpsc::error::TrySendError::Closed(_)) => false,
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        let _ = watching.ending.set(Error::TooSlow.into());
                        false
                    }
                })
        });
    }
}

impl Entry {
    /// A session as lists know it: what staff know of it, and who is inside.
    fn of(history: &History) -> Option<Self> {
        Some(Self {
            session_id: history.session_id().to_owned(),
            session: Arc::new(history.view(Audience::Staff).session()?.clone()),
            inside: history.conference().members().cloned().collect(),
            versions: (history.session_version(), history.conference_version()),
        })
    }
}
