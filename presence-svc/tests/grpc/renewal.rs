//! The exchange of a token for a fresh one.

use std::collections::BTreeSet;

use carrel_platform::auth::{Role, Who};
use carrel_proto::directory::v1::GetProfileRequest;
use tonic::Code;

use crate::{
    admit,
    desk::{DEMO, Desk, NOW, bearing, refusal},
    renew,
};

#[tokio::test]
async fn a_renewed_token_says_what_the_directory_says_now() {
    let desk = Desk::demo().await;
    let first = desk.log_in("lee@maple").await.token.unwrap();
    // Mr Lee is the last in the file.
    let (others, lee) = DEMO.split_at(DEMO.find("log_in_name = \"lee@maple\"").unwrap());
    let lee = lee
        .replace("Mr Lee", "Dr Lee")
        .replace("role = \"librarian\"", "role = \"administrator\"");
    desk.load(
        &format!("{others}{lee}")
            .replace(
                "staffed_by = [\"harbor\", \"maple\"]",
                "staffed_by = [\"harbor\"]",
            )
            .replace("staff/conference-mode", "staff/new-rule"),
    )
    .await;
    let before = desk.auth.verify(&first.access_token).unwrap().who;

    // The token itself may have expired.
    desk.clock.advance_ms(3_600_000);
    assert_eq!(
        desk.auth.verify(&first.access_token).unwrap_err().reason,
        "TOKEN_EXPIRED"
    );
    let second = renew(&desk, &first.access_token).await.unwrap();
    assert_eq!(second.expire_time.unwrap().seconds, NOW / 1000 + 3600 + 600);
    // The end of renewal stays as log-in set it.
    assert_eq!(second.renew_until_time, first.renew_until_time);
    let after = desk.auth.verify(&second.access_token).unwrap().who;

    let (Who::Librarian(before), Who::Librarian(after)) = (before, after) else {
        unreachable!("librarians' tokens");
    };
    assert_eq!(after.librarian_id, before.librarian_id);
    assert_eq!(
        (before.role, after.role),
        (Role::Librarian, Role::Administrator)
    );
    assert_eq!(after.screen_name, "Dr Lee");
    assert_eq!(
        after.queues,
        BTreeSet::from(["backup", "coop", "maple"].map(str::to_owned))
    );
    assert_ne!(after.warning_version, before.warning_version);
}

#[tokio::test]
async fn renewal_ends_when_it_was_said_to() {
    let desk = Desk::demo().await;
    let mut token = desk.log_in("lee@maple").await.token.unwrap();
    let end = token.renew_until_time.unwrap();
    let patron = desk
        .client
        .clone()
        .admit_patron(admit("maple"))
        .await
        .unwrap()
        .into_inner();
    while desk.clock.unix_ms() + 590_000 < end.seconds * 1000 {
        desk.clock.advance_ms(590_000);
        token = renew(&desk, &token.access_token).await.unwrap();
    }
    assert_eq!(
        token.expire_time.unwrap(),
        end,
        "no token outlives its renewal"
    );
    desk.clock.advance_ms(590_000);
    assert_eq!(
        refusal(renew(&desk, &token.access_token).await),
        (Code::Unauthenticated, "RENEWAL_OVER".into())
    );
    assert!(
        renew(&desk, &patron.token.unwrap().access_token)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_patron_keeps_their_session_on_renewal() {
    let desk = Desk::demo().await;
    let admission = desk
        .client
        .clone()
        .admit_patron(admit("maple"))
        .await
        .unwrap()
        .into_inner();
    desk.clock.advance_ms(3_600_000);
    let token = renew(&desk, &admission.token.unwrap().access_token)
        .await
        .unwrap();
    let Who::Patron(patron) = desk.auth.verify(&token.access_token).unwrap().who else {
        unreachable!("a patron's token");
    };
    assert_eq!(patron.session_id, admission.session_id);
}

#[tokio::test]
async fn a_removed_librarian_gets_no_token_even_if_the_name_comes_back() {
    let desk = Desk::demo().await;
    let response = desk.log_in("lee@maple").await;
    let token = response.token.unwrap().access_token;
    let at = DEMO
        .find("[[librarian]]\nlog_in_name = \"lee@maple\"")
        .unwrap();
    desk.load(&DEMO[..at]).await;
    let removed = (Code::Unauthenticated, "ACCOUNT_REMOVED".to_owned());
    assert_eq!(refusal(renew(&desk, &token).await), removed);
    let request = bearing(&token, GetProfileRequest::default());
    assert_eq!(
        refusal(desk.client.clone().get_profile(request).await),
        removed
    );
    assert_eq!(
        refusal(desk.try_log_in("lee@maple", "demo").await).1,
        "WRONG_CREDENTIALS"
    );

    desk.load(DEMO).await;
    assert_eq!(refusal(renew(&desk, &token).await), removed);
    let again = desk.log_in("lee@maple").await.profile.unwrap();
    assert_ne!(again.librarian_id, response.profile.unwrap().librarian_id);
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_not_renewed() {
    let desk = Desk::demo().await;
    let good = desk.log_in("lee@maple").await.token.unwrap().access_token;
    let stranger = Desk::demo()
        .await
        .log_in("lee@maple")
        .await
        .token
        .unwrap()
        .access_token;
    let altered = good.replacen('A', "B", 1);
    for token in ["", "x", "a.b.c", &stranger, &altered, &"x".repeat(100_000)] {
        assert_eq!(
            refusal(renew(&desk, token).await),
            (Code::Unauthenticated, "BAD_TOKEN".into())
        );
    }
}
