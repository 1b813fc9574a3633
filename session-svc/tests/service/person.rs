//! A person who calls the service, and what they attend and watch.

use carrel_proto::{
    encoded::Encoded,
    session::v1::{
        self as wire, attend_request::Request as Ask, attend_response::Response,
        session_service_client::SessionServiceClient,
        transfer_service_client::TransferServiceClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming, transport::Channel};

use crate::desk::WARNING;

/// A person who calls the service.
#[derive(Clone)]
pub struct Person {
    pub token: String,
    pub client: SessionServiceClient<Channel>,
    pub transfers: TransferServiceClient<Channel>,
}

impl Person {
    /// Returns a request with the person's token.
    pub fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    /// Reads the newest page of the audit of the person's library.
    pub async fn audit(&mut self) -> Vec<wire::AuditEntry> {
        let request = self.ask(wire::ListAuditEntriesRequest::default());
        let answer = self.client.list_audit_entries(request).await;
        answer.unwrap().into_inner().entries
    }

    pub async fn open(
        &mut self,
        command_id: String,
        question: &str,
    ) -> Result<wire::OpenSessionResponse, Status> {
        let message = wire::OpenSessionRequest {
            command_id,
            question: question.into(),
            patron_name: "Ricky".into(),
            patron_email: "ricky@example.org".into(),
            language: "fr".into(),
        };
        let request = self.ask(message);
        self.client
            .open_session(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn pick_up(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::PickUpSessionResponse, Status> {
        let request = self.ask(wire::PickUpSessionRequest {
            command_id,
            session_id: session_id.into(),
        });
        self.client
            .pick_up_session(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn post(
        &mut self,
        command_id: String,
        session_id: &str,
        text: &str,
    ) -> Result<wire::PostMessageResponse, Status> {
        let request = self.ask(wire::PostMessageRequest {
            command_id,
            session_id: session_id.into(),
            text: text.into(),
        });
        self.client
            .post_message(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn note(
        &mut self,
        command_id: String,
        session_id: &str,
        text: &str,
    ) -> Result<wire::WriteNoteResponse, Status> {
        let request = self.ask(wire::WriteNoteRequest {
            command_id,
            session_id: session_id.into(),
            text: text.into(),
        });
        self.client
            .write_note(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn enter(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::EnterConferenceResponse, Status> {
        let message = wire::EnterConferenceRequest {
            command_id,
            session_id: session_id.into(),
            warning_version: WARNING.into(),
        };
        let request = self.ask(message);
        self.client
            .enter_conference(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn leave(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::LeaveConferenceResponse, Status> {
        let request = self.ask(wire::LeaveConferenceRequest {
            command_id,
            session_id: session_id.into(),
        });
        self.client
            .leave_conference(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn end(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::EndSessionResponse, Status> {
        let request = self.ask(wire::EndSessionRequest {
            command_id,
            session_id: session_id.into(),
        });
        self.client
            .end_session(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn set_resolution(
        &mut self,
        command_id: String,
        session_id: &str,
        resolution: wire::Resolution,
    ) -> Result<wire::SetResolutionResponse, Status> {
        let request = self.ask(wire::SetResolutionRequest {
            command_id,
            session_id: session_id.into(),
            resolution: resolution.into(),
        });
        self.client
            .set_resolution(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn set_descriptive_codes(
        &mut self,
        command_id: String,
        session_id: &str,
        codes: &[&str],
        code_list: &str,
    ) -> Result<wire::SetDescriptiveCodesResponse, Status> {
        let request = self.ask(wire::SetDescriptiveCodesRequest {
            command_id,
            session_id: session_id.into(),
            codes: codes.iter().map(|&code| code.to_owned()).collect(),
            code_list: code_list.into(),
        });
        self.client
            .set_descriptive_codes(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn erase(
        &mut self,
        command_id: String,
        session_id: &str,
    ) -> Result<wire::EraseSessionResponse, Status> {
        let request = self.ask(wire::EraseSessionRequest {
            command_id,
            session_id: session_id.into(),
        });
        self.client
            .erase_session(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// The session as the person sees it, and the position of its last event.
    pub async fn look(&mut self, session_id: &str) -> Result<(wire::Session, u64), Status> {
        let request = self.ask(wire::GetSessionRequest {
            session_id: session_id.into(),
        });
        let look = self.client.get_session(request).await?.into_inner();
        Ok((look.session.unwrap(), look.head.unwrap().number))
    }

    pub async fn transcript(
        &mut self,
        session_id: &str,
        audience: wire::Audience,
    ) -> Result<wire::GetTranscriptResponse, Status> {
        let message = wire::GetTranscriptRequest {
            session_id: session_id.into(),
            audience: audience.into(),
        };
        let request = self.ask(message);
        self.client
            .get_transcript(request)
            .await
            .map(tonic::Response::into_inner)
    }

    pub async fn export(
        &mut self,
        session_id: &str,
        audience: wire::Audience,
    ) -> Result<wire::ExportTranscriptResponse, Status> {
        let message = wire::ExportTranscriptRequest {
            session_id: session_id.into(),
            audience: audience.into(),
        };
        let request = self.ask(message);
        self.client
            .export_transcript(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// Attends a session and returns once Joined came.
    pub async fn attend(
        &mut self,
        session_id: &str,
        after: Option<wire::Position>,
    ) -> Result<Attending, Status> {
        self.attend_as(wire::Join {
            session_id: session_id.into(),
            after,
            ..wire::Join::default()
        })
        .await
    }

    /// Attends a session as the Join says, and returns once Joined came.
    pub async fn attend_as(&mut self, join: wire::Join) -> Result<Attending, Status> {
        let (asks, requests) = mpsc::channel(64);
        let join = wire::AttendRequest {
            request: Some(Ask::Join(join)),
            trace_parent: String::new(),
        };
        asks.send(join).await.unwrap();
        let request = self.ask(ReceiverStream::new(requests));
        let mut told = self.client.attend(request).await?.into_inner();
        let first = told.message().await?;
        match first.and_then(|first| first.read().unwrap().response) {
            Some(Response::Joined(joined)) => Ok(Attending { asks, told, joined }),
            other => panic!("the first response is Joined, not {other:?}"),
        }
    }

    pub async fn offer(
        &self,
        command_id: String,
        session_id: &str,
        to: wire::offer_transfer_request::To,
    ) -> Result<wire::OfferTransferResponse, Status> {
        let request = self.ask(wire::OfferTransferRequest {
            command_id,
            session_id: session_id.into(),
            message: "You know maps".into(),
            to: Some(to),
        });
        let mut client = self.transfers.clone();
        let answer = client.offer_transfer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn accept(
        &self,
        command_id: String,
        session_id: &str,
        offer_id: &str,
    ) -> Result<wire::AcceptTransferResponse, Status> {
        let request = self.ask(wire::AcceptTransferRequest {
            command_id,
            session_id: session_id.into(),
            offer_id: offer_id.into(),
        });
        let mut client = self.transfers.clone();
        let answer = client.accept_transfer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn decline(
        &self,
        command_id: String,
        session_id: &str,
        offer_id: &str,
    ) -> Result<wire::DeclineTransferResponse, Status> {
        let request = self.ask(wire::DeclineTransferRequest {
            command_id,
            session_id: session_id.into(),
            offer_id: offer_id.into(),
            reason: "My hands are full".into(),
        });
        let mut client = self.transfers.clone();
        let answer = client.decline_transfer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn withdraw(
        &self,
        command_id: String,
        session_id: &str,
        offer_id: &str,
    ) -> Result<wire::WithdrawTransferResponse, Status> {
        let request = self.ask(wire::WithdrawTransferRequest {
            command_id,
            session_id: session_id.into(),
            offer_id: offer_id.into(),
        });
        let mut client = self.transfers.clone();
        let answer = client.withdraw_transfer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Watches lists and returns once the snapshot came.
    pub async fn watch(&mut self, queues: &[&str], all: bool) -> Result<Watching, Status> {
        let queue_ids = queues.iter().map(|&queue| queue.to_owned()).collect();
        let request = self.ask(wire::WatchSessionsRequest { queue_ids, all });
        let mut changes = self.client.watch_sessions(request).await?.into_inner();
        match changes.message().await?.and_then(|first| first.change) {
            Some(wire::watch_sessions_response::Change::Snapshot(rows)) => Ok(Watching {
                changes,
                heard: Vec::new(),
                rows: rows.rows,
            }),
            other => panic!("the first response is a snapshot, not {other:?}"),
        }
    }
}

/// A watch on lists, with the rows as the changes make them.
pub struct Watching {
    changes: Streaming<wire::WatchSessionsResponse>,
    /// All that was heard after the snapshot.
    pub heard: Vec<wire::WatchSessionsResponse>,
    pub rows: Vec<wire::SessionRow>,
}

impl Watching {
    /// Takes in changes until the rows are as wanted.
    pub async fn until(&mut self, wanted: impl Fn(&[wire::SessionRow]) -> bool) {
        use wire::watch_sessions_response::Change;

        while !wanted(&self.rows) {
            let response = self.changes.message().await.unwrap().unwrap();
            self.heard.push(response.clone());
            match response.change.unwrap() {
                Change::Snapshot(_) => panic!("one snapshot only"),
                Change::Changed(row) => {
                    self.rows.retain(|old| old.session_id != row.session_id);
                    self.rows.push(row);
                }
                Change::Removed(gone) => self.rows.retain(|row| row.session_id != gone.session_id),
                Change::Further(further) => self.rows.extend(further.rows),
                Change::Heartbeat(_) => {}
            }
        }
    }
}

/// A stream on which somebody attends a session.
pub struct Attending {
    asks: mpsc::Sender<wire::AttendRequest>,
    pub told: Streaming<Encoded<wire::AttendResponse>>,
    pub joined: wire::Joined,
}

impl Attending {
    pub async fn send(&self, request: Ask) {
        let request = wire::AttendRequest {
            request: Some(request),
            trace_parent: String::new(),
        };
        self.asks.send(request).await.unwrap();
    }

    pub async fn act(&self, command_id: String, act: wire::act::Act) {
        self.send(Ask::Act(wire::Act {
            command_id,
            act: Some(act),
        }))
        .await;
    }

    pub async fn types_in(&self, typed_in: wire::Audience) {
        self.send(Ask::Typing(wire::Typing {
            r#box: typed_in.into(),
            author: None,
        }))
        .await;
    }

    /// Returns the next response except heartbeats; the error that ends the stream, or `None` at its end.
    pub async fn next(&mut self) -> Result<Option<Response>, Status> {
        loop {
            match self.next_of_all().await? {
                Some(Response::Heartbeat(_)) => {}
                told => return Ok(told),
            }
        }
    }

    /// Returns the next response; the error that ends the stream, or `None` at its end.
    pub async fn next_of_all(&mut self) -> Result<Option<Response>, Status> {
        let told = self.told.message().await?;
        Ok(told.map(|told| told.read().unwrap().response.unwrap()))
    }

    /// Returns the next event.
    pub async fn event(&mut self) -> wire::SessionEvent {
        loop {
            if let Response::Event(event) = self.next().await.unwrap().expect("the stream goes on")
            {
                return event;
            }
        }
    }

    /// Returns the events up to a position.
    pub async fn events_to(&mut self, position: u64) -> Vec<wire::SessionEvent> {
        let mut events = Vec::new();
        while events
            .last()
            .is_none_or(|last: &wire::SessionEvent| last.position < position)
        {
            events.push(self.event().await);
        }
        events
    }
}

/// Returns the reason that an error names.
pub fn reason(status: &Status) -> String {
    carrel_platform::refusal::Refusal::from(status).reason
}

/// Returns the code and the reason with which something was refused.
pub fn told<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status))
}
