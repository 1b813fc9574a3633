//! Who is there: the owner, the patron, and supervisors, as far as their streams and acts tell.
//!
//! Each server sees its own streams. What it sees it also says by leases, which all servers share; before it counts
//! somebody as gone it looks there, so that a participant who is connected to another server is not lost. It never waits
//! for the store of leases: what is said in the session must not wait for it either.

use std::{
    collections::{BTreeSet, HashMap},
    future::pending,
    mem,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use carrel_platform::lease::{Lease, LeaseError};
use futures::FutureExt as _;
use tokio::{task::JoinHandle, time::Instant};

use super::{LiveSession, Standing};
use crate::domain::{
    audience::Audience,
    conference::ConferenceEvent,
    event::{Event, PatronConnection, Speaker},
    people::StaffMember,
    session::Owner,
};

/// Who attends a session on which server, as the store of leases told it.
pub(super) type Attending = Result<Vec<Lease>, LeaseError>;

/// A look that is under way at who attends on any server.
pub(super) struct LookUp {
    /// Whether it is for the owner's and the patron's sake, too.
    of_who_talks: bool,
    task: JoinHandle<Attending>,
}

/// What such a look found.
pub(super) struct LookedUp {
    pub(super) of_who_talks: bool,
    pub(super) attending: Attending,
}

impl LookUp {
    /// Waits for the end of one that was begun, for ever if none was. Can be dropped while it waits.
    pub(super) async fn done(under_way: &mut Option<Self>) -> LookedUp {
        let Some(Self { of_who_talks, task }) = under_way else {
            return pending().await;
        };
        let (of_who_talks, attending) = (*of_who_talks, task.await);
        *under_way = None;
        LookedUp {
            of_who_talks,
            attending: attending.unwrap_or_else(|error| Err(LeaseError(error.to_string()))),
        }
    }
}

/// When participants were last known to be there.
pub(super) struct Seen {
    /// The owner, or who becomes it.
    owner: LastSeen,
    /// The patron, and whether anything was heard of them here since they were noted as gone, by whatever server.
    patron: LastSeen,
    patron_heard: bool,
    /// Supervisors who do not listen here, since that was noticed.
    gone: HashMap<String, LastSeen>,
}

/// When somebody was last known to be there.
///
/// Looks find out, on this server and on others. Whom a look found may have gone at any time since, so their time runs
/// from the look that misses them: nobody is lost too soon.
#[derive(Clone, Copy, Debug)]
struct LastSeen {
    at: Instant,
    here: bool,
    elsewhere: bool,
}

impl LastSeen {
    fn now() -> Self {
        Self {
            at: Instant::now(),
            here: false,
            elsewhere: false,
        }
    }

    /// Takes note whether they listen here. Says whether that means that they are there, or were until now.
    fn look_here(&mut self, found: bool) -> bool {
        let was_found = mem::replace(&mut self.here, found);
        self.saw(found || was_found)
    }

    /// The same of other servers.
    fn look_elsewhere(&mut self, found: bool) -> bool {
        let was_found = mem::replace(&mut self.elsewhere, found);
        self.saw(found || was_found)
    }

    fn saw(&mut self, there: bool) -> bool {
        if there {
            self.at = Instant::now();
        }
        there
    }

    /// Whether they were missed for so long.
    fn missed_for(&self, time: Duration) -> bool {
        !self.here && self.at.elapsed() >= time
    }
}

impl Seen {
    /// Nothing is known; everybody gets the whole of their time.
    pub(super) fn now() -> Self {
        Self {
            owner: LastSeen::now(),
            patron: LastSeen::now(),
            patron_heard: false,
            gone: HashMap::new(),
        }
    }

    /// Learns from what happened: a new owner is there, and so is a patron who is back. One who was noted as gone, perhaps by
    /// a server that missed them sooner, is gone until something is heard of them again: their time need not be over here.
    pub(super) fn take_note(&mut self, before: &Standing, now: &Standing) {
        if now.owner != before.owner {
            self.owner.saw(true);
        }
        if now.patron != before.patron {
            match now.patron {
                Some(PatronConnection::Connected) => self.hear_patron(),
                Some(PatronConnection::Away | PatronConnection::Lost) => self.patron_heard = false,
                None => {}
            }
        }
    }

    /// Learns from what somebody did, on whatever server. An owner's note does not count: the patron, who would hear of the
    /// owner's loss, must not be able to tell that one was written. Nor does what else of them only staff see.
    pub(super) fn see(&mut self, event: &Event) {
        match event {
            Event::Opened(_)
            | Event::MessagePosted {
                by: Speaker::Patron,
                ..
            } => self.hear_patron(),
            Event::MessagePosted {
                by: Speaker::Owner(_),
                ..
            }
            | Event::PagePushed {
                by: Speaker::Owner(_),
                ..
            } => {
                self.owner.saw(true);
            }
            Event::MessagePosted {
                by: Speaker::Colleague(member),
                ..
            }
            | Event::PagePushed {
                by: Speaker::Colleague(member),
                ..
            }
            | Event::NoteWritten {
                by: Speaker::Colleague(member),
                ..
            } => {
                if let Some(gone) = self.gone.get_mut(&member.librarian_id) {
                    gone.saw(true);
                }
            }
            _ => {}
        }
    }

    /// Learns from who enters: somebody who was missed, left and comes in again has the whole of their time again.
    pub(super) fn see_conference(&mut self, event: &ConferenceEvent) {
        if let ConferenceEvent::Entered { by, .. } = event {
            self.gone.remove(&by.librarian_id);
        }
    }

    /// Whether the owner or the patron was missed for so long, whoever else is.
    fn misses_who_talks(&self, time: Duration) -> bool {
        self.owner.missed_for(time) || self.patron.missed_for(time)
    }

    /// Whether a supervisor was.
    fn misses_supervisors(&self, time: Duration) -> bool {
        self.gone.values().any(|gone| gone.missed_for(time))
    }

    /// The owner begins to listen here.
    pub(super) fn see_owner_join(&mut self) {
        self.owner.look_here(true);
    }

    fn hear_patron(&mut self) {
        self.patron.saw(true);
        self.patron_heard = true;
    }
}

impl LiveSession {
    /// Says by a lease who listens here, for as long as two looks at it, and once that nobody does any more: others shall
    /// not go on seeing who was the last to go. What is still being said is not said again.
    pub(super) fn keep_lease(&mut self) {
        let under_way = self
            .saying
            .as_ref()
            .is_some_and(|saying| !saying.is_finished());
        if under_way {
            return;
        }
        let listening = self.subscribers.keys();
        let (space, key, incarnation) = (self.lease_space(), self.lease_key(), 1);
        let store = Arc::clone(&self.parts.leases);
        if listening.is_empty() {
            if mem::take(&mut self.lease_stands) {
                self.say(async move { store.release(&space, &key, incarnation).await });
            }
            return;
        }
        self.lease_stands = true;
        let lasts = self.tick() * 2 + Duration::from_secs(1);
        let lease = Lease {
            space,
            key,
            incarnation,
            value: listing(&listening),
        };
        self.say(async move { store.hold(lease, lasts).await.map(drop) });
    }

    fn say(&mut self, telling: impl Future<Output = Result<(), LeaseError>> + Send + 'static) {
        let mut saying = Box::pin(async move {
            if let Err(error) = telling.await {
                tracing::debug!(%error, "who attends a session could not be told to other servers");
            }
        });
        // A store in memory has been told by now.
        if saying.as_mut().now_or_never().is_none() {
            self.saying = Some(tokio::spawn(saying));
        }
    }

    /// Begins to look up who attends on any server, if somebody may be there who is missed here, or the session is left to
    /// others. Those who are missed are looked up at each look, and not only when their time is over: then one look that
    /// misses them must not be the end of it.
    ///
    /// What is looked up for a supervisor's sake, or for nobody's, says nothing of the owner and the patron: a supervisor, of
    /// whom they must not know, would decide when the one is told that the other was lost.
    pub(super) fn look_elsewhere(&mut self) {
        // Looks are a little more or less than a tick apart.
        let since_last_look = self.tick() / 2;
        let of_who_talks = self.seen.misses_who_talks(since_last_look);
        let wanted = of_who_talks
            || self.subscribers.is_empty()
            || self.seen.misses_supervisors(since_last_look);
        let is_under_way =
            (self.looking.as_ref()).is_some_and(|look_up| look_up.of_who_talks || !of_who_talks);
        if !wanted || is_under_way {
            return;
        }
        let store = Arc::clone(&self.parts.leases);
        let space = self.lease_space();
        self.looking = Some(LookUp {
            of_who_talks,
            task: tokio::spawn(async move { store.standing(&space).await }),
        });
    }

    /// Whether somebody is connected to another server, if that is known.
    fn is_elsewhere(&self, who: &str, attending: &Attending) -> Option<bool> {
        let here = self.lease_key();
        let leases = attending.as_ref().ok()?;
        Some(
            leases
                .iter()
                .any(|lease| lease.key != here && lists(lease, who)),
        )
    }

    /// Whether nobody attends here while somebody does on another server.
    pub(super) fn is_left_to_others(&self, attending: &Attending) -> bool {
        let here = self.lease_key();
        let elsewhere = |lease: &Lease| lease.key != here;
        let attending = attending.as_ref();
        self.subscribers.is_empty() && attending.is_ok_and(|leases| leases.iter().any(elsewhere))
    }

    fn lease_space(&self) -> String {
        attending(self.history.session_id())
    }

    fn lease_key(&self) -> String {
        format!("{:x}", self.origin.0)
    }

    /// The owner, if they were gone for longer than their grace, by what is known of who attends elsewhere.
    pub(super) fn lost_owner(&mut self, attending: Option<&Attending>) -> Option<Arc<Owner>> {
        let session = self.history.view(Audience::Staff).session();
        let Some(owner) = session.and_then(|session| session.owner.clone()) else {
            self.seen.owner = LastSeen::now();
            return None;
        };
        let id = &owner.member.librarian_id;
        let here = self.subscribers.has_librarian(id);
        let found = attending.map(|attending| self.is_elsewhere(&librarian_key(id), attending));
        if self.seen.owner.look_here(here) {
            return None;
        }
        // Who can't be looked up is not counted as gone.
        let is_lost = !self.seen.owner.look_elsewhere(found?.unwrap_or(true))
            && self
                .seen
                .owner
                .missed_for(self.parts.config.owner_grace.get());
        is_lost.then_some(owner)
    }

    /// How the patron's connection is by what is known now (R8).
    pub(super) fn patron_connection(&mut self, attending: Option<&Attending>) -> PatronConnection {
        let known = self
            .history
            .view(Audience::Staff)
            .session()
            .map_or(PatronConnection::Connected, |session| {
                session.patron_connection
            });
        let who = ["patron:", self.history.session_id()].concat();
        let here = self.subscribers.has_patron();
        let found = attending.and_then(|attending| self.is_elsewhere(&who, attending));
        let patron = &mut self.seen.patron;
        if patron.look_here(here) || found.is_some_and(|found| patron.look_elsewhere(found)) {
            self.seen.hear_patron();
        }
        let patron = &self.seen.patron;
        let config = &self.parts.config;
        if !patron.missed_for(config.patron_away.get()) {
            return if self.seen.patron_heard {
                PatronConnection::Connected
            } else {
                known
            };
        }
        let due = if patron.missed_for(config.patron_lost.get()) {
            PatronConnection::Lost
        } else {
            PatronConnection::Away
        };
        match found {
            Some(false) if known != PatronConnection::Lost => due,
            // Who can't be looked up is not counted as gone.
            _ => known,
        }
    }

    /// The supervisors who were gone for longer than their grace.
    pub(super) fn lost_supervisors(&mut self, attending: Option<&Attending>) -> Vec<StaffMember> {
        let grace = self.parts.config.conference_grace.get();
        let subscribers = &self.subscribers;
        self.seen.gone.retain(|id, _| {
            self.history.conference().contains(id) && !subscribers.has_librarian(id)
        });
        let mut lost = Vec::new();
        for member in self.history.conference().members() {
            let id = &member.librarian_id;
            if subscribers.has_librarian(id) {
                continue;
            }
            let found = attending.map(|attending| self.is_elsewhere(&librarian_key(id), attending));
            let gone = self.seen.gone.entry(id.clone());
            let gone = gone.or_insert_with(LastSeen::now);
            // Who can't be looked up is not counted as gone.
            if let Some(found) = found
                && !gone.look_elsewhere(found.unwrap_or(true))
                && gone.missed_for(grace)
            {
                lost.push(member.clone());
            }
        }
        lost
    }
}

/// Who attends, as a lease says it.
fn listing(who: &BTreeSet<String>) -> Bytes {
    // Texts can always be written.
    serde_json::to_vec(who).unwrap_or_default().into()
}

/// Whether a server lists somebody among those who attend there. Who can't be read may be anybody.
fn lists(lease: &Lease, who: &str) -> bool {
    serde_json::from_slice::<BTreeSet<String>>(&lease.value).map_or(true, |all| all.contains(who))
}

/// The space of the leases that say who attends a session: one for each server where somebody does.
pub(crate) fn attending(session_id: &str) -> String {
    format!("attending/{session_id}")
}

/// What a librarian is filed under, as [`crate::domain::people::Actor::key`] has it.
fn librarian_key(librarian_id: &str) -> String {
    format!("librarian:{librarian_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(60);

    /// Looks so often for somebody who is on another server, but not in these seconds, and tells when they counted as lost.
    async fn lost_at(every: Duration, gone: Duration, back: Duration) -> Option<Duration> {
        let began = Instant::now();
        let mut seen = LastSeen::now();
        while began.elapsed() < back + 2 * GRACE {
            tokio::time::advance(every).await;
            let now = began.elapsed();
            let is_there = now < gone || now >= back;
            if !seen.look_here(false) && !seen.look_elsewhere(is_there) && seen.missed_for(GRACE) {
                return Some(now);
            }
        }
        None
    }

    /// I13
    #[tokio::test(start_paused = true)]
    async fn who_is_quiet_on_another_server_is_lost_after_the_whole_grace_and_no_sooner() {
        let tick = Duration::from_millis(7_500);
        for gone in (60..200).step_by(3).map(Duration::from_secs) {
            assert_eq!(lost_at(tick, gone, gone + GRACE).await, None, "{gone:?}");
            let lost = lost_at(tick, gone, Duration::from_secs(3_600)).await;
            let after = lost.map(|at| at - gone);
            assert!(
                after.is_some_and(|after| after >= GRACE && after <= GRACE + 3 * tick),
                "{after:?}"
            );
        }
    }

    /// R4, I17: whether the owner and the patron are looked up depends on nobody but them.
    #[tokio::test(start_paused = true)]
    async fn a_supervisor_who_is_missed_is_not_the_owner_or_the_patron() {
        let tick = Duration::from_secs(15);
        let mut seen = Seen::now();
        seen.gone.insert("admin".to_owned(), LastSeen::now());
        let here = |seen: &mut Seen, owner, patron| {
            seen.owner.look_here(owner);
            seen.patron.look_here(patron);
        };
        here(&mut seen, true, true);
        tokio::time::advance(tick).await;
        here(&mut seen, true, true);
        let missed = |seen: &Seen| {
            (
                seen.misses_who_talks(tick / 2),
                seen.misses_supervisors(tick / 2),
            )
        };
        assert_eq!(missed(&seen), (false, true));
        here(&mut seen, false, true);
        assert_eq!(missed(&seen), (false, true), "the owner was here until now");
        tokio::time::advance(tick).await;
        here(&mut seen, false, true);
        assert_eq!(missed(&seen), (true, true));
        seen.gone.clear();
        assert_eq!(missed(&seen), (true, false));
    }

    fn admin() -> StaffMember {
        StaffMember {
            librarian_id: "admin".to_owned(),
            screen_name: "Admin".to_owned(),
            institution_id: "maple".to_owned(),
            institution_name: "Maple".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_supervisor_who_enters_again_has_the_whole_of_their_time_again() {
        let mut seen = Seen::now();
        for id in ["admin", "ask"] {
            seen.gone.insert(id.to_owned(), LastSeen::now());
        }
        tokio::time::advance(GRACE).await;
        seen.see_conference(&ConferenceEvent::Entered {
            by: admin(),
            warning_version: "w1".to_owned(),
        });
        let is_missed = |id| {
            let gone = seen.gone.get(id);
            gone.is_some_and(|gone| gone.missed_for(GRACE))
        };
        assert_eq!((is_missed("admin"), is_missed("ask")), (false, true));
    }

    /// A supervisor's word tells that they are there, though nothing of them listens.
    #[tokio::test(start_paused = true)]
    async fn a_supervisor_who_writes_is_not_missed() {
        let note = Event::NoteWritten {
            by: Speaker::Colleague(admin()),
            text: "still here".to_owned(),
        };
        let mut seen = Seen::now();
        seen.gone.insert("admin".to_owned(), LastSeen::now());
        for _ in 0..3 {
            tokio::time::advance(GRACE - Duration::from_secs(1)).await;
            assert!(!seen.gone["admin"].missed_for(GRACE));
            seen.see(&note);
        }
        tokio::time::advance(GRACE).await;
        assert!(seen.gone["admin"].missed_for(GRACE));
    }

    #[test]
    fn a_lease_lists_all_who_attend_and_nobody_else() {
        let all = BTreeSet::from(["patron:7".to_owned(), "librarian:\"ada\"\n".to_owned()]);
        let mut lease = Lease {
            space: attending("7"),
            key: "f".to_owned(),
            incarnation: 1,
            value: listing(&all),
        };
        assert!(all.iter().all(|who| lists(&lease, who)));
        assert!(!lists(&lease, "patron:8") && !lists(&lease, "librarian:ada"));
        lease.value = Bytes::from_static(b"of a newer version");
        assert!(lists(&lease, "patron:8"));
    }
}
