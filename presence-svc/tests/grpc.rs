//! The service through the generated client, over real gRPC.

#![allow(clippy::unwrap_used)]

mod desk;

use std::{collections::BTreeSet, time::Duration};

use carrel_platform::auth::{Role, StaffNaming, Who, token};
use carrel_presence::{Config, config::Rate};
use carrel_proto::directory::v1::{
    self as wire, AdmitPatronRequest, GetLibraryRequest, GetProfileRequest, ListLibrariesRequest,
    LogInRequest, RenewTokenRequest,
};
use desk::{DEMO, Desk, NOW, bearing, refusal, unlimited};
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

fn admit(institution_id: &str) -> AdmitPatronRequest {
    AdmitPatronRequest {
        institution_id: institution_id.into(),
    }
}

async fn renew(desk: &Desk, access_token: &str) -> Result<wire::Token, tonic::Status> {
    let request = RenewTokenRequest {
        access_token: access_token.into(),
    };
    let response = desk.client.clone().renew_token(request).await?;
    Ok(response.into_inner().token.unwrap())
}

#[tokio::test]
async fn anyone_may_know_the_libraries() {
    let desk = Desk::demo().await;
    let mut client = desk.client.clone();
    let request = GetLibraryRequest {
        institution_id: "maple".into(),
    };
    let library = client.get_library(request).await.unwrap().into_inner();
    let library = library.library.unwrap();
    assert_eq!(library.name, "Maple County Library");
    assert!(
        library
            .privacy_notice
            .contains("Staff of Maple County Library may supervise")
    );

    for id in ["", "nowhere", "MAPLE", "../maple"] {
        let request = GetLibraryRequest {
            institution_id: id.into(),
        };
        assert_eq!(
            refusal(client.get_library(request).await),
            (Code::NotFound, "NOT_FOUND".into())
        );
    }
}

// AIP-158
#[tokio::test]
async fn libraries_come_in_pages_by_name() {
    let desk = Desk::with(Config::default()).await;
    let text: String = [("a", "Zebra"), ("b", "apple"), ("c", "Same"), ("d", "Same"), ("e", "Öst\nx")]
        .map(|(id, name)| {
            let name = name.replace("\nx", "");
            format!(
                "[[institution]]\nid = \"{id}\"\nname = \"{name}\"\nprivacy_notice = \"We keep it.\"\nprimary_queue = \"q\"\n"
            )
        })
        .concat();
    desk.load(&format!(
        "{text}[[queue]]\nid = \"q\"\nname = \"Q\"\npatrons_of = [\"a\",\"b\",\"c\",\"d\",\"e\"]\nstaffed_by = [\"a\"]\n"
    ))
    .await;
    let mut client = desk.client.clone();

    for page_size in [1, 2, 3, 4, 5, 0, 1000, i32::MAX] {
        let mut ids = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListLibrariesRequest {
                page_size,
                page_token,
            };
            let page = client.list_libraries(request).await.unwrap().into_inner();
            assert!(page_size == 0 || page.libraries.len() <= usize::try_from(page_size).unwrap());
            ids.extend(
                page.libraries
                    .into_iter()
                    .map(|library| library.institution_id),
            );
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(ids, ["b", "c", "d", "a", "e"], "page_size {page_size}");
    }

    for page_size in [-1, i32::MIN] {
        let request = ListLibrariesRequest {
            page_size,
            page_token: String::new(),
        };
        let answer = client.list_libraries(request).await;
        let details = answer.as_ref().unwrap_err().get_error_details();
        assert_eq!(
            details.bad_request().unwrap().field_violations[0].field,
            "page_size"
        );
        assert_eq!(
            refusal(answer),
            (Code::InvalidArgument, "BAD_PAGE_SIZE".into())
        );
    }
    for page_token in ["x", "====", "AAAA", "2", "ä"] {
        let request = ListLibrariesRequest {
            page_size: 0,
            page_token: page_token.into(),
        };
        assert_eq!(
            refusal(client.list_libraries(request).await),
            (Code::InvalidArgument, "BAD_PAGE_TOKEN".into()),
            "{page_token}"
        );
    }
}

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
        assert_eq!(profile.role(), wire::Role::Administrator);
        let queues: Vec<_> = profile
            .queues
            .iter()
            .map(|queue| (queue.queue_id.as_str(), queue.primary))
            .collect();
        assert_eq!(
            queues,
            [("maple", true), ("coop", false), ("harbor", false)]
        );

        let Who::Librarian(librarian) = desk.auth.verify(&token.access_token).unwrap().who else {
            unreachable!("a librarian's token");
        };
        assert_eq!(librarian.librarian_id, profile.librarian_id);
        assert_eq!(librarian.role, Role::Administrator);
        assert_eq!(
            librarian.queues,
            BTreeSet::from(["maple", "coop", "harbor"].map(str::to_owned))
        );
        // R1: the version in the token is the one of the warning that the page shows.
        let warning = profile.conference_warning.clone().unwrap();
        assert_eq!(librarian.warning_version, warning.version);
        assert!(warning.rule_address.ends_with("/staff/conference-mode"));

        let request = bearing(&token.access_token, GetProfileRequest {});
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

