//! One announced monitor: its lease, and what its librarian chose on it.

use std::{collections::BTreeSet, time::Duration};

use carrel_platform::{
    auth::Librarian,
    lease::{Held, LeaseError},
};
use carrel_proto::presence::v1 as wire;
use tokio::time::Instant;

use super::{
    convert,
    desk::Desk,
    state::{KnownMonitor, LeaseValue, State},
};
use crate::{
    domain::{
        directory::Directory,
        presence::{Announced, Revision, Status},
        roster::Person,
    },
    error::Error,
};

/// How many monitors one librarian may have open. Of those opened at the same time the first ones stay, in an order on
/// which all servers agree.
const MAX_MONITORS: u32 = 32;
/// How often a monitor tries to get the highest incarnation when it is announced on other streams at the same moment.
const TRIES: usize = 4;

/// An open monitor. It stays open until its lease runs out, unless it says goodbye; dropping it says nothing.
pub(crate) struct Monitor {
    desk: Desk,
    librarian: Librarian,
    monitor_id: String,
    key: String,
    incarnation: u64,
    announced: Announced,
    silent_at: Instant,
}

impl Monitor {
    /// Opens a monitor with its first announcement.
    ///
    /// # Errors
    /// If the announcement is refused, the lease can't be held, another stream has the same monitor, or too many
    /// monitors are open.
    pub(crate) async fn open(
        desk: Desk,
        librarian: Librarian,
        announcement: wire::Announcement,
    ) -> Result<Self, Error> {
        let monitor_id = announcement.monitor_id.clone();
        check_monitor_id(&monitor_id)?;
        desk.look().await;
        let state = desk.state();
        let key = format!("{}/{monitor_id}", librarian.librarian_id);
        let known = state.sources.monitors.get(&key);
        let person = state.people.get(&librarian.librarian_id);
        let is_open = known.is_some_and(|known| !known.value.closed);
        if !is_open && person.is_some_and(|person| person.monitors >= MAX_MONITORS) {
            return Err(Error::TooManyMonitors);
        }
        let announced = choose(&state, &librarian, &monitor_id, &announcement)?;
        let mut monitor = Self {
            incarnation: incarnation(&desk, known),
            silent_at: Instant::now() + desk.config().lease.get(),
            desk,
            librarian,
            monitor_id,
            key,
            announced,
        };
        for _ in 0..TRIES {
            match monitor.hold_open().await? {
                Held::Yes => {
                    monitor.tell().await;
                    monitor.be_one_of_the_first().await?;
                    return Ok(monitor);
                }
                Held::Superseded(by) => monitor.incarnation = by.saturating_add(1),
            }
        }
        Err(Error::Superseded)
    }

    /// Returns when this monitor counts as silent, unless it gives a sign of life before.
    pub(crate) fn silent_at(&self) -> Instant {
        self.silent_at
    }

    /// Takes a sign of life. If the lease can't be held now, the next one tries again.
    ///
    /// # Errors
    /// [`Error::Superseded`].
    pub(crate) async fn here(&mut self) -> Result<(), Error> {
        self.lives();
        if self.hold_if_possible().await? {
            // The lease may have run out, or been lost with the store, and others must see the monitor again.
            let state = self.desk.state();
            let known = state.sources.monitors.get(&self.key);
            if !known.is_some_and(|known| known.kept) {
                self.tell().await;
            }
        }
        Ok(())
    }

    /// Takes a sign of life with a new choice of status or queues.
    ///
    /// # Errors
    /// If it can't be taken. The announcement before it still holds, except after [`Error::Superseded`].
    pub(crate) async fn announce(
        &mut self,
        announcement: &wire::Announcement,
    ) -> Result<(), Error> {
        self.lives();
        self.desk.look().await;
        let state = self.desk.state();
        let chosen = choose(&state, &self.librarian, &self.monitor_id, announcement)?;
        let before = std::mem::replace(&mut self.announced, chosen);
        if let Err(error) = self.hold_or_give_way().await {
            self.announced = before;
            return Err(error);
        }
        self.tell().await;
        Ok(())
    }

