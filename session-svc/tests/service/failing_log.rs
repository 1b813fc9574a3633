//! What callers are told when the log does not take a write (I3).

use std::{sync::Arc, time::Duration};

use carrel_platform::{
    auth::Role,
    log::{EventLog, LogError},
};
use carrel_proto::session::v1::{self as wire, act::Act, attend_response::Response};
use carrel_session::Config;
use carrel_testbed::log::{Answer, FaultyLog};
use futures::FutureExt as _;
use tonic::Code;
use wire::session_event::Payload;

use crate::desk::Desk;
use crate::escalation;
use crate::person::{Attending, reason};

const SESSION: &str = "5e55";
const PATIENCE: Duration = Duration::from_secs(60);

async fn answer(attending: &mut Attending, wanted: &str) -> Result<(), String> {
    loop {
        match attending.next().await.unwrap().unwrap() {
            Response::ActAccepted(accepted) if accepted.command_id == wanted => return Ok(()),
            Response::ActRefused(refused) if refused.command_id == wanted => {
                return Err(refused.refusal.unwrap().reason);
            }
            _ => {}
        }
    }
}

/// What was decided on top of a write that then failed is as uncertain as the write: neither an OK nor a definite
/// refusal.
#[tokio::test]
async fn nothing_definite_is_said_of_what_rests_on_a_failed_write() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    log.hold();

    // One append is held, so that what comes next is decided together.
    let message = |text: &str| Act::PostMessage(wire::PostMessage { text: text.into() });
    rickys.act("held".into(), message("held")).await;
    log.held().await;
    let end = Act::EndSession(wire::EndSession {});
    rickys.act("empty".into(), message("")).await;
    rickys.act("end".into(), end.clone()).await;
    rickys.act("after".into(), message("after the end")).await;
    rickys.act("end".into(), end).await;
    // All are on one stream, in order; once the last is answered, all have been handed in.
    rickys.act("bad id".into(), message("never")).await;
    assert_eq!(
        answer(&mut rickys, "bad id").await,
        Err("BAD_COMMAND_ID".into())
    );

    log.allow(1);
    assert_eq!(answer(&mut rickys, "held").await, Ok(()));
    log.held().await;
    log.answer(Answer::Unavailable);
    log.allow(1);
    assert_eq!(
        answer(&mut rickys, "empty").await,
        Err("EMPTY".into()),
        "whatever the log does"
    );
    assert_eq!(
        answer(&mut rickys, "end").await,
        Err("LOG_UNAVAILABLE".into())
    );
    assert_eq!(
        answer(&mut rickys, "after").await,
        Err("LOG_UNAVAILABLE".into()),
        "it never ended"
    );
    assert_eq!(
        answer(&mut rickys, "end").await,
        Err("LOG_UNAVAILABLE".into()),
        "not replayed"
    );

    log.answer(Answer::Truly);
    log.allow(10);
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    rickys.act("after".into(), message("after the end")).await;
    assert_eq!(
        answer(&mut rickys, "after").await,
        Ok(()),
        "the same command settles it"
    );
}

/// I5: what waits behind an act of unknown outcome is not carried out either, or the act would come after it when it is
/// repeated. The stream ends, and a participant who joins again repeats all of it in order.
#[tokio::test]
async fn nothing_overtakes_an_act_of_unknown_outcome() {
    for (outcome, told) in [
        (Answer::Unavailable, "LOG_UNAVAILABLE"),
        (Answer::Unknown, "LOG_UNAVAILABLE"),
        (Answer::Invalid, "LOG_REFUSED"),
    ] {
        nothing_overtakes_one_that_is(outcome, told).await;
    }
}

async fn nothing_overtakes_one_that_is(outcome: Answer, told: &str) {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    log.hold();

    let message = |text: &str| Act::PostMessage(wire::PostMessage { text: text.into() });
    let all = ["first", "second", "third"];
    log.answer(outcome);
    rickys.act("first".into(), message("first")).await;
    log.held().await;
    rickys.act("second".into(), message("second")).await;
    rickys.act("third".into(), message("third")).await;
    // All are on one stream, in order; once the last is answered, all have been handed in.
    rickys.act("bad id".into(), message("never")).await;
    assert!(answer(&mut rickys, "bad id").await.is_err());
    maps.act("other".into(), message("another's")).await;
    maps.act("bad id".into(), message("never")).await;
    assert!(answer(&mut maps, "bad id").await.is_err());

    log.allow(1);
    assert_eq!(answer(&mut rickys, "first").await, Err(told.into()));
    // From now on the log would take the others.
    log.answer(Answer::Truly);
    log.allow(10);
    for waiting in ["second", "third"] {
        assert_eq!(
            answer(&mut rickys, waiting).await,
            Err(told.into()),
            "{waiting}"
        );
    }
    let end = rickys.next().await.unwrap_err();
    assert_eq!(
        (end.code(), &*reason(&end)),
        (Code::Unavailable, "INTERRUPTED")
    );
    assert_eq!(
        answer(&mut maps, "other").await,
        Ok(()),
        "on another stream"
    );

    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    for id in all {
        rickys.act(id.into(), message(id)).await;
    }
    for id in all {
        assert_eq!(answer(&mut rickys, id).await, Ok(()));
    }
    let mut again = ricky.attend(SESSION, None).await.unwrap();
    let head = again.joined.head.as_ref().unwrap().number;
    let mut said = Vec::new();
    for _ in 0..head {
        if let Some(Payload::Message(message)) = again.event().await.payload {
            said.push(message.text);
        }
    }
    said.retain(|text| text != "another's");
    assert_eq!(said, all, "{outcome:?}");
}

/// I3: every caller is answered, even while the log takes longer to fail than the time until the next look at who is
/// there.
#[tokio::test]
async fn a_log_that_is_slow_to_fail_keeps_nobody_waiting_for_ever() {
    let grace = Duration::from_millis(200);
    let longer_than_a_look = grace;
    let config = Config {
        owner_grace: grace.into(),
        conference_grace: grace.into(),
        patron_away: grace.into(),
        ..Config::default()
    };
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let desk = desk.replica_with(config).await;
    let mut ricky = escalation::patron(&desk);
    ricky.open(desk.command_id(), "anyone?").await.unwrap();
    let _rickys = ricky.attend(escalation::SESSION, None).await.unwrap();
    log.before_reads(move |_| {
        async move {
            tokio::time::sleep(longer_than_a_look).await;
            Err(LogError::Unavailable("told so".into()))
        }
        .boxed()
    });
    log.answer(Answer::Unavailable);
    // The wait is due to reach a further queue: the session itself tries to write that at each look.
    desk.clock.advance_ms(40_000);
    let begun = log.reads();
    let tries = async {
        while log.reads() < begun + 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, tries).await.unwrap();
    for _ in 0..3 {
        let post = ricky.post(desk.command_id(), escalation::SESSION, "hello?");
        let answer = tokio::time::timeout(PATIENCE, post).await;
        let status = answer.expect("an answer").unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
    }
}
