//! Whether the patron is there (R8, D50, D51).

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{
    self as wire, PatronConnection, attend_response::Response, session_event::Payload,
};
use carrel_session::Config;
use tokio::time::Instant;

use crate::desk::Desk;
use crate::person::{Attending, reason};
use crate::silence::Silence;

const SESSION: &str = "aaa1";

fn quick() -> Config {
    Config {
        patron_away: Duration::from_millis(200).into(),
        patron_lost: Duration::from_millis(600).into(),
        ..Config::default()
    }
}

/// Waits for the next event about the patron's connection.
async fn next_word(staff: &mut Attending) -> PatronConnection {
    loop {
        let event = staff.event().await;
        if let Some(Payload::PatronConnection(change)) = event.payload {
            return change.connection();
        }
    }
}

/// Waits until the patron is away, and then lost. A look reports only the state at that time: on a machine that was
/// held up between two looks nobody notices that the patron was away, but the loss is reported in any case.
async fn hears_of_the_loss(staff: &mut Attending) {
    let mut word = next_word(staff).await;
    if word == PatronConnection::Away {
        word = next_word(staff).await;
    }
    assert_eq!(word, PatronConnection::Lost);
}

/// Reads what happened before they attended. On a slow machine that may be more than what the test has people do: a
/// patron who comes late was away.
async fn catch_up(staff: &mut Attending) -> u64 {
    let head = staff.joined.head.clone().unwrap().number;
    staff.events_to(head).await;
    head
}

#[tokio::test]
async fn a_patron_is_away_then_lost_and_may_come_back_to_the_same_session() {
    let desk = Desk::with(quick()).await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let rickys = ricky.attend(SESSION, None).await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    catch_up(&mut maps).await;
    let mut list = map.watch(&["maple"], false).await.unwrap();

    drop(rickys);
    hears_of_the_loss(&mut maps).await;
    list.until(|rows| rows[0].patron_connection() == PatronConnection::Lost)
        .await;

    let mut back = ricky.attend(SESSION, None).await.unwrap();
    assert_eq!(next_word(&mut maps).await, PatronConnection::Connected);
    let seen = back.events_to(2).await;
    assert_eq!(seen.len(), 2, "of all that the patron is told nothing");
    ricky
        .post(desk.command_id(), SESSION, "I am back")
        .await
        .unwrap();
    assert_eq!(back.events_to(3).await.pop().unwrap().position, 3);
}

/// Nobody is told to wait for a patron who is lost; a patron who comes back has their place again.
#[tokio::test]
async fn a_lost_patron_is_not_ahead_of_others() {
    let desk = Desk::with(quick()).await;
    let (mut early, mut late) = (desk.patron("ea11"), desk.patron("1a7e"));
    early.open(desk.command_id(), "hello?").await.unwrap();
    desk.clock.advance_ms(1_000);
    late.open(desk.command_id(), "hello?").await.unwrap();
    let there = early.attend("ea11", None).await.unwrap();
    let mut lates = late.attend("1a7e", None).await.unwrap();
    until_told(&mut lates, 1).await;
    drop(there);
    until_told(&mut lates, 0).await;
    let _back = early.attend("ea11", None).await.unwrap();
    until_told(&mut lates, 1).await;
}

/// Waits until a patron is told that this many are ahead. Before that, a slow machine may have made others come too
/// late.
async fn until_told(patron: &mut Attending, ahead: u32) {
    loop {
        if let Response::Waiting(status) = patron.next().await.unwrap().unwrap()
            && status.ahead == ahead
        {
            return;
        }
    }
}

