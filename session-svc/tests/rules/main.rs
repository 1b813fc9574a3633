//! The rules of a session, under random histories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod transfers;
mod world;

use carrel_platform::auth::statement::CodeList;
use carrel_session::domain::{
    access::{Purpose, Relation, may_see},
    audience::{Audience, audience_of, project},
    conference::MOST_ENTRIES,
    decide::Command,
    due::{TOLD_IN_FULL, see_patron},
    event::{Event, PatronConnection, Speaker},
    people::{Actor, Role},
    refused::Refused,
    resolution::Resolution,
    session::{Phase, Session},
};
use proptest::prelude::*;

use world::{World, cast};

fn command() -> impl Strategy<Value = Command> {
    let text = prop_oneof![
        Just("hello".to_owned()),
        Just(String::new()),
        Just("a\u{0}".to_owned())
    ];
    prop_oneof![
        2 => Just(Command::Open { question: "where?".into(), patron_name: "Ricky".into(), patron_email: String::new(), language: "fr".into() }),
        3 => Just(Command::PickUp),
        6 => text.clone().prop_map(|text| Command::PostMessage { text }),
        2 => Just(Command::PushPage { address: "https://example.org/".into() }),
        1 => Just(Command::PushPage { address: "javascript:alert(1)".into() }),
        5 => text.prop_map(|text| Command::WriteNote { text }),
        4 => Just(Command::EnterConference { warning_version: "w1".into() }),
        1 => Just(Command::EnterConference { warning_version: "w0".into() }),
        3 => Just(Command::LeaveConference),
        2 => world::addressee().prop_map(|to| Command::OfferTransfer { to, message: String::new() }),
        2 => Just(Command::AcceptTransfer { offer_id: world::LAST.into() }),
        1 => Just(Command::DeclineTransfer { offer_id: world::LAST.into(), reason: "busy".into() }),
        1 => Just(Command::WithdrawTransfer { offer_id: world::LAST.into() }),
        1 => Just(Command::End),
        4 => prop::sample::select(vec![Resolution::Answered, Resolution::FollowUpByMe, Resolution::LostCall])
            .prop_map(|resolution| Command::SetResolution { resolution }),
        2 => prop::sample::subsequence(vec!["Maps".to_owned(), "Ships".to_owned(), "Cards".to_owned()], 0..3)
            .prop_map(|codes| Command::SetDescriptiveCodes { list: Some(CodeList::new("maple", &codes)), codes }),
    ]
}

