//! `carrel.session.v1.LoadService`.

use std::time::Duration;

use carrel_platform::{auth::interceptor::Authenticator, clock::Clock};
use carrel_proto::session::v1::{self as wire, load_service_server::LoadService};
use tokio::{
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};
use tonic::{Request, Response, Status};
use wire::watch_load_response::Change;

use super::{Responses, token_expired, until_end};
use crate::{error::Error, sessions::Sessions};

/// How many responses may wait in the stream. What changes meanwhile is told together, so more are not needed.
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
        let left = service.expires_at_ms.saturating_sub(self.clock.unix_ms());
        let expiry = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let stop = self.sessions.parts().stop.clone();
        let (sender, responses) = mpsc::channel(IN_FLIGHT);
        let (end, ending) = oneshot::channel();
        let sessions = self.sessions.clone();
        tokio::spawn(async move {
            let refusal = tokio::select! {
                biased;
                () = pass_on(&sessions, &sender) => return,
                () = tokio::time::sleep(expiry) => token_expired(),
                () = stop.cancelled() => Error::ShuttingDown.into(),
            };
            let _ = end.send(refusal.into());
        });
        Ok(Response::new(Box::pin(until_end(responses, ending))))
    }
}

/// Tells of the load until the caller has gone. A slow caller hears of several changes at once.
async fn pass_on(
    sessions: &Sessions,
    sender: &mpsc::Sender<Result<wire::WatchLoadResponse, Status>>,
) {
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
            if sender.send(Ok(response)).await.is_err() {
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
