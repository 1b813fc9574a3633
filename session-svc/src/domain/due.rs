//! What follows as time goes by, without a command.

use super::{
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

/// Returns what follows when the patron is found to be there, or not (R8).
#[must_use]
pub fn see_patron(session: &Session, connection: PatronConnection) -> Decision {
    if session.end.is_some() || session.patron_connection == connection {
        Decision::default()
    } else {
        Decision::happens(Event::PatronConnectionChanged { connection })
    }
}