/// A patron and an owner who are connected to another server are there.
#[tokio::test]
async fn who_is_connected_to_another_server_is_not_lost() {
    // Nobody becomes lost, so a patron who goes is away, however late that is noticed.
    let config = Config {
        patron_lost: Config::default().patron_lost,
        ..quick()
    };
    let there = Desk::with(config.clone()).await;
    let mut ricky = there.patron(SESSION);
    let mut map = there.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(there.command_id(), "hello?").await.unwrap();
    let rickys = ricky.attend(SESSION, None).await.unwrap();
    map.pick_up(there.command_id(), SESSION).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    let head = catch_up(&mut maps).await;

    // Only now the server with the short grace starts, where the session is in memory and nobody attends it.
    let config = Config {
        owner_grace: Duration::from_millis(300).into(),
        ..config
    };
    let here = there.replica_with(config).await;
    here.patron(SESSION)
        .transcript(SESSION, wire::Audience::Patron)
        .await
        .unwrap();

    // For longer than every grace nothing happens on either server; then the patron goes, and that is noticed.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let recorded = here.recorded(SESSION).await;
    let last = recorded.last().map(|event| event.position);
    assert_eq!(last, Some(head), "nobody was lost, but {recorded:?}");
    drop(rickys);
    let next = maps.event().await;
    let Some(Payload::PatronConnection(change)) = next.payload else {
        panic!("the patron has gone, but {next:?}");
    };
    assert_eq!(
        (next.position, change.connection()),
        (head + 1, PatronConnection::Away)
    );
}

/// A participant who acts on another server without attending there is seen by this one, too.
#[tokio::test]
async fn who_acts_by_another_server_is_not_lost() {
    let grace = Duration::from_secs(2);
    let tick = grace / 4;
    loop {
        let (lost, silent) = acting_by_another_server(grace).await;
        // A participant whom the machine held up for this long is missed rightly. That proves nothing, so the test is
        // repeated.
        if lost.is_none() || silent < grace - tick {
            assert_eq!(lost, None, "after a silence of {silent:?}");
            return;
        }
    }
}

/// Has a patron and an owner act for longer than every grace on a server that they do not attend. Returns what another
/// server took for a loss, and how long one of the two was silent at most.
async fn acting_by_another_server(grace: Duration) -> (Option<wire::SessionEvent>, Duration) {
    let config = Config {
        owner_grace: grace.into(),
        patron_away: grace.into(),
        patron_lost: (2 * grace).into(),
        ..Config::default()
    };
    let here = Desk::with(config).await;
    let there = here.replica().await;
    let mut ricky = there.patron(SESSION);
    let mut map = there.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let (mut rickys, mut maps) = (Silence::begins(), Silence::begins());
    let opening = ricky.open(there.command_id(), "hello?");
    rickys.broken_by(opening).await.unwrap();
    let picking_up = map.pick_up(there.command_id(), SESSION);
    maps.broken_by(picking_up).await.unwrap();
    // Brings the session into memory here, where nobody attends it.
    here.patron(SESSION)
        .transcript(SESSION, wire::Audience::Patron)
        .await
        .unwrap();
    let began = Instant::now();
    while began.elapsed() < 2 * grace + grace / 2 {
        tokio::time::sleep(grace / 20).await;
        let searching = map.post(there.command_id(), SESSION, "Still searching");
        if let Err(refused) = maps.broken_by(searching).await {
            // What was taken for a loss is read from the log below.
            assert_eq!(reason(&refused), "NO_LONGER_OWNER");
            break;
        }
        let waiting = ricky.post(there.command_id(), SESSION, "Still here");
        rickys.broken_by(waiting).await.unwrap();
    }
    let events = here.recorded(SESSION).await;
    let lost = events.into_iter().find(|event| {
        matches!(
            event.payload,
            Some(Payload::Returned(_) | Payload::PatronConnection(_))
        )
    });
    (lost, rickys.longest().max(maps.longest()))
}

/// Each server learns at another time that a patron has gone: from its own streams, or when another server's lease on
/// them has run out. What one server has noted is not taken back by another that has not missed them for as long.
#[tokio::test]
async fn a_patron_who_is_noted_as_gone_does_not_come_back_by_a_server_that_misses_them_later() {
    let here = Desk::with(quick()).await;
    let there = here.replica().await;
    let mut ricky = there.patron(SESSION);
    let mut map = here.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(there.command_id(), "hello?").await.unwrap();
    map.pick_up(here.command_id(), SESSION).await.unwrap();
    let rickys = ricky.attend(SESSION, None).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    // After this it is known here that the patron is there, and everything about a patron who came late has been
    // reported.
    for _ in 0..2 {
        ricky
            .post(there.command_id(), SESSION, "in the reading room")
            .await
            .unwrap();
    }
    let mut heard = 0;
    while heard < 2 {
        if let Some(Payload::Message(_)) = maps.event().await.payload {
            heard += 1;
        }
    }
    drop(rickys);
    hears_of_the_loss(&mut maps).await;
}
