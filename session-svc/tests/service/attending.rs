//! Streams of participants who do not read, or who send faster than they are answered.

use std::{sync::Arc, time::Duration};

use carrel_platform::{
    auth::{
        Role, StaffNaming,
        token::{Lifetimes, issue},
    },
    log::EventLog,
};
use carrel_proto::session::v1::{
    self as wire, act::Act, attend_request::Request as Ask, attend_response::Response,
};
use carrel_testbed::log::FaultyLog;

use crate::{
    desk::{Desk, patron},
    person::reason,
};

const SESSION: &str = "5e55";

/// S14, I23: nobody is sent, long after they left, what they did not read while they were inside, but for what was
/// already on its way.
#[tokio::test]
async fn the_events_so_far_are_sent_only_as_long_as_they_may_be_seen() {
    /// So many messages and as many notes are more than the connection has room for, but not more than a session has.
    const EACH: u64 = 370;
    const ALL: u64 = 2 + 2 * EACH;
    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let long = "\u{1f4da}".repeat(4_000);
    for _ in 0..EACH {
        let message = map.post(desk.command_id(), SESSION, &long).await;
        let note = map.note(desk.command_id(), SESSION, &long).await;
        assert!(message.is_ok() && note.is_ok());
    }
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    let mut admins = admin.attend(SESSION, None).await.unwrap();
    admin.leave(desk.command_id(), SESSION).await.unwrap();
    let mut events = 0;
    let end = loop {
        match admins.next().await {
            Ok(Some(Response::Event(_))) => events += 1,
            Ok(other) => panic!("{other:?}"),
            Err(end) => break end,
        }
    };
    assert_eq!(reason(&end), "NOT_INSIDE");
    assert!(events < ALL, "all {events} of them were sent");

    // Whoever stays is sent all of them.
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    let mut admins = admin.attend(SESSION, None).await.unwrap();
    assert_eq!(admins.events_to(ALL).await.len() as u64, ALL);
}

/// I23: whoever renews their token in time stays, also while the log takes long to answer.
#[tokio::test]
async fn a_token_is_renewed_while_more_acts_wait_than_are_carried_out_at_once() {
    const ACTS: usize = 100;
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    rickys.events_to(1).await;
    let lifetimes = Lifetimes {
        access: Duration::from_secs(3_600),
        renewal: Duration::from_secs(3_600),
    };
    let who = patron(SESSION, StaffNaming::ScreenName);
    let renewed = issue(&desk.keys, &who, desk.clock.unix_ms(), lifetimes).unwrap();
    log.hold();
    let say = |number: usize| {
        let text = number.to_string();
        (text.clone(), Act::PostMessage(wire::PostMessage { text }))
    };
    for (id, message) in (0..ACTS).map(say) {
        rickys.act(id, message).await;
    }
    let access_token = renewed.access_token;
    rickys.send(Ask::Renew(wire::Renew { access_token })).await;
    log.held().await;
    // Time goes on whenever nothing else does: the first token is over, the second is not.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(700)).await;
    tokio::time::resume();
    log.allow(2 * ACTS);
    let (id, late) = say(ACTS);
    rickys.act(id, late).await;
    let mut accepted = Vec::new();
    while accepted.len() <= ACTS {
        if let Some(Response::ActAccepted(act)) = rickys.next().await.unwrap() {
            accepted.push(act.command_id);
        }
    }
    let ids: Vec<_> = (0..=ACTS).map(|number| say(number).0).collect();
    assert_eq!(accepted, ids, "in their order");
}
