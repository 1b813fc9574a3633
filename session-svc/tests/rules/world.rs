//! A session run through the rules and nothing else, and everyone who may turn up in it.

use std::collections::BTreeSet;

use carrel_session::domain::{
    access::{Situation, Times},
    audience::Audience,
    conference::Conference,
    decide::{Command, Decision, decide},
    due::{abandon, escalate, return_to_queue, see_patron},
    event::{Event, PatronConnection},
    people::{Actor, LibrarianActor, PatronActor, Role, RouteStep, StaffMember, StaffNaming},
    refused::Refused,
    session::Session,
    transfer::{Addressee, lapse},
};
use proptest::prelude::*;

pub(crate) const SESSION: &str = "5e551011";
pub(crate) const WRAP_UP_MS: i64 = 1_000;
pub(crate) const LAPSE_MS: i64 = 500;
const TIMES: Times = Times {
    wrap_up_ms: WRAP_UP_MS,
    transfer_lapse_ms: LAPSE_MS,
    abandoned_waiting_ms: 600,
    abandoned_active_ms: 1_500,
};

pub(crate) fn patron(session_id: &str) -> Actor {
    Actor::Patron(PatronActor {
        session_id: session_id.into(),
        institution_id: "maple".into(),
        institution_name: "Maple".into(),
        queue_id: "maple".into(),
        staff_naming: StaffNaming::ScreenName,
        practice: false,
        route: vec![
            RouteStep {
                queue_id: "coop".into(),
                after_ms: 400,
            },
            RouteStep {
                queue_id: "backup".into(),
                after_ms: 1_200,
            },
        ],
    })
}

pub(crate) fn librarian(id: &str, institution: &str, role: Role, queues: &[&str]) -> Actor {
    Actor::Librarian(LibrarianActor {
        member: StaffMember {
            librarian_id: id.into(),
            screen_name: id.to_uppercase(),
            institution_id: institution.into(),
            institution_name: institution.into(),
        },
        role,
        queues: queues
            .iter()
            .map(|&queue| queue.to_owned())
            .collect::<BTreeSet<_>>(),
        practice_queues: BTreeSet::new(),
        warning_version: "w1".into(),
    })
}

/// Returns everyone who may turn up, friend or stranger.
pub(crate) fn cast() -> Vec<Actor> {
    vec![
        patron(SESSION),
        patron("another"),
        librarian("map", "harbor", Role::Librarian, &["maple", "harbor"]),
        librarian("lee", "maple", Role::Librarian, &["maple"]),
        librarian("night", "harbor", Role::Librarian, &["coop"]),
        librarian("far", "harbor", Role::Librarian, &["harbor"]),
        librarian("ask", "maple", Role::AskAdministrator, &["maple"]),
        librarian("admin", "maple", Role::Administrator, &["maple"]),
        librarian(
            "foreign",
            "harbor",
            Role::Administrator,
            &["maple", "harbor"],
        ),
    ]
}

/// A session, run through the rules and nothing else.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) events: Vec<(Event, i64)>,
    pub(crate) staff: Option<Session>,
    pub(crate) patron: Option<Session>,
    pub(crate) conference: Conference,
    pub(crate) now_ms: i64,
}

impl World {
    pub(crate) fn situation(&self) -> Situation<'_> {
        Situation {
            session_id: SESSION,
            session: self.staff.as_ref(),
            conference: &self.conference,
            now_ms: self.now_ms,
            times: TIMES,
        }
    }

    pub(crate) fn act(&mut self, actor: &Actor, command: &Command) -> Result<(), Refused> {
        let decision = decide(&self.situation(), actor, &self.meant(command))?;
        self.take_in(decision);
        Ok(())
    }

    /// Returns the command with the id of the last offer in place of [`LAST`].
    fn meant(&self, command: &Command) -> Command {
        let last = || {
            let offers = self.staff.as_ref().map(|session| &session.offers);
            offers
                .and_then(|offers| offers.last())
                .map_or(LAST.to_owned(), |made| made.offer.id.clone())
        };
        match command.clone() {
            Command::AcceptTransfer { .. } => Command::AcceptTransfer { offer_id: last() },
            Command::DeclineTransfer { reason, .. } => Command::DeclineTransfer {
                offer_id: last(),
                reason,
            },
            Command::WithdrawTransfer { .. } => Command::WithdrawTransfer { offer_id: last() },
            other => other,
        }
    }

    /// Has the owner's connection be gone for too long.
    pub(crate) fn lose_owner(&mut self) {
        if let Some(session) = &self.staff {
            let decision = return_to_queue(session);
            self.take_in(decision);
        }
    }

    /// Has the patron be found lost, or back, as chance has it.
    pub(crate) fn look_for_patron(&mut self, chance: i64) {
        let connection = match chance % 10 {
            0..3 => PatronConnection::Lost,
            3 => PatronConnection::Connected,
            _ => return,
        };
        if let Some(session) = &self.staff {
            let decision = see_patron(session, connection);
            self.take_in(decision);
        }
    }

    /// Lets time pass, and does what is then due.
    pub(crate) fn wait(&mut self, ms: i64) {
        self.now_ms += ms;
        let abandon = |session: &Session, now_ms| abandon(session, now_ms, TIMES);
        for due in [escalate as fn(&Session, i64) -> Decision, lapse, abandon] {
            if let Some(session) = &self.staff {
                let decision = due(session, self.now_ms);
                self.take_in(decision);
            }
        }
    }

    pub(crate) fn take_in(&mut self, decision: Decision) {
        let entries = decision.conference.len();
        assert_eq!(
            decision.audit.len(),
            entries,
            "each entry and exit is in the audit, nothing else (I25)"
        );
        for event in decision.session {
            self.staff = Session::apply(self.staff.take(), Audience::Staff, &event, self.now_ms);
            self.patron = Session::apply(self.patron.take(), Audience::Patron, &event, self.now_ms);
            self.events.push((event, self.now_ms));
        }
        for event in decision.conference {
            self.conference.apply(&event);
        }
    }
}

/// Stands for the last offer that was made.
pub(crate) const LAST: &str = "last";

/// Any addressee of an offer, permitted or not.
pub(crate) fn addressee() -> impl Strategy<Value = Addressee> {
    let librarians: Vec<_> = cast()
        .iter()
        .filter_map(|actor| actor.librarian().cloned())
        .map(|librarian| Addressee::Librarian {
            member: librarian.member,
            monitors: Some(librarian.queues),
        })
        .collect();
    prop_oneof![
        4 => prop::sample::select(librarians),
        1 => prop::sample::select(vec!["maple", "harbor", "coop", "nowhere"])
            .prop_map(|queue_id| Addressee::Queue { queue_id: queue_id.to_owned() }),
        1 => Just(Addressee::Stranger),
    ]
}
