//! What an actor is to a session, and what they may see of it.
//!
//! The order of checks is the same everywhere: what a role may ever do ([`Refused::NotAllowed`], the same for any
//! session), whether this session is theirs ([`Refused::NotFound`], the same as for one that does not exist), and only
//! then the state of the session. So no answer tells a stranger whether a session exists.

use super::{
    audience::Audience,
    conference::Conference,
    people::{Actor, LibrarianActor},
    refused::Refused,
    session::{Phase, Session},
};

/// A session with everything that the rules depend on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The session's id.
    pub session_id: &'a str,
    /// The session as staff know it. `None` if it was not opened.
    pub session: Option<&'a Session>,
    /// The supervisors who are inside in conference mode.
    pub conference: &'a Conference,
    /// The current time, in Unix milliseconds.
    pub now_ms: i64,
    /// The durations that the rules use.
    pub times: Times,
}

/// The durations that the rules use, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// How long after the end the owner may still read and add notes.
    pub wrap_up_ms: i64,
    /// How long an offer to hand a session over stands.
    pub transfer_lapse_ms: i64,
    /// How long a session that waits for a librarian stays open when its patron is lost.
    pub abandoned_waiting_ms: i64,
    /// How long a session that has an owner does.
    pub abandoned_active_ms: i64,
}

/// What an actor is to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Its patron.
    Patron,
    /// Its chatting librarian, also for a while after the end.
    Owner,
    /// Inside in conference mode.
    Supervisor,
    /// Entitled to supervise or review it, but not inside.
    Reviewer,
    /// Owned it until it was handed over or went back to its queue; it has not ended.
    FormerOwner,
    /// Entitled to monitor a queue that it waits or waited in.
    Candidate,
}

impl Situation<'_> {
    /// Returns what the actor is to the session, or `None` for a stranger.
    #[must_use]
    pub fn relation(&self, actor: &Actor) -> Option<Relation> {
        match actor {
            Actor::Patron(patron) => {
                (patron.session_id == self.session_id).then_some(Relation::Patron)
            }
            Actor::Librarian(librarian) => self.relation_of(librarian),
        }
    }

    /// Returns what a librarian is to the session, or `None` for a stranger.
    #[must_use]
    pub fn relation_of(&self, librarian: &LibrarianActor) -> Option<Relation> {
        let session = self.session?;
        let id = &librarian.member.librarian_id;
        let institution_id = &session.opened.institution_id;
        if session.is_owned_by(id) && self.ownership_lasts(session, librarian) {
            Some(Relation::Owner)
        } else if self.is_inside(session, librarian) {
            Some(Relation::Supervisor)
        } else if librarian.supervises(institution_id) {
            Some(Relation::Reviewer)
        } else if session.end.is_none() && session.was_owned_by(id) {
            Some(Relation::FormerOwner)
        } else if session.end.is_none() && session.waits_in_one_of(&librarian.queues) {
            Some(Relation::Candidate)
        } else {
            None
        }
    }

    /// Returns whether the librarian is in conference mode in the session.
    #[must_use]
    pub fn is_inside(&self, session: &Session, librarian: &LibrarianActor) -> bool {
        session.end.is_none()
            && self.conference.contains(&librarian.member.librarian_id)
            && librarian.supervises(&session.opened.institution_id)
    }

    /// Returns the refusal for a librarian who owned the session and no longer does.
    #[must_use]
    pub fn no_longer_owner(&self) -> Refused {
        let owner = self.session.and_then(|session| session.owner.as_ref());
        Refused::NoLongerOwner {
            owner: owner.map(|owner| owner.member.clone()),
        }
    }

    /// Returns whether the librarian lost the running session to another owner, or to its queue, and is not inside as a
    /// supervisor.
    #[must_use]
    pub fn has_lost(&self, librarian: &LibrarianActor) -> bool {
        let id = &librarian.member.librarian_id;
        let relation = self.relation_of(librarian);
        let is_outside = matches!(relation, Some(Relation::FormerOwner | Relation::Reviewer));
        self.session
            .is_some_and(|session| is_outside && session.end.is_none() && session.was_owned_by(id))
    }

    /// Returns the refusal for a reviewer who would have to be inside the running session.
    #[must_use]
    pub fn outside(&self, reviewer: &Actor) -> Refused {
        match reviewer {
            Actor::Librarian(librarian) if self.has_lost(librarian) => self.no_longer_owner(),
            _ => Refused::NotInside,
        }
    }

    /// Returns whether the owner still counts as one. Some time after the end, an owner from another library loses the
    /// session, an owner who supervises becomes a reviewer as for any other session, and another librarian of the
    /// patron's library may go on reading it.
    fn ownership_lasts(&self, session: &Session, librarian: &LibrarianActor) -> bool {
        let institution_id = &session.opened.institution_id;
        let reads_on = librarian.member.institution_id == *institution_id
            && !librarian.supervises(institution_id);
        reads_on || !self.wrapped_up(session)
    }

    /// Returns whether the session ended so long ago that its owner is done with it.
    #[must_use]
    pub fn wrapped_up(&self, session: &Session) -> bool {
        session
            .end
            .as_ref()
            .is_some_and(|end| self.now_ms.saturating_sub(end.at_ms) >= self.times.wrap_up_ms)
    }
}

