//! An Attend stream for requests that no well-behaved client would send.

use carrel_proto::{
    encoded::Encoded,
    session::v1::{
        self as wire, attend_request::Request as Ask, attend_response::Response,
        session_service_client::SessionServiceClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

use super::ask;

/// An Attend stream on which any request can be sent, including wrong ones.
pub(crate) struct Stream {
    asks: mpsc::Sender<wire::AttendRequest>,
    told: Streaming<Encoded<wire::AttendResponse>>,
}

impl Stream {
    /// Opens a stream and sends nothing.
    pub(crate) async fn silent(
        mut sessions: SessionServiceClient<Channel>,
        token: &str,
    ) -> Result<Self, Status> {
        let (asks, requests) = mpsc::channel(256);
        let request = ask(token, ReceiverStream::new(requests));
        let told = sessions.attend(request).await?.into_inner();
        Ok(Self { asks, told })
    }

    /// Opens a stream, sends a Join, and waits for Joined.
    pub(crate) async fn join(
        sessions: SessionServiceClient<Channel>,
        token: &str,
        session_id: &str,
        audience: wire::Audience,
    ) -> Result<Self, Status> {
        let mut stream = Self::silent(sessions, token).await?;
        let join = wire::Join {
            session_id: session_id.to_owned(),
            audience: audience.into(),
            ..wire::Join::default()
        };
        stream.send(Ask::Join(join)).await;
        match stream.next().await? {
            Some(Response::Joined(_)) => Ok(stream),
            other => panic!("instead of Joined: {other:?}"),
        }
    }

    /// Sends a request. On a stream that has ended, it is ignored.
    pub(crate) async fn send(&self, request: Ask) {
        self.send_raw(Some(request)).await;
    }

    /// Sends a request, which may be empty.
    pub(crate) async fn send_raw(&self, request: Option<Ask>) {
        let request = wire::AttendRequest {
            request,
            trace_parent: String::new(),
        };
        let _ = self.asks.send(request).await;
    }

    /// Returns the next response that is not a heartbeat.
    pub(crate) async fn next(&mut self) -> Result<Option<Response>, Status> {
        loop {
            let told = self.told.message().await?;
            match told.map(|told| told.read().unwrap().response) {
                Some(Some(Response::Heartbeat(_))) => {}
                Some(Some(response)) => return Ok(Some(response)),
                Some(None) => panic!("a response that says nothing"),
                None => return Ok(None),
            }
        }
    }

    /// Returns the answer to the oldest unanswered act.
    pub(crate) async fn answer(
        &mut self,
    ) -> Result<Result<wire::ActAccepted, carrel_proto::refusal::v1::Refusal>, Status> {
        loop {
            match self.next().await? {
                Some(Response::ActAccepted(accepted)) => return Ok(Ok(accepted)),
                Some(Response::ActRefused(refused)) => return Ok(Err(refused.refusal.unwrap())),
                Some(_) => {}
                None => panic!("the stream ended before the act was answered"),
            }
        }
    }

    /// Waits for the end of the stream, and returns its status.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a stream says why it ends"),
                Err(status) => return status,
            }
        }
    }
}
