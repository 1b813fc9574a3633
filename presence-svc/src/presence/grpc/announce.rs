//! The stream of one monitor.

use std::time::Duration;

use carrel_platform::{
    auth::interceptor::Authenticator,
    clock::Clock,
    refusal::{
        Refusal,
        stream::{self, nothing_chosen},
    },
    responses::{Responses, sent_by_task},
};
use carrel_proto::presence::v1 as wire;
use tokio::{
    sync::{mpsc, watch},
    time::MissedTickBehavior,
};
use tonic::{Code, Status, Streaming};
use wire::{announce_request::Request, announce_response::Response};

use super::{Caller, IN_FLIGHT, PresenceApi};
use crate::{
    error::Error,
    presence::{desk::Desk, monitor::Monitor},
};

/// How long a caller has to announce a monitor.
const ANNOUNCE_WITHIN: Duration = Duration::from_secs(10);

/// Keeps a monitor announced until it says goodbye or falls silent, the token expires, or the server stops.
pub(super) fn announce(
    api: &PresenceApi,
    caller: Caller,
    requests: Streaming<wire::AnnounceRequest>,
) -> Responses<wire::AnnounceResponse> {
    let stop = api.stop.clone();
    let (expires_at_ms, expiry) = watch::channel(caller.expires_at_ms);
    let expiry = expired(api.clock.clone(), expiry);
    sent_by_task(&api.tasks, IN_FLIGHT, |sender| {
        let announcer = Announcer {
            desk: api.desk.clone(),
            auth: api.auth.clone(),
            expires_at_ms,
            caller,
            requests,
            sender: sender.clone(),
            told: None,
        };
        async move {
            // Around all of it: a caller that does not read what it is sent keeps the sending side waiting.
            let outcome = tokio::select! {
                biased;
                () = expiry => Err(End::Refused(Error::TokenExpired)),
                // Requests sent before the stream was closed are read first: one may be a goodbye.
                outcome = announcer.stay() => outcome,
                () = stop.cancelled() => Err(End::Refused(Error::ShuttingDown)),
                () = sender.closed() => Err(End::Gone),
            };
            match outcome {
                Ok(monitor) => {
                    // Whether or not the caller still listens.
                    monitor.goodbye().await;
                    Ok(())
                }
                Err(End::Refused(error)) => Err(error.into()),
                Err(End::Gone) => Ok(()),
            }
        }
    })
}

/// The caller at the other end of one stream.
struct Announcer {
    desk: Desk,
    auth: Authenticator,
    /// When the newest of the caller's tokens expires.
    expires_at_ms: watch::Sender<i64>,
    caller: Caller,
    requests: Streaming<wire::AnnounceRequest>,
    sender: mpsc::Sender<Result<wire::AnnounceResponse, Status>>,
    /// The presence that the caller was told last.
    told: Option<wire::OwnPresence>,
}

