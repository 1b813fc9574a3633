//! All sessions in memory, and the way to reach each of them.

use std::sync::Arc;

use carrel_platform::{
    bus::Origin,
    inboxes::{Inboxes, Stopping},
    telemetry::{
        LazySpan, TraceIds,
        metric::{SESSION_REFILLS, SESSION_RESYNCS},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use crate::{
    domain::{
        access::{Situation, Times},
        audience::Audience,
        conference::Conference,
        decide::{Command, decide},
        people::Actor,
        refused::Refused,
        transcript::{TranscriptUse, may_ever_have},
    },
    error::Error,
    live_session::{
        Act, Acted, By, INBOX, Inbox, Joined, Known, LiveSession, Look, Parts, Request, Transcript,
    },
};

mod sweep;
mod upkeep;

/// All sessions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Sessions {
    parts: Arc<Parts>,
    /// The sessions in memory, and how far each is known there.
    live: Inboxes<Box<Request>, Arc<Known>>,
    /// Places for sessions that are loaded though nobody has asked for them.
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Sessions {
    pub(crate) fn new(parts: Parts, tasks: TaskTracker) -> Self {
        // Adding 0 makes the metrics show up before the first occurrence.
        for reason in ["gap", "tail", "resume"] {
            SESSION_REFILLS.add(0, [reason.into()]);
        }
        SESSION_RESYNCS.add(0, []);
        Self {
            parts: Arc::new(parts),
            live: Inboxes::with_room(INBOX),
            places: Arc::new(Semaphore::new(upkeep::PLACES)),
            tasks,
        }
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) async fn act(
        &self,
        session_id: &str,
        actor: Actor,
        command_id: String,
        command: Command,
    ) -> Result<Acted, Error> {
        let audience = match &actor {
            Actor::Patron(_) => Audience::Patron,
            Actor::Librarian(_) => Audience::Staff,
        };
        let by = By::new(Arc::new(actor), audience);
        self.begin_act(session_id, by, command_id, command, LazySpan::default())
            .await?
            .await
            .map_err(|_| Error::ShuttingDown)?
    }

    /// Hands a command in, in the order of the calls, and returns the channel on which its answer will come. The
    /// command is not carried out if it would overtake one whose outcome is unknown. `served` is the span of serving
    /// the caller, if it is to end with the answer.
    ///
    /// The command is boxed at once, so that the returned future, for which each stream keeps room, holds only a
    /// pointer to it.
    pub(crate) fn begin_act<'a>(
        &'a self,
        session_id: &'a str,
        by: By,
        command_id: String,
        command: Command,
        served: LazySpan,
    ) -> impl Future<Output = Result<oneshot::Receiver<Result<Acted, Error>>, Error>> + Send + use<'a>
    {
        let begun = if is_session_id(session_id) {
            let (answer, answered) = oneshot::channel();
            let act = Act {
                by,
                command_id,
                command,
                served,
                trace: TraceIds::current(),
                answer,
            };
            Ok((Box::new(Request::Act(act)), answered))
        } else {
            Err(refuse_nowhere(&by.actor, &command))
        };
        async move {
            let (request, answered) = begun?;
            self.send(session_id, request).await?;
            Ok(answered)
        }
    }

    pub(crate) async fn join(
        &self,
        session_id: &str,
        actor: Arc<Actor>,
        requested: Option<Audience>,
        after: Option<u64>,
    ) -> Result<Joined, Error> {
        self.ask(session_id, |answer| Request::Join {
            actor,
            requested,
            after,
            answer,
        })
        .await
    }

    pub(crate) async fn look(&self, session_id: &str, actor: Actor) -> Result<Look, Error> {
        self.ask(session_id, |answer| Request::Look { actor, answer })
            .await
    }

    pub(crate) async fn transcript(
        &self,
        session_id: &str,
        actor: Actor,
        requested: Option<Audience>,
        used_for: TranscriptUse,
    ) -> Result<Transcript, Error> {
        // Refused alike for an id that no session can have.
        may_ever_have(&actor, requested, used_for)?;
        self.ask(session_id, |answer| Request::Transcript {
            actor,
            requested,
            used_for,
            answer,
        })
        .await
    }

    pub(crate) async fn typing(
        &self,
        session_id: &str,
        actor: Arc<Actor>,
        typed_in: Audience,
    ) -> Result<(), Error> {
        let typing = Request::Typing { actor, typed_in };
        self.send(session_id, Box::new(typing)).await
    }

    async fn ask<T>(
        &self,
        session_id: &str,
        request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let request = Box::new(request(answer));
        self.send(session_id, request).await?;
        answered.await.map_err(|_| Error::ShuttingDown)?
    }

    /// Sends a request to a session, which is loaded if it is not in memory.
    async fn send(&self, session_id: &str, request: Box<Request>) -> Result<(), Error> {
        if !is_session_id(session_id) {
            return Err(Refused::NotFound.into());
        }
        let load = |inbox, known| self.load(session_id, known, inbox, None);
        let sent = self.live.send(session_id, request, &self.parts.stop, load);
        sent.await.map_err(|Stopping| Error::ShuttingDown)
    }

    /// Loads a session, and serves it. The place is given back when the session was loaded, or when loading takes too
    /// long.
    fn load(
        &self,
        session_id: &str,
        known: Arc<Known>,
        inbox: Inbox,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let origin = Origin::random();
        self.tasks.spawn(
            self.clone()
                .live_on(session_id.to_owned(), origin, known, inbox, place),
        );
    }

    async fn live_on(
        self,
        session_id: String,
        origin: Origin,
        known: Arc<Known>,
        mut inbox: Inbox,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let load = LiveSession::load(Arc::clone(&self.parts), origin, session_id.clone(), known);
        // Both are boxed: a future that waits for another keeps a second copy of whatever is moved into it.
        let load = Box::pin(async {
            let loaded = match place {
                Some(place) => upkeep::within(place, load).await,
                None => load.await,
            };
            loaded.map(Box::new)
        });
        let mut session = match load.await {
            Ok(mut session) => {
                session.run(&mut inbox).await;
                Some(session)
            }
            Err(error) => {
                refuse_all(&mut inbox, &error.into()).await;
                None
            }
        };
        self.live.forget_rested(&session_id);
        // Nobody attended the session, so none of these requests is an act of a stream, whose order would matter: a
        // stream joins its session before its first act. Requests that are sent singly have no order.
        while let Some(request) = inbox.recv().await {
            // When the server stops, the request is dropped with its answer channel, which tells the caller.
            drop(self.send(&session_id, request).await);
        }
        if let Some(session) = &mut session {
            session.end_lease().await;
        }
    }
}

/// Returns why a command for a session that can't exist is refused: as for any that does not exist.
fn refuse_nowhere(actor: &Actor, command: &Command) -> Refused {
    let nowhere = Situation {
        session_id: "",
        session: None,
        conference: &Conference::default(),
        now_ms: 0,
        times: Times::default(),
    };
    match decide(&nowhere, actor, command) {
        Err(refused) => refused,
        // Not even the patron of a session without an id can do anything in it.
        Ok(_) => Refused::NotFound,
    }
}

/// Returns whether a session could have this id. No other id is looked up.
pub(crate) fn is_session_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Answers every caller who waits for a session that can't be read.
async fn refuse_all(inbox: &mut Inbox, error: &Error) {
    inbox.close();
    while let Some(request) = inbox.recv().await {
        match *request {
            Request::Act(act) => {
                let answer = Err(error.clone());
                act.by.in_order.note(&answer);
                drop(act.answer.send(answer));
            }
            Request::Join { answer, .. } => drop(answer.send(Err(error.clone()))),
            Request::Look { answer, .. } => drop(answer.send(Err(error.clone()))),
            Request::Transcript { answer, .. } => drop(answer.send(Err(error.clone()))),
            Request::Expire { answer, .. } => drop(answer.send(Err(error.clone()))),
            Request::Typing { .. } | Request::CatchUp => {}
        }
    }
}
