//! Follows how much there is to do, as session-svc tells it.

use std::time::Duration;

use carrel_platform::{
    auth::{keys::KeyRing, statement::issue_service, token::TokenError},
    clock::Clock,
    replicas::Replicas,
};
use carrel_proto::session::v1::{
    self as wire, load_service_client::LoadServiceClient, watch_load_response::Change,
};
use pbjson_types::Timestamp;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, metadata::MetadataValue};

use super::desk::Desk;
use crate::domain::queues::{Load, Waiting};

/// The name under which this service calls.
const SERVICE: &str = "presence-svc";
/// How long the token of one watch, and so the watch itself, lasts.
const TOKEN_LASTS: Duration = Duration::from_secs(15 * 60);
/// How long to wait before the first retry, and at most before a later one.
const WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long session-svc may send nothing, not even a heartbeat.
const SILENCE: Duration = Duration::from_secs(30);

/// How session-svc is called.
pub(crate) struct LoadSource {
    /// The replicas of session-svc.
    pub(crate) session: Replicas,
    /// Sign the tokens with which this service calls.
    pub(crate) keys: KeyRing,
    /// The source of time.
    pub(crate) clock: Clock,
}

/// Follows the load until `stop`. While session-svc can't be heard, the last load stays.
pub(crate) async fn follow_load(desk: Desk, source: LoadSource, stop: CancellationToken) {
    let mut wait = WAIT.0;
    let mut told = false;
    loop {
        let mut heard = false;
        let ended = tokio::select! {
            // First: in one process both services stop together, which needs no warning.
            biased;
            () = stop.cancelled() => return,
            ended = source.follow(&desk, &mut heard) => ended,
        };
        if heard {
            (wait, told) = (WAIT.0, false);
        }
        // A watch that ends with its token needs no warning; a token that was never accepted does.
        let token_over = heard && ended.code() == Code::Unauthenticated;
        if !token_over && !told {
            let error = ended.message();
            tracing::warn!(
                error,
                "session-svc can't be heard; its load counts as it was last told"
            );
            told = true;
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(WAIT.1),
        }
    }
}

impl LoadSource {
    /// Follows one watch to its end and returns why it ended. `heard` is set when the snapshot has come.
    async fn follow(&self, desk: &Desk, heard: &mut bool) -> Status {
        let mut stream = match self.watch().await {
            Ok(stream) => stream,
            Err(status) => return status,
        };
        loop {
            match tokio::time::timeout(SILENCE, stream.message()).await {
                Ok(Ok(Some(wire::WatchLoadResponse { change }))) => {
                    *heard |= matches!(change, Some(Change::Snapshot(_)));
                    if let Some(change) = change {
                        take_in(desk, change);
                    }
                }
                Ok(Ok(None)) => return Status::unavailable("the watch ended"),
                Ok(Err(status)) => return status,
                Err(_) => return Status::deadline_exceeded("nothing was heard"),
            }
        }
    }

    async fn watch(&self) -> Result<tonic::Streaming<wire::WatchLoadResponse>, Status> {
        let unusable = |_| Status::internal("no token for this service");
        let token = issue_service(&self.keys, SERVICE, self.clock.unix_ms(), TOKEN_LASTS)
            .map_err(|error: TokenError| Status::internal(error.to_string()))?;
        let mut request = Request::new(wire::WatchLoadRequest {});
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).map_err(unusable)?;
        request.metadata_mut().insert("authorization", bearer);
        let mut client = LoadServiceClient::new(self.session.clone());
        match tokio::time::timeout(SILENCE, client.watch_load(request)).await {
            Ok(response) => Ok(response?.into_inner()),
            Err(_) => Err(Status::deadline_exceeded("nothing was heard")),
        }
    }
}

fn take_in(desk: &Desk, change: Change) {
    match change {
        Change::Snapshot(wire::LoadSnapshot { queues, librarians }) => {
            let queues = queues.into_iter().map(|queue| {
                let waiting = waiting(&queue);
                (queue.queue_id, waiting)
            });
            let active = librarians
                .into_iter()
                .map(|librarian| (librarian.librarian_id, librarian.active));
            let told = Load {
                queues: queues.collect(),
                active: active.collect(),
            };
            desk.set_load(|load| *load = told);
        }
        Change::Queue(queue) => desk.set_load(|load| {
            let waiting = waiting(&queue);
            if waiting == Waiting::default() {
                load.queues.remove(&queue.queue_id);
            } else {
                load.queues.insert(queue.queue_id, waiting);
            }
        }),
        Change::Librarian(librarian) => desk.set_load(|load| {
            if librarian.active == 0 {
                load.active.remove(&librarian.librarian_id);
            } else {
                load.active.insert(librarian.librarian_id, librarian.active);
            }
        }),
        Change::Heartbeat(_) => {}
    }
}

fn waiting(queue: &wire::QueueLoad) -> Waiting {
    Waiting {
        patrons: queue.waiting,
        oldest_ms: queue.oldest_time.as_ref().map(unix_ms),
    }
}

fn unix_ms(timestamp: &Timestamp) -> i64 {
    let seconds = timestamp.seconds.saturating_mul(1000);
    seconds.saturating_add(i64::from(timestamp.nanos / 1_000_000))
}
