//! Who may call what.

use carrel_proto::presence::v1 as wire;
use tonic::{Code, Request, Status};

use crate::fixture::{Fixture, TestServer, bearing, reason};

/// What each call answers a caller with this token.
async fn answers(server: &TestServer, token: Option<&str>) -> Vec<Result<(), Status>> {
    fn with<T>(token: Option<&str>, message: T) -> Request<T> {
        match token {
            Some(token) => bearing(token, message),
            None => Request::new(message),
        }
    }
    let mut client = server.client.clone();
    let nothing = tokio_stream::pending::<wire::AnnounceRequest>();
    let librarian = wire::GetLibrarianRequest {
        librarian_id: "whoever".into(),
    };
    vec![
        client.announce(with(token, nothing)).await.map(drop),
        client
            .watch_desk(with(token, wire::WatchDeskRequest {}))
            .await
            .map(drop),
        client.get_librarian(with(token, librarian)).await.map(drop),
        client
            .get_own_presence(with(token, wire::GetOwnPresenceRequest {}))
            .await
            .map(drop),
    ]
}

#[tokio::test]
async fn only_librarians_may_know_who_is_here() {
    let (fixture, server) = Fixture::settled().await;
    for (token, code, why) in [
        (None, Code::Unauthenticated, "NO_TOKEN"),
        (
            Some("nonsense".to_owned()),
            Code::Unauthenticated,
            "BAD_TOKEN",
        ),
        (
            Some(fixture.patron()),
            Code::PermissionDenied,
            "ROLE_NOT_ALLOWED",
        ),
    ] {
        for answer in answers(&server, token.as_deref()).await {
            assert_eq!(reason(&answer.unwrap_err()), (code, why.into()));
        }
    }
    let token = fixture.token("lee@maple").await;
    let refused: Vec<Code> = answers(&server, Some(&token))
        .await
        .into_iter()
        .filter_map(Result::err)
        .map(|status| status.code())
        .collect();
    assert_eq!(refused, [Code::NotFound], "there is nobody called whoever");
}

// D20, I18: a librarian who is not shown can't be told from one who does not exist.
#[tokio::test]
async fn whoever_is_not_shown_can_not_be_found() {
    let (fixture, server) = Fixture::settled().await;
    let _lee = fixture
        .announce(&server, "lee@maple", "tab", &["maple"])
        .await;
    let _oak = fixture
        .announce(&server, "oak@maple", "tab", &["coop"])
        .await;
    let _map = fixture
        .announce(&server, "map@harbor", "tab", &["coop"])
        .await;
    let token = fixture.token("map@harbor").await;
    let get = async |librarian_id: &str| {
        let request = wire::GetLibrarianRequest {
            librarian_id: librarian_id.into(),
        };
        server
            .client
            .clone()
            .get_librarian(bearing(&token, request))
            .await
    };
    let found = get(fixture.id("oak@maple"))
        .await
        .unwrap()
        .into_inner()
        .librarian
        .unwrap();
    let watched = fixture.watch(&server, "map@harbor").await;
    assert_eq!(watched.librarians["Ms Oak"], found);

    let unknown = get("nobody").await.unwrap_err();
    assert_eq!(reason(&unknown), (Code::NotFound, "NOT_FOUND".into()));
    // Another queue, not here, the caller themselves, nobody at all: the same to the byte.
    for name in ["lee@maple", "boss@maple", "map@harbor"] {
        let hidden = get(fixture.id(name)).await.unwrap_err();
        assert_eq!(hidden.details(), unknown.details(), "{name}");
        assert_eq!(
            (hidden.code(), hidden.message()),
            (unknown.code(), unknown.message())
        );
    }
}

#[tokio::test]
async fn a_librarian_knows_their_own_presence() {
    let (fixture, server) = Fixture::settled().await;
    let token = fixture.token("lee@maple").await;
    let get = async || {
        let request = bearing(&token, wire::GetOwnPresenceRequest {});
        let response = server.client.clone().get_own_presence(request).await;
        response.unwrap().into_inner().own_presence
    };
    assert_eq!(get().await, None);
    let tab = fixture
        .announce(&server, "lee@maple", "tab", &["maple"])
        .await;
    assert_eq!(get().await.unwrap().queue_ids, ["maple"]);
    tab.goodbye().await;
    assert_eq!(get().await, None);
}
