//! What other institutions' programs do that no browser does.

use std::{sync::Arc, time::Duration};

use carrel_platform::{auth::Role, log::EventLog};
use carrel_proto::session::v1::{
    self as wire, act::Act, attend_request::Request as Ask, attend_response::Response,
};
use carrel_testbed::log::FaultyLog;
use tonic::Code;

use crate::desk::Desk;
use crate::person::{Person, reason};
use crate::silence::Silence;

const SESSION: &str = "9a09";

/// Returns the librarian who has picked a patron up.
async fn running(desk: &Desk) -> Person {
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    map
}

fn message(text: &str) -> Act {
    Act::PostMessage(wire::PostMessage { text: text.into() })
}

/// I17: a program that asks for an audience which only a newer server knows is not shown the widest one instead.
#[tokio::test]
async fn an_audience_that_is_not_known_is_refused() {
    let desk = Desk::open().await;
    let mut map = running(&desk).await;

    let unknown = 7;
    let transcript = map.ask(wire::GetTranscriptRequest {
        session_id: SESSION.into(),
        audience: unknown,
    });
    let refused = map.client.get_transcript(transcript).await.unwrap_err();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::InvalidArgument, "UNKNOWN_VALUE")
    );
    let join = wire::Join {
        session_id: SESSION.into(),
        audience: unknown,
        ..wire::Join::default()
    };
    let refused = map.attend_as(join).await.err().unwrap();
    assert_eq!(
        (refused.code(), &*reason(&refused)),
        (Code::InvalidArgument, "UNKNOWN_VALUE")
    );
}

/// I3: a participant whose stream is ended for one request still learns what became of the acts before it.
#[tokio::test]
async fn acts_before_a_bad_request_are_answered() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    log.hold();
    for id in ["first", "second", "third"] {
        rickys.act(id.into(), message(id)).await;
    }
    rickys.send(Ask::Join(wire::Join::default())).await;
    log.held().await;
    log.allow(10);

    let mut answered = Vec::new();
    let end = loop {
        match rickys.next().await {
            Ok(Some(Response::ActAccepted(accepted))) => answered.push(accepted.command_id),
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends with a reason"),
            Err(end) => break end,
        }
    };
    assert_eq!(answered, ["first", "second", "third"]);
    assert_eq!(
        (end.code(), &*reason(&end)),
        (Code::InvalidArgument, "ALREADY_JOINED")
    );
}

/// S21: answers on a stream use the positions of that stream's audience.
#[tokio::test]
async fn acts_are_answered_in_the_numbers_of_their_stream() {
    let desk = Desk::open().await;
    let mut map = running(&desk).await;
    map.note(desk.command_id(), SESSION, "between us")
        .await
        .unwrap();
    let mut maps = map
        .attend_as(wire::Join {
            session_id: SESSION.into(),
            audience: wire::Audience::Patron.into(),
            ..wire::Join::default()
        })
        .await
        .unwrap();
    let note = Act::WriteNote(wire::WriteNote {
        text: "nor this".into(),
    });
    maps.act("note".into(), note).await;
    maps.act("said".into(), message("Good morning")).await;

    let (mut events, mut answers) = (Vec::new(), Vec::new());
    while answers.len() < 2 {
        match maps.next().await.unwrap().unwrap() {
            Response::Event(event) => events.push(event.position),
            Response::ActAccepted(accepted) => {
                answers.push((accepted.command_id, accepted.position))
            }
            _ => {}
        }
    }
    assert_eq!(events, [1, 2, 3]);
    assert_eq!(answers, [("note".into(), 0), ("said".into(), 3)]);
}

/// I13: a supervisor who never attends counts as there for as long as they act.
#[tokio::test]
async fn a_supervisor_who_acts_is_not_lost() {
    let grace = Duration::from_secs(2);
    let tick = grace / 4;
    while let Err(silent) = a_supervisor_acts_and_is_lost_after(grace).await {
        // A supervisor whom the machine held up for this long is missed rightly. That proves nothing, so the test is
        // repeated.
        assert!(silent >= grace - tick, "after a silence of {silent:?}");
    }
}

/// Has a supervisor act for longer than the grace, and then no more. If they were taken out in between, returns how
/// long they were silent at most.
async fn a_supervisor_acts_and_is_lost_after(grace: Duration) -> Result<(), Duration> {
    let config = carrel_session::Config {
        conference_grace: grace.into(),
        ..carrel_session::Config::default()
    };
    let desk = Desk::with(config).await;
    running(&desk).await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    let mut silence = Silence::begins();
    let entering = admin.enter(desk.command_id(), SESSION);
    silence.broken_by(entering).await.unwrap();

    let began = tokio::time::Instant::now();
    while began.elapsed() < 2 * grace {
        let noting = admin.note(desk.command_id(), SESSION, "still here");
        if let Err(refused) = silence.broken_by(noting).await {
            assert_eq!(reason(&refused), "NOT_INSIDE");
            return Err(silence.longest());
        }
        tokio::time::sleep(grace / 20).await;
    }
    let mut lists = admin.watch(&[], true).await.unwrap();
    lists.until(|rows| rows[0].inside.is_empty()).await;
    assert_eq!(admin.audit().await[0].detail, "CONNECTION_LOST");
    Ok(())
}
