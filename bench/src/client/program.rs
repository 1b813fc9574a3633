//! A program of another institution, which uses session-svc's gRPC.

use anyhow::{Context, bail};
use carrel_proto::{
    encoded::Encoded,
    session::v1::{
        Act, AttendRequest, AttendResponse, Audience, Join, Position, PostMessage, Typing, act,
        attend_request::Request as Said_, attend_response::Response,
        session_service_client::SessionServiceClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming, transport::Channel};

use super::{BenchMessage, Incoming, browser::bench_message, command_id, number_of};

/// How many requests may wait on one stream.
const ROOM: usize = 64;

/// An Attend stream.
#[derive(Debug)]
pub struct Program {
    requests: mpsc::Sender<AttendRequest>,
    responses: Streaming<Encoded<AttendResponse>>,
}

/// Makes a call with a token.
///
/// # Errors
/// If the token is not valid in a header.
pub fn call<T>(token: &str, message: T) -> anyhow::Result<Request<T>> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse()?;
    request.metadata_mut().insert("authorization", bearer);
    Ok(request)
}

impl Program {
    pub(super) async fn attend(
        channel: Channel,
        token: &str,
        session: &str,
        after: Option<Position>,
    ) -> anyhow::Result<(Self, Position)> {
        let (requests, receiver) = mpsc::channel(ROOM);
        requests
            .send(request(Said_::Join(Join {
                session_id: session.to_owned(),
                audience: Audience::Unspecified.into(),
                after,
                trace: false,
                only_new_heads: false,
            })))
            .await?;
        let stream = call(token, ReceiverStream::new(receiver))?;
        let mut responses = SessionServiceClient::new(channel)
            .attend(stream)
            .await?
            .into_inner();
        let first = responses.message().await?.context("the stream ended")?;
        let first = first.read()?;
        let Some(Response::Joined(joined)) = first.response else {
            bail!("not joined: {first:?}");
        };
        let head = joined.head.context("a session without an end")?;
        Ok((
            Self {
                requests,
                responses,
            },
            head,
        ))
    }

    pub(super) async fn say(&self, said: &BenchMessage) -> anyhow::Result<()> {
        let act = Act {
            command_id: command_id(said.speaker, said.number),
            act: Some(act::Act::PostMessage(PostMessage { text: said.text() })),
        };
        Ok(self.requests.send(request(Said_::Act(act))).await?)
    }

    pub(super) async fn type_on(&self) -> anyhow::Result<()> {
        let typing = Typing {
            r#box: Audience::Patron.into(),
            author: None,
        };
        Ok(self.requests.send(request(Said_::Typing(typing))).await?)
    }

    pub(super) async fn incoming(&mut self) -> anyhow::Result<Incoming> {
        let response = self
            .responses
            .message()
            .await?
            .context("the stream ended")?;
        Ok(match response.read()?.response {
            Some(Response::Event(event)) => {
                Incoming::Event(event.position, bench_message(event.payload))
            }
            Some(Response::ActAccepted(accepted)) => match number_of(&accepted.command_id) {
                Some(number) => Incoming::Accepted(number),
                None => Incoming::Other,
            },
            Some(Response::ActRefused(refused)) => Incoming::Refused(format!("{refused:?}")),
            Some(Response::Typing(_)) => Incoming::Typing,
            _ => Incoming::Other,
        })
    }
}

fn request(request: Said_) -> AttendRequest {
    AttendRequest {
        request: Some(request),
        trace_parent: String::new(),
    }
}