    /// Holds the lease again for its remaining time if the store was emptied, and takes over what the librarian chose
    /// on another of their monitors. Not a sign of life.
    ///
    /// # Errors
    /// [`Error::Superseded`] if the same monitor was announced on another stream, [`Error::AccountRemoved`], and
    /// [`Error::TooManyMonitors`] if too many were opened at once.
    pub(crate) async fn keep_up(&mut self) -> Result<(), Error> {
        let state = self.desk.state();
        let known = state.sources.monitors.get(&self.key);
        if known.is_some_and(|known| known.incarnation > self.incarnation) {
            return Err(Error::Superseded);
        }
        if known.is_some() && !state.people.contains_key(&self.librarian.librarian_id) {
            return Err(Error::AccountRemoved);
        }
        self.be_one_of_the_first().await?;
        let lost = known.is_some_and(|known| !known.kept);
        let newest = newest(&state, &self.librarian.librarian_id);
        let newer = newest.filter(|newest| newest.revision > self.announced.revision);
        if let Some(newer) = newer {
            self.announced = newer.clone();
        } else if !lost {
            return Ok(());
        }
        // If it can't be held, the next sign of life holds it with this choice.
        if self.hold_if_possible().await? && lost {
            self.tell().await;
        }
        Ok(())
    }

    /// Closes the monitor on purpose: it is gone at once. What was chosen on it stays for the librarian's other
    /// monitors: one of them may not have taken it over yet, or may be coming back just now.
    pub(crate) async fn goodbye(self) {
        let settled = if self.is_ahead() {
            let lasts = self.desk.config().lease.get();
            self.hold(true, lasts).await.map(|_| ())
        } else {
            let released = self.desk.release(&self.key, self.incarnation).await;
            released.map_err(Error::from)
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "a monitor's lease runs out by itself");
        }
        self.tell().await;
    }

    /// Releases the lease and fails if as many monitors as are allowed were opened before this one. Others that were
    /// opened at the same moment may be seen only later.
    async fn be_one_of_the_first(&self) -> Result<(), Error> {
        let state = self.desk.state();
        let own = (self.incarnation, &self.key);
        let before = of_librarian(&state, &self.librarian.librarian_id)
            // What is still known of an earlier life of this monitor does not count.
            .filter(|(key, _)| *key != &self.key)
            .filter(|(key, known)| !known.value.closed && (known.incarnation, *key) < own)
            .count();
        if u32::try_from(before).is_ok_and(|before| before < MAX_MONITORS) {
            return Ok(());
        }
        if let Err(error) = self.desk.release(&self.key, self.incarnation).await {
            tracing::warn!(%error, "the lease of a monitor too many runs out by itself");
        }
        self.tell().await;
        Err(Error::TooManyMonitors)
    }

    /// Whether another open monitor of the librarian has not taken over what was chosen here.
    fn is_ahead(&self) -> bool {
        let state = self.desk.state();
        of_librarian(&state, &self.librarian.librarian_id).any(
            |(key, KnownMonitor { value, .. })| {
                *key != self.key
                    && !value.closed
                    && value.announced.revision < self.announced.revision
            },
        )
    }

    /// Returns the librarian's presence, over all their monitors.
    pub(crate) fn own_presence(&self) -> wire::OwnPresence {
        let state = self.desk.state();
        match state.people.get(&self.librarian.librarian_id) {
            Some(person) => own_presence(person),
            // Announced, but not read back yet: the leases can't be read at this moment.
            None => wire::OwnPresence {
                status: convert::status(self.announced.status),
                queue_ids: self.announced.queues.iter().cloned().collect(),
                monitors: 1,
            },
        }
    }

    fn lives(&mut self) {
        self.silent_at = Instant::now() + self.desk.config().lease.get();
    }

    async fn hold(&self, closed: bool, lasts: Duration) -> Result<Held, Error> {
        let value = LeaseValue {
            announced: self.announced.clone(),
            closed,
        };
        let (key, incarnation) = (self.key.clone(), self.incarnation);
        Ok(self.desk.hold(key, incarnation, &value, lasts).await?)
    }

    async fn hold_open(&self) -> Result<Held, Error> {
        let lasts = self.silent_at.saturating_duration_since(Instant::now());
        self.hold(false, lasts).await
    }

    async fn hold_or_give_way(&self) -> Result<(), Error> {
        match self.hold_open().await? {
            Held::Yes => Ok(()),
            Held::Superseded(_) => Err(Error::Superseded),
        }
    }

    /// Holds the lease and returns whether it is held: it is not while the store can't be reached.
    async fn hold_if_possible(&self) -> Result<bool, Error> {
        match self.hold_or_give_way().await {
            Ok(()) => Ok(true),
            Err(Error::Leases(LeaseError(error))) => {
                tracing::warn!(error, "a monitor's lease could not be held");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn tell(&self) {
        self.desk
            .announce_change(&self.librarian.librarian_id)
            .await;
    }
}

/// Converts a librarian's own presence.
pub(crate) fn own_presence(person: &Person) -> wire::OwnPresence {
    wire::OwnPresence {
        status: convert::status(person.status),
        queue_ids: person.queues().iter().cloned().collect(),
        monitors: person.monitors,
    }
}

/// Returns what a librarian chooses by an announcement. What it leaves out stays as it is, except for queues that they
/// may no longer monitor; so does everything if the monitor only comes back and the librarian is here. The same choice
/// keeps its revision.
fn choose(
    state: &State,
    librarian: &Librarian,
    monitor_id: &str,
    announcement: &wire::Announcement,
) -> Result<Announced, Error> {
    let directory = &state.sources.directory.directory;
    if directory.librarian(&librarian.librarian_id).is_none() {
        return Err(Error::AccountRemoved);
    }
    let last = newest(state, &librarian.librarian_id);
    // A librarian who has closed all their monitors starts afresh.
    let newest = last.filter(|_| state.people.contains_key(&librarian.librarian_id));
    let counts = !announcement.returning || newest.is_none();
    let queues = match announcement.queues.as_ref().filter(|_| counts) {
        Some(wanted) => check_queues(directory, librarian, &wanted.queue_ids)?,
        None => newest.map_or_else(BTreeSet::new, |newest| {
            let mut queues = newest.queues.clone();
            queues.retain(|queue_id| may_monitor(directory, librarian, queue_id));
            queues
        }),
    };
    let status = convert::status_from_wire(announcement.status)?
        .filter(|_| counts)
        .or(newest.map(|newest| newest.status))
        .unwrap_or(Status::Available);
    match newest {
        Some(newest) if newest.status == status && newest.queues == queues => Ok(newest.clone()),
        _ => Ok(Announced {
            status,
            queues,
            revision: Revision {
                number: last
                    .map_or(0, |last| last.revision.number)
                    .saturating_add(1),
                monitor_id: monitor_id.to_owned(),
            },
        }),
    }
}

/// Returns the newest choice of a librarian among their monitors.
fn newest<'a>(state: &'a State, librarian_id: &str) -> Option<&'a Announced> {
    of_librarian(state, librarian_id)
        .map(|(_, known)| &known.value.announced)
        .max_by(|a, b| a.revision.cmp(&b.revision))
}

