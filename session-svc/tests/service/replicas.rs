//! Several servers on one log: what one learns of what another has done, and which of them looks after what.

use std::{sync::Arc, time::Duration};

use carrel_platform::{auth::Role, config::HumanDuration, log::EventLog};
use carrel_proto::session::v1::{
    self as wire, SessionList, SessionRow, attend_response::Response, offer_transfer_request::To,
    session_event::Payload,
};
use carrel_session::Config;
use carrel_testbed::log::FaultyLog;

use crate::{desk::Desk, person::reason, transfer};

const SESSION: &str = "5e55";

fn quick() -> Config {
    let moment = HumanDuration::from(Duration::from_millis(50));
    Config {
        tail_repair: moment,
        ..Config::default()
    }
}

/// I8: this includes the last word, which nobody knows was lost.
#[tokio::test]
async fn what_the_bus_loses_is_found_in_the_log() {
    let desk = Desk::with(quick()).await;
    let deaf = desk.deaf_replica().await;
    let mut map = deaf.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut admin = deaf.librarian("admin", "maple", Role::Administrator, &["maple"]);
    let mut news = map.watch(&["maple"], false).await.unwrap();
    let mut all = admin.watch(&[], true).await.unwrap();

    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    news.until(|rows| rows.len() == 1).await;
    desk.librarian("map", "harbor", Role::Librarian, &["maple"])
        .pick_up(desk.command_id(), SESSION)
        .await
        .unwrap();
    news.until(|rows| rows.len() == 1 && rows[0].list() == SessionList::MyActive)
        .await;
    all.until(|rows| rows.len() == 1).await;
    let mut supervisor = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    supervisor.enter(desk.command_id(), SESSION).await.unwrap();
    all.until(|rows| rows[0].caller_inside).await;
    supervisor.leave(desk.command_id(), SESSION).await.unwrap();
    all.until(|rows| !rows[0].caller_inside).await;

    let mut attending = map.attend(SESSION, None).await.unwrap();
    ricky
        .post(desk.command_id(), SESSION, "the last word")
        .await
        .unwrap();
    let events = attending.events_to(3).await;
    assert_eq!(events.len(), 3);
    ricky.end(desk.command_id(), SESSION).await.unwrap();
    attending.events_to(4).await;
    news.until(<[_]>::is_empty).await;
    all.until(<[_]>::is_empty).await;
}

#[tokio::test]
async fn whoever_hears_a_word_need_not_read_the_log() {
    let log = FaultyLog::in_memory().unwrap();
    let desk = Desk::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let other = desk.replica().await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut map = other.librarian("map", "harbor", Role::Librarian, &["maple"]);
    map.pick_up(other.command_id(), SESSION).await.unwrap();
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    rickys.events_to(2).await;
    maps.events_to(2).await;
    let before = log.reads();
    for n in 0..10 {
        let text = n.to_string();
        ricky.post(desk.command_id(), SESSION, &text).await.unwrap();
        map.note(other.command_id(), SESSION, &text).await.unwrap();
    }
    assert_eq!(maps.events_to(22).await.len(), 20);
    assert_eq!(rickys.events_to(12).await.len(), 10);
    assert_eq!(log.reads(), before);
}

/// R7: what time brings happens even when the server that was waiting for it is gone, and nobody asks.
#[tokio::test]
async fn another_server_looks_after_what_is_left_behind() {
    let config = Config {
        owner_grace: HumanDuration::from(Duration::from_millis(100)),
        ..quick()
    };
    let desk = Desk::with(config).await;
    let other = desk.replica().await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut lee = other.librarian("lee", "maple", Role::Librarian, &["maple"]);
    let mut news = lee.watch(&["maple"], false).await.unwrap();
    news.until(|rows| rows.len() == 1).await;
    let mut earlier = desk.patron("ea71ie7");
    desk.clock.advance_ms(60_000);
    earlier.open(desk.command_id(), "and me?").await.unwrap();
    desk.clock.advance_ms(60_000);
    // From here on the clock stands still: by that clock the owner is lost at this time, however soon that is.
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    news.until(|rows| {
        rows.iter()
            .all(|row| row.session_id != SESSION || row.returned)
    })
    .await;
    drop(desk);
    news.until(|rows| rows.iter().any(|row| row.returned)).await;
    let rows = lee.watch(&["maple"], false).await.unwrap().rows;
    assert!(
        rows[0].returned,
        "who lost their librarian is first in line"
    );
    let waits_since = |row: &SessionRow| row.waiting_since_time.unwrap().seconds;
    assert_eq!(
        waits_since(&rows[0]) - rows[0].open_time.unwrap().seconds,
        120
    );
    assert_eq!(waits_since(&rows[1]), rows[1].open_time.unwrap().seconds);
}

