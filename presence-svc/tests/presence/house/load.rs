//! A session-svc that tells the load it was given.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use carrel_platform::auth::interceptor::Authenticator;
use carrel_proto::session::v1::{
    LibrarianLoad, LoadSnapshot, QueueLoad, WatchLoadRequest, WatchLoadResponse,
    load_service_server::{LoadService, LoadServiceServer},
    watch_load_response::Change,
};
use carrel_testbed::pipe::pipe;
use tokio::sync::{broadcast, watch};
use tokio_stream::{Stream, StreamExt as _, wrappers::BroadcastStream};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Server},
};

use super::in_time;

/// A session-svc that tells what it was given.
pub(crate) struct Load {
    pub(super) channel: Channel,
    said: broadcast::Sender<Result<WatchLoadResponse, Status>>,
    watching: Arc<watch::Sender<u32>>,
    snapshot: Arc<Mutex<WatchLoadResponse>>,
}

struct FakeSessions {
    auth: Authenticator,
    said: broadcast::Sender<Result<WatchLoadResponse, Status>>,
    watching: Arc<watch::Sender<u32>>,
    snapshot: Arc<Mutex<WatchLoadResponse>>,
}

impl Load {
    pub(super) fn serve(auth: Authenticator) -> Self {
        let (channel, incoming) = pipe();
        let (said, _) = broadcast::channel(64);
        let watching = Arc::new(watch::Sender::new(0));
        let snapshot = Arc::new(Mutex::new(snapshot(&[], &[])));
        let fake = FakeSessions {
            auth,
            said: said.clone(),
            watching: Arc::clone(&watching),
            snapshot: Arc::clone(&snapshot),
        };
        tokio::spawn(async move {
            let server = Server::builder().add_service(LoadServiceServer::new(fake));
            server.serve_with_incoming(incoming).await.unwrap();
        });
        Self {
            channel,
            said,
            watching,
            snapshot,
        }
    }

    /// Waits until `times` watches have begun in all.
    pub(crate) async fn watched(&self, times: u32) {
        let mut watching = self.watching.subscribe();
        in_time(watching.wait_for(|begun| *begun >= times))
            .await
            .unwrap();
    }

    /// Sets what the next watch begins with.
    pub(crate) fn begin_with(&self, snapshot: WatchLoadResponse) {
        *self.snapshot.lock().unwrap() = snapshot;
    }

    pub(crate) fn say(&self, change: WatchLoadResponse) {
        self.said.send(Ok(change)).unwrap();
    }

    /// Ends all watches.
    pub(crate) fn hang_up(&self) {
        self.said
            .send(Err(Status::unavailable("going away")))
            .unwrap();
    }
}

pub(crate) fn snapshot(queues: &[(&str, u32)], librarians: &[(&str, u32)]) -> WatchLoadResponse {
    let queue = |(id, waiting): &(&str, u32)| QueueLoad {
        queue_id: (*id).into(),
        waiting: *waiting,
        oldest_time: (*waiting > 0).then(pbjson_types::Timestamp::default),
    };
    let librarian = |(id, active): &(&str, u32)| LibrarianLoad {
        librarian_id: (*id).into(),
        active: *active,
    };
    WatchLoadResponse {
        change: Some(Change::Snapshot(LoadSnapshot {
            queues: queues.iter().map(queue).collect(),
            librarians: librarians.iter().map(librarian).collect(),
        })),
    }
}

#[tonic::async_trait]
impl LoadService for FakeSessions {
    type WatchLoadStream = Pin<Box<dyn Stream<Item = Result<WatchLoadResponse, Status>> + Send>>;

    async fn watch_load(
        &self,
        request: Request<WatchLoadRequest>,
    ) -> Result<Response<Self::WatchLoadStream>, Status> {
        let service = self.auth.authenticate_service(request.metadata())?;
        assert_eq!(service.name, "presence-svc");
        let said = BroadcastStream::new(self.said.subscribe());
        let first = self.snapshot.lock().unwrap().clone();
        self.watching.send_modify(|begun| *begun += 1);
        let stream = tokio_stream::once(Ok(first)).chain(said.map(Result::unwrap));
        Ok(Response::new(Box::pin(stream)))
    }
}
