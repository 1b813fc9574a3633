//! The gRPC API: unwrap, call, wrap.

use carrel_platform::{
    auth::{Librarian, Principal, Who, interceptor::Authenticator},
    clock::Clock,
    responses::Responses,
};
use carrel_proto::presence::v1::{self as wire, presence_service_server::PresenceService};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use super::desk::Desk;
use crate::{
    directory::convert::timestamp,
    domain::{
        queues::{Availability, availability},
        roster::Watcher,
    },
    error::Error,
};

mod announce;
mod watch;

/// How many responses a stream itself may hold.
const IN_FLIGHT: usize = 16;

/// `carrel.presence.v1.PresenceService`.
pub struct PresenceApi {
    desk: Desk,
    auth: Authenticator,
    clock: Clock,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl PresenceApi {
    /// Creates the gRPC API of a desk. Its streams end with `stop` and are among `tasks` until they have.
    pub(crate) fn new(
        desk: Desk,
        auth: Authenticator,
        clock: Clock,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            desk,
            auth,
            clock,
            stop,
            tasks,
        }
    }

    fn caller(&self, metadata: &MetadataMap) -> Result<Caller, Error> {
        let principal = self.auth.authenticate(metadata)?;
        Caller::new(principal)
    }
}

/// A librarian who calls.
struct Caller {
    librarian: Librarian,
    expires_at_ms: i64,
}

impl Caller {
    fn new(principal: Principal) -> Result<Self, Error> {
        let Principal { who, expires_at_ms } = principal;
        match who {
            Who::Librarian(librarian) => Ok(Self {
                librarian,
                expires_at_ms,
            }),
            Who::Patron(_) => Err(Error::NotALibrarian),
        }
    }

    fn watcher(self) -> Watcher {
        let librarian = self.librarian;
        Watcher {
            queues: librarian.all_queues(),
            librarian_id: librarian.librarian_id,
            institution_id: librarian.institution_id,
            role: librarian.role,
        }
    }
}

#[tonic::async_trait]
impl PresenceService for PresenceApi {
    type AnnounceStream = Responses<wire::AnnounceResponse>;
    type WatchDeskStream = Responses<wire::WatchDeskResponse>;

    async fn announce(
        &self,
        request: Request<Streaming<wire::AnnounceRequest>>,
    ) -> Result<Response<Self::AnnounceStream>, Status> {
        let caller = self.caller(request.metadata())?;
        Ok(Response::new(announce::announce(
            self,
            caller,
            request.into_inner(),
        )))
    }

    async fn watch_desk(
        &self,
        request: Request<wire::WatchDeskRequest>,
    ) -> Result<Response<Self::WatchDeskStream>, Status> {
        let caller = self.caller(request.metadata())?;
        Ok(Response::new(watch::watch(self, caller)))
    }

    async fn get_librarian(
        &self,
        request: Request<wire::GetLibrarianRequest>,
    ) -> Result<Response<wire::GetLibrarianResponse>, Status> {
        let watcher = self.caller(request.metadata())?.watcher();
        let librarian_id = request.into_inner().librarian_id;
        let librarian = self.desk.librarian(&watcher, &librarian_id).await?;
        Ok(Response::new(wire::GetLibrarianResponse {
            librarian: Some(librarian),
        }))
    }

    async fn get_own_presence(
        &self,
        request: Request<wire::GetOwnPresenceRequest>,
    ) -> Result<Response<wire::GetOwnPresenceResponse>, Status> {
        let caller = self.caller(request.metadata())?;
        let own_presence = self
            .desk
            .presence_of(&caller.librarian.librarian_id)
            .await?;
        Ok(Response::new(wire::GetOwnPresenceResponse { own_presence }))
    }

    async fn get_availability(
        &self,
        request: Request<wire::GetAvailabilityRequest>,
    ) -> Result<Response<wire::GetAvailabilityResponse>, Status> {
        let institution_id = request.into_inner().institution_id;
        let state = self.desk.state();
        let directory = &state.sources.directory.directory;
        let institution = directory
            .institutions
            .get(&institution_id)
            .ok_or(Error::NoSuchLibrary)?;
        let availability = availability(directory, institution, &state.queues, state.knowledge);
        let (availability, next_open_ms) = match availability {
            Availability::Unknown => (wire::Availability::Unknown, None),
            Availability::Open => (wire::Availability::Open, None),
            Availability::Unstaffed => (wire::Availability::Unstaffed, None),
            Availability::Closed(next_open_ms) => (wire::Availability::Closed, next_open_ms),
        };
        let primary_queue = state.queues.get(&institution.primary_queue);
        Ok(Response::new(wire::GetAvailabilityResponse {
            availability: availability.into(),
            waiting: primary_queue.map_or(0, |queue| queue.waiting.patrons),
            next_open_time: next_open_ms.map(timestamp),
            question_form_address: institution.question_form_address.clone(),
        }))
    }
}
