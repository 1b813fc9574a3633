//! Practice is kept apart from all that is real (D36).

use std::collections::BTreeSet;

use carrel_platform::auth::{Role, Who};
use carrel_proto::session::v1::offer_transfer_request::To;
use tonic::Code;

use crate::desk::{Desk, librarian, patron};
use crate::person::{Person, reason};

const SESSION: &str = "9ac7";

/// Returns a librarian of Harbor who may monitor two real queues and one for practice.
fn map(desk: &Desk) -> Person {
    let mut who = librarian("map", "harbor", Role::Librarian, &[]);
    if let Who::Librarian(map) = &mut who {
        map.practice_queues = BTreeSet::from(["practice".to_owned()]);
        map.queues = BTreeSet::from(["maple".to_owned(), "coop".to_owned()]);
    }
    desk.person(who)
}

/// Returns a patron who asks, or practises.
fn ricky(desk: &Desk, practice: bool) -> Person {
    let mut who = patron(SESSION, Default::default());
    if let Who::Patron(ricky) = &mut who {
        ricky.practice = practice;
        ricky.queue_id = if practice { "practice" } else { "maple" }.to_owned();
    }
    desk.person(who)
}

#[tokio::test]
async fn no_session_is_handed_over_between_practice_and_what_is_real() {
    for practice in [false, true] {
        let desk = Desk::open().await;
        let (mut ricky, mut map) = (ricky(&desk, practice), map(&desk));
        ricky.open(desk.command_id(), "hello?").await.unwrap();
        map.pick_up(desk.command_id(), SESSION).await.unwrap();
        let queue = |id: &str| To::QueueId(id.to_owned());
        let real = [queue("coop"), desk.introduction("lee", &["coop"])];
        let practising = [queue("practice"), desk.introduction("lee", &["practice"])];
        let (good, bad) = match practice {
            true => (practising, real),
            false => (real, practising),
        };
        for to in bad {
            let refused = map.offer(desk.command_id(), SESSION, to).await.unwrap_err();
            assert_eq!(
                (refused.code(), &*reason(&refused)),
                (Code::InvalidArgument, "PRACTICE_MIXED"),
                "practice: {practice}"
            );
        }
        for to in good {
            map.offer(desk.command_id(), SESSION, to).await.unwrap();
        }
    }
}

#[tokio::test]
async fn statistics_know_practice_from_what_is_real() {
    for practice in [false, true] {
        let desk = Desk::open().await;
        let (mut ricky, mut map) = (ricky(&desk, practice), map(&desk));
        ricky.open(desk.command_id(), "hello?").await.unwrap();
        let picked_up = map.pick_up(desk.command_id(), SESSION).await.unwrap();
        assert_eq!(picked_up.session.unwrap().practice, practice);
        ricky.end(desk.command_id(), SESSION).await.unwrap();
        let mut admin = desk.person(librarian("admin", "maple", Role::Administrator, &[]));
        let erased = admin.erase(desk.command_id(), SESSION).await.unwrap();
        assert_eq!(erased.session.unwrap().practice, practice);
    }
}
