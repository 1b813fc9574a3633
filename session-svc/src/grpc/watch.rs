//! The stream of a watch over lists.

use std::collections::BTreeSet;

use carrel_platform::{
    auth::Principal,
    refusal::{Refusal, stream::token_expired},
};
use carrel_proto::session::v1 as wire;
use tokio::time::Interval;
use wire::watch_sessions_response::Change;

use super::{
    Responses, SessionApi,
    spoken::{Voice, spoken},
};
use crate::{
    convert,
    domain::{
        people::{Actor, Role},
        refused::Refused,
    },
    error::Error,
    live_list::{Watched, row::Watcher},
};

/// How many responses may wait in the stream itself; what waits beyond that waits in the watch.
const IN_FLIGHT: usize = 16;

/// Watches lists until the caller goes, the token expires, or the server stops.
pub(super) fn watch(
    api: &SessionApi,
    principal: Principal,
    request: wire::WatchSessionsRequest,
) -> Result<Responses<wire::WatchSessionsResponse>, Error> {
    let watcher = admit(convert::actor(principal.who), request)?;
    let parts = api.sessions.parts();
    let watched = parts.list.watch(watcher);
    let heartbeats = parts.heartbeats.of_new_stream();
    let expiry = api.clock.reached(principal.expires_at_ms);
    let stop = parts.stop.clone();
    Ok(Box::pin(spoken(IN_FLIGHT, |voice| async move {
        let refusal = tokio::select! {
            biased;
            refusal = pass_on(watched, heartbeats, &voice) => refusal,
            () = expiry => Some(token_expired()),
            () = stop.cancelled() => Some(Error::ShuttingDown.into()),
        };
        refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
    })))
}

fn admit(actor: Actor, request: wire::WatchSessionsRequest) -> Result<Watcher, Error> {
    let Actor::Librarian(librarian) = actor else {
        return Err(Refused::NotAllowed.into());
    };
    if request.all && librarian.role < Role::AskAdministrator {
        return Err(Refused::NotAllowed.into());
    }
    let queues: BTreeSet<_> = request.queue_ids.into_iter().collect();
    if !queues.is_subset(&librarian.queues) {
        return Err(Refusal::not_found("queue").into());
    }
    Ok(Watcher {
        librarian,
        queues,
        all: request.all,
    })
}

async fn pass_on(
    mut watched: Watched,
    mut heartbeats: Interval,
    voice: &Voice<wire::WatchSessionsResponse>,
) -> Option<Refusal> {
    let mut change = Change::Snapshot(std::mem::take(&mut watched.snapshot));
    loop {
        let response = wire::WatchSessionsResponse {
            change: Some(change),
        };
        if voice.say(response).await.is_err() {
            return None;
        }
        change = tokio::select! {
            biased;
            next = watched.changes.next() => match next {
                Some(next) => next,
                None => return watched.ending.get().cloned(),
            },
            _ = heartbeats.tick() => Change::Heartbeat(wire::WatchHeartbeat {}),
            () = voice.unheard() => return None,
        };
    }
}
