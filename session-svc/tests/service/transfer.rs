//! Handing a session over (R14, R15, D7, D43-D48, I11-I13).

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{
    self as wire, SessionList, TransferOutcome, offer_transfer_request::To, session_event::Payload,
};
use carrel_session::Config;
use futures::future::join_all;
use tonic::{Code, Status};

use crate::desk::Desk;
use crate::person::{Person, reason};

pub(crate) const SESSION: &str = "7a5f";

/// Returns a patron, and Ms Map who has picked them up.
pub(crate) async fn running(desk: &Desk) -> (Person, Person) {
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple", "coop"]);
    ricky
        .open(desk.command_id(), "Where are the maps?")
        .await
        .unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    (ricky, map)
}

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

#[tokio::test]
async fn the_receiver_gets_everything_and_the_patron_a_neutral_word() {
    let desk = Desk::open().await;
    let (mut ricky, mut map) = running(&desk).await;
    let mut lee = desk.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    let mut lees_list = lee.watch(&["coop"], false).await.unwrap();
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    map.note(desk.command_id(), SESSION, "He needs the 1890 survey")
        .await
        .unwrap();

    let to = desk.introduction("lee", &["coop"]);
    let offer = map
        .offer("offer".into(), SESSION, to.clone())
        .await
        .unwrap();
    let again = map.offer("offer".into(), SESSION, to).await.unwrap();
    assert_eq!(
        (again.offer_id.clone(), again.replayed),
        (offer.offer_id.clone(), true),
        "I2"
    );
    lees_list
        .until(|rows| rows.iter().any(|row| row.list() == SessionList::Offered))
        .await;
    let row = lees_list.rows[0].clone();
    let shown = row.transfer_offer.unwrap();
    assert_eq!(
        (shown.offer_id.as_str(), shown.message.as_str()),
        (offer.offer_id.as_str(), "You know maps")
    );
    assert_eq!(row.question, "Where are the maps?");
    // The sender owns it until then, and the addressee may see no more than the row.
    assert_eq!(
        lee.post(desk.command_id(), SESSION, "hi")
            .await
            .unwrap_err()
            .code(),
        Code::NotFound
    );
    map.post(desk.command_id(), SESSION, "One moment please")
        .await
        .unwrap();

    let taken = lee
        .accept("accept".into(), SESSION, &offer.offer_id)
        .await
        .unwrap()
        .session
        .unwrap();
    assert_eq!(taken.owner.unwrap().librarian_id, "lee");
    let ended = loop {
        match maps.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream ends with a reason"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        told(&ended),
        (Code::FailedPrecondition, "NO_LONGER_OWNER".into())
    );
    let late = map
        .post(desk.command_id(), SESSION, "late")
        .await
        .unwrap_err();
    assert_eq!(
        told(&late),
        (Code::FailedPrecondition, "NO_LONGER_OWNER".into()),
        "I12"
    );

    // D46: history, notes and the offer.
    let mut lees = lee.attend(SESSION, None).await.unwrap();
    let kinds: Vec<_> = lees
        .events_to(6)
        .await
        .into_iter()
        .map(|event| event.payload.unwrap())
        .collect();
    assert!(matches!(&kinds[2], Payload::Note(note) if note.text.contains("1890")));
    assert!(matches!(&kinds[3], Payload::TransferOffered(_)));
    assert!(
        matches!(&kinds[5], Payload::Transferred(by) if by.from.as_ref().unwrap().librarian_id == "map")
    );

    lee.post(desk.command_id(), SESSION, "Hello, I have the survey here")
        .await
        .unwrap();
    let seen = rickys.events_to(5).await;
    let positions: Vec<_> = seen.iter().map(|event| event.position).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5], "not as a gap in a number");
    let Some(Payload::Transferred(word)) = &seen[3].payload else {
        panic!("the patron is told of the new librarian");
    };
    assert_eq!(word.from, None);
    assert_eq!(seen[3].author.as_ref().unwrap().name, "Name of lee");
    let transcript = ricky
        .transcript(SESSION, wire::Audience::Patron)
        .await
        .unwrap();
    assert_eq!(transcript.events, seen, "I20");
    assert_eq!(transcript.session.unwrap().transfer_offer, None);
}

