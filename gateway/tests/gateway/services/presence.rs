//! Who is here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use carrel_platform::refusal::Refusal;
use carrel_proto::presence::v1::{presence_service_server::PresenceService, *};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Request, Response, Status, Streaming};

use super::{Answer, Down, Responses, Seen, librarian, subject_of};

/// A desk at which every queue except "unknown" may be monitored, and at which others are present: its snapshot has the
/// librarians in `crowd`.
#[derive(Clone, Default)]
pub struct Presence {
    announcing: Arc<Mutex<HashMap<String, Down<AnnounceResponse>>>>,
    watching: Arc<Mutex<Vec<Down<WatchDeskResponse>>>>,
    pub crowd: Arc<Mutex<Vec<LibrarianRow>>>,
    seen: Seen,
}

impl Presence {
    /// Creates a desk that records in `seen` what is asked of it.
    pub fn new(seen: Seen) -> Self {
        Self {
            seen,
            ..Self::default()
        }
    }

    /// Sends something to a librarian who has announced a monitor.
    pub async fn tell(&self, librarian_id: &str, response: announce_response::Response) {
        let down = self.announcing.lock().unwrap()[librarian_id].clone();
        down.send(Ok(AnnounceResponse {
            response: Some(response),
        }))
        .await
        .unwrap();
    }

    /// Ends the stream of a librarian who has announced a monitor.
    pub async fn end(&self, librarian_id: &str, status: Status) {
        let down = self.announcing.lock().unwrap().remove(librarian_id);
        down.unwrap().send(Err(status)).await.unwrap();
    }

    /// Sends a change to all watches.
    pub async fn change(&self, change: watch_desk_response::Change) {
        let watching = self.watching.lock().unwrap().clone();
        for down in watching {
            let change = Some(change.clone());
            let _ = down.send(Ok(WatchDeskResponse { change })).await;
        }
    }

    /// Returns the answer to a request on an Announce stream, if there is one.
    fn answer(&self, who: &str, request: AnnounceRequest) -> Option<announce_response::Response> {
        use announce_request::Request;
        match request.request? {
            Request::Announcement(announcement) => {
                let status = announcement.status();
                let queue_ids = announcement.queues.unwrap_or_default().queue_ids;
                self.seen.saw(format!(
                    "announce {who} {} {}",
                    announcement.monitor_id,
                    queue_ids.join(",")
                ));
                if queue_ids.iter().any(|queue_id| queue_id == "unknown") {
                    let refusal = Refusal::not_found("queue").into();
                    return Some(announce_response::Response::Refused(refusal));
                }
                Some(announce_response::Response::OwnPresence(OwnPresence {
                    status: status.into(),
                    queue_ids,
                    monitors: 1,
                }))
            }
            Request::Here(_) => {
                self.seen.saw(format!("here {who}"));
                None
            }
            Request::Goodbye(_) => {
                self.seen.saw(format!("goodbye {who}"));
                None
            }
            Request::Renew(renew) => {
                let subject = subject_of(&renew.access_token).unwrap();
                self.seen.saw(format!("renew presence {subject}"));
                None
            }
        }
    }
}

#[tonic::async_trait]
impl PresenceService for Presence {
    type AnnounceStream = Responses<AnnounceResponse>;
    type WatchDeskStream = Responses<WatchDeskResponse>;

    async fn announce(
        &self,
        request: Request<Streaming<AnnounceRequest>>,
    ) -> Answer<Self::AnnounceStream> {
        let who = librarian(request.metadata())?;
        let mut requests = request.into_inner();
        let (down, responses) = mpsc::channel(64);
        self.announcing
            .lock()
            .unwrap()
            .insert(who.clone(), down.clone());
        let presence = self.clone();
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                if let Some(response) = presence.answer(&who, request) {
                    let response = Some(response);
                    let _ = down.send(Ok(AnnounceResponse { response })).await;
                }
            }
            presence.announcing.lock().unwrap().remove(&who);
            presence.seen.saw(format!("announce over {who}"));
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }

    async fn watch_desk(
        &self,
        request: Request<WatchDeskRequest>,
    ) -> Answer<Self::WatchDeskStream> {
        let who = librarian(request.metadata())?;
        let (down, responses) = mpsc::channel(64);
        let snapshot = DeskSnapshot {
            librarians: self.crowd.lock().unwrap().clone(),
            queues: Vec::new(),
        };
        let change = Some(watch_desk_response::Change::Snapshot(snapshot));
        down.send(Ok(WatchDeskResponse { change })).await.unwrap();
        self.watching.lock().unwrap().push(down);
        self.seen.saw(format!("watch desk {who}"));
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }

    async fn get_librarian(&self, _: Request<GetLibrarianRequest>) -> Answer<GetLibrarianResponse> {
        Err(Refusal::not_found("librarian").into())
    }

    async fn get_own_presence(
        &self,
        _: Request<GetOwnPresenceRequest>,
    ) -> Answer<GetOwnPresenceResponse> {
        Ok(Response::new(GetOwnPresenceResponse::default()))
    }

    async fn get_availability(
        &self,
        request: Request<GetAvailabilityRequest>,
    ) -> Answer<GetAvailabilityResponse> {
        if request.metadata().contains_key("authorization") {
            return Err(Refusal::new(Code::InvalidArgument, "NOT_ASKED", "no").into());
        }
        if request.into_inner().institution_id != "maple" {
            return Err(Refusal::not_found("library").into());
        }
        Ok(Response::new(GetAvailabilityResponse {
            availability: Availability::Closed.into(),
            waiting: 2,
            next_open_time: None,
            question_form_address: "https://maple.example/ask".into(),
        }))
    }
}
