//! A monitor's end of its stream.

use carrel_proto::presence::v1 as wire;
use tokio::sync::mpsc;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Code, Status, Streaming};
use wire::{announce_request, announce_response};

use super::{Desk, bearing, choice, in_time, reason};

/// One end of an announced monitor's stream.
#[derive(Debug)]
pub(crate) struct Monitor {
    requests: mpsc::Sender<wire::AnnounceRequest>,
    responses: Streaming<wire::AnnounceResponse>,
}

impl Monitor {
    pub(crate) async fn connect(desk: &Desk, token: &str) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(16);
        let request = bearing(token, ReceiverStream::new(receiver));
        let responses = desk.client.clone().announce(request).await?.into_inner();
        Ok(Self {
            requests,
            responses,
        })
    }

    pub(crate) async fn say(&mut self, request: announce_request::Request) {
        let request = wire::AnnounceRequest {
            request: Some(request),
        };
        // A monitor that was refused learns why from the responses.
        let _ = self.requests.send(request).await;
    }

    pub(crate) async fn choose(&mut self, status: wire::Status, queues: Option<&[&str]>) {
        let announcement = choice("ignored", status, queues);
        self.say(announce_request::Request::Announcement(announcement))
            .await;
    }

    pub(crate) async fn here(&mut self) {
        self.say(announce_request::Request::Here(wire::Here {}))
            .await;
    }

    pub(crate) async fn goodbye(mut self) {
        self.say(announce_request::Request::Goodbye(wire::Goodbye {}))
            .await;
        // It ends without an error, after everything that was sent before.
        while self.next().await.unwrap().is_some() {}
    }

    pub(crate) async fn renew(&mut self, access_token: String) {
        self.say(announce_request::Request::Renew(wire::RenewPresence {
            access_token,
        }))
        .await;
    }

    /// Returns the next response that is not a heartbeat.
    pub(crate) async fn next(&mut self) -> Result<Option<announce_response::Response>, Status> {
        loop {
            let next = in_time(self.responses.next()).await.transpose()?;
            match next.map(|next| next.response.unwrap()) {
                Some(announce_response::Response::Heartbeat(_)) => {}
                next => return Ok(next),
            }
        }
    }

    pub(crate) async fn own_presence(&mut self) -> wire::OwnPresence {
        match self.next().await.unwrap() {
            Some(announce_response::Response::OwnPresence(own)) => own,
            other => panic!("not their presence: {other:?}"),
        }
    }

    pub(crate) async fn refused(&mut self) -> (i32, String) {
        match self.next().await.unwrap() {
            Some(announce_response::Response::Refused(refusal)) => (refusal.code, refusal.reason),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Returns why the stream ends, whatever comes before.
    pub(crate) async fn end(&mut self) -> (Code, String) {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended in peace"),
                Err(status) => return reason(&status),
            }
        }
    }
}