#[tokio::test]
async fn an_offer_that_comes_to_nothing_changes_nothing() {
    let desk = Desk::open().await;
    let (mut ricky, mut map) = running(&desk).await;
    let lee = desk.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    let mut rickys = ricky.attend(SESSION, None).await.unwrap();
    let mut maps = map.attend(SESSION, None).await.unwrap();
    maps.events_to(2).await;

    // Declined.
    let offer = map
        .offer(
            desk.command_id(),
            SESSION,
            desk.introduction("lee", &["coop"]),
        )
        .await
        .unwrap();
    lee.decline(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap();
    let declined = maps.events_to(4).await.pop().unwrap();
    assert_eq!(declined.author.unwrap().librarian_id, "lee");
    let Some(Payload::TransferClosed(closed)) = declined.payload else {
        panic!("it was declined")
    };
    assert_eq!(
        (closed.outcome(), closed.reason.as_str()),
        (TransferOutcome::Declined, "My hands are full")
    );
    let late = lee
        .accept(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap_err();
    assert_eq!(
        told(&late),
        (Code::FailedPrecondition, "OFFER_CLOSED".into())
    );

    // Lapsed, by the server's clock, to the millisecond.
    let offer = map
        .offer(
            desk.command_id(),
            SESSION,
            desk.introduction("lee", &["coop"]),
        )
        .await
        .unwrap();
    desk.clock.advance_ms(60_000);
    let late = lee
        .accept(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap_err();
    assert_eq!(
        told(&late),
        (Code::FailedPrecondition, "OFFER_CLOSED".into())
    );

    let late = lee
        .decline(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap_err();
    let facts = carrel_platform::refusal::Refusal::from(&late).metadata;
    assert_eq!(facts["outcome"], "LAPSED", "it can't be declined any more");

    // Withdrawn by offering it to somebody else.
    let offer = map
        .offer(
            desk.command_id(),
            SESSION,
            desk.introduction("lee", &["coop"]),
        )
        .await
        .unwrap();
    map.offer(desk.command_id(), SESSION, To::QueueId("coop".into()))
        .await
        .unwrap();
    let late = lee
        .decline(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap_err();
    assert_eq!(
        told(&late),
        (Code::FailedPrecondition, "OFFER_CLOSED".into())
    );

    map.post(desk.command_id(), SESSION, "Still with you")
        .await
        .unwrap();
    let seen = rickys.events_to(3).await;
    assert!(
        matches!(seen[2].payload, Some(Payload::Message(_))),
        "the patron was told of nothing"
    );
}

#[tokio::test]
async fn an_offer_lapses_by_itself() {
    let config = Config {
        transfer_lapse: Duration::from_millis(50).into(),
        ..Config::default()
    };
    let desk = Desk::with(config).await;
    let (_ricky, mut map) = running(&desk).await;
    let mut maps = map.attend(SESSION, None).await.unwrap();
    map.offer(
        desk.command_id(),
        SESSION,
        desk.introduction("lee", &["coop"]),
    )
    .await
    .unwrap();
    desk.clock.advance_ms(50);
    let lapsed = maps.events_to(4).await.pop().unwrap();
    let Some(Payload::TransferClosed(closed)) = lapsed.payload else {
        panic!("it lapsed")
    };
    assert_eq!(closed.outcome(), TransferOutcome::Lapsed);
    assert_eq!(
        lapsed.author.unwrap().librarian_id,
        "map",
        "it stays with its owner"
    );
}

#[tokio::test]
async fn only_who_shares_a_queue_can_be_offered_a_session() {
    let desk = Desk::open().await;
    let (ricky, map) = running(&desk).await;
    let refused = async |who: &Person, to: To| {
        told(&who.offer(desk.command_id(), SESSION, to).await.unwrap_err())
    };
    assert_eq!(
        refused(&map, desk.introduction("far", &["elsewhere"])).await,
        (Code::FailedPrecondition, "NOT_SHARED".into())
    );
    assert_eq!(
        refused(&map, desk.introduction("map", &["coop"])).await,
        (Code::InvalidArgument, "ONESELF".into())
    );
    assert_eq!(
        refused(&map, To::Introduction("x.y.z".into())).await,
        (Code::InvalidArgument, "BAD_INTRODUCTION".into())
    );
    assert_eq!(
        refused(&map, To::QueueId("nowhere".into())).await.0,
        Code::NotFound
    );
    let admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    let stranger = desk.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    let to = desk.introduction("lee", &["coop"]);
    assert_eq!(refused(&ricky, to.clone()).await.0, Code::PermissionDenied);
    assert_eq!(
        refused(&admin, to.clone()).await.0,
        Code::PermissionDenied,
        "R6"
    );
    assert_eq!(refused(&stranger, to.clone()).await.0, Code::NotFound);
    // An expired introduction counts as none.
    desk.clock.advance_ms(700_000);
    let map = desk.librarian("map", "harbor", Role::Librarian, &["maple", "coop"]);
    assert_eq!(
        refused(&map, to).await,
        (Code::InvalidArgument, "BAD_INTRODUCTION".into())
    );
}

/// I24: a librarian who names an offer that is not theirs is told that there is no such offer. The answer is the same,
/// byte for byte, for a session that does not exist, so that nobody learns whether one does.
#[tokio::test]
async fn a_wrong_offer_is_no_such_offer_and_tells_nothing_of_the_session() {
    let desk = Desk::open().await;
    let (_ricky, map) = running(&desk).await;
    let lee = desk.librarian("lee", "harbor", Role::Librarian, &["coop"]);
    let stranger = desk.librarian("far", "harbor", Role::Librarian, &[]);
    let admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    let to = desk.introduction("lee", &["coop"]);
    let offer = map.offer(desk.command_id(), SESSION, to).await.unwrap();

    let mut heard = Vec::new();
    let cases = [
        (&lee, SESSION, "77"),
        (&lee, SESSION, ""),
        (&lee, "77", &offer.offer_id),
        (&lee, "not an id", &offer.offer_id),
        (&map, SESSION, &offer.offer_id),
        (&stranger, SESSION, &offer.offer_id),
        (&stranger, "77", &offer.offer_id),
        (&admin, SESSION, &offer.offer_id),
    ];
    for (person, session_id, offer_id) in cases {
        let accepted = person.accept(desk.command_id(), session_id, offer_id);
        heard.push(accepted.await.unwrap_err());
        let declined = person.decline(desk.command_id(), session_id, offer_id);
        heard.push(declined.await.unwrap_err());
    }
    for (person, session_id, offer_id) in [
        (&map, SESSION, "77"),
        (&map, "77", &*offer.offer_id),
        (&lee, SESSION, &offer.offer_id),
        (&stranger, SESSION, &offer.offer_id),
        (&stranger, "not an id", &offer.offer_id),
    ] {
        let withdrawn = person.withdraw(desk.command_id(), session_id, offer_id);
        heard.push(withdrawn.await.unwrap_err());
    }
    assert_eq!(
        told(&heard[0]),
        (Code::NotFound, "NO_SUCH_OFFER".to_owned())
    );
    for status in &heard {
        assert_eq!(
            (status.message(), status.details()),
            (heard[0].message(), heard[0].details())
        );
    }
    lee.accept(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_supervisor_inside_becomes_the_owner() {
    let desk = Desk::open().await;
    let (_ricky, map) = running(&desk).await;
    let mut admin = desk.librarian("admin", "maple", Role::Administrator, &["maple"]);
    admin.enter(desk.command_id(), SESSION).await.unwrap();
    let offer = map
        .offer(
            desk.command_id(),
            SESSION,
            desk.introduction("admin", &["maple"]),
        )
        .await
        .unwrap();
    let mut admins = admin.attend(SESSION, None).await.unwrap();
    admin
        .accept(desk.command_id(), SESSION, &offer.offer_id)
        .await
        .unwrap();
    // D7: the stream goes on, and now they may end the session.
    admins.events_to(4).await;
    admin.end(desk.command_id(), SESSION).await.unwrap();
    let audit = admin.audit().await;
    assert_eq!(audit[0].detail, "BECAME_OWNER");
}

#[tokio::test]
async fn a_repeated_offer_gets_its_first_answer() {
    let desk = Desk::open().await;
    let (_ricky, map) = running(&desk).await;
    let to = desk.introduction("lee", &["coop"]);
    map.offer(desk.command_id(), SESSION, To::QueueId("coop".into()))
        .await
        .unwrap();
    let deaf = desk.deaf_replica().await;
    let mut there = deaf.librarian("map", "harbor", Role::Librarian, &["maple", "coop"]);
    there.attend(SESSION, None).await.unwrap();
    // It withdraws the earlier offer.
    let offer = map
        .offer("offer".into(), SESSION, to.clone())
        .await
        .unwrap();
    assert_eq!(last_offer_id(&desk.recorded(SESSION).await), offer.offer_id);
    // The answer is the same when the introduction would be too old for a new offer, and from another server (I2), even
    // one that has not heard of it.
    desk.clock.advance_ms(700_000);
    for desk in [&desk, &desk.replica().await, &deaf] {
        let map = desk.librarian("map", "harbor", Role::Librarian, &["maple", "coop"]);
        let again = map
            .offer("offer".into(), SESSION, to.clone())
            .await
            .unwrap();
        assert_eq!(
            (again.offer_id, again.replayed),
            (offer.offer_id.clone(), true)
        );
    }
}

/// Returns the id of the last offer.
fn last_offer_id(events: &[wire::SessionEvent]) -> String {
    let mut offers = events
        .iter()
        .rev()
        .filter_map(|event| match &event.payload {
            Some(Payload::TransferOffered(offered)) => offered.offer.clone(),
            _ => None,
        });
    offers.next().unwrap().offer_id
}

/// I11 for offers: two servers, many takers, and only one gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_to_a_queue_is_accepted_once() {
    let here = Desk::open().await;
    let there = here.replica().await;
    let (_ricky, mut owner) = running(&here).await;
    let mut owner_id = "map".to_owned();
    for round in 0..100_usize {
        let offer = owner
            .offer(here.command_id(), SESSION, To::QueueId("coop".into()))
            .await
            .unwrap();
        let takers: Vec<_> = (0..2 + round % 9)
            .map(|number| format!("taker-{round}-{number}"))
            .collect();
        let attempts = takers.iter().enumerate().map(|(number, id)| {
            let desk = if number % 2 == 0 { &here } else { &there };
            let taker = desk.librarian(id, "harbor", Role::Librarian, &["coop"]);
            let offer_id = offer.offer_id.clone();
            async move { taker.accept("accept".into(), SESSION, &offer_id).await }
        });
        let outcomes = join_all(attempts).await;
        let winners: Vec<_> = takers
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| outcome.is_ok())
            .collect();
        assert_eq!(winners.len(), 1, "round {round}");
        for outcome in &outcomes {
            if let Err(status) = outcome {
                assert_eq!(
                    told(status),
                    (Code::FailedPrecondition, "OFFER_CLOSED".into())
                );
            }
        }
        let late = owner
            .post(here.command_id(), SESSION, "late")
            .await
            .unwrap_err();
        assert_eq!(reason(&late), "NO_LONGER_OWNER", "{owner_id}, I12");
        owner_id.clone_from(winners[0].0);
        owner = here.librarian(&owner_id, "harbor", Role::Librarian, &["coop"]);
    }
}
