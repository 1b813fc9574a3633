//! Who may do what (I22).

use carrel_platform::auth::token;
use carrel_proto::directory::v1::{
    GetLibraryRequest, GetProfileRequest, ListLibrariesRequest, ListRoleChangesRequest,
    LogInRequest, RenewTokenRequest,
};
use tonic::{Code, Request};

use crate::{
    admit,
    desk::{Desk, NOW, bearing, refusal},
};

/// A caller: one of the rows of the authorization matrix.
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
    /// A request of this caller, with claims of identity that must be ignored.
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

        // AdmitPatron. The same answer for any library, so that no librarian learns which libraries exist.
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

        // LogIn: open to anyone, whoever they are logged in as already.
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

        // RenewToken: the caller's own.
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
            .get_profile(caller.request(GetProfileRequest::default()))
            .await;
        match (&caller.token, caller.librarian) {
            (None, _) => assert_eq!(refusal(answer), (Code::Unauthenticated, "NO_TOKEN".into())),
            (Some(_), false) => assert_eq!(
                refusal(answer),
                (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into())
            ),
            (Some(_), true) => assert!(answer.is_ok(), "{name}"),
        }

        // ListRoleChanges: for administrators.
        let request = caller.request(ListRoleChangesRequest::default());
        let answer = client.list_role_changes(request).await;
        match (&caller.token, name) {
            (None, _) => assert_eq!(refusal(answer), (Code::Unauthenticated, "NO_TOKEN".into())),
            (Some(_), "admin@maple" | "admin@harbor") => assert!(answer.is_ok(), "{name}"),
            (Some(_), _) => assert_eq!(
                refusal(answer),
                (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()),
                "{name}"
            ),
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
        refusal(
            client
                .get_profile(bearing(cut, GetProfileRequest::default()))
                .await
        ),
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
                .get_profile(bearing(&token, GetProfileRequest::default()))
                .await
        ),
        expired
    );
    assert_eq!(
        refusal(client.admit_patron(bearing(&token, admit("maple"))).await),
        expired
    );
}
