//! The stream of a watch over the desk.

use std::{collections::VecDeque, time::Duration};

use carrel_platform::responses::{Responses, sent_by_task};
use carrel_proto::presence::v1 as wire;
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tonic::Status;
use wire::watch_desk_response::Change;

use super::{Caller, IN_FLIGHT, PresenceApi};
use crate::{error::Error, presence::desk::Watched};

/// Watches the desk until the caller goes, the token expires, or the server stops.
pub(super) fn watch(api: &PresenceApi, caller: Caller) -> Responses<wire::WatchDeskResponse> {
    let heartbeat = api.desk.config().heartbeat.get();
    let expiry = api.clock.reached(caller.expires_at_ms);
    let watched = api.desk.watch(caller.watcher());
    let stop = api.stop.clone();
    sent_by_task(&api.tasks, IN_FLIGHT, |sender| async move {
        let error = tokio::select! {
            biased;
            error = pass_on(watched, heartbeat, &sender) => error,
            () = expiry => Some(Error::TokenExpired),
            () = stop.cancelled() => Some(Error::ShuttingDown),
        };
        error.map_or(Ok(()), |error| Err(error.into()))
    })
}

async fn pass_on(
    mut watched: Watched,
    heartbeat: Duration,
    sender: &mpsc::Sender<Result<wire::WatchDeskResponse, Status>>,
) -> Option<Error> {
    let mut clock = tokio::time::interval(heartbeat);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.reset();
    let mut due = VecDeque::from([Change::Snapshot(std::mem::take(&mut watched.snapshot))]);
    loop {
        for change in due.drain(..) {
            let response = wire::WatchDeskResponse {
                change: Some(change),
            };
            if sender.send(Ok(response)).await.is_err() {
                return None;
            }
        }
        tokio::select! {
            biased;
            next = watched.changes.recv() => match next {
                Some(changes) => due.extend(changes),
                None => return watched.ending.get().cloned(),
            },
            _ = clock.tick() => due.push_back(Change::Heartbeat(wire::DeskHeartbeat {})),
            () = sender.closed() => return None,
        }
    }
}
