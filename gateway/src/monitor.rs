//! A librarian's open monitor, as one socket announces it: an Announce stream of presence-svc, read by a task of its
//! own.
//!
//! Presence is a lease that runs out when the service hears nothing. So nothing here keeps it alive by itself: the
//! service is told only of signs of life that really came from the browser, see [`Monitor::heard`]. A browser that
//! disappears without a goodbye is gone for everyone when its lease runs out, whatever state its connection seems to be
//! in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use carrel_platform::{
    refusal::Refusal,
    telemetry::{Scope, grpc},
};
use carrel_proto::{
    gateway::v1::{Refused, server_frame::Frame},
    presence::v1::{
        AnnounceRequest, AnnounceResponse, Announcement, Goodbye, Here, RenewPresence,
        announce_request::Request, announce_response::Response,
    },
};
use tokio::{
    select,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{frame::refused, outbox::Outbox, upstream::read, viewer_context::ViewerContext};

/// How many requests may wait for the service on one stream.
const REQUESTS: usize = 32;

/// How long a goodbye may take to reach the service.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(2);

/// The metadata entry of refusals of announcements: what they are about.
const REQUEST: (&str, &str) = ("request", "announce");

/// The user's open monitor, if one was announced. Dropping it ends nothing; [`Monitor::stop`] does.
#[derive(Debug)]
pub(crate) struct Monitor {
    here_interval: Duration,
    announced: Option<Announced>,
    /// Streams on which goodbye was said and that have not ended yet.
    goodbyes: TaskTracker,
}

/// A stream on which the monitor was announced.
#[derive(Debug)]
struct Announced {
    requests: mpsc::Sender<AnnounceRequest>,
    /// When the service was last told that the browser is there.
    told: Instant,
    signals: Signals,
    reader: JoinHandle<()>,
}

/// The signals between the two sides of a stream.
#[derive(Clone, Debug, Default)]
struct Signals {
    /// Ends the stream, and leaves the lease to run out.
    stop: CancellationToken,
    /// Goodbye was said: the browser is told nothing more, and the stream has a little time to end.
    goodbye: CancellationToken,
    /// The stream has ended by itself. Set before the browser is told.
    over: Arc<AtomicBool>,
}

impl Monitor {
    /// Returns a monitor that is not announced. While it is announced, the service is told of signs of life at most
    /// once per `here_interval`.
    pub(crate) fn closed(here_interval: Duration) -> Self {
        // Closed from the start, so that `wait` returns as soon as no task is left.
        let goodbyes = TaskTracker::new();
        goodbyes.close();
        Self {
            here_interval,
            announced: None,
            goodbyes,
        }
    }

    /// Announces the monitor, or changes what was announced.
    pub(crate) fn announce(&mut self, context: &ViewerContext, announcement: Announcement) {
        let announcement = Request::Announcement(announcement);
        match &mut self.announced {
            Some(announced) if !announced.is_over() => {
                if announced.send(announcement).is_err() {
                    let refusal = Refusal::new(
                        tonic::Code::ResourceExhausted,
                        "TOO_FAST",
                        "The service has not taken your last announcements yet. Wait, then announce again.",
                    );
                    tell(&context.outbox, refusal.retry_after(Duration::from_secs(1)));
                }
            }
            _ => {
                let before = self.goodbyes.clone();
                self.announced = Some(Announced::open(context, announcement, before));
            }
        }
    }

    /// Notes a sign of life from the browser: a frame, or an answer to a ping. Tells the service, unless it was told
    /// less than `here_interval` ago.
    pub(crate) fn heard(&mut self) {
        if let Some(announced) = &mut self.announced
            && announced.told.elapsed() >= self.here_interval
        {
            // A service that takes no requests hears no sign of life either; what becomes of the lease is up to it.
            let _ = announced.send(Request::Here(Here {}));
        }
    }

    /// Gives the service a fresh token. If there is no room for it, the stream ends with the old one, and the client
    /// announces again.
    pub(crate) fn renew(&mut self, access_token: String) {
        if let Some(announced) = &mut self.announced {
            let _ = announced.send(Request::Renew(RenewPresence { access_token }));
        }
    }

    /// Closes the monitor on purpose. The service is told, and nothing more of the stream reaches the browser.
    pub(crate) fn goodbye(&mut self) {
        let Some(mut announced) = self.announced.take() else {
            return;
        };
        announced.signals.goodbye.cancel();
        if announced.send(Request::Goodbye(Goodbye {})).is_err() {
            // The goodbye can't be sent any more, so the lease runs out.
            announced.signals.stop.cancel();
        }
        let Announced {
            requests, reader, ..
        } = announced;
        // The end of the requests ends the stream, after the goodbye.
        drop(requests);
        self.goodbyes.spawn(finished(reader));
    }

    /// Ends the stream without a goodbye: the lease runs out, unless the browser comes back in time. When this returns,
    /// nothing more reaches the outbox, and earlier goodbyes have arrived if they could.
    pub(crate) async fn stop(self) {
        if let Some(announced) = self.announced {
            announced.signals.stop.cancel();
            finished(announced.reader).await;
        }
        self.goodbyes.wait().await;
    }
}

impl Announced {
    /// Opens a stream once those in `before` have ended, so that no goodbye overtakes a later announcement.
    fn open(context: &ViewerContext, announcement: Request, before: TaskTracker) -> Self {
        let (requests, receiver) = mpsc::channel(REQUESTS);
        // A new channel has room for its first request.
        let _ = requests.try_send(AnnounceRequest {
            request: Some(announcement),
        });
        let mut presence = context.upstream.presence.clone();
        let span = grpc::client_span("carrel.presence.v1.PresenceService/Announce");
        let call =
            Scope::within(&span).run(|| context.caller.request(ReceiverStream::new(receiver)));
        let deadline = context.upstream.deadline;
        let signals = Signals::default();
        let reader = Reader {
            outbox: context.outbox.clone(),
            signals: signals.clone(),
        };
        let reader = tokio::spawn(async move {
            let Signals { stop, goodbye, .. } = reader.signals.clone();
            let opened = async {
                select! {
                    biased;
                    // Nothing was announced yet that would have to be taken back.
                    () = goodbye.cancelled() => return None,
                    () = before.wait() => {}
                }
                let opening = presence.announce(call);
                let deliver = |response| {
                    reader.deliver(response);
                    Ok(())
                };
                Some(read(deadline, span, opening, "Announce again.", deliver).await)
            };
            let too_late = async {
                goodbye.cancelled().await;
                sleep(GOODBYE_PATIENCE).await;
            };
            select! {
                biased;
                () = stop.cancelled() => {}
                end = opened => {
                    if let Some(refusal) = end {
                        reader.end(refusal);
                    }
                }
                () = too_late => {}
            }
        });
        Self {
            requests,
            told: Instant::now(),
            signals,
            reader,
        }
    }

    fn is_over(&self) -> bool {
        self.signals.over.load(Ordering::Acquire)
    }

    fn send(&mut self, request: Request) -> Result<(), ()> {
        let request = AnnounceRequest {
            request: Some(request),
        };
        self.requests.try_send(request).map_err(|_| ())?;
        self.told = Instant::now();
        Ok(())
    }
}

/// The task that reads one stream.
struct Reader {
    outbox: Outbox,
    signals: Signals,
}

impl Reader {
    fn deliver(&self, response: AnnounceResponse) {
        if self.signals.goodbye.is_cancelled() {
            return;
        }
        let frame = match response.response {
            Some(Response::OwnPresence(presence)) => Frame::OwnPresence(presence),
            Some(Response::Refused(mut refusal)) => {
                let (key, value) = REQUEST;
                refusal.metadata.insert(key.to_owned(), value.to_owned());
                Frame::Refused(Refused {
                    refusal: Some(refusal),
                    ..Refused::default()
                })
            }
            // The browser knows by its own connection whether the server is there, and by the end of the stream whether
            // the service is. A kind that only a newer service knows means nothing to clients of this version.
            Some(Response::Heartbeat(_)) | None => return,
        };
        self.outbox.push(frame);
    }

    fn end(&self, refusal: Refusal) {
        self.signals.over.store(true, Ordering::Release);
        if !self.signals.goodbye.is_cancelled() {
            tell(&self.outbox, refusal);
        }
    }
}

/// Tells the browser that an announcement was refused, or no longer holds.
fn tell(outbox: &Outbox, refusal: Refusal) {
    let (key, value) = REQUEST;
    let refusal = refusal.with(key, value);
    outbox.push(Frame::Refused(refused(
        String::new(),
        String::new(),
        refusal,
    )));
}

/// Waits for the end of a reader.
async fn finished(reader: JoinHandle<()>) {
    if let Err(error) = reader.await {
        tracing::error!(%error, "the reader of an announced monitor failed");
    }
}