/// I12: a server that slept through everything and wakes up can't let its former owner write.
#[tokio::test]
async fn a_server_that_heard_nothing_is_fenced_by_the_log() {
    let desk = Desk::open().await;
    let (_ricky, _map) = transfer::running(&desk).await;
    let asleep = desk.deaf_replica().await;
    let mut map = asleep.librarian("map", "harbor", Role::Librarian, &["maple", "coop"]);
    let mut maps = map.attend(transfer::SESSION, None).await.unwrap();
    map.post(
        asleep.command_id(),
        transfer::SESSION,
        "While I am the owner",
    )
    .await
    .unwrap();
    let offer = desk
        .librarian("map", "harbor", Role::Librarian, &["maple", "coop"])
        .offer(
            desk.command_id(),
            transfer::SESSION,
            To::QueueId("coop".into()),
        )
        .await
        .unwrap();
    let lee = desk.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    lee.accept(desk.command_id(), transfer::SESSION, &offer.offer_id)
        .await
        .unwrap();

    maps.act(
        "zombie".into(),
        wire::act::Act::PostMessage(wire::PostMessage {
            text: "Still me".into(),
        }),
    )
    .await;
    let refused = loop {
        match maps.next().await {
            Ok(Some(Response::ActRefused(refused))) => break refused.refusal.unwrap().reason,
            Ok(Some(Response::ActAccepted(_))) => panic!("a former owner wrote as the owner"),
            Ok(_) => {}
            Err(status) => break reason(&status),
        }
    };
    assert_eq!(refused, "NO_LONGER_OWNER");
}

/// Nor does a server say "that is not yours to do" out of ignorance: to whom it is said depends on who the owner is.
#[tokio::test]
async fn an_owner_who_may_supervise_is_known_as_the_owner_on_a_server_that_has_not_heard_of_it() {
    let desk = Desk::open().await;
    let deaf = desk.deaf_replica().await;
    let admin_of = |desk: &Desk| desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    let (mut here, mut there) = (admin_of(&desk), admin_of(&deaf));
    let to = desk.introduction("lee", &["maple"]);
    for (number, act) in ["end", "end again", "offer", "withdraw"].iter().enumerate() {
        let session = &format!("{SESSION}{number}");
        let id = || "act".to_owned();
        desk.patron(session)
            .open(desk.command_id(), "hello?")
            .await
            .unwrap();
        let mut rickys = deaf.patron(session).attend(session, None).await.unwrap();
        rickys.events_to(1).await;
        here.pick_up(desk.command_id(), session).await.unwrap();
        match *act {
            "end" => drop(there.end(id(), session).await.unwrap()),
            "end again" => {
                here.end(id(), session).await.unwrap();
                assert!(there.end(id(), session).await.unwrap().replayed);
            }
            "offer" => drop(there.offer(id(), session, to.clone()).await.unwrap()),
            _ => {
                let offer = here.offer(id(), session, to.clone()).await.unwrap();
                let withdrawn = there.withdraw(desk.command_id(), session, &offer.offer_id);
                withdrawn.await.unwrap();
            }
        }
    }
}

/// A server that misses the owner it knows of must not take the patron from the new owner.
#[tokio::test]
async fn a_server_that_heard_nothing_does_not_take_the_patron_from_a_new_owner() {
    let desk = Desk::open().await;
    let (mut ricky, mut map) = transfer::running(&desk).await;
    let session = transfer::SESSION;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    admin.enter(desk.command_id(), session).await.unwrap();
    let _maps = map.attend(session, None).await.unwrap();
    let _admins = admin.attend(session, None).await.unwrap();

    let config = Config {
        owner_grace: HumanDuration::from(Duration::from_millis(100)),
        tail_repair: HumanDuration::from_secs(3_600),
        ..Config::default()
    };
    let leases = Arc::clone(&desk.leases);
    let deaf = desk.deaf_replica_with(config, leases).await;
    let mut there = deaf.patron(session);
    let mut rickys = there.attend(session, None).await.unwrap();
    rickys.events_to(2).await;
    let to = desk.introduction("admin", &["maple"]);
    let offer = map.offer(desk.command_id(), session, to).await.unwrap();
    admin
        .accept(desk.command_id(), session, &offer.offer_id)
        .await
        .unwrap();
    // From now on the lease of the first server no longer lists Ms Map.
    ricky.attend(session, None).await.unwrap();

    // The deaf server looks at the log when it is about to give the patron back, and has finished that when it answers.
    rickys.events_to(3).await;
    there
        .post(desk.command_id(), session, "Still there?")
        .await
        .unwrap();
    let returned = |event: &wire::SessionEvent| matches!(event.payload, Some(Payload::Returned(_)));
    let recorded = desk.recorded(session).await;
    assert!(!recorded.iter().any(returned), "{recorded:?}");
}
