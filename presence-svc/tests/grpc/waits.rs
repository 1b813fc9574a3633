//! Where patrons wait, as their tokens carry it.

use carrel_platform::auth::{self, Who};
use tonic::Code;

use crate::{
    admit,
    desk::{DEMO, Desk, refusal},
    practise, renew,
};

fn patron(desk: &Desk, access_token: &str) -> auth::Patron {
    let Who::Patron(patron) = desk.auth.verify(access_token).unwrap().who else {
        unreachable!("a patron's token");
    };
    patron
}

fn route(patron: &auth::Patron) -> Vec<(&str, u64)> {
    patron
        .route
        .iter()
        .map(|step| (step.queue_id.as_str(), step.after_ms))
        .collect()
}

// R17, D29
#[tokio::test]
async fn a_patrons_token_carries_the_way_of_the_wait() {
    let desk = Desk::demo().await;
    for library in ["maple", "harbor"] {
        let admitted = desk.client.clone().admit_patron(admit(library)).await;
        let token = admitted.unwrap().into_inner().token.unwrap().access_token;
        let patron = patron(&desk, &token);
        assert_eq!(patron.queue_id, library);
        assert_eq!(route(&patron), [("coop", 40_000), ("backup", 120_000)]);
    }

    // A renewed token says what the directory says by then.
    let admitted = desk.client.clone().admit_patron(admit("maple")).await;
    let token = admitted.unwrap().into_inner().token.unwrap().access_token;
    desk.load(&DEMO.replace("{ to = \"coop\", after = \"40s\" }, ", ""))
        .await;
    let renewed = renew(&desk, &token).await.unwrap().access_token;
    assert_eq!(route(&patron(&desk, &renewed)), [("backup", 120_000)]);
}

// D36
#[tokio::test]
async fn practice_waits_in_the_practice_queue_and_goes_no_further() {
    let desk = Desk::demo().await;
    let admitted = desk.client.clone().admit_patron(practise("maple")).await;
    let admitted = admitted.unwrap().into_inner();
    let token = admitted.token.unwrap().access_token;
    let practising = patron(&desk, &token);
    assert_eq!(practising.session_id, admitted.session_id);
    assert_eq!(practising.queue_id, "practice");
    assert_eq!(route(&practising), []);

    // It stays practice as long as it is renewed.
    let renewed = renew(&desk, &token).await.unwrap().access_token;
    assert_eq!(patron(&desk, &renewed), practising);

    // It ends when the library stops offering practice, whether or not the queue still exists: it never turns into a
    // wait for an answer.
    let unused = DEMO.replacen("practice_queue = \"practice\"\n", "", 1);
    let renamed = DEMO.replace("\"practice\"", "\"exercises\"");
    let removed = renamed.replacen("practice_queue = \"exercises\"\n", "", 1);
    for directory in [removed, unused] {
        desk.load(&directory).await;
        assert_eq!(
            refusal(renew(&desk, &token).await),
            (Code::Unauthenticated, "ACCOUNT_REMOVED".into())
        );
    }
    for (library, practice) in [("maple", false), ("nowhere", false), ("harbor", true)] {
        let answer = desk.client.clone().admit_patron(practise(library)).await;
        if practice {
            assert!(answer.is_ok(), "{library}");
        } else {
            assert_eq!(
                refusal(answer),
                (Code::NotFound, "NOT_FOUND".into()),
                "{library}"
            );
        }
    }
    // A patron who asks for an answer is still let in.
    let admitted = desk.client.clone().admit_patron(admit("maple")).await;
    assert!(admitted.is_ok());
}
