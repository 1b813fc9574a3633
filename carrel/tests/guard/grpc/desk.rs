//! `PresenceService`, and the `LoadService` that presence-svc calls.

use carrel_proto::{presence::v1 as wire, session::v1::WatchLoadRequest};
use tonic::{Status, Streaming};
use wire::watch_desk_response::Change;

use super::ask;
use crate::{answer::Answer, case::Case, fixture::Fixture, monitor::Monitor};

/// Tries an operation as a call.
pub(super) async fn call(fixture: &Fixture, operation: &str, token: &str, case: &Case) -> Answer {
    let mut presence = fixture.presence();
    let librarian_id = case.librarian_id.clone();
    match operation {
        "Announce" => announce(fixture, token, None).await,
        "Announce/queue" => announce(fixture, token, Some(&case.queue_id)).await,
        "WatchDesk" => {
            let request = ask(token, wire::WatchDeskRequest {});
            match presence.watch_desk(request).await {
                Ok(changes) => snapshot(changes.into_inner(), &librarian_id).await,
                Err(status) => status.into(),
            }
        }
        "GetLibrarian" => {
            let request = ask(token, wire::GetLibrarianRequest { librarian_id });
            presence.get_librarian(request).await.into()
        }
        "GetOwnPresence" => {
            let request = ask(token, wire::GetOwnPresenceRequest {});
            presence.get_own_presence(request).await.into()
        }
        "GetAvailability" => {
            let institution_id = "maple".to_owned();
            let request = ask(token, wire::GetAvailabilityRequest { institution_id });
            presence.get_availability(request).await.into()
        }
        "WatchLoad" => {
            let request = ask(token, WatchLoadRequest {});
            match fixture.load().watch_load(request).await {
                Ok(changes) => first(changes.into_inner()).await.into(),
                Err(status) => status.into(),
            }
        }
        other => panic!("no call is known for {other}"),
    }
}

/// Opens a further monitor and closes it. Callers who may monitor the queue already do.
async fn announce(fixture: &Fixture, token: &str, queue_id: Option<&str>) -> Answer {
    let queues = queue_id.map(|queue_id| vec![queue_id.to_owned()]);
    match Monitor::open(fixture.presence(), token, queues).await {
        Ok(monitor) => {
            monitor.close().await;
            Answer::Done
        }
        Err(status) => status.into(),
    }
}

async fn snapshot(changes: Streaming<wire::WatchDeskResponse>, librarian_id: &str) -> Answer {
    match first(changes).await {
        Ok(wire::WatchDeskResponse {
            change: Some(Change::Snapshot(desk)),
        }) => Answer::List {
            has_it: desk
                .librarians
                .iter()
                .any(|row| row.librarian_id == librarian_id),
        },
        Ok(other) => panic!("instead of a snapshot: {other:?}"),
        Err(status) => status.into(),
    }
}

async fn first<T>(mut responses: Streaming<T>) -> Result<T, Status> {
    let response = responses.message().await?;
    Ok(response.expect("a watch begins with a snapshot"))
}
