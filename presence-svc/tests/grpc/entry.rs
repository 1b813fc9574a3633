//! The ways in: a patron is admitted, a librarian logs in.

use std::collections::BTreeSet;

use carrel_platform::auth::{Role, StaffNaming, Who};
use carrel_proto::directory::v1::{self as wire, GetProfileRequest};
use tonic::Code;

use crate::{
    admit,
    desk::{Desk, NOW, bearing, refusal},
};

#[tokio::test]
async fn a_patron_is_let_in_for_one_session() {
    let desk = Desk::demo().await;
    let response = desk
        .client
        .clone()
        .admit_patron(admit("harbor"))
        .await
        .unwrap()
        .into_inner();
    let token = response.token.unwrap();
    assert_eq!(response.session_id.len(), 32);
    assert!(
        response
            .session_id
            .chars()
            .all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
    );
    assert_eq!(token.expire_time.unwrap().seconds, NOW / 1000 + 600);
    assert_eq!(
        token.renew_until_time.unwrap().seconds,
        NOW / 1000 + 24 * 3600
    );

    let Who::Patron(patron) = desk.auth.verify(&token.access_token).unwrap().who else {
        unreachable!("a patron's token");
    };
    assert_eq!(patron.session_id, response.session_id);
    assert_eq!(patron.institution_id, "harbor");
    assert_eq!(patron.institution_name, "Harbor City Library");
    assert_eq!(patron.queue_id, "harbor");
    // R12
    assert_eq!(patron.staff_naming, StaffNaming::ScreenNameAndLibrary);

    let other = desk
        .client
        .clone()
        .admit_patron(admit("harbor"))
        .await
        .unwrap()
        .into_inner();
    assert_ne!(other.session_id, response.session_id);
    assert_eq!(
        refusal(desk.client.clone().admit_patron(admit("nowhere")).await),
        (Code::NotFound, "NOT_FOUND".into())
    );
}

#[tokio::test]
async fn a_librarian_logs_in_and_sees_their_profile() {
    let desk = Desk::demo().await;
    for name in ["admin@maple", "ADMIN@Maple", " admin@maple "] {
        let response = desk.log_in(name).await;
        let token = response.token.unwrap();
        let profile = response.profile.unwrap();
        assert_eq!(
            token.renew_until_time.unwrap().seconds,
            NOW / 1000 + 12 * 3600
        );
        assert_eq!(profile.screen_name, "Maple Admin");
        assert_eq!(profile.institution_name, "Maple County Library");
        // D84: what a patron of another language reads is told apart by it.
        assert_eq!(profile.language, "en");
        assert_eq!(profile.role(), wire::Role::Administrator);
        let queues: Vec<_> = profile
            .queues
            .iter()
            .map(|queue| (queue.queue_id.as_str(), queue.primary))
            .collect();
        assert_eq!(
            queues,
            [
                ("maple", true),
                ("coop", false),
                ("backup", false),
                ("harbor", false),
                ("practice", false)
            ]
        );

        let Who::Librarian(librarian) = desk.auth.verify(&token.access_token).unwrap().who else {
            unreachable!("a librarian's token");
        };
        assert_eq!(librarian.librarian_id, profile.librarian_id);
        assert_eq!(librarian.role, Role::Administrator);
        assert_eq!(
            librarian.queues,
            BTreeSet::from(["maple", "coop", "backup", "harbor"].map(str::to_owned))
        );
        assert_eq!(
            librarian.practice_queues,
            BTreeSet::from(["practice".to_owned()])
        );
        // R1: the version in the token is the one of the warning that the page shows.
        let warning = profile.conference_warning.clone().unwrap();
        assert_eq!(librarian.warning_version, warning.version);
        assert!(warning.rule_address.ends_with("/staff/conference-mode"));

        let request = GetProfileRequest {
            without_policies: true,
        };
        let request = bearing(&token.access_token, request);
        let again = desk.client.clone().get_profile(request).await.unwrap();
        assert_eq!(again.into_inner().profile.unwrap(), profile);
    }
}

#[tokio::test]
async fn only_those_who_may_enter_sessions_are_shown_the_warning() {
    let desk = Desk::demo().await;
    for (name, role, shown) in [
        ("map@harbor", wire::Role::Librarian, false),
        ("ask@maple", wire::Role::AskAdministrator, true),
        ("admin@harbor", wire::Role::Administrator, true),
    ] {
        let profile = desk.log_in(name).await.profile.unwrap();
        assert_eq!(profile.role(), role);
        assert_eq!(profile.conference_warning.is_some(), shown);
    }
}

// T14
#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let desk = Desk::demo().await;
    let wrong = desk.try_log_in("map@harbor", "Demo").await.unwrap_err();
    let unknown = desk.try_log_in("nobody@harbor", "demo").await.unwrap_err();
    assert_eq!(wrong.code(), unknown.code());
    assert_eq!(wrong.message(), unknown.message());
    assert_eq!(wrong.details(), unknown.details());
    assert_eq!(
        refusal::<()>(Err(wrong)),
        (Code::Unauthenticated, "WRONG_CREDENTIALS".into())
    );
    for (name, password, reason) in [
        ("", "demo", "EMPTY"),
        (" ", "demo", "EMPTY"),
        ("map@harbor", "", "EMPTY"),
        (&*"x".repeat(101), "demo", "TOO_LONG"),
        ("map@harbor", &*"x".repeat(257), "TOO_LONG"),
    ] {
        assert_eq!(
            refusal(desk.try_log_in(name, password).await),
            (Code::InvalidArgument, reason.into())
        );
    }
}
