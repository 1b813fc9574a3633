//! Samples for tests.

use super::{
    access::{Situation, Times},
    audience::Audience,
    conference::Conference,
    decide::{Command, decide},
    event::{Event, Opened, Speaker},
    people::{Actor, LibrarianActor, Role, StaffMember, StaffNaming},
    refused::Refused,
    session::Session,
};

/// The id of the session of a [`World`].
pub(crate) const SESSION: &str = "5e55";
/// How long the owner in a [`World`] has to wrap up.
pub(crate) const WRAP_UP_MS: i64 = 1_000;

/// The opening of a session at a test library, by a patron who gives no name.
pub(crate) fn opened() -> Opened {
    Opened {
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
        queue_id: "maple".to_owned(),
        staff_naming: StaffNaming::ScreenName,
        patron_name: String::new(),
        patron_email: String::new(),
        language: String::new(),
        question: "Where?".to_owned(),
        practice: false,
        route: Vec::new(),
    }
}

/// A member of a library's staff, whose screen name is their id in capitals.
pub(crate) fn member(id: &str, institution_id: &str) -> StaffMember {
    StaffMember {
        librarian_id: id.to_owned(),
        screen_name: id.to_uppercase(),
        institution_id: institution_id.to_owned(),
        institution_name: institution_id.to_owned(),
    }
}

/// A librarian who may monitor the queue of the patron's library, Maple.
pub(crate) fn librarian(id: &str, institution_id: &str, role: Role) -> Actor {
    Actor::Librarian(LibrarianActor {
        member: member(id, institution_id),
        role,
        queues: ["maple".to_owned()].into(),
        practice_queues: Default::default(),
        warning_version: String::new(),
    })
}

/// A session of a patron of Maple, and all that has happened in it.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) session: Option<Session>,
    pub(crate) events: Vec<Event>,
    pub(crate) now_ms: i64,
}

impl World {
    /// `map` of Harbor has picked the session up, and has handed it over to its owner.
    pub(crate) fn running(owner: &StaffMember) -> Self {
        let map = member("map", "harbor");
        let mut world = Self::default();
        world.take(Event::Opened(opened()));
        world.take(Event::PickedUp { by: map.clone() });
        world.take(Event::Transferred {
            by: owner.clone(),
            from: map,
            offer_id: "1".to_owned(),
        });
        world
    }

    /// As [`World::running`], and the owner has ended it.
    pub(crate) fn ended(owner: &StaffMember) -> Self {
        let mut world = Self::running(owner);
        world.take(Event::Ended {
            by: Some(Speaker::Owner(owner.clone())),
        });
        world
    }

    /// Lets something happen.
    pub(crate) fn take(&mut self, event: Event) {
        self.session = Session::apply(self.session.take(), Audience::Staff, &event, self.now_ms);
        self.events.push(event);
    }

    /// Carries out a command that concerns neither conference mode nor the audit, and says how many events came of it.
    pub(crate) fn command(&mut self, actor: &Actor, command: &Command) -> Result<usize, Refused> {
        let situation = Situation {
            session_id: SESSION,
            session: self.session.as_ref(),
            conference: &Conference::default(),
            now_ms: self.now_ms,
            times: Times {
                wrap_up_ms: WRAP_UP_MS,
                ..Times::default()
            },
        };
        let decision = decide(&situation, actor, command)?;
        assert_eq!((decision.conference.len(), decision.audit.len()), (0, 0));
        let count = decision.session.len();
        for event in decision.session {
            self.take(event);
        }
        Ok(count)
    }

    /// Has somebody correct something until the session is full (I26). Checks that the patron's picture stays the same
    /// (S21).
    pub(crate) fn correct_until_full(
        &mut self,
        mut correct: impl FnMut(&mut Self, usize) -> Result<usize, Refused>,
    ) {
        let before = self.as_patron();
        let mut corrections = 0;
        let refused = loop {
            match correct(self, corrections) {
                Ok(_) => corrections += 1,
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused, Refused::Full);
        assert!(corrections > 1_000, "{corrections}");
        assert_eq!(self.as_patron(), before);
    }

    /// The session as its patron knows it.
    fn as_patron(&self) -> Option<Session> {
        self.events.iter().fold(None, |session, event| {
            Session::apply(session, Audience::Patron, event, 0)
        })
    }
}
