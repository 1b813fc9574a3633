//! Transfers, returns and pick-ups in any order: no patron is lost, and none has two owners.

use carrel_session::domain::{
    audience::{Audience, audience_of},
    decide::Command,
    event::{Event, Speaker},
    people::Actor,
    refused::Refused,
    session::{Phase, Session},
    transfer::{Fate, Recipient},
};
use proptest::prelude::*;

use crate::world::{self, LAPSE_MS, LAST, World, cast};

fn struggle() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => Just(Command::PickUp),
        6 => world::addressee().prop_map(|to| Command::OfferTransfer { to, message: "please".into() }),
        8 => Just(Command::AcceptTransfer { offer_id: LAST.into() }),
        2 => Just(Command::DeclineTransfer { offer_id: LAST.into(), reason: String::new() }),
        1 => Just(Command::WithdrawTransfer { offer_id: LAST.into() }),
        3 => Just(Command::PostMessage { text: "hello".into() }),
        2 => Just(Command::WriteNote { text: "note".into() }),
        2 => Just(Command::EnterConference { warning_version: "w1".into() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// I11, I12, I13, R7, R15, D7: at every moment a session has exactly one owner or waits; a former owner can no
    /// longer write in it; an offer changes nothing until it is accepted, and is accepted once.
    #[test]
    fn a_session_always_has_one_owner_or_waits(
        steps in prop::collection::vec((0..cast().len(), struggle(), 0..300_i64, 0..30_u8), 1..80),
    ) {
        let cast = cast();
        let mut world = World::default();
        let opening = Command::Open { question: "where?".into(), patron_name: String::new(), patron_email: String::new(), language: String::new() };
        world.act(&cast[0], &opening).unwrap();
        for (who, command, pause, chance) in &steps {
            world.wait(*pause);
            if *chance == 0 {
                world.lose_owner();
            }
            let before = world.staff.clone().unwrap();
            let actor = &cast[*who];
            let outcome = world.act(actor, command);
            let after = world.staff.clone().unwrap();
            check_owner(&before, &after, actor, command, &outcome)?;
        }
        check_history(&world)?;
    }
}

fn check_owner(
    before: &Session,
    after: &Session,
    actor: &Actor,
    command: &Command,
    outcome: &Result<(), Refused>,
) -> Result<(), TestCaseError> {
    let owner = |session: &Session| {
        let owner = session.owner.as_ref();
        owner.map(|owner| owner.member.librarian_id.clone())
    };
    if owner(before) != owner(after) {
        let hands_over = matches!(command, Command::PickUp | Command::AcceptTransfer { .. });
        prop_assert!(hands_over);
        let id = owner(after).unwrap_or_default();
        prop_assert!(
            actor.is_librarian(&id),
            "whoever acts gets it, and nobody else"
        );
        prop_assert_eq!(outcome, &Ok(()));
        if let Command::AcceptTransfer { .. } = command {
            let made = before.offers.last().unwrap();
            prop_assert_eq!(made.fate, Fate::Stands);
            prop_assert!(made.offer.is_for(actor.librarian().unwrap()));
            prop_assert_eq!(after.offers.last().unwrap().fate, Fate::Accepted);
        }
    }
    // I12: a former owner can't write as the owner.
    let was_owner = actor
        .librarian()
        .is_some_and(|l| before.was_owned_by(&l.member.librarian_id));
    let supervises = actor.librarian().is_some_and(|l| l.supervises("maple"));
    if was_owner && !supervises && matches!(command, Command::PostMessage { .. }) {
        let fenced = matches!(outcome, Err(Refused::NoLongerOwner { .. }));
        prop_assert!(fenced, "{:?}", outcome);
    }
    Ok(())
}

/// Checks the whole history once more, as an outsider would read it.
fn check_history(world: &World) -> Result<(), TestCaseError> {
    let mut owner: Option<String> = None;
    let mut picked_up_at_ms: Option<i64> = None;
    let mut standing: Option<(String, i64)> = None;
    for (event, at_ms) in &world.events {
        match event {
            Event::PickedUp { by } => {
                prop_assert_eq!(&owner, &None, "only who waits is picked up");
                owner = Some(by.librarian_id.clone());
                picked_up_at_ms = Some(*at_ms);
            }
            Event::Returned { from } => {
                prop_assert_eq!(owner.take(), Some(from.librarian_id.clone()));
                picked_up_at_ms = None;
                standing = None;
            }
            Event::TransferOffered(offer) => {
                prop_assert_eq!(&owner, &Some(offer.by.librarian_id.clone()));
                prop_assert_eq!(&standing, &None, "one offer stands at a time");
                prop_assert_eq!(offer.lapses_at_ms, at_ms + LAPSE_MS);
                if let Recipient::Librarian { member } = &offer.to {
                    prop_assert_ne!(&member.librarian_id, &offer.by.librarian_id);
                }
                standing = Some((offer.id.clone(), offer.lapses_at_ms));
            }
            Event::TransferClosed { offer_id, .. } => {
                let closed = standing.take().map(|(id, _)| id);
                prop_assert_eq!(closed.as_ref(), Some(offer_id));
            }
            Event::Transferred { by, from, offer_id } => {
                let (id, lapses_at_ms) = standing.take().unwrap();
                prop_assert_eq!(&id, offer_id);
                prop_assert!(
                    *at_ms < lapses_at_ms,
                    "an offer that lapsed is not accepted"
                );
                prop_assert_eq!(owner, Some(from.librarian_id.clone()));
                prop_assert_ne!(&by.librarian_id, &from.librarian_id);
                owner = Some(by.librarian_id.clone());
            }
            Event::MessagePosted {
                by: Speaker::Owner(member),
                ..
            } => prop_assert_eq!(&owner, &Some(member.librarian_id.clone()), "I12"),
            _ => {}
        }
    }
    let session = world.staff.as_ref().unwrap();
    let ids = |session: &Session| {
        session
            .owner
            .as_ref()
            .map(|o| o.member.librarian_id.clone())
    };
    prop_assert_eq!(ids(session), owner.clone());
    let since = session.owner.as_ref().map(|o| o.picked_up_at_ms);
    prop_assert_eq!(
        since,
        picked_up_at_ms,
        "a transfer changes nothing else (R15)"
    );
    let phase = if owner.is_some() {
        Phase::Active
    } else {
        Phase::Waiting
    };
    prop_assert_eq!(session.phase(), phase, "I13");
    let hidden = world
        .events
        .iter()
        .filter(|(event, _)| audience_of(event) == Audience::Staff);
    let shown = world.events.len() - hidden.count();
    prop_assert_eq!(
        world.patron.as_ref().unwrap().position,
        shown as u64,
        "no gap in a number"
    );
    Ok(())
}
