//! A fake presence-svc that answers as a test wants.

use std::{
    collections::{BTreeSet, HashMap},
    pin::Pin,
    sync::{Arc, Mutex},
};

use carrel_platform::{
    auth::{Librarian, Who, interceptor::Authenticator},
    refusal::Refusal,
};
use carrel_proto::presence::v1::{self as wire, presence_service_server::PresenceService};
use futures::Stream;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

/// Who monitors which queues. Clones share it.
#[derive(Clone, Default)]
pub struct Floor(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    queues: HashMap<String, BTreeSet<String>>,
    closed: bool,
}

impl Floor {
    /// Makes a librarian monitor these queues from now on.
    pub fn monitors(&self, librarian_id: &str, queues: &[&str]) {
        let queues = queues.iter().map(|&queue| queue.to_owned()).collect();
        let mut state = self.0.lock().unwrap();
        state.queues.insert(librarian_id.to_owned(), queues);
    }

    /// Makes a librarian absent from now on.
    pub fn leaves(&self, librarian_id: &str) {
        self.0.lock().unwrap().queues.remove(librarian_id);
    }

    /// Sets whether presence-svc fails all calls from now on.
    pub fn close(&self, closed: bool) {
        self.0.lock().unwrap().closed = closed;
    }
}

/// `carrel.presence.v1.PresenceService`, as far as im-svc needs it.
pub struct FakePresence {
    pub floor: Floor,
    pub auth: Authenticator,
}

impl FakePresence {
    fn caller(&self, metadata: &MetadataMap) -> Result<Librarian, Status> {
        if self.floor.0.lock().unwrap().closed {
            return Err(Status::unavailable("told so"));
        }
        match self.auth.authenticate(metadata)?.who {
            Who::Librarian(librarian) => Ok(librarian),
            Who::Patron(_) => Err(Status::permission_denied("no patrons here")),
        }
    }
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl PresenceService for FakePresence {
    type AnnounceStream = Responses<wire::AnnounceResponse>;
    type WatchDeskStream = Responses<wire::WatchDeskResponse>;

    async fn announce(
        &self,
        _: Request<Streaming<wire::AnnounceRequest>>,
    ) -> Result<Response<Self::AnnounceStream>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn watch_desk(
        &self,
        _: Request<wire::WatchDeskRequest>,
    ) -> Result<Response<Self::WatchDeskStream>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }

    async fn get_librarian(
        &self,
        request: Request<wire::GetLibrarianRequest>,
    ) -> Result<Response<wire::GetLibrarianResponse>, Status> {
        let caller = self.caller(request.metadata())?;
        let id = request.into_inner().librarian_id;
        let state = self.floor.0.lock().unwrap();
        let own = state.queues.get(&caller.librarian_id);
        let theirs = state.queues.get(&id);
        let shared: Vec<_> = own
            .zip(theirs)
            .map(|(own, theirs)| own.intersection(theirs).cloned().collect())
            .unwrap_or_default();
        // An administrator also sees librarians of their own library with whom they share no queue.
        let shown_anyway = caller.librarian_id == "admin" && theirs.is_some();
        if shared.is_empty() && !shown_anyway {
            return Err(Refusal::not_found("librarian").into());
        }
        Ok(Response::new(wire::GetLibrarianResponse {
            librarian: Some(wire::LibrarianRow {
                screen_name: format!("Name of {id}"),
                institution_name: "Library harbor".into(),
                shared_queue_ids: shared,
                librarian_id: id,
                ..wire::LibrarianRow::default()
            }),
        }))
    }

    async fn get_own_presence(
        &self,
        request: Request<wire::GetOwnPresenceRequest>,
    ) -> Result<Response<wire::GetOwnPresenceResponse>, Status> {
        let caller = self.caller(request.metadata())?;
        let state = self.floor.0.lock().unwrap();
        let queues = state.queues.get(&caller.librarian_id);
        Ok(Response::new(wire::GetOwnPresenceResponse {
            own_presence: queues.map(|queues| wire::OwnPresence {
                status: wire::Status::Available.into(),
                queue_ids: queues.iter().cloned().collect(),
                monitors: 1,
            }),
        }))
    }

    async fn get_availability(
        &self,
        _: Request<wire::GetAvailabilityRequest>,
    ) -> Result<Response<wire::GetAvailabilityResponse>, Status> {
        Err(Status::unimplemented("not asked for here"))
    }
}