fn history() -> impl Strategy<Value = Vec<(usize, Command, i64)>> {
    let opening = Command::Open {
        question: "where?".into(),
        patron_name: "Ricky".into(),
        patron_email: String::new(),
        language: "fr".into(),
    };
    prop::collection::vec((0..cast().len(), command(), 0..400_i64), 0..60).prop_map(
        move |mut steps| {
            steps.insert(0, (0, opening.clone(), 0));
            steps
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// I4, I10, I11, I17-I20, R1-R7 in the pure rules.
    #[test]
    fn every_history_keeps_the_promises(steps in history()) {
        let cast = cast();
        let mut world = World::default();
        for (who, command, pause) in &steps {
            world.wait(*pause);
            if *pause > 380 {
                world.lose_owner();
            }
            world.look_for_patron(*pause);
            let before = world.clone();
            let actor = &cast[*who];
            if world.act(actor, command).is_err() {
                prop_assert_eq!(&world.events, &before.events, "a refusal changes nothing");
                prop_assert_eq!(&world.conference, &before.conference);
            }
            if let (Command::EnterConference { .. } | Command::LeaveConference, Some(session)) = (command, &before.staff) {
                let told = world.events.len() - before.events.len();
                let known = actor.librarian().is_some_and(|l| session.knows(&l.member.librarian_id));
                prop_assert!(told == 0 || known, "entering and leaving silently is no event (S11, R4)");
            }
            if before.staff.as_ref().is_some_and(|s| s.phase() == Phase::Ended) {
                let after = &world.events[before.events.len()..];
                let may_follow = |event: &Event| matches!(event, Event::NoteWritten { .. } | Event::ResolutionSet { .. } | Event::DescriptiveCodesSet { .. });
                prop_assert!(after.iter().all(|(event, _)| may_follow(event)), "I10");
            }
        }
        check_views(&world)?;
    }

    /// I17, I18: worlds that differ only in notes and in silent entering and leaving look the same to the patron;
    /// worlds that differ only in silent entering and leaving look the same to the chatting librarian.
    #[test]
    fn what_is_hidden_makes_no_difference(steps in history(), extra in prop::collection::vec((0..61_usize, 6..8_usize, any::<bool>()), 0..20)) {
        let cast = cast();
        let mut plain = World::default();
        let mut watched = World::default();
        for (at, (who, command, pause)) in steps.iter().enumerate() {
            // Silent supervisors stay silent here: what they would say openly is left out in both worlds.
            if *who == 6 || *who == 7 {
                continue;
            }
            for world in [&mut plain, &mut watched] {
                world.wait(*pause);
                if *pause > 380 {
                    world.lose_owner();
                }
                world.look_for_patron(*pause);
            }
            for (_, silent, enters) in extra.iter().filter(|(when, ..)| *when == at) {
                let command = if *enters { Command::EnterConference { warning_version: "w1".into() } } else { Command::LeaveConference };
                let _ = watched.act(&cast[*silent], &command);
            }
            let plainly = plain.act(&cast[*who], command);
            let under_watch = watched.act(&cast[*who], command);
            prop_assert_eq!(plainly, under_watch, "no answer differs");
        }
        prop_assert_eq!(&plain.staff, &watched.staff, "the librarian's picture is the same");
        prop_assert_eq!(&plain.patron, &watched.patron);

        let without_notes = plain.events.iter().filter(|(event, _)| audience_of(event) == Audience::Patron)
            .fold(None, |session, (event, at)| Session::apply(session, Audience::Patron, event, *at));
        prop_assert_eq!(without_notes, plain.patron, "notes make no difference to the patron's picture");
    }
}

/// A librarian who becomes the owner is no longer inside (R7, D7), even if they have lost the right to be. Otherwise
/// they would come back without a warning once they regain it (R1).
#[test]
fn a_supervisor_who_lost_that_right_leaves_conference_mode_as_owner() {
    let mut world = World::default();
    let [patron, owner] = [&cast()[0], &cast()[2]];
    let supervisor = world::librarian("ask", "maple", Role::AskAdministrator, &["maple"]);
    let demoted = world::librarian("ask", "maple", Role::Librarian, &["maple"]);
    let opening = Command::Open {
        question: "where?".into(),
        patron_name: "Ricky".into(),
        patron_email: String::new(),
        language: "fr".into(),
    };
    let entry = Command::EnterConference {
        warning_version: "w1".into(),
    };
    world.act(patron, &opening).unwrap();
    world.act(owner, &Command::PickUp).unwrap();
    world.act(&supervisor, &entry).unwrap();
    world.lose_owner();
    world.act(&demoted, &Command::PickUp).unwrap();
    assert!(world.conference.is_empty());
}

/// I26: entries are bounded for each librarian, and leaving never is.
#[test]
fn a_librarian_enters_a_session_only_so_often() {
    let mut world = World::default();
    let [patron, owner, ask, admin] = [0, 2, 6, 7].map(|who| cast()[who].clone());
    let opening = Command::Open {
        question: "where?".into(),
        patron_name: "Ricky".into(),
        patron_email: String::new(),
        language: String::new(),
    };
    let entry = Command::EnterConference {
        warning_version: "w1".into(),
    };
    world.act(&patron, &opening).unwrap();
    world.act(&owner, &Command::PickUp).unwrap();
    for _ in 0..MOST_ENTRIES {
        world.act(&ask, &entry).unwrap();
        world.act(&ask, &entry).unwrap();
        world.act(&ask, &Command::LeaveConference).unwrap();
    }
    assert_eq!(world.act(&ask, &entry), Err(Refused::EnteredTooOften));
    world.act(&admin, &entry).unwrap();
}

/// I26: a patron's connection that comes and goes is told so often, and a loss always.
#[test]
fn a_connection_that_comes_and_goes_does_not_fill_the_log() {
    let mut world = World::default();
    let opening = Command::Open {
        question: "where?".into(),
        patron_name: "Ricky".into(),
        patron_email: String::new(),
        language: String::new(),
    };
    world.act(&cast()[0], &opening).unwrap();
    let mut look = |connection| {
        let decision = see_patron(world.staff.as_ref().unwrap(), connection);
        let told = !decision.session.is_empty();
        world.take_in(decision);
        told
    };
    for _ in 0..TOLD_IN_FULL / 2 {
        assert!(look(PatronConnection::Away) && look(PatronConnection::Connected));
    }
    assert!(!look(PatronConnection::Away));
    assert!(look(PatronConnection::Lost) && look(PatronConnection::Connected));
    assert!(!look(PatronConnection::Away));
}

/// Checks that the two views are what their audiences' events give, with dense positions.
fn check_views(world: &World) -> Result<(), TestCaseError> {
    let for_patron = world
        .events
        .iter()
        .filter(|(event, _)| project(event, Audience::Patron).is_some())
        .count();
    let position = |view: &Option<Session>| view.as_ref().map_or(0, |session| session.position);
    prop_assert_eq!(
        position(&world.patron),
        for_patron as u64,
        "I4: no hole where a note is"
    );
    prop_assert_eq!(position(&world.staff), world.events.len() as u64);
    let ends = world
        .events
        .iter()
        .filter(|(event, _)| matches!(event, Event::Ended { .. }))
        .count();
    prop_assert!(ends <= 1, "I10");
    for (event, _) in &world.events {
        if let Event::Ended {
            by: Some(Speaker::Colleague(_)),
        } = event
        {
            return Err(TestCaseError::fail("a supervisor ended a session (R6, D5)"));
        }
        if let Event::MessagePosted {
            by: Speaker::Colleague(member),
            ..
        }
        | Event::NoteWritten {
            by: Speaker::Colleague(member),
            ..
        } = event
        {
            prop_assert_eq!(
                &member.institution_id,
                "maple",
                "only the patron's library supervises (S1-S3)"
            );
        }
    }
    for actor in cast() {
        let staff_view = may_see(
            &world.situation(),
            &actor,
            Some(Audience::Staff),
            Purpose::Attend,
        );
        match (&actor, world.situation().relation(&actor)) {
            (Actor::Patron(_), _) => prop_assert_eq!(staff_view, Err(Refused::NotAllowed)),
            (_, Some(Relation::Owner | Relation::Supervisor)) => prop_assert!(staff_view.is_ok()),
            (_, Some(Relation::Reviewer)) => {
                prop_assert!(staff_view.is_err(), "R1: not without entering")
            }
            (_, Some(Relation::FormerOwner)) => {
                let told = matches!(staff_view, Err(Refused::NoLongerOwner { .. }));
                prop_assert!(told);
            }
            (_, Some(Relation::Candidate | Relation::Patron) | None) => {
                prop_assert_eq!(staff_view, Err(Refused::NotFound))
            }
        }
    }
    Ok(())
}
