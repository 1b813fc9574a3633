//! Handing a session over.

use carrel_proto::gateway::v1::{
    AcceptTransfer, DeclineTransfer, OfferTransfer, PickUp, WithdrawTransfer, act, offer_transfer,
    server_frame::Frame as Received,
};
use tonic::Code;

use crate::{
    browser::{Browser, JSON, PROTO},
    fixture::Fixture,
};

fn offer_to(to: offer_transfer::To) -> act::Act {
    act::Act::OfferTransfer(OfferTransfer {
        to: Some(to),
        message: "she asks about grants".into(),
    })
}

fn accept(offer_id: &str) -> act::Act {
    act::Act::AcceptTransfer(AcceptTransfer {
        offer_id: offer_id.into(),
    })
}

/// D62: what hangs in one session holds up nothing in another, as when the replica that holds it is stuck.
#[tokio::test]
async fn a_session_that_is_stuck_holds_up_no_other() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, PROTO, "map").await;
    let to = || offer_to(offer_transfer::To::QueueId("harbor".into()));
    browser.act("1", "stuck", to()).await;
    fixture
        .seen
        .wait_for("offer stuck to harbor: she asks about grants", 1)
        .await;
    browser.act("2", "stuck", accept("o")).await;
    browser.act("3", "s", to()).await;
    assert_eq!(browser.accepted().await.command_id, "3");
    browser.act("4", "other", accept("o")).await;
    assert_eq!(browser.accepted().await.command_id, "4");
    let lines = fixture.seen.lines();
    assert!(!lines.contains(&"accept stuck o".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn transfers_are_acts_in_order_with_the_others() {
    let fixture = Fixture::open().await;
    for protocol in [JSON, PROTO] {
        let (mut browser, _) = Browser::hello(&fixture, protocol, "map").await;
        let acts = [
            act::Act::PickUp(PickUp {}),
            offer_to(offer_transfer::To::Introduction("lee's".into())),
            act::Act::WithdrawTransfer(WithdrawTransfer {
                offer_id: "o".into(),
            }),
            offer_to(offer_transfer::To::QueueId("harbor".into())),
            accept("o"),
            act::Act::DeclineTransfer(DeclineTransfer {
                offer_id: "o".into(),
                reason: "at lunch".into(),
            }),
        ];
        let before = fixture.seen.lines().len();
        for (number, act) in acts.into_iter().enumerate() {
            browser.act(&number.to_string(), "s", act).await;
        }
        assert_eq!(browser.refused().await.command_id, "0");
        for number in 1..=5 {
            let accepted = browser.accepted().await;
            assert_eq!(accepted.command_id, number.to_string());
            assert_eq!((&*accepted.session_id, accepted.position), ("s", 0));
            assert_eq!(accepted.replayed, number == 4);
        }
        assert_eq!(
            fixture.seen.lines()[before..],
            [
                "unary pick_up",
                "offer s to lee's: she asks about grants",
                "withdraw s o",
                "offer s to harbor: she asks about grants",
                "accept s o",
                "decline s o: at lunch",
            ]
        );
    }
}

#[tokio::test]
async fn an_offer_waits_for_what_was_written_before_it() {
    let fixture = Fixture::open().await;
    let mut browser = Browser::attending(&fixture, "map", "s").await;
    browser.post("1", "s", "I will hand you over").await;
    let offer = offer_to(offer_transfer::To::QueueId("harbor".into()));
    browser.act("2", "s", offer).await;
    let mut accepted = Vec::new();
    while accepted.len() < 2 {
        if let Received::Accepted(answer) = browser.next().await {
            accepted.push(answer.command_id);
        }
    }
    assert_eq!(accepted, ["1", "2"]);
    let lines = fixture.seen.lines();
    let place = |line: &str| {
        lines
            .iter()
            .position(|seen| seen.starts_with(line))
            .unwrap()
    };
    assert!(place("attend post_message") < place("offer s"));
}

#[tokio::test]
async fn an_offer_that_is_closed_is_told_with_its_outcome() {
    let fixture = Fixture::open().await;
    let (mut browser, _) = Browser::hello(&fixture, JSON, "map").await;
    browser.act("1", "s", accept("closed")).await;
    let refused = browser.refused().await;
    assert_eq!((&*refused.command_id, &*refused.session_id), ("1", "s"));
    let refusal = refused.refusal.unwrap();
    assert_eq!(refusal.reason, "OFFER_CLOSED");
    assert_eq!(refusal.metadata["outcome"], "LAPSED");
    let nobody = act::Act::OfferTransfer(OfferTransfer::default());
    browser.act("2", "s", nobody).await;
    assert_eq!(browser.refused().await.command_id, "2");
}

#[tokio::test]
async fn a_patron_is_refused_by_the_service() {
    let fixture = Fixture::open().await;
    let (mut patron, _) = Browser::hello(&fixture, JSON, "patron-ricky").await;
    patron.act("1", "s", accept("o")).await;
    let refused = patron.refused().await;
    assert_eq!(refused.command_id, "1");
    assert_eq!(refused.refusal.unwrap().code, Code::PermissionDenied as i32);
}
