//! Nothing that another librarian can obtain shows who is silently inside (I18).
//!
//! The tests look at one world in pairs: everything that the others can ask for is asked for once without a supervisor
//! inside and once with one, and nothing else happens in between. All answers, including refusals, have the same bytes.

use carrel_proto::{
    im::v1::{self as im, send_message_request::To},
    presence::v1::{self as presence, watch_desk_response::Change as DeskChange},
    session::v1::{self as wire, watch_sessions_response::Change as ListChange},
};
use prost::Message;
use tonic::{Response, Status, Streaming};

use crate::{
    access::{command_id, on_behalf},
    answer::Answer,
    case::Case,
    fixture::Fixture,
    grpc::Stream,
    table::{Column, Stage},
};

/// The librarians who must not find the supervisors.
const OTHERS: [Column; 6] = [
    Column::Lc,
    Column::Lq,
    Column::Lx,
    Column::Af,
    Column::Kf,
    Column::Aq,
];
/// The supervisors who enter.
const SUPERVISORS: [Column; 2] = [Column::Ao, Column::Ko];

/// Everything that was obtained: by whom, by which call, and the bytes of the answer.
type Look = Vec<(Column, &'static str, Vec<u8>)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_finds_a_supervisor_at_their_desk() {
    let fixture = Fixture::open().await;
    for (stages, stage) in [Stage::Active, Stage::Offered].into_iter().enumerate() {
        compare(&fixture, stage, stages).await;
    }
    fixture.close().await;
}

/// The supervisors monitor no queue, so messages to them are refused, inside or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_finds_a_supervisor_who_monitors_nothing() {
    let mut fixture = Fixture::open().await;
    for supervisor in SUPERVISORS {
        fixture.leave_the_desk(supervisor).await;
    }
    compare(&fixture, Stage::Active, 0).await;
    fixture.close().await;
}

/// Open watches receive nothing until something else happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_watched_stirs() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    load_is_known(&fixture, 0, 1).await;
    let mut watches = Vec::new();
    for other in [Column::Lc, Column::Lq, Column::Aq] {
        let desk = watch_desk(&fixture, other).await.unwrap().into_inner();
        let lists = watch_lists(&fixture, other).await.unwrap().into_inner();
        watches.push((first(desk).await, first(lists).await));
    }
    for supervisor in SUPERVISORS {
        enter(&fixture, &case, supervisor).await;
        let inside = attend(&fixture, &case, supervisor).await;
        leave(&fixture, &case, supervisor).await;
        drop(inside);
    }
    // Anything that entering and leaving had caused would arrive before this.
    let next = fixture.case(Stage::Waiting).await;
    for (desk, lists) in &mut watches {
        let stirred = desk_change(&mut desk.1).await;
        assert!(
            matches!(&stirred, DeskChange::Queue(queue) if queue.waiting == 1),
            "{stirred:?}"
        );
        let stirred = list_change(&mut lists.1).await;
        assert!(
            matches!(&stirred, ListChange::Changed(row) if row.session_id == next.session_id),
            "{stirred:?}"
        );
    }
    fixture.close().await;
}

/// Compares looks at a session at this stage without and with supervisors inside.
///
/// `stages` is how many stages were compared before in this fixture: each has left an active session and a waiting one.
async fn compare(fixture: &Fixture, stage: Stage, stages: usize) {
    let case = fixture.case(stage).await;
    load_is_known(fixture, stages, stages + 1).await;
    let without = settled_look(fixture, &case).await;
    for supervisor in SUPERVISORS {
        enter(fixture, &case, supervisor).await;
        let inside = attend(fixture, &case, supervisor).await;
        assert_same(stage, &look(fixture, &case).await, &without);
        leave(fixture, &case, supervisor).await;
        drop(inside);
        assert_same(stage, &look(fixture, &case).await, &without);
    }
    // Shows that the comparison can fail.
    fixture.case(Stage::Waiting).await;
    load_is_known(fixture, stages + 1, stages + 1).await;
    assert_ne!(look(fixture, &case).await, without);
}

fn assert_same(stage: Stage, now: &Look, before: &Look) {
    for (now, before) in now.iter().zip(before) {
        assert_eq!(now, before, "{stage:?}");
    }
    assert_eq!(now.len(), before.len());
}

