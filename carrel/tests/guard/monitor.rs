//! A librarian's open monitor, over gRPC.

use carrel_proto::presence::v1::{
    self as wire, announce_request::Request, announce_response::Response,
    presence_service_client::PresenceServiceClient,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use crate::{access::command_id, grpc::ask};

/// An open monitor. When it is dropped, its lease runs out.
pub(crate) struct Monitor {
    requests: mpsc::Sender<wire::AnnounceRequest>,
    responses: Streaming<wire::AnnounceResponse>,
}

impl Monitor {
    /// Announces a monitor, and waits until the librarian's presence shows it. Without queues, those that the librarian
    /// already monitors stay.
    pub(crate) async fn open(
        mut presence: PresenceServiceClient<Channel>,
        token: &str,
        queues: Option<Vec<String>>,
    ) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(4);
        let announcement = wire::Announcement {
            monitor_id: command_id(),
            status: wire::Status::Unspecified.into(),
            queues: queues.map(|queue_ids| wire::MonitoredQueues { queue_ids }),
            returning: false,
        };
        send(&requests, Request::Announcement(announcement)).await;
        let request = ask(token, ReceiverStream::new(receiver));
        let responses = presence.announce(request).await?.into_inner();
        let mut monitor = Self {
            requests,
            responses,
        };
        match monitor.next().await? {
            Some(Response::OwnPresence(_)) => Ok(monitor),
            other => panic!("instead of the own presence: {other:?}"),
        }
    }

    /// Closes the monitor on purpose: it is gone at once.
    pub(crate) async fn close(mut self) {
        send(&self.requests, Request::Goodbye(wire::Goodbye {})).await;
        while self.next().await.unwrap().is_some() {}
    }

    async fn next(&mut self) -> Result<Option<Response>, Status> {
        let response = self.responses.message().await?;
        Ok(response.and_then(|response| response.response))
    }
}

async fn send(requests: &mpsc::Sender<wire::AnnounceRequest>, request: Request) {
    let request = wire::AnnounceRequest {
        request: Some(request),
    };
    requests.send(request).await.unwrap();
}
