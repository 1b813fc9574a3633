//! The lists of live sessions that librarians watch: New, My Active and All.
//!
//! The list follows from the log like everything else: it is read from there at the start. Later changes by other
//! servers are heard on the bus, or found in the log if the bus loses them (`follow`). What a watcher is shown of a
//! session is decided by one function, [`row::row_for`]; a change is the difference between what it returned before and
//! what it returns now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use carrel_platform::{
    bus::{Bus, Origin},
    log::EventLog,
    queue::{self, NotSent, queue},
    refusal::Refusal,
};
use carrel_proto::session::v1 as wire;
use tokio::sync::watch;

use crate::{
    domain::{access::Times, audience::Audience, session::Phase},
    error::Error,
    history::History,
};

mod ended;
mod follow;
mod gauges;
pub(crate) mod load;
pub(crate) mod row;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use ended::Ended;
use load::Load;
use row::{Entry, Watcher, removed, row_for};

/// All live sessions, as far as lists show them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LiveList {
    log: Arc<dyn EventLog>,
    bus: Arc<dyn Bus>,
    origin: Origin,
    backlog: usize,
    state: Arc<Mutex<State>>,
    /// Incremented with each change of who waits, so that waiting patrons learn their new place.
    waiting_changed: watch::Sender<u64>,
    /// Incremented with each change.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<String, Entry>,
    watchers: Vec<Watching>,
    ended: Ended,
}

struct Watching {
    watcher: Watcher,
    changes: queue::Sender<wire::watch_sessions_response::Change>,
    ending: Arc<std::sync::OnceLock<Refusal>>,
}

/// What the list knows of a session.
#[derive(Debug, PartialEq, Eq)]
enum Knows {
    /// Nothing.
    Nothing,
    /// How it stood at these versions of its streams.
    UpTo((u64, u64)),
    /// That it has ended.
    Ended,
}

/// Two entries of a session each have something that the other lacks. The log has both.
struct Apart;

/// The receiving end of a watch.
#[derive(Debug)]
pub(crate) struct Watched {
    /// All rows as they are now.
    pub snapshot: wire::SessionRows,
    /// The changes after that, in order. Ends when the watch does.
    pub changes: queue::Receiver<wire::watch_sessions_response::Change>,
    /// Why it ended. Set before it ends.
    pub ending: Arc<std::sync::OnceLock<Refusal>>,
}

impl LiveList {
    /// Creates an empty list.
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

    /// Returns the versions up to which each session is known.
    fn known(&self) -> BTreeMap<String, (u64, u64)> {
        let state = self.state();
        let entries = state.entries.iter();
        entries
            .map(|(id, entry)| (id.clone(), entry.versions))
            .collect()
    }

    /// Returns what is known of a session.
    fn knows(&self, session_id: &str) -> Knows {
        self.state().knows(session_id)
    }