/// Waits until presence-svc knows that this many patrons wait in the queue of Maple, and that Lc has this many
/// sessions. It learns of a change some time after the call that made it was answered.
async fn load_is_known(fixture: &Fixture, waiting: usize, active: usize) {
    let lc = fixture.librarian_id(Column::Lc);
    loop {
        let desk = watch_desk(fixture, Column::Lq).await.unwrap().into_inner();
        let (snapshot, mut desk) = first(desk).await;
        let Some(DeskChange::Snapshot(snapshot)) = snapshot.change else {
            panic!("a watch begins with a snapshot: {snapshot:?}");
        };
        let queue = snapshot.queues.iter().find(|row| row.queue_id == "maple");
        let owner = snapshot
            .librarians
            .iter()
            .find(|row| row.librarian_id == lc);
        let known = [queue.unwrap().waiting, owner.unwrap().active_count];
        if known.map(|count| count as usize) == [waiting, active] {
            return;
        }
        // Any change is a reason to look again.
        desk.message().await.unwrap();
    }
}

/// Looks until two looks in a row are the same: the first one marks messages as delivered, which others can see.
async fn settled_look(fixture: &Fixture, case: &Case) -> Look {
    let mut before = look(fixture, case).await;
    loop {
        let now = look(fixture, case).await;
        if now == before {
            return now;
        }
        before = now;
    }
}

async fn look(fixture: &Fixture, case: &Case) -> Look {
    let mut seen = Vec::new();
    for other in OTHERS {
        desk(fixture, other, &mut seen).await;
        sessions(fixture, other, case, &mut seen).await;
        messages(fixture, other, &mut seen).await;
    }
    seen
}

/// Asks for the presence of librarians, the state of queues, and the load.
async fn desk(fixture: &Fixture, other: Column, seen: &mut Look) {
    let token = fixture.token(other);
    let mut presence = fixture.presence();
    let snapshot = match watch_desk(fixture, other).await {
        Ok(stream) => Ok(Response::new(first(stream.into_inner()).await.0)),
        Err(status) => Err(status),
    };
    seen.push((other, "WatchDesk", bytes(snapshot)));
    for whom in SUPERVISORS.into_iter().chain(OTHERS) {
        let librarian_id = fixture.librarian_id(whom);
        let request = on_behalf(token, presence::GetLibrarianRequest { librarian_id });
        let answer = presence.get_librarian(request).await;
        seen.push((other, "GetLibrarian", bytes(answer)));
    }
    let request = on_behalf(token, presence::GetOwnPresenceRequest {});
    let answer = presence.get_own_presence(request).await;
    seen.push((other, "GetOwnPresence", bytes(answer)));
    let institution_id = "maple".to_owned();
    let request = on_behalf(token, presence::GetAvailabilityRequest { institution_id });
    let answer = presence.get_availability(request).await;
    seen.push((other, "GetAvailability", bytes(answer)));
    let service = fixture.service_token();
    let request = on_behalf(&service, wire::WatchLoadRequest {});
    let load = fixture.load().watch_load(request).await.unwrap();
    let (load, _) = first(load.into_inner()).await;
    seen.push((other, "WatchLoad", load.encode_to_vec()));
}

/// Asks for lists and for the session itself, and provokes refusals about it.
async fn sessions(fixture: &Fixture, other: Column, case: &Case, seen: &mut Look) {
    let token = fixture.token(other);
    let mut sessions = fixture.access.sessions();
    let session_id = || case.session_id.clone();
    let lists = match watch_lists(fixture, other).await {
        Ok(stream) => Ok(Response::new(first(stream.into_inner()).await.0)),
        Err(status) => Err(status),
    };
    seen.push((other, "WatchSessions", bytes(lists)));
    let message = wire::GetSessionRequest {
        session_id: session_id(),
    };
    let answer = sessions.get_session(on_behalf(token, message)).await;
    seen.push((other, "GetSession", bytes(answer)));
    let message = wire::GetTranscriptRequest {
        session_id: session_id(),
        audience: wire::Audience::Unspecified.into(),
    };
    let answer = sessions.get_transcript(on_behalf(token, message)).await;
    seen.push((other, "GetTranscript", bytes(answer)));
    let message = wire::LeaveConferenceRequest {
        command_id: command_id(),
        session_id: session_id(),
    };
    let answer = sessions.leave_conference(on_behalf(token, message)).await;
    seen.push((other, "LeaveConference", bytes(answer)));
    let message = wire::EnterConferenceRequest {
        command_id: command_id(),
        session_id: session_id(),
        warning_version: fixture.warning_version.clone(),
    };
    let answer = sessions.enter_conference(on_behalf(token, message)).await;
    seen.push((other, "EnterConference", bytes(answer)));
    let message = wire::AcceptTransferRequest {
        command_id: command_id(),
        session_id: session_id(),
        offer_id: "77".to_owned(),
    };
    let request = on_behalf(token, message);
    let answer = fixture.transfers().accept_transfer(request).await;
    seen.push((other, "AcceptTransfer", bytes(answer)));
    let message = wire::ListAuditEntriesRequest::default();
    let answer = sessions.list_audit_entries(on_behalf(token, message)).await;
    seen.push((other, "ListAuditEntries", bytes(answer)));
}

