//! What a live session is asked, and what it answers.

use std::sync::Arc;

use carrel_platform::telemetry::{LazySpan, TraceIds};
use carrel_proto::session::v1 as wire;
use tokio::sync::{mpsc, oneshot};

use super::InOrder;
use crate::{
    domain::{
        audience::{Audience, Part},
        decide::Command,
        people::Actor,
        transcript::TranscriptUse,
    },
    error::Error,
    history::EncodedEvent,
    subscribers::Listening,
};

/// How many requests may wait for one session before callers have to wait, too.
pub(crate) const INBOX: usize = 256;

/// The requests that wait for one session. They are boxed because a channel allocates room for dozens of them at once.
pub(crate) type Inbox = mpsc::Receiver<Box<Request>>;

/// A request to a live session.
#[derive(Debug)]
pub(crate) enum Request {
    /// Carries out a command.
    Act(Act),
    /// Adds a subscriber.
    Join {
        actor: Arc<Actor>,
        requested: Option<Audience>,
        after: Option<u64>,
        answer: oneshot::Sender<Result<Joined, Error>>,
    },
    /// Shows the session as it stands.
    Look {
        actor: Actor,
        answer: oneshot::Sender<Result<Look, Error>>,
    },
    /// Returns the transcript, to be read or exported.
    Transcript {
        actor: Actor,
        requested: Option<Audience>,
        used_for: TranscriptUse,
        answer: oneshot::Sender<Result<Transcript, Error>>,
    },
    /// Passes on that a participant is typing.
    Typing {
        actor: Arc<Actor>,
        typed_in: Audience,
    },
    /// Reads the log, which has more than is known here.
    CatchUp,
    /// To erase this of the session if it ended at this moment or before, and to finish erasing it if that was begun.
    Expire {
        what: Expiring,
        ended_by_ms: i64,
        answer: oneshot::Sender<Result<(), Error>>,
    },
}

/// What of a session is erased when its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiring {
    /// The patron's name and e-mail address.
    Identity,
    /// All but what statistics need.
    Session,
}

/// The author of a sequence of commands.
#[derive(Clone, Debug)]
pub(crate) struct By {
    pub(crate) actor: Arc<Actor>,
    /// The audience in whose positions the commands are answered.
    pub(crate) audience: Audience,
    /// The order that the commands must keep.
    pub(crate) in_order: InOrder,
}

impl By {
    /// Returns the author of a new sequence of commands, answered in the positions of this audience.
    pub(crate) fn new(actor: Arc<Actor>, audience: Audience) -> Self {
        Self {
            actor,
            audience,
            in_order: InOrder::default(),
        }
    }
}

/// A command to be carried out.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) by: By,
    pub(crate) command_id: String,
    pub(crate) command: Command,
    /// The span of serving the caller, if it is to end with the answer.
    pub(crate) served: LazySpan,
    /// The trace of the call; the append and each delivery belong to it.
    pub(crate) trace: Option<TraceIds>,
    pub(crate) answer: oneshot::Sender<Result<Acted, Error>>,
}

impl Act {
    /// Returns the trace of each act.
    pub(super) fn traces(acts: &[Self]) -> impl ExactSizeIterator<Item = Option<TraceIds>> {
        acts.iter().map(|act| act.trace)
    }
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Acted {
    /// The position of its event for the audience that it is answered in; 0 if it has none there.
    pub(crate) position: u64,
    /// Whether it had been carried out before.
    pub(crate) replayed: bool,
    /// After opening, picking up, accepting a transfer and entering: the session as the actor sees it, if they still
    /// may.
    pub(crate) session: Option<Box<wire::Session>>,
}

/// The answer to a join: the session so far, and a subscription to what follows.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) session: wire::Session,
    pub(crate) audience: Audience,
    pub(crate) part: Part,
    pub(crate) head: u64,
    pub(crate) resync: bool,
    pub(crate) erased_up_to: u64,
    pub(crate) backlog: Vec<EncodedEvent>,
    pub(crate) listening: Listening,
}

/// A session as it stands.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) session: wire::Session,
    pub(crate) head: u64,
}

/// A transcript.
#[derive(Debug)]
pub(crate) struct Transcript {
    pub(crate) session: wire::Session,
    pub(crate) audience: Audience,
    pub(crate) events: Vec<wire::SessionEvent>,
}
