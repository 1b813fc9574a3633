//! Sessions that nobody ends (D53, R8, R20).

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{
    self as wire, EndReason, PatronConnection, SessionState, session_event::Payload,
};
use carrel_session::Config;

use crate::{
    desk::Desk,
    erasing::{DAY_MS, admin, is_gone, sweeping, until},
    person::Person,
};

const SESSION: &str = "aba2d0";
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Settings under which a patron is soon lost, and a session that nobody needs soon leaves memory.
fn quick() -> Config {
    let moment = Duration::from_millis(50);
    Config {
        patron_away: Duration::from_millis(100).into(),
        patron_lost: Duration::from_millis(200).into(),
        rest_after: moment.into(),
        tail_repair: moment.into(),
        ..sweeping("90d")
    }
}

/// Returns Ms Map. Like all tokens here, hers lasts for ten minutes.
fn map(desk: &Desk) -> Person {
    desk.librarian("map", "harbor", Role::Librarian, &["maple"])
}

/// Returns how the patron's connection is, as the log has it.
async fn connection(desk: &Desk) -> PatronConnection {
    let recorded = desk.recorded(SESSION).await;
    let last = recorded
        .iter()
        .rev()
        .find_map(|event| match &event.payload {
            Some(Payload::PatronConnection(change)) => Some(change.connection()),
            _ => None,
        });
    last.unwrap_or(PatronConnection::Connected)
}

async fn is_lost(desk: &Desk) -> bool {
    connection(desk).await == PatronConnection::Lost
}

/// Returns the end of the session, if it has one.
async fn end(desk: &Desk) -> Option<(EndReason, Option<wire::Person>)> {
    let recorded = desk.recorded(SESSION).await;
    recorded.into_iter().find_map(|event| match event.payload {
        Some(Payload::Ended(ended)) => Some((ended.reason(), event.author)),
        _ => None,
    })
}

/// Has the patron ask and give up.
async fn asked(desk: &Desk) {
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    drop(ricky.attend(SESSION, None).await.unwrap());
    until("the patron is lost", || is_lost(desk)).await;
}

/// Such a session would be kept for ever, with the patron's name: only an ended one is erased.
#[tokio::test]
async fn a_session_that_waits_for_a_lost_patron_rests_and_then_ends_by_itself() {
    let desk = Desk::with(quick()).await;
    let before = desk.tasks.len();
    asked(&desk).await;
    let rests = async || desk.tasks.len() == before;
    until("the session leaves memory", rests).await;
    desk.clock.advance_ms(29 * MINUTE_MS);
    let mut news = map(&desk).watch(&["maple"], false).await.unwrap();
    assert_eq!(news.rows.len(), 1, "they can still be picked up");
    assert_eq!(end(&desk).await, None);

    desk.clock.advance_ms(MINUTE_MS);
    until("it ends", async || end(&desk).await.is_some()).await;
    assert_eq!(end(&desk).await, Some((EndReason::Abandoned, None)));
    news.until(<[_]>::is_empty).await;
    let back = desk.patron(SESSION).attend(SESSION, None).await.unwrap();
    let session = back.joined.session.unwrap();
    assert_eq!(session.state(), SessionState::Ended);
    assert_eq!(session.end_reason(), EndReason::Abandoned);
    assert_eq!(session.ended_by(), wire::Part::Unspecified);

    desk.clock.advance_ms(90 * DAY_MS);
    until("it is erased", || is_gone(&desk, SESSION)).await;
    let (session, _) = admin(&desk).look(SESSION).await.unwrap();
    assert_eq!(session.end_reason(), EndReason::Abandoned);
    assert_eq!(session.ended_by(), wire::Part::Unspecified);
}

/// D51: who comes back, even for a moment, is waited for as long again.
#[tokio::test]
async fn a_patron_who_comes_back_begins_the_time_anew() {
    let desk = Desk::with(quick()).await;
    asked(&desk).await;
    desk.clock.advance_ms(29 * MINUTE_MS);
    let mut ricky = desk.patron(SESSION);
    let rickys = ricky.attend(SESSION, None).await.unwrap();
    let is_back = async || connection(&desk).await == PatronConnection::Connected;
    until("the patron is back", is_back).await;
    drop(rickys);
    until("the patron is lost again", || is_lost(&desk)).await;
    desk.clock.advance_ms(29 * MINUTE_MS);
    let mut map = map(&desk);
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    map.post(desk.command_id(), SESSION, "Are you there?")
        .await
        .unwrap();
}

/// K12: a librarian who writes to a lost patron, who may read it later, is not cut off. I17: when the session ends does not
/// depend on notes.
#[tokio::test]
async fn a_session_with_a_librarian_ends_by_itself_after_half_a_day_without_a_word() {
    let desk = Desk::with(quick()).await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut owner = map(&desk);
    owner.pick_up(desk.command_id(), SESSION).await.unwrap();
    until("the patron is lost", || is_lost(&desk)).await;
    desk.clock.advance_ms(11 * HOUR_MS);
    let found = map(&desk)
        .post(desk.command_id(), SESSION, "Found it!")
        .await;
    found.unwrap();
    desk.clock.advance_ms(11 * HOUR_MS);
    let still = map(&desk)
        .note(desk.command_id(), SESSION, "not back")
        .await;
    still.unwrap();
    assert_eq!(end(&desk).await, None);

    desk.clock.advance_ms(HOUR_MS);
    until("it ends", async || end(&desk).await.is_some()).await;
    assert_eq!(end(&desk).await, Some((EndReason::Abandoned, None)));
    // She has still to say how it came out.
    let coded = map(&desk)
        .set_resolution(desk.command_id(), SESSION, wire::Resolution::LostCall)
        .await;
    coded.unwrap();
}
