//! What follows as time goes by, without a command.

use super::{
    access::Times,
    decide::Decision,
    event::{Event, PatronConnection},
    session::{Phase, Session},
};

/// Returns what follows when the owner was gone for too long: the patron waits again, first in line (R7).
#[must_use]
pub fn return_to_queue(session: &Session) -> Decision {
    match (&session.owner, session.phase()) {
        (Some(owner), Phase::Active) => Decision::happens(Event::Returned {
            from: owner.member.clone(),
        }),
        _ => Decision::default(),
    }
}

/// Returns what follows when a wait has reached further queues: the patron may be picked up from them, too (R17).
#[must_use]
pub fn escalate(session: &Session, now_ms: i64) -> Decision {
    let mut session = session.clone();
    let mut decision = Decision::default();
    while let Some((step, due_ms)) = session.next_step()
        && due_ms <= now_ms
    {
        let queue_id = step.queue_id.clone();
        session.queues.push(queue_id.clone());
        decision.session.push(Event::Escalated { queue_id });
    }
    decision
}

/// Returns what follows when the patron has been lost for so long that nobody waits for them any more: the session ends by
/// itself. It would otherwise be kept for ever: only an ended session is coded, and erased when its time is over (D53,
/// R20).
#[must_use]
pub fn abandon(session: &Session, now_ms: i64, times: Times) -> Decision {
    match session.abandoned_at_ms(times) {
        Some(at_ms) if at_ms <= now_ms => Decision::happens(Event::Ended { by: None }),
        _ => Decision::default(),
    }
}

/// How many changes of the patron's connection a session tells in full. A connection that comes and goes all day must not fill
/// the log: after that only a loss is told, and that the patron is back, which takes minutes each time (I26).
pub const TOLD_IN_FULL: u32 = 1_000;

/// Returns what follows when the patron is found to be there, or not (R8).
#[must_use]
pub fn see_patron(session: &Session, connection: PatronConnection) -> Decision {
    let is_left_out =
        connection == PatronConnection::Away && session.patron_changes >= TOLD_IN_FULL;
    if session.end.is_some() || session.patron_connection == connection || is_left_out {
        Decision::default()
    } else {
        Decision::happens(Event::PatronConnectionChanged { connection })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            audience::Audience,
            event::Speaker,
            people::{RouteStep, StaffMember},
            samples::opened,
        },
        *,
    };
    use crate::domain::event::Opened;

    const TIMES: Times = Times {
        wrap_up_ms: 0,
        transfer_lapse_ms: 0,
        abandoned_waiting_ms: 30,
        abandoned_active_ms: 500,
    };

    fn map() -> StaffMember {
        StaffMember {
            librarian_id: "map".to_owned(),
            screen_name: "Ms Map".to_owned(),
            institution_id: "maple".to_owned(),
            institution_name: "Maple".to_owned(),
        }
    }

    fn is(connection: PatronConnection) -> Event {
        Event::PatronConnectionChanged { connection }
    }

    /// D53, R8: when a session ends by itself, after each of these events.
    #[test]
    fn a_session_ends_by_itself_when_a_lost_patron_was_waited_for_long_enough() {
        let by = Speaker::Owner(map());
        let told = [
            (0, Event::Opened(opened()), None),
            (10, is(PatronConnection::Away), None),
            (100, is(PatronConnection::Lost), Some(130)),
            (110, Event::PickedUp { by: map() }, Some(610)),
            (
                120,
                Event::NoteWritten {
                    by: by.clone(),
                    text: "gone?".to_owned(),
                },
                // The patron, who is shown the end, must not be able to tell that there was a note (I17).
                Some(610),
            ),
            (
                200,
                Event::MessagePosted {
                    by,
                    text: "Are you there?".to_owned(),
                },
                Some(700),
            ),
            (300, Event::Returned { from: map() }, Some(330)),
            (310, is(PatronConnection::Connected), None),
            (400, is(PatronConnection::Lost), Some(430)),
            (430, Event::Ended { by: None }, None),
        ];
        let mut session = None;
        for (at_ms, event, ends_at_ms) in told {
            session = Session::apply(session, Audience::Staff, &event, at_ms);
            let session = session.as_ref();
            let is_over = |now_ms| {
                let decision = session.map(|session| abandon(session, now_ms, TIMES));
                decision == Some(Decision::happens(Event::Ended { by: None }))
            };
            let known = session.and_then(|session| session.abandoned_at_ms(TIMES));
            assert_eq!(known, ends_at_ms, "{event:?}");
            if let Some(at_ms) = ends_at_ms {
                assert!(!is_over(at_ms - 1) && is_over(at_ms), "{event:?}");
            }
        }
    }

    /// R17: a session that waits for a lost patron is looked after when its wait reaches a further queue.
    #[test]
    fn a_session_rests_until_the_next_thing_is_due() {
        let route = vec![RouteStep {
            queue_id: "coop".to_owned(),
            after_ms: 120,
        }];
        let told = [
            (0, Event::Opened(Opened { route, ..opened() }), None),
            (100, is(PatronConnection::Lost), Some(120)),
            (
                120,
                Event::Escalated {
                    queue_id: "coop".to_owned(),
                },
                Some(130),
            ),
            (125, Event::PickedUp { by: map() }, None),
        ];
        let mut session = None;
        for (at_ms, event, until_ms) in told {
            session = Session::apply(session, Audience::Staff, &event, at_ms);
            let rests = session
                .as_ref()
                .and_then(|session| session.rests_until_ms(TIMES));
            assert_eq!(rests, until_ms, "{event:?}");
        }
    }
}
