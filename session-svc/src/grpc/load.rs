//! `carrel.session.v1.LoadService`.

use carrel_platform::{
    auth::interceptor::Authenticator, clock::Clock, refusal::stream::token_expired,
};
use carrel_proto::session::v1::{self as wire, load_service_server::LoadService};
use tokio::time::MissedTickBehavior;
use tonic::{Request, Response, Status};
use wire::watch_load_response::Change;

use super::{
    Responses,
    response_stream::{Sender, response_stream},
};
use crate::{error::Error, sessions::Sessions};

/// How many responses may wait in the stream. Changes that happen meanwhile are sent together, so more are not needed.
const IN_FLIGHT: usize = 16;

/// Tells Carrel's other services how much there is to do.
pub struct LoadApi {
    sessions: Sessions,
    auth: Authenticator,
    clock: Clock,
}

impl LoadApi {
    pub(crate) fn new(sessions: Sessions, auth: Authenticator, clock: Clock) -> Self {
        Self {
            sessions,
            auth,
            clock,
        }
    }
}

#[tonic::async_trait]
impl LoadService for LoadApi {
    type WatchLoadStream = Responses<wire::WatchLoadResponse>;

    async fn watch_load(
        &self,
        request: Request<wire::WatchLoadRequest>,
    ) -> Result<Response<Self::WatchLoadStream>, Status> {
        let service = self.auth.authenticate_service(request.metadata())?;
        let expiry = self.clock.reached(service.expires_at_ms);
        let stop = self.sessions.parts().stop.clone();
        let sessions = self.sessions.clone();
        let responses = response_stream(IN_FLIGHT, |sender| async move {
            let refusal = tokio::select! {
                biased;
                () = expiry => token_expired(),
                () = pass_on(&sessions, &sender) => return Ok(()),
                () = stop.cancelled() => Error::ShuttingDown.into(),
            };
            Err(refusal.into())
        });
        Ok(Response::new(Box::pin(responses)))
    }
}

/// Reports the load until the caller has gone. A slow caller gets several changes at once.
async fn pass_on(sessions: &Sessions, sender: &Sender<wire::WatchLoadResponse>) {
    let parts = sessions.parts();
    let mut clock = tokio::time::interval(parts.config.heartbeat.get());
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.reset();
    let mut changes = parts.list.changes();
    changes.mark_unchanged();
    let mut told = parts.list.load();
    let mut next = vec![Change::Snapshot(told.snapshot())];
    loop {
        for change in next.drain(..) {
            let response = wire::WatchLoadResponse {
                change: Some(change),
            };
            if sender.send(response).await.is_err() {
                return;
            }
        }
        tokio::select! {
            biased;
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                let load = parts.list.load();
                next = load.changes_since(&told);
                told = load;
            }
            _ = clock.tick() => next.push(Change::Heartbeat(wire::LoadHeartbeat {})),
            () = sender.closed() => return,
        }
    }
}