#[tokio::test]
async fn a_renewed_token_says_what_the_directory_says_now() {
    let desk = Desk::demo().await;
    let first = desk.log_in("lee@maple").await.token.unwrap();
    desk.load(
        &DEMO
            .replace("screen_name = \"Mr Lee\"", "screen_name = \"Dr Lee\"")
            .replace("log_in_name = \"lee@maple\"\nscreen_name = \"Dr Lee\"\ninstitution = \"maple\"\nrole = \"librarian\"",
                     "log_in_name = \"lee@maple\"\nscreen_name = \"Dr Lee\"\ninstitution = \"maple\"\nrole = \"administrator\"")
            .replace("staffed_by = [\"harbor\", \"maple\"]", "staffed_by = [\"harbor\"]")
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
    // The end of renewal stays where log-in put it.
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
        BTreeSet::from(["coop".into(), "maple".into()])
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
        (Code::Unauthenticated, "TOKEN_EXPIRED".into())
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
    let request = bearing(&token, GetProfileRequest {});
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

#[tokio::test]
async fn too_many_attempts_are_told_when_to_come_back() {
    let three_an_hour = Rate {
        burst: 3,
        every: Duration::from_secs(3600).into(),
    };
    let desk = Desk::with(Config {
        log_in_per_account: three_an_hour,
        log_in_per_address: unlimited(),
        admit_per_address: three_an_hour,
        ..Config::default()
    })
    .await;
    desk.load(DEMO).await;
    for _ in 0..3 {
        assert_eq!(
            refusal(desk.try_log_in("lee@maple", "wrong").await).1,
            "WRONG_CREDENTIALS"
        );
    }
    // Even the right password, and however the name is written.
    let answer = desk.try_log_in("LEE@maple", "demo").await;
    let wait = answer
        .as_ref()
        .unwrap_err()
        .get_error_details()
        .retry_info()
        .unwrap()
        .retry_delay;
    assert!(wait.unwrap() > Duration::from_secs(3000));
    assert_eq!(
        refusal(answer),
        (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS".into())
    );
    assert!(desk.try_log_in("map@harbor", "demo").await.is_ok());

    // Each browser has its own allowance, by the address that the gateway names.
    let from = |address: &str| {
        let mut request = Request::new(admit("maple"));
        request
            .metadata_mut()
            .insert("x-forwarded-for", address.parse().unwrap());
        request
    };
    let mut client = desk.client.clone();
    for _ in 0..3 {
        client.admit_patron(from("192.0.2.1")).await.unwrap();
    }
    for again in ["192.0.2.1", "203.0.113.9, 192.0.2.1"] {
        assert_eq!(
            refusal(client.admit_patron(from(again)).await),
            (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS".into())
        );
    }
    client.admit_patron(from("192.0.2.2")).await.unwrap();
    // What is no address counts as the connection's own.
    for nonsense in ["", "x", "192.0.2.1:80"] {
        client.admit_patron(from(nonsense)).await.unwrap();
    }
    assert_eq!(
        refusal(client.admit_patron(admit("maple")).await).1,
        "TOO_MANY_ATTEMPTS"
    );
}

#[tokio::test]
async fn a_named_address_counts_for_nothing_when_it_is_not_trusted() {
    let once = Rate {
        burst: 1,
        every: Duration::from_secs(3600).into(),
    };
    let desk = Desk::with(Config {
        admit_per_address: once,
        trust_forwarded_for: false,
        ..Config::default()
    })
    .await;
    desk.load(DEMO).await;
    let from = |address: &str| {
        let mut request = Request::new(admit("maple"));
        request
            .metadata_mut()
            .insert("x-forwarded-for", address.parse().unwrap());
        request
    };
    let mut client = desk.client.clone();
    client.admit_patron(from("192.0.2.1")).await.unwrap();
    assert_eq!(
        refusal(client.admit_patron(from("192.0.2.2")).await).1,
        "TOO_MANY_ATTEMPTS"
    );
}

/// Who calls, in the rows of the authorization matrix (reliability.md, section 5).
struct Caller {
    name: &'static str,
    token: Option<String>,
    librarian: bool,
}

async fn callers(desk: &Desk) -> Vec<Caller> {
    let mut callers = vec![Caller {
        name: "anonymous",
        token: None,
        librarian: false,
    }];
    for (name, institution_id) in [("patron", "maple"), ("other patron", "harbor")] {
        let response = desk
            .client
            .clone()
            .admit_patron(admit(institution_id))
            .await
            .unwrap();
        let token = response.into_inner().token.unwrap();
        callers.push(Caller {
            name,
            token: Some(token.access_token),
            librarian: false,
        });
    }
    for name in [
        "map@harbor",
        "lee@maple",
        "admin@maple",
        "admin@harbor",
        "ask@maple",
    ] {
        callers.push(Caller {
            name,
            token: Some(desk.log_in(name).await.token.unwrap().access_token),
            librarian: true,
        });
    }
    callers
}

impl Caller {
    /// A request of this caller, with claims of identity that must count for nothing.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = match &self.token {
            Some(token) => bearing(token, message),
            None => Request::new(message),
        };
        for (key, value) in [
            ("x-user-id", "admin@maple"),
            ("x-user-role", "administrator"),
            ("x-institution", "maple"),
        ] {
            request.metadata_mut().insert(key, value.parse().unwrap());
        }
        request
    }
}

#[tokio::test]
async fn the_authorization_matrix_holds() {
    let desk = Desk::demo().await;
    for caller in callers(&desk).await {
        let mut client = desk.client.clone();
        let name = caller.name;

        // AdmitPatron. The same answer for any library, so that no librarian learns which there are.
        for institution_id in ["maple", "nowhere"] {
            let answer = client
                .admit_patron(caller.request(admit(institution_id)))
                .await;
            match (caller.librarian, institution_id) {
                (true, _) => assert_eq!(
                    refusal(answer),
                    (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()),
                    "{name}"
                ),
                (false, "maple") => assert!(answer.is_ok(), "{name}"),
                (false, _) => assert_eq!(refusal(answer).0, Code::NotFound, "{name}"),
            }
        }

        // LogIn: open to anyone; what the caller is already does not matter.
        let credentials = LogInRequest {
            log_in_name: "map@harbor".into(),
            password: "demo".into(),
        };
        let profile = client
            .log_in(caller.request(credentials))
            .await
            .unwrap()
            .into_inner()
            .profile;
        assert_eq!(profile.unwrap().screen_name, "Ms Map", "{name}");

        // RenewToken: one's own.
        let request = caller.request(RenewTokenRequest {
            access_token: caller.token.clone().unwrap_or_default(),
        });
        let answer = client.renew_token(request).await;
        match &caller.token {
            None => assert_eq!(refusal(answer), (Code::Unauthenticated, "BAD_TOKEN".into())),
            Some(token) => {
                let renewed = answer.unwrap().into_inner().token.unwrap().access_token;
                let (before, _) = token::verify_renewable(&desk.keys, token, NOW).unwrap();
                let (after, _) = token::verify_renewable(&desk.keys, &renewed, NOW).unwrap();
                assert_eq!(before.who, after.who, "{name}");
            }
        }

        // GetProfile.
        let answer = client
            .get_profile(caller.request(GetProfileRequest {}))
            .await;
        match (&caller.token, caller.librarian) {
            (None, _) => assert_eq!(refusal(answer), (Code::Unauthenticated, "NO_TOKEN".into())),
            (Some(_), false) => assert_eq!(
                refusal(answer),
                (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into())
            ),
            (Some(_), true) => assert!(answer.is_ok(), "{name}"),
        }

        // GetLibrary and ListLibraries: open to anyone.
        let request = GetLibraryRequest {
            institution_id: "harbor".into(),
        };
        assert!(
            client.get_library(caller.request(request)).await.is_ok(),
            "{name}"
        );
        let request = caller.request(ListLibrariesRequest::default());
        assert_eq!(
            client
                .list_libraries(request)
                .await
                .unwrap()
                .into_inner()
                .libraries
                .len(),
            2
        );
    }
}

#[tokio::test]
async fn a_token_that_is_brought_must_be_good() {
    let desk = Desk::demo().await;
    let mut client = desk.client.clone();
    let token = desk.log_in("lee@maple").await.token.unwrap().access_token;
    let cut = &token[..token.len() - 1];
    let bad = (Code::Unauthenticated, "BAD_TOKEN".to_owned());
    assert_eq!(
        refusal(client.get_profile(bearing(cut, GetProfileRequest {})).await),
        bad
    );
    assert_eq!(
        refusal(client.admit_patron(bearing(cut, admit("maple"))).await),
        bad
    );
    desk.clock.advance_ms(660_000);
    let expired = (Code::Unauthenticated, "TOKEN_EXPIRED".to_owned());
    assert_eq!(
        refusal(
            client
                .get_profile(bearing(&token, GetProfileRequest {}))
                .await
        ),
        expired
    );
    assert_eq!(
        refusal(client.admit_patron(bearing(&token, admit("maple"))).await),
        expired
    );
}