/// Writes to the supervisors and asks for conversations; some of it is refused. A repeated command writes nothing new.
async fn messages(fixture: &Fixture, other: Column, seen: &mut Look) {
    let token = fixture.token(other);
    let mut messages = fixture.messages();
    for whom in SUPERVISORS {
        let message = im::SendMessageRequest {
            command_id: format!("look-{other:?}-{whom:?}"),
            to: Some(To::LibrarianId(fixture.librarian_id(whom))),
            text: "Are you looking over my shoulder?".to_owned(),
        };
        let answer = messages.send_message(on_behalf(token, message)).await;
        let answer = answer.map(|sent| {
            let replayed = false;
            Response::new(im::SendMessageResponse {
                replayed,
                ..sent.into_inner()
            })
        });
        seen.push((other, "SendMessage", bytes(answer)));
    }
    let request = on_behalf(token, im::WatchConversationsRequest { trace: false });
    let stream = messages.watch_conversations(request).await.unwrap();
    let (snapshot, _) = first(stream.into_inner()).await;
    seen.push((other, "WatchConversations", snapshot.encode_to_vec()));
}

async fn watch_desk(
    fixture: &Fixture,
    other: Column,
) -> Result<Response<Streaming<presence::WatchDeskResponse>>, Status> {
    let request = on_behalf(fixture.token(other), presence::WatchDeskRequest {});
    fixture.presence().watch_desk(request).await
}

async fn watch_lists(
    fixture: &Fixture,
    other: Column,
) -> Result<Response<Streaming<wire::WatchSessionsResponse>>, Status> {
    let queue_id = match other {
        Column::Lx | Column::Af | Column::Kf => "cedar",
        _ => "maple",
    };
    let message = wire::WatchSessionsRequest {
        queue_ids: vec![queue_id.to_owned()],
        all: matches!(other, Column::Af | Column::Kf | Column::Aq),
    };
    let request = on_behalf(fixture.token(other), message);
    fixture.access.sessions().watch_sessions(request).await
}

async fn enter(fixture: &Fixture, case: &Case, supervisor: Column) {
    let message = wire::EnterConferenceRequest {
        command_id: command_id(),
        session_id: case.session_id.clone(),
        warning_version: fixture.warning_version.clone(),
    };
    let request = on_behalf(fixture.token(supervisor), message);
    let mut sessions = fixture.access.sessions();
    sessions.enter_conference(request).await.unwrap();
}

async fn leave(fixture: &Fixture, case: &Case, supervisor: Column) {
    let message = wire::LeaveConferenceRequest {
        command_id: command_id(),
        session_id: case.session_id.clone(),
    };
    let request = on_behalf(fixture.token(supervisor), message);
    let mut sessions = fixture.access.sessions();
    sessions.leave_conference(request).await.unwrap();
}

async fn attend(fixture: &Fixture, case: &Case, supervisor: Column) -> Stream {
    let token = fixture.token(supervisor);
    let audience = wire::Audience::Unspecified;
    Stream::join(fixture.access.sessions(), token, &case.session_id, audience)
        .await
        .unwrap()
}

async fn first<T>(mut stream: Streaming<T>) -> (T, Streaming<T>) {
    let first = stream.message().await.unwrap();
    (first.expect("a watch begins with a snapshot"), stream)
}

async fn desk_change(stream: &mut Streaming<presence::WatchDeskResponse>) -> DeskChange {
    loop {
        match stream.message().await.unwrap().unwrap().change.unwrap() {
            DeskChange::Heartbeat(_) => {}
            change => return change,
        }
    }
}

async fn list_change(stream: &mut Streaming<wire::WatchSessionsResponse>) -> ListChange {
    loop {
        match stream.message().await.unwrap().unwrap().change.unwrap() {
            ListChange::Heartbeat(_) => {}
            change => return change,
        }
    }
}

/// Returns the bytes of an answer, or of its refusal.
fn bytes<T: Message>(answer: Result<Response<T>, Status>) -> Vec<u8> {
    match answer {
        Ok(answer) => answer.into_inner().encode_to_vec(),
        Err(status) => match Answer::from(status) {
            Answer::Refused(said) => said.bytes,
            done => panic!("{done:?}"),
        },
    }
}
