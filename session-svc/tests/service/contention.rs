//! Pick-ups, transfers and lost owners on two servers at once: at every moment each session has exactly one owner or
//! waits (I11, I12, I13).
//!
//! Nobody attends here, and the owner's grace is short, so owners are lost in between all the time.

use std::{collections::BTreeMap, time::Duration};

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{
    Part, SessionEvent, offer_transfer_request::To, session_event::Payload,
};
use carrel_session::Config;
use futures::future::join_all;
use proptest::prelude::*;

use crate::{desk::Desk, person::Person};

const SESSION: &str = "c0de";
const LIBRARIANS: [&str; 4] = ["map", "lee", "night", "ask"];

/// What a librarian attempts.
#[derive(Clone, Debug)]
enum Attempt {
    PickUp,
    OfferToQueue,
    OfferTo(usize),
    Accept,
    Decline,
    Post,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    prop_oneof![
        3 => Just(Attempt::PickUp),
        2 => Just(Attempt::OfferToQueue),
        2 => (0..LIBRARIANS.len()).prop_map(Attempt::OfferTo),
        4 => Just(Attempt::Accept),
        1 => Just(Attempt::Decline),
        2 => Just(Attempt::Post),
    ]
}

/// Rounds of attempts that are made at the same time, each by a librarian at one of two servers.
fn rounds() -> impl Strategy<Value = Vec<Vec<(usize, usize, Attempt)>>> {
    let one = (0..LIBRARIANS.len(), 0..2_usize, attempt());
    prop::collection::vec(prop::collection::vec(one, 1..5), 4..20)
}

fn histories() -> u32 {
    let asked = std::env::var("CARREL_HISTORIES").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(60)
}

/// The acknowledgements: which librarians were told that they own the session now, and how often.
type Acknowledged = BTreeMap<String, usize>;

async fn struggle(rounds: &[Vec<(usize, usize, Attempt)>]) -> (Vec<SessionEvent>, Acknowledged) {
    let config = Config {
        owner_grace: Duration::from_millis(8).into(),
        ..Config::default()
    };
    let servers = [Desk::with(config).await];
    let servers = [servers[0].replica().await, {
        let [first] = servers;
        first
    }];
    servers[0]
        .patron(SESSION)
        .open("open".into(), "anyone?")
        .await
        .unwrap();
    let mut acknowledged = Acknowledged::new();
    for (number, round) in rounds.iter().enumerate() {
        servers[0].clock.advance_ms(9_000);
        let offer_id = last_offer(&servers[0].recorded(SESSION).await);
        let attempts = round
            .iter()
            .enumerate()
            .map(|(at, (who, server, attempt))| {
                let desk = &servers[*server];
                let id = LIBRARIANS[*who];
                let role = if id == "ask" {
                    Role::AskAdministrator
                } else {
                    Role::Librarian
                };
                let person = desk.librarian(id, "maple", role, &["maple"]);
                let command_id = format!("{number}-{at}");
                let offer_id = offer_id.clone();
                async move {
                    make(desk, person, command_id, attempt, &offer_id)
                        .await
                        .then_some(id)
                }
            });
        for id in join_all(attempts).await.into_iter().flatten() {
            *acknowledged.entry(id.to_owned()).or_default() += 1;
        }
    }
    let events = servers[0].recorded(SESSION).await;
    (events, acknowledged)
}

/// Makes an attempt, and returns whether it made the librarian the owner.
async fn make(
    desk: &Desk,
    mut person: Person,
    command_id: String,
    attempt: &Attempt,
    offer_id: &str,
) -> bool {
    match attempt {
        Attempt::PickUp => {
            let answer = person.pick_up(command_id, SESSION).await;
            answer.is_ok_and(|answer| !answer.replayed)
        }
        Attempt::Accept => {
            let answer = person.accept(command_id, SESSION, offer_id).await;
            answer.is_ok_and(|answer| !answer.replayed)
        }
        Attempt::OfferToQueue => {
            let _ = person
                .offer(command_id, SESSION, To::QueueId("maple".into()))
                .await;
            false
        }
        Attempt::OfferTo(other) => {
            let to = desk.introduction(LIBRARIANS[*other], &["maple"]);
            let _ = person.offer(command_id, SESSION, to).await;
            false
        }
        Attempt::Decline => {
            let _ = person.decline(command_id, SESSION, offer_id).await;
            false
        }
        Attempt::Post => {
            let _ = person.post(command_id, SESSION, "hello").await;
            false
        }
    }
}

fn last_offer(events: &[SessionEvent]) -> String {
    let mut offers = events.iter().filter_map(|event| match &event.payload {
        Some(Payload::TransferOffered(offered)) => offered.offer.clone(),
        _ => None,
    });
    offers
        .next_back()
        .map_or_else(|| "none".to_owned(), |offer| offer.offer_id)
}

/// Checks the log as an outsider would read it, and returns who became the owner how often.
fn check(events: &[SessionEvent]) -> Result<Acknowledged, TestCaseError> {
    let mut owner: Option<String> = None;
    let mut became = Acknowledged::new();
    for (at, event) in events.iter().enumerate() {
        prop_assert_eq!(event.position, at as u64 + 1);
        let author = event.author.clone().unwrap_or_default();
        match event.payload.as_ref() {
            Some(Payload::PickedUp(_)) => {
                prop_assert_eq!(&owner, &None, "only who waits is picked up");
                *became.entry(author.librarian_id.clone()).or_default() += 1;
                owner = Some(author.librarian_id);
            }
            Some(Payload::Transferred(transferred)) => {
                let from = transferred.from.clone().unwrap_or_default().librarian_id;
                prop_assert_eq!(&owner, &Some(from));
                *became.entry(author.librarian_id.clone()).or_default() += 1;
                owner = Some(author.librarian_id);
            }
            Some(Payload::Returned(_)) => {
                prop_assert_eq!(owner.take(), Some(author.librarian_id));
            }
            Some(Payload::Message(_) | Payload::TransferOffered(_))
                if author.part() == Part::Owner =>
            {
                prop_assert_eq!(&owner, &Some(author.librarian_id), "I12");
            }
            _ => {}
        }
    }
    Ok(became)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_has_one_owner_or_waits_whatever_is_tried(rounds in rounds()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (events, acknowledged) = runtime.block_on(struggle(&rounds));
        let became = check(&events)?;
        prop_assert_eq!(became, acknowledged, "whoever was told so owned it, once for each time");
    }
}
