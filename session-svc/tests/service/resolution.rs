//! How an ended session came out: set after the end, corrected with history, and nothing to the patron (R16).

use std::time::Duration;

use carrel_platform::auth::Role;
use carrel_proto::session::v1::{self as wire, Audience, Resolution, session_event::Payload};
use carrel_session::Config;
use tonic::Code;

use crate::desk::Desk;
use crate::person::{Person, told};

const SESSION: &str = "5e55";

/// The people of a session that a librarian of another library has just ended: its patron, its owner, and an
/// administrator of the patron's library.
pub(crate) async fn ended(desk: &Desk, session_id: &str) -> (Person, Person, Person) {
    let mut ricky = desk.patron(session_id);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let admin = desk.librarian("admin", "maple", Role::Administrator, &[]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), session_id).await.unwrap();
    map.end(desk.command_id(), session_id).await.unwrap();
    (ricky, map, admin)
}

/// The session as the person's library has it among its ended ones.
async fn listed(admin: &mut Person) -> wire::Session {
    let request = admin.ask(wire::ListEndedSessionsRequest::default());
    let page = admin.client.list_ended_sessions(request).await.unwrap();
    page.into_inner().sessions.remove(0)
}

/// Who set which resolution, in order, as the staff's transcript has it.
async fn history(reader: &mut Person) -> Vec<(String, Resolution)> {
    let transcript = reader.transcript(SESSION, Audience::Staff).await.unwrap();
    let set = transcript.events.into_iter().filter_map(|event| {
        let Some(Payload::ResolutionSet(set)) = &event.payload else {
            return None;
        };
        Some((event.author.unwrap().librarian_id, set.resolution()))
    });
    set.collect()
}

/// R16
#[tokio::test]
async fn it_is_set_after_the_end_and_corrected_with_history() {
    let desk = Desk::open().await;
    let (_ricky, mut map, mut admin) = ended(&desk, SESSION).await;
    let session = listed(&mut admin).await;
    assert_eq!(
        (session.resolution(), session.resolution_by),
        (Resolution::Unspecified, None),
        "not coded yet"
    );
    let mut maps = map.attend(SESSION, None).await.unwrap();
    maps.events_to(3).await;

    let set = |who: &Person, id: &str, resolution| {
        let (mut who, id) = (who.clone(), id.to_owned());
        async move { who.set_resolution(id, SESSION, resolution).await }
    };
    let first = set(&map, "a", Resolution::Answered).await.unwrap();
    assert_eq!((first.position, first.replayed), (4, false));
    let again = set(&map, "a", Resolution::Answered).await.unwrap();
    assert_eq!((again.position, again.replayed), (4, true));
    let needless = set(&map, "b", Resolution::Answered).await.unwrap();
    assert_eq!((needless.position, needless.replayed), (0, true));
    let reused = set(&map, "a", Resolution::LostCall).await;
    assert_eq!(
        told(reused),
        (Code::AlreadyExists, "COMMAND_ID_REUSED".into())
    );
    let corrected = set(&admin, "a", Resolution::FollowUpByLibrary).await;
    assert_eq!(corrected.unwrap().position, 5);

    let events = maps.events_to(5).await;
    assert_eq!(events.len(), 2, "who attends hears it live");
    let session = listed(&mut admin).await;
    assert_eq!(session.resolution(), Resolution::FollowUpByLibrary);
    assert_eq!(session.resolution_by.unwrap().librarian_id, "admin");
    assert_eq!(
        history(&mut admin).await,
        [
            ("map".to_owned(), Resolution::Answered),
            ("admin".to_owned(), Resolution::FollowUpByLibrary)
        ]
    );
}

/// Asserts that the patron reads what they read before, and so does staff in their view, and that no number has a gap.
pub async fn reads_as_before(
    before: &wire::GetTranscriptResponse,
    ricky: &mut Person,
    admin: &mut Person,
) {
    let after = ricky
        .transcript(SESSION, Audience::Unspecified)
        .await
        .unwrap();
    assert_eq!(*before, after);
    let attending = ricky.attend(SESSION, None).await.unwrap();
    assert_eq!(attending.joined.head.unwrap().number, 3);
    let as_patron = admin.transcript(SESSION, Audience::Patron).await.unwrap();
    assert_eq!(as_patron.session, before.session);
    assert_eq!(as_patron.events, before.events);
}

