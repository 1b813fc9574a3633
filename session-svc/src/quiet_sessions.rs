//! The sessions in which nobody says anything, and everyone is there.
//!
//! Most of the sessions in memory are like that most of the time, and each look at one finds what the last one found.
//! So they are looked at together, by one task: a session's own is not woken for that, and the leases of many are
//! renewed at once. The looks come at the same moments at which the session itself would look: when they come must not
//! depend on what somebody in it, or in another session, may not know of.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{pending, poll_fn},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use carrel_platform::{
    clock::Clock,
    lease::{Lease, Leases},
    moments::Moments,
};
use futures::task::AtomicWaker;
use tokio::{
    sync::{Notify, OwnedMutexGuard},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    live_session::{lease_lasts, update_leases},
    subscribers::Ending,
};

/// How many are looked at before other tasks have their turn.
const TOGETHER: usize = 64;

/// All quiet sessions on this server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct QuietSessions {
    moments: Moments,
    every: Duration,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sessions: Mutex<Sessions>,
    /// Notified when there is one whose next look comes before those of all others.
    sooner: Notify,
}

#[derive(Default)]
struct Sessions {
    next_id: u64,
    by_id: BTreeMap<u64, Session>,
    /// When each is to be looked at.
    looks: BTreeSet<(Instant, u64)>,
}

struct Session {
    /// Of all who listen.
    endings: Vec<Arc<Ending>>,
    lease: Arc<Lease>,
    lease_writing: Arc<tokio::sync::Mutex<()>>,
    looked_at: Instant,
    look_at: Instant,
    call: Arc<Call>,
}

/// Tells a session that it has to look by itself.
#[derive(Default)]
struct Call {
    is_made: AtomicBool,
    session: AtomicWaker,
}

impl QuietSessions {
    /// Creates an empty set, whose sessions are looked at so often.
    pub(crate) fn new(every: Duration, moments: Moments) -> Self {
        Self {
            moments,
            every,
            shared: Arc::default(),
        }
    }

    /// Takes in a session that was last looked at then. As long as it has its place, it does not look by itself, and
    /// does not update its lease, which may be updated by whoever has locked it.
    pub(crate) fn take_in(
        &self,
        endings: Vec<Arc<Ending>>,
        (lease, lease_writing): (&Arc<Lease>, &Arc<tokio::sync::Mutex<()>>),
        looked_at: Instant,
    ) -> Place {
        let look_at = self.moments.within(looked_at, self.every);
        let call = Arc::<Call>::default();
        let session = Session {
            endings,
            lease: Arc::clone(lease),
            lease_writing: Arc::clone(lease_writing),
            looked_at,
            look_at,
            call: Arc::clone(&call),
        };
        let mut sessions = self.shared.sessions();
        let id = sessions.next_id;
        sessions.next_id += 1;
        sessions.by_id.insert(id, session);
        sessions.looks.insert((look_at, id));
        let is_first = sessions.looks.first() == Some(&(look_at, id));
        drop(sessions);
        if is_first {
            self.shared.sooner.notify_one();
        }
        Place {
            shared: Arc::clone(&self.shared),
            id,
            call,
        }
    }

    /// Looks at them, each when it is time, until the server stops.
    pub(crate) async fn look(self, clock: Clock, leases: Arc<dyn Leases>, stop: CancellationToken) {
        let stopped = stop.cancelled();
        tokio::pin!(stopped);
        loop {
            let next = self.shared.sessions().looks.first().copied();
            tokio::select! {
                biased;
                () = &mut stopped => return,
                () = self.shared.sooner.notified() => {}
                () = when(next.map(|(at, _)| at)) => {
                    self.look_at_some(clock.unix_ms(), &leases);
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Looks at some for which it is time, and renews the leases of those in which nothing has changed.
    fn look_at_some(&self, now_ms: i64, leases: &Arc<dyn Leases>) {
        let now = Instant::now();
        let next = self.moments.within(now, self.every);
        let mut sessions = self.shared.sessions();
        let due = sessions.looks.range(..=(now, u64::MAX));
        let due: Vec<u64> = due.map(|(_, id)| *id).take(TOGETHER).collect();
        let renewals = due
            .into_iter()
            .filter_map(|id| sessions.look_at(id, (now, now_ms), next));
        let (renewed, writing): (Vec<Arc<Lease>>, Vec<OwnedMutexGuard<()>>) = renewals.unzip();
        drop(sessions);
        if !renewed.is_empty() {
            let (leases, lasts) = (Arc::clone(leases), lease_lasts(self.every));
            update_leases(
                writing,
                async move { leases.hold_all(&renewed, lasts).await },
            );
        }
    }
}

impl Shared {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    /// Looks at a session now. If somebody has gone, or may no longer listen, it is called, to look by itself. If not, it
    /// is looked at again at `next`; and its lease is returned, unless it is being updated just now.
    fn look_at(
        &mut self,
        id: u64,
        (now, now_ms): (Instant, i64),
        next: Instant,
    ) -> Option<(Arc<Lease>, OwnedMutexGuard<()>)> {
        let session = self.by_id.get_mut(&id)?;
        self.looks.remove(&(session.look_at, id));
        if !session.endings.iter().all(|one| one.is_to_come(now_ms)) {
            session.call.make();
            return None;
        }
        session.looked_at = now;
        session.look_at = next;
        self.looks.insert((next, id));
        let writing = Arc::clone(&session.lease_writing).try_lock_owned().ok()?;
        Some((Arc::clone(&session.lease), writing))
    }
}

impl Call {
    fn make(&self) {
        self.is_made.store(true, Ordering::Release);
        self.session.wake();
    }
}

/// A session's place among the quiet ones, which it has until this is dropped.
pub(crate) struct Place {
    shared: Arc<Shared>,
    id: u64,
    call: Arc<Call>,
}

impl Place {
    /// Waits until the session has to look by itself; for ever if it has no place. Cancel-safe.
    pub(crate) async fn called(place: &Option<Self>) {
        let Some(Self { call, .. }) = place else {
            return pending().await;
        };
        poll_fn(|cx| {
            // Registered before the flag is read, so that no call is missed between the two.
            call.session.register(cx.waker());
            match call.is_made.load(Ordering::Acquire) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// Gives the place up, and returns when the session was last looked at.
    pub(crate) fn leave(self) -> Option<Instant> {
        self.remove()
    }

    fn remove(&self) -> Option<Instant> {
        let mut sessions = self.shared.sessions();
        let session = sessions.by_id.remove(&self.id)?;
        sessions.looks.remove(&(session.look_at, self.id));
        Some(session.looked_at)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Waits until then; for ever if there is no such time.
async fn when(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