/// Returns a librarian's monitors, each with its key.
fn of_librarian<'a>(
    state: &'a State,
    librarian_id: &str,
) -> impl Iterator<Item = (&'a String, &'a KnownMonitor)> {
    let prefix = format!("{librarian_id}/");
    let from = state.sources.monitors.range(prefix.clone()..);
    from.take_while(move |(key, _)| key.starts_with(&prefix))
}

fn check_queues(
    directory: &Directory,
    librarian: &Librarian,
    queue_ids: &[String],
) -> Result<BTreeSet<String>, Error> {
    let queues: BTreeSet<String> = queue_ids.iter().cloned().collect();
    if !queues
        .iter()
        .all(|queue_id| may_monitor(directory, librarian, queue_id))
    {
        return Err(Error::UnknownQueue);
    }
    let practice = |queue_id: &String| {
        let queue = directory.queues.get(queue_id);
        queue.is_some_and(|queue| queue.practice)
    };
    if queues.len() > 1 && queues.iter().any(practice) {
        return Err(Error::PracticeMixed);
    }
    Ok(queues)
}

/// Whether both the librarian's token and the directory let them monitor a queue: either may be the older one.
fn may_monitor(directory: &Directory, librarian: &Librarian, queue_id: &str) -> bool {
    let queue = directory.queues.get(queue_id);
    librarian.may_monitor(queue_id)
        && queue.is_some_and(|queue| queue.staffed_by.contains(&librarian.institution_id))
}

fn check_monitor_id(monitor_id: &str) -> Result<(), Error> {
    let fits = (1..=64).contains(&monitor_id.len())
        && monitor_id.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(())
    } else {
        Err(Error::BadMonitorId)
    }
}

/// Returns an incarnation above all earlier ones of this monitor: the time, and a random number that distinguishes two
/// streams that come to two servers at once.
fn incarnation(desk: &Desk, known: Option<&KnownMonitor>) -> u64 {
    const RANDOM_BITS: u32 = 20;
    let now_ms = u64::try_from(desk.now_ms()).unwrap_or(0);
    let random = u64::from(getrandom::u32().unwrap_or(0) >> (u32::BITS - RANDOM_BITS));
    let by_time = (now_ms << RANDOM_BITS) | random;
    let above = known.map_or(0, |known| known.incarnation.saturating_add(1));
    by_time.max(above)
}