/// R16, S21, I17: not in what the patron reads, nor as a gap in its numbers.
#[tokio::test]
async fn the_patron_is_told_nothing_of_it() {
    let desk = Desk::open().await;
    let (mut ricky, mut map, mut admin) = ended(&desk, SESSION).await;
    let before = ricky
        .transcript(SESSION, Audience::Unspecified)
        .await
        .unwrap();
    for (who, resolution) in [
        (&mut map, Resolution::LostCall),
        (&mut admin, Resolution::Practice),
    ] {
        who.set_resolution(desk.command_id(), SESSION, resolution)
            .await
            .unwrap();
    }
    reads_as_before(&before, &mut ricky, &mut admin).await;
    let own = ricky
        .set_resolution(desk.command_id(), SESSION, Resolution::Answered)
        .await;
    assert_eq!(
        told(own),
        (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into())
    );
}

#[tokio::test]
async fn a_value_that_is_none_is_refused_and_so_is_one_before_the_end() {
    let desk = Desk::open().await;
    let mut ricky = desk.patron(SESSION);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    ricky.open(desk.command_id(), "hello?").await.unwrap();
    map.pick_up(desk.command_id(), SESSION).await.unwrap();
    let early = map
        .set_resolution(desk.command_id(), SESSION, Resolution::Answered)
        .await;
    assert_eq!(
        told(early),
        (Code::FailedPrecondition, "NOT_ENDED".to_owned())
    );
    map.end(desk.command_id(), SESSION).await.unwrap();
    for (resolution, reason) in [(0, "EMPTY"), (6, "UNKNOWN_VALUE"), (-1, "UNKNOWN_VALUE")] {
        let request = map.ask(wire::SetResolutionRequest {
            command_id: desk.command_id(),
            session_id: SESSION.into(),
            resolution,
        });
        let refused = map.client.set_resolution(request).await;
        assert_eq!(
            told(refused),
            (Code::InvalidArgument, reason.to_owned()),
            "{resolution}"
        );
    }
}

/// R11, R16: the librarian of another library for a while, those of the patron's library always.
#[tokio::test]
async fn after_the_wrap_up_it_is_the_patrons_library_that_sets_it() {
    let desk = Desk::open().await;
    let (_ricky, _map, _admin) = ended(&desk, SESSION).await;
    let wrap_up = Config::default().wrap_up.get() + Duration::from_millis(1);
    let wrap_up_ms = i64::try_from(wrap_up.as_millis()).unwrap();
    desk.clock.advance_ms(wrap_up_ms);
    let mut map = desk.librarian("map", "harbor", Role::Librarian, &["maple"]);
    let mut ask = desk.librarian("ask", "maple", Role::AskAdministrator, &[]);
    let late = map
        .set_resolution(desk.command_id(), SESSION, Resolution::Answered)
        .await;
    assert_eq!(told(late), (Code::NotFound, "NOT_FOUND".into()));
    ask.set_resolution(desk.command_id(), SESSION, Resolution::Answered)
        .await
        .unwrap();
}

/// I8: a server that has heard of nothing says of nothing that it is so already.
#[tokio::test]
async fn another_server_knows_what_was_set() {
    let desk = Desk::open().await;
    let (_ricky, mut map, _admin) = ended(&desk, SESSION).await;
    let deaf = desk.deaf_replica().await;
    let mut admin = deaf.librarian("admin", "maple", Role::Administrator, &[]);
    let mut set = async |resolution| {
        admin
            .set_resolution(deaf.command_id(), SESSION, resolution)
            .await
            .unwrap()
            .replayed
    };
    assert!(!set(Resolution::Answered).await);
    map.set_resolution(desk.command_id(), SESSION, Resolution::LostCall)
        .await
        .unwrap();
    assert!(!set(Resolution::Answered).await, "it was corrected since");
    map.set_resolution(desk.command_id(), SESSION, Resolution::Practice)
        .await
        .unwrap();
    assert!(set(Resolution::Practice).await, "it was set elsewhere");
}