/// What an actor wants to see a session for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To take part, or to look at how it stands.
    Attend,
    /// To read its transcript.
    Transcript,
}

/// Returns the audience as which the actor may see the session: the one they ask for, or the widest that they have a
/// right to.
///
/// A reviewer who is not inside sees nothing of a running session: to watch it they must accept the warning and enter
/// (R1).
///
/// # Errors
/// The refusal of the first check that fails, in the order that the module names.
pub fn may_see(
    situation: &Situation<'_>,
    actor: &Actor,
    requested: Option<Audience>,
    purpose: Purpose,
) -> Result<Audience, Refused> {
    if matches!(actor, Actor::Patron(_)) && requested == Some(Audience::Staff) {
        return Err(Refused::NotAllowed);
    }
    let relation = situation.relation(actor).ok_or(Refused::NotFound)?;
    let session = situation.session.ok_or(Refused::NotFound)?;
    match relation {
        Relation::Patron => Ok(Audience::Patron),
        Relation::Owner | Relation::Supervisor => Ok(requested.unwrap_or(Audience::Staff)),
        Relation::Reviewer => match (session.phase(), purpose) {
            (Phase::Ended, Purpose::Transcript) => Ok(requested.unwrap_or(Audience::Staff)),
            (Phase::Ended, Purpose::Attend) => Err(Refused::Ended),
            (Phase::Waiting | Phase::Active, _) => Err(situation.outside(actor)),
        },
        Relation::FormerOwner => Err(situation.no_longer_owner()),
        Relation::Candidate => Err(Refused::NotFound),
    }
}

/// Who is told that a participant types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypingReach {
    /// Who may be told.
    pub audience: Audience,
    /// What the typist is to the session.
    pub relation: Relation,
}

/// Returns who may be told that the actor types in the box of an audience, if anyone.
///
/// A supervisor's typing is told only to those to whom they have already shown themselves (R4). After leaving and
/// entering again they are silent again, even to a patron who remembers them; and a note does not show them to the
/// patron (I17, I19).
#[must_use]
pub fn typing_reach(
    situation: &Situation<'_>,
    actor: &Actor,
    typed_in: Audience,
) -> Option<TypingReach> {
    let session = situation.session.filter(|session| session.end.is_none())?;
    let relation = situation.relation(actor)?;
    let reaches = match (relation, actor) {
        (Relation::Patron, _) => typed_in == Audience::Patron,
        (Relation::Owner, _) => true,
        (Relation::Supervisor, Actor::Librarian(librarian)) => {
            session.is_shown(&librarian.member.librarian_id, typed_in)
        }
        _ => false,
    };
    reaches.then_some(TypingReach {
        audience: typed_in,
        relation,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            conference::ConferenceEvent,
            event::{Event, Speaker},
            people::{Role, StaffMember},
            samples::opened,
        },
        *,
    };

    fn admin() -> StaffMember {
        StaffMember {
            librarian_id: "admin".to_owned(),
            screen_name: "Ms Admin".to_owned(),
            institution_id: "maple".to_owned(),
            institution_name: "Maple".to_owned(),
        }
    }

    /// Returns whether the supervisor's typing in the message box, and in the notes box, reaches anybody after these
    /// events.
    fn reaches(events: &[Event]) -> (bool, bool) {
        let session = events.iter().fold(None, |session, event| {
            Session::apply(session, Audience::Staff, event, 0)
        });
        let mut conference = Conference::default();
        conference.apply(&ConferenceEvent::Entered {
            by: admin(),
            warning_version: String::new(),
        });
        let situation = Situation {
            session_id: "5e55",
            session: session.as_ref(),
            conference: &conference,
            now_ms: 0,
            times: Times::default(),
        };
        let actor = Actor::Librarian(LibrarianActor {
            member: admin(),
            role: Role::Administrator,
            queues: Default::default(),
            practice_queues: Default::default(),
            warning_version: String::new(),
        });
        let reach = |typed_in| typing_reach(&situation, &actor, typed_in).is_some();
        (reach(Audience::Patron), reach(Audience::Staff))
    }

    /// R4, I17, I19
    #[test]
    fn a_supervisors_typing_reaches_the_patron_only_after_a_word_to_them_in_the_same_stay() {
        let by = || Speaker::Colleague(admin());
        let text = || "hm".to_owned();
        let mut events = vec![Event::Opened(opened())];
        let note = || Event::NoteWritten {
            by: by(),
            text: text(),
        };
        let message = Event::MessagePosted {
            by: by(),
            text: text(),
        };
        let page = Event::PagePushed {
            by: by(),
            address: "https://example.org/".to_owned(),
            host: "example.org".to_owned(),
        };
        assert_eq!(reaches(&events), (false, false));
        for shows in [message, page] {
            for (event, reached) in [
                (note(), (false, true)),
                (shows, (true, true)),
                (note(), (true, true)),
                (Event::ColleagueLeft { by: admin() }, (false, false)),
            ] {
                events.push(event);
                assert_eq!(reaches(&events), reached, "after {:?}", events.last());
            }
        }
        // A former owner who enters the session has shown themselves as its owner, and not as a supervisor.
        events.push(note());
        events.push(Event::PickedUp { by: admin() });
        events.push(Event::Returned { from: admin() });
        assert_eq!(reaches(&events), (false, false));
    }
}
