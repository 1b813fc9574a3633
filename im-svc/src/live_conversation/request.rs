//! Requests to a live conversation, and its answers.

use carrel_platform::{log::Command as LogCommand, telemetry::TraceIds};
use carrel_proto::im::v1 as wire;
use tokio::sync::oneshot;

use super::Watcher;
use crate::{
    domain::event::{Member, Participants},
    error::Error,
};

/// A request to a live conversation.
#[derive(Debug)]
pub(crate) enum Request {
    /// Carries out a command.
    Act(Act),
    /// Notes that a member has received the messages up to this number.
    Delivered { to: String, up_to: u64 },
    /// Asks between whom it is, and whether a command was already carried out.
    Look {
        command: Option<LogCommand>,
        answer: oneshot::Sender<Result<Look, Error>>,
    },
    /// Asks for messages.
    List {
        page: Page,
        answer: oneshot::Sender<Result<wire::ListMessagesResponse, Error>>,
    },
    /// Adds a watcher.
    Watch {
        watcher: Watcher,
        /// Whether all kept messages are to be reported to the watcher as new.
        from_start: bool,
        answer: oneshot::Sender<Result<Watched, Error>>,
    },
    /// Passes on that a member is typing.
    Typing { by: Member },
    /// Erases what need no longer be kept, and asks what remains.
    Sweep {
        answer: oneshot::Sender<Result<Swept, Error>>,
    },
}

impl Request {
    /// Answers with an error.
    pub(crate) fn refuse(self, error: Error) {
        // The caller may have gone; then nobody needs the answer.
        match self {
            Self::Act(act) => drop(act.answer.send(Err(error))),
            Self::Look { answer, .. } => drop(answer.send(Err(error))),
            Self::List { answer, .. } => drop(answer.send(Err(error))),
            Self::Watch { answer, .. } => drop(answer.send(Err(error))),
            Self::Sweep { answer } => drop(answer.send(Err(error))),
            Self::Delivered { .. } | Self::Typing { .. } => {}
        }
    }
}

/// A command to be carried out.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) command: Command,
    /// The trace ids of the request; the append belongs to this trace.
    pub(crate) trace: Option<TraceIds>,
    pub(crate) answer: oneshot::Sender<Result<Acted, Error>>,
}

impl Act {
    /// Returns the trace ids of each act.
    pub(super) fn traces(acts: &[Self]) -> impl ExactSizeIterator<Item = Option<TraceIds>> {
        acts.iter().map(|act| act.trace)
    }
}

/// A command from a caller who is allowed to give it.
#[derive(Debug)]
pub(crate) enum Command {
    /// Writes a message.
    Write(Box<NewMessage>),
    /// Marks the messages up to this number as read.
    MarkRead { by: String, up_to: u64 },
}

/// A message to be written.
#[derive(Debug)]
pub(crate) struct NewMessage {
    /// Between whom the conversation is, in case it has not begun.
    pub(crate) between: Participants,
    pub(crate) by: Member,
    pub(crate) text: String,
    pub(crate) command: LogCommand,
}

/// The outcome of a command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acted {
    /// The number of the message.
    pub(crate) position: u64,
    /// Whether it had already been carried out.
    pub(crate) replayed: bool,
}

/// The state of a conversation.
#[derive(Debug)]
pub(crate) struct Look {
    /// Between whom, if it has begun.
    pub(crate) between: Option<Participants>,
    /// The outcome of the command, if it was already carried out.
    pub(crate) acted: Option<Acted>,
}

/// Which messages to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The last `size` messages before a position.
    Before { position: u64, size: usize },
    /// The first `size` messages after a position.
    After { position: u64, size: usize },
}

/// The answer to a new watcher.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The conversation, if there is anything to show.
    pub(crate) conversation: Option<wire::Conversation>,
    /// The messages after its head.
    pub(crate) arrived: Vec<wire::Message>,
}

/// What remains of a conversation that was swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swept {
    /// The version of its stream.
    pub(crate) version: u64,
    /// When something last happened in it, in Unix milliseconds.
    pub(crate) last_at_ms: i64,
    /// Between whom it is, if it has begun.
    pub(crate) between: Option<Participants>,
    /// The version of its oldest message, and that message's time in Unix milliseconds.
    pub(crate) oldest: Option<(u64, i64)>,
    /// How many messages it has.
    pub(crate) kept: usize,
}
