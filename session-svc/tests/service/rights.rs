//! A participant who may no longer see a session hears nothing more of it (I23).

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{attend_response::Response, session_event::Payload};
use carrel_session::Config;
use tonic::Status;

use crate::{
    desk::Desk,
    person::{Attending, reason},
};

const SESSION: &str = "c1a1";

/// Returns the notes that a participant still hears, and why their stream ends.
async fn notes_until_the_end(attending: &mut Attending) -> (Vec<String>, Status) {
    let mut notes = Vec::new();
    loop {
        match attending.next().await {
            Ok(Some(Response::Event(event))) => {
                if let Some(Payload::Note(note)) = event.payload {
                    notes.push(note.text);
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream that is ended says why"),
            Err(status) => return (notes, status),
        }
    }
}

/// A librarian of another library sees a session until the wrap-up after its end is over; staff of the patron's library
/// may write notes for longer.
#[tokio::test]
async fn a_note_after_the_wrap_up_is_not_shown_to_the_librarian_of_another_library() {
    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    ricky.end(desk.command_id(), SESSION).await.unwrap();
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    admin
        .note(desk.command_id(), SESSION, "within the wrap-up")
        .await
        .unwrap();

    let wrap_up = Config::default().wrap_up.get() + Duration::from_millis(1);
    desk.clock
        .advance_ms(i64::try_from(wrap_up.as_millis()).unwrap());
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    admin
        .note(desk.command_id(), SESSION, "after it")
        .await
        .unwrap();
    let (notes, status) = notes_until_the_end(&mut maps).await;
    assert_eq!(notes, ["within the wrap-up"], "{status}");
}

/// A server that missed what happened reads it all at once: a former owner hears it up to when they lost the session.
#[tokio::test]
async fn a_former_owner_hears_nothing_of_what_came_after_them_from_a_server_that_catches_up() {
    let desk = Desk::open().await;
    let deaf = desk.deaf_replica().await;
    let mut ricky = desk.patron(SESSION);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple", "coop"]);
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let mut maps = deaf
        .librarian("map", "harbor", Role::Librarian, &["maple", "coop"])
        .attend(SESSION, None)
        .await
        .unwrap();
    maps.events_to(2).await;

    let to = desk.introduction("lee", &["coop"]);
    let offer = map.offer(desk.command_id(), SESSION, to).await.unwrap();
    let mut lee = desk.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    lee.accept(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap();
    lee.note(desk.command_id(), SESSION, "between us")
        .await
        .unwrap();
    // Makes the deaf server look at the log, if it has not yet.
    let mut there = deaf.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    there.attend(SESSION, None).await.unwrap();
    let (notes, status) = notes_until_the_end(&mut maps).await;
    assert_eq!(notes, [""; 0]);
    assert_eq!(reason(&status), "NO_LONGER_OWNER");
}

/// I23: timers stand still while a machine sleeps, and are not polled while nobody reads the stream.
#[tokio::test]
async fn a_stream_ends_with_its_token_also_when_the_clock_jumps() {
    let config = Config {
        patron_away: Duration::from_millis(200).into(),
        ..Config::default()
    };
    let desk = Desk::with(config).await;
    let mut ricky = desk.patron("5e55");
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    let mut stream = ricky.attend("5e55", None).await.unwrap();
    stream.events_to(1).await;
    desk.clock.advance_ms(60 * 60 * 1_000);
    let end = loop {
        match stream.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends without a reason"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&end), "TOKEN_EXPIRED");
}

/// I12: an owner who may supervise is told, too, that the session is no longer theirs, also after they were inside as a
/// supervisor.
#[tokio::test]
async fn a_former_owner_who_may_supervise_is_told_that_the_session_is_no_longer_theirs() {
    for library in ["maple", "harbor"] {
        let desk = Desk::open().await;
        let mut ricky = desk.patron(SESSION);
        ricky.open(desk.command_id(), "hello?").await.unwrap();
        let mut admin = desk.librarian("admin", library, Role::Administrator, &["maple", "coop"]);
        admin.pick_up(desk.command_id(), SESSION).await.unwrap();
        let mut admins = admin.attend(SESSION, None).await.unwrap();
        let to = desk.introduction("lee", &["coop"]);
        let offer = admin.offer(desk.command_id(), SESSION, to.clone()).await;
        desk.librarian("lee", "harbor", Role::Librarian, &["coop"])
            .accept(desk.command_id(), SESSION, &offer.unwrap().offer_id)
            .await
            .unwrap();

        let (_, ended) = notes_until_the_end(&mut admins).await;
        let late = admin.post(desk.command_id(), SESSION, "late").await;
        let end = admin.end(desk.command_id(), SESSION).await;
        let offer = admin.offer(desk.command_id(), SESSION, to).await;
        let attend = admin.attend(SESSION, None).await;
        for refused in [
            ended,
            late.unwrap_err(),
            end.unwrap_err(),
            offer.unwrap_err(),
            attend.err().unwrap(),
        ] {
            assert_eq!(reason(&refused), "NO_LONGER_OWNER", "{library}: {refused}");
        }

        if library == "maple" {
            admin.enter(desk.command_id(), SESSION).await.unwrap();
            let end = admin.end(desk.command_id(), SESSION).await;
            assert_eq!(reason(&end.unwrap_err()), "ROLE_NOT_ALLOWED", "R6");
            admin.leave(desk.command_id(), SESSION).await.unwrap();
            let late = admin.post(desk.command_id(), SESSION, "late").await;
            assert_eq!(reason(&late.unwrap_err()), "NO_LONGER_OWNER");
        }
    }
}