    fn has_inside(&self, session_id: &str) -> bool {
        let state = self.state();
        let entry = state.entries.get(session_id);
        entry.is_some_and(|entry| !entry.inside.is_empty())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in how a session stands now.
    pub(crate) fn take_in(&self, history: &History) {
        if let Some(entry) = Entry::of(history) {
            // What the list knows beyond this history came from another server's message; the next look at the log
            // mends the rest.
            let _ = self.take_in_entry(entry);
        }
    }

    /// Takes in how a session stands, if that is news. It fails if the entry and what is known each follow from
    /// something that the other lacks.
    fn take_in_entry(&self, entry: Entry) -> Result<(), Apart> {
        let state = self.state();
        if state.ended.remembers(&entry.session_id) {
            return Ok(());
        }
        match state.entries.get(&entry.session_id) {
            Some(before) if before.contains(&entry) => return Ok(()),
            Some(before) if !entry.contains(before) => return Err(Apart),
            _ => {}
        }
        self.replace(state, entry);
        Ok(())
    }

    /// Takes in how a session stands by the log, which was read when this was known of it. What the log contradicts was
    /// never true, so it is not kept, however new it seemed.
    fn take_in_read(&self, entry: Entry, when: &Knows) {
        let mut state = self.state();
        if state.knows(&entry.session_id) == *when {
            state.ended.forget(&entry.session_id);
            self.replace(state, entry);
        } else {
            // The log may have been read before what has become known meanwhile. If each has something that the other
            // lacks, the next look mends it.
            drop(state);
            let _ = self.take_in_entry(entry);
        }
    }

    /// Has the list show a session like this from now on, and says so.
    fn replace(&self, mut state: MutexGuard<'_, State>, entry: Entry) {
        let before = state.entries.get(&entry.session_id).cloned();
        let ended = entry.phase() == Phase::Ended;
        state.tell(before.as_ref(), &entry);
        let waiting_changes = before.as_ref().and_then(Entry::waits_again) != entry.waits_again();
        if ended {
            state.entries.remove(&entry.session_id);
            state.ended.remember(&entry.session_id);
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
        let (sender, changes) = queue(self.backlog.max(1));
        let ending = Arc::default();
        let mut state = self.state();
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

    /// Returns the row that a watcher is shown of a session now, if any.
    #[must_use]
    pub(crate) fn row(&self, session_id: &str, watcher: &Watcher) -> Option<wire::SessionRow> {
        let state = self.state();
        row_for(state.entries.get(session_id)?, watcher)
    }

    /// Returns whether a session is listed to anybody at all: it has not ended, as far as is known here.
    #[must_use]
    pub(crate) fn has(&self, session_id: &str) -> bool {
        self.state().entries.contains_key(session_id)
    }

    /// Returns how many patrons wait ahead of this session in the same queue, without the lost; `None` if it does not
    /// wait.
    #[must_use]
    pub(crate) fn waiting_ahead(&self, session_id: &str) -> Option<u32> {
        let state = self.state();
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

    /// Returns the sessions that somebody has to look after if nobody attends them: those that have not ended, but for
    /// those in which nothing is due yet (see [`crate::domain::session::Session::rests_until_ms`]).
    #[must_use]
    pub(crate) fn to_look_after(&self, now_ms: i64, times: Times) -> Vec<String> {
        let rests = |entry: &Entry| {
            let until_ms = entry.session.rests_until_ms(times);
            entry.inside.is_empty() && until_ms.is_some_and(|until_ms| until_ms > now_ms)
        };
        let state = self.state();
        let entries = state.entries.iter();
        entries
            .filter(|(_, entry)| !rests(entry))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Returns how much there is to do now.
    #[must_use]
    pub(crate) fn load(&self) -> Load {
        let state = self.state();
        Load::count(state.entries.values())
    }

    /// Subscribes to each change of any session in the list.
    #[must_use]
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Subscribes to each change of who waits.
    #[must_use]
    pub(crate) fn waiting_changes(&self) -> watch::Receiver<u64> {
        self.waiting_changed.subscribe()
    }
}

impl State {
    fn knows(&self, session_id: &str) -> Knows {
        match self.entries.get(session_id) {
            Some(entry) => Knows::UpTo(entry.versions),
            None if self.ended.remembers(session_id) => Knows::Ended,
            None => Knows::Nothing,
        }
    }

    /// Tells each watcher what one session's change means for them. A watcher with no room left was too slow and is
    /// removed.
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
                .all(|change| match watching.changes.send(change) {
                    Ok(()) => true,
                    Err(NotSent::Closed(_)) => false,
                    Err(NotSent::Full(_)) => {
                        let _ = watching.ending.set(Error::TooSlow.into());
                        false
                    }
                })
        });
    }
}

impl Entry {
    /// Returns a session as lists know it: what staff know of it, and who is inside.
    fn of(history: &History) -> Option<Self> {
        Some(Self {
            session_id: history.session_id().to_owned(),
            session: Arc::new(history.view(Audience::Staff).session()?.clone()),
            inside: history.conference().members().cloned().collect(),
            versions: (history.session_version(), history.conference_version()),
        })
    }
}
