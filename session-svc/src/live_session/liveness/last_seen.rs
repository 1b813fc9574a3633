//! When participants were last known to be there.

use std::{collections::HashMap, mem, time::Duration};

use tokio::time::Instant;

use crate::{
    domain::{
        conference::ConferenceEvent,
        event::{Event, PatronConnection, Speaker},
    },
    live_session::Summary,
};

/// When participants were last known to be there.
pub(in crate::live_session) struct Liveness {
    /// The owner, or whoever becomes the owner.
    pub(super) owner: LastSeen,
    /// The patron, and whether anything was heard of them here since any server noted them as gone.
    pub(super) patron: LastSeen,
    pub(super) patron_heard: bool,
    /// Whether the last look-up found the owner or the patron on another server.
    pub(super) owner_or_patron_elsewhere: bool,
    /// Supervisors who do not listen here, each since that was noticed.
    pub(super) gone: HashMap<String, LastSeen>,
}

/// When a person was last known to be there.
///
/// Regular looks find out, on this server and on others. A person whom the last look found may have gone at any time
/// since, so their grace runs from the first look that misses them: nobody is lost too soon.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastSeen {
    at: Instant,
    here: bool,
    elsewhere: bool,
}

impl LastSeen {
    pub(super) fn now() -> Self {
        Self {
            at: Instant::now(),
            here: false,
            elsewhere: false,
        }
    }

    /// Takes note of whether they listen here, and returns whether that means that they are there, or were until now.
    pub(super) fn look_here(&mut self, found: bool) -> bool {
        let was_found = mem::replace(&mut self.here, found);
        self.saw(found || was_found)
    }

    /// Does the same for other servers.
    pub(super) fn look_elsewhere(&mut self, found: bool) -> bool {
        let was_found = mem::replace(&mut self.elsewhere, found);
        self.saw(found || was_found)
    }

    fn saw(&mut self, there: bool) -> bool {
        if there {
            self.at = Instant::now();
        }
        there
    }

    /// Returns whether they were missed for this long.
    pub(super) fn missed_for(&self, time: Duration) -> bool {
        !self.here && self.at.elapsed() >= time
    }
}

impl Liveness {
    /// Starts with nothing known: everybody gets the whole of their grace.
    pub(in crate::live_session) fn now() -> Self {
        Self {
            owner: LastSeen::now(),
            patron: LastSeen::now(),
            patron_heard: false,
            owner_or_patron_elsewhere: false,
            gone: HashMap::new(),
        }
    }

    /// Learns from a change of the session: a new owner is there, and so is a patron who is back. A patron who was
    /// noted as gone, perhaps by a server that missed them sooner, is gone until something is heard of them again:
    /// their grace need not be over here.
    pub(in crate::live_session) fn take_note(&mut self, before: &Summary, now: &Summary) {
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

    /// Learns from what somebody did, on whatever server. An owner's note does not count: the patron, who would be told
    /// of the owner's loss, must not be able to tell that a note was written. Nor do the owner's other acts that only
    /// staff see.
    pub(in crate::live_session) fn see(&mut self, event: &Event) {
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

    /// Learns from who enters: a supervisor who was missed, left and enters again has the whole of their grace again.
    pub(in crate::live_session) fn see_conference(&mut self, event: &ConferenceEvent) {
        if let ConferenceEvent::Entered { by, .. } = event {
            self.gone.remove(&by.librarian_id);
        }
    }

    /// Returns whether the owner or the patron was missed for this long, whoever else was.
    pub(super) fn misses_owner_or_patron(&self, time: Duration) -> bool {
        self.owner.missed_for(time) || self.patron.missed_for(time)
    }

    /// Returns whether a supervisor was missed for this long.
    pub(super) fn misses_supervisors(&self, time: Duration) -> bool {
        self.gone.values().any(|gone| gone.missed_for(time))
    }

    /// Takes note that the owner begins to listen here.
    pub(in crate::live_session) fn see_owner_join(&mut self) {
        self.owner.look_here(true);
    }

    pub(super) fn hear_patron(&mut self) {
        self.patron.saw(true);
        self.patron_heard = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::people::StaffMember;

    const GRACE: Duration = Duration::from_secs(60);

    /// Looks at this interval for somebody who is on another server, but not between `gone` and `back`, and returns
    /// when they counted as lost.
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
        let mut seen = Liveness::now();
        seen.gone.insert("admin".to_owned(), LastSeen::now());
        let here = |seen: &mut Liveness, owner, patron| {
            seen.owner.look_here(owner);
            seen.patron.look_here(patron);
        };
        here(&mut seen, true, true);
        tokio::time::advance(tick).await;
        here(&mut seen, true, true);
        let missed = |seen: &Liveness| {
            (
                seen.misses_owner_or_patron(tick / 2),
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
        let mut seen = Liveness::now();
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

    /// What a supervisor writes shows that they are there, though they have no stream here.
    #[tokio::test(start_paused = true)]
    async fn a_supervisor_who_writes_is_not_missed() {
        let note = Event::NoteWritten {
            by: Speaker::Colleague(admin()),
            text: "still here".to_owned(),
        };
        let mut seen = Liveness::now();
        seen.gone.insert("admin".to_owned(), LastSeen::now());
        for _ in 0..3 {
            tokio::time::advance(GRACE - Duration::from_secs(1)).await;
            assert!(!seen.gone["admin"].missed_for(GRACE));
            seen.see(&note);
        }
        tokio::time::advance(GRACE).await;
        assert!(seen.gone["admin"].missed_for(GRACE));
    }
}