/// Why a monitor is no longer announced.
enum End {
    /// Its stream is gone.
    Gone,
    /// It was refused.
    Refused(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl Announcer {
    /// Stays until the caller says goodbye, and returns the monitor that is then to be closed.
    async fn stay(mut self) -> Result<Monitor, End> {
        let announcement = self.first_announcement().await?;
        let mut changes = self.desk.changes();
        let librarian = self.caller.librarian.clone();
        let mut monitor = Monitor::open(self.desk.clone(), librarian, announcement).await?;
        let mut heartbeat = tokio::time::interval(self.desk.config().heartbeat.get());
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        loop {
            self.tell_own_presence(&monitor).await?;
            tokio::select! {
                biased;
                request = self.requests.message() => match request {
                    Err(status) => return Err(unreadable(&status)),
                    // A caller that can send nothing more can give no sign of life.
                    Ok(None) => return Err(End::Gone),
                    Ok(Some(wire::AnnounceRequest { request })) => match request {
                        Some(Request::Announcement(announcement)) => self.announce(&mut monitor, &announcement).await?,
                        Some(Request::Here(wire::Here {})) => monitor.here().await?,
                        Some(Request::Renew(renew)) => {
                            self.renew(&renew.access_token)?;
                            monitor.here().await?;
                        }
                        Some(Request::Goodbye(wire::Goodbye {})) => return Ok(monitor),
                        None => return Err(nothing_chosen("request").into()),
                    },
                },
                () = tokio::time::sleep_until(monitor.silent_at()) => return Err(Error::Silent.into()),
                Ok(()) = changes.changed() => monitor.keep_up().await?,
                _ = heartbeat.tick() => self.send(&monitor, Response::Heartbeat(wire::PresenceHeartbeat {})).await?,
            }
        }
    }

    async fn first_announcement(&mut self) -> Result<wire::Announcement, End> {
        match tokio::time::timeout(ANNOUNCE_WITHIN, self.requests.message()).await {
            Ok(Ok(Some(wire::AnnounceRequest {
                request: Some(Request::Announcement(announcement)),
            }))) => Ok(announcement),
            Ok(Err(status)) => Err(unreadable(&status)),
            Ok(Ok(None)) => Err(End::Gone),
            Ok(Ok(Some(_))) | Err(_) => Err(Error::NoAnnouncement.into()),
        }
    }

    /// Changes what is announced. A change that can't be taken is refused, and the stream goes on.
    async fn announce(
        &mut self,
        monitor: &mut Monitor,
        announcement: &wire::Announcement,
    ) -> Result<(), End> {
        match monitor.announce(announcement).await {
            Ok(()) => Ok(()),
            Err(Error::Superseded) => Err(Error::Superseded.into()),
            Err(error) => {
                let refusal = Refusal::from(error);
                self.send(monitor, Response::Refused(refusal.into())).await
            }
        }
    }

    /// Tells the librarian's own presence, if it differs from what they were told last.
    async fn tell_own_presence(&mut self, monitor: &Monitor) -> Result<(), End> {
        let own = monitor.own_presence();
        if self.told.as_ref() == Some(&own) {
            return Ok(());
        }
        self.told = Some(own.clone());
        self.send(monitor, Response::OwnPresence(own)).await
    }

    /// Sends a response, unless the monitor counts as silent before there is room for it: nothing is read meanwhile.
    async fn send(&self, monitor: &Monitor, response: Response) -> Result<(), End> {
        let response = wire::AnnounceResponse {
            response: Some(response),
        };
        tokio::select! {
            biased;
            sent = self.sender.send(Ok(response)) => sent.map_err(|_| End::Gone),
            () = tokio::time::sleep_until(monitor.silent_at()) => Err(Error::Silent.into()),
        }
    }

    /// Takes a new token of the same person. If it says anything else about them, the stream ends: they announce
    /// themselves again with their current rights (I23).
    fn renew(&mut self, token: &str) -> Result<(), Error> {
        let renewed = Caller::new(self.auth.verify(token)?)?;
        if renewed.librarian.librarian_id != self.caller.librarian.librarian_id {
            return Err(Error::Request(Refusal::new(
                Code::Unauthenticated,
                "BAD_TOKEN",
                "The new token is somebody else's.",
            )));
        }
        if renewed.librarian != self.caller.librarian {
            return Err(Error::Request(Refusal::unavailable(
                "RIGHTS_CHANGED",
                "The new token says something else of you. Announce yourself again with it.",
            )));
        }
        self.expires_at_ms.send_replace(renewed.expires_at_ms);
        self.caller = renewed;
        Ok(())
    }
}

/// Waits until the clock shows the expiry time set last, even if it is set meanwhile.
async fn expired(clock: Clock, mut expires_at_ms: watch::Receiver<i64>) {
    loop {
        let reached = clock.reached(*expires_at_ms.borrow_and_update());
        tokio::select! {
            biased;
            Ok(()) = expires_at_ms.changed() => {}
            () = reached => return,
        }
    }
}

/// Returns why nothing more can be read from a caller: they sent something that is not a request, or they have gone.
fn unreadable(status: &Status) -> End {
    stream::unreadable(status, "AnnounceRequest", "presence_service.proto")
        .map_or(End::Gone, End::from)
}
