//! What a live conversation is asked, and what it answers.

use carrel_platform::{log::Command as LogCommand, telemetry::TraceIds};
use carrel_proto::im::v1 as wire;
use tokio::sync::oneshot;

use super::Watcher;
use crate::{
    domain::event::{Between, Member},
    error::Error,
};

/// What a live conversation is asked.
#[derive(Debug)]
pub(crate) enum Request {
    /// To carry out a command.
    Act(Act),
    /// To take note that a member has received the messages up to one.
    Delivered { to: String, up_to: u64 },
    /// To say between whom it is, and whether a command was carried out before.
    Look {
        command: Option<LogCommand>,
        answer: oneshot::Sender<Result<Look, Error>>,
    },
    /// To give messages.
    List {
        page: Page,
        answer: oneshot::Sender<Result<wire::ListMessagesResponse, Error>>,
    },
    /// To let somebody watch.
    Watch {
        watcher: Watcher,
        /// Whether the watcher is to be told of all messages that are kept as of new ones.
        from_start: bool,
        answer: oneshot::Sender<Result<Watched, Error>>,
    },
    /// To pass on that somebody types.
    Typing { by: Member },
    /// To erase what need not be kept any longer, and to say what stays.
    Sweep {
        answer: oneshot::Sender<Result<Swept, Error>>,
    },
}

impl Request {
    /// Answers that it can't be done.
    pub(crate) fn refuse(self, error: Error) {
        // Whoever asked may have gone; then nobody needs the answer.
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
    /// What they ask it in; the append belongs to its trace.
    pub(crate) trace: Option<TraceIds>,
    pub(crate) answer: oneshot::Sender<Result<Acted, Error>>,
}

impl Act {
    /// What each of these is asked in.
    pub(super) fn traces(acts: &[Self]) -> impl ExactSizeIterator<Item = Option<TraceIds>> {
        acts.iter().map(|act| act.trace)
    }
}

/// What somebody who may do it wants to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// To write a message.
    Write(Box<NewMessage>),
    /// To have read the messages up to one.
    MarkRead { by: String, up_to: u64 },
}

/// A message to be written.
#[derive(Debug)]
pub(crate) struct NewMessage {
    /// Between whom the conversation is, should it not have begun.
    pub(crate) between: Between,
    pub(crate) by: Member,
    pub(crate) text: String,
    pub(crate) command: LogCommand,
}

/// A command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acted {
    /// The number of the message.
    pub(crate) position: u64,
    /// Whether it had been carried out before.
    pub(crate) replayed: bool,
}

/// How a conversation stands.
#[derive(Debug)]
pub(crate) struct Look {
    /// Between whom, if it has begun.
    pub(crate) between: Option<Between>,
    /// The outcome of the command, if it was carried out before.
    pub(crate) acted: Option<Acted>,
}

/// Which messages are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The latest before a position.
    Before { position: u64, size: usize },
    /// The earliest after a position.
    After { position: u64, size: usize },
}

/// Somebody watches.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The conversation, if there is anything to be shown.
    pub(crate) conversation: Option<wire::Conversation>,
    /// What was written after that.
    pub(crate) arrived: Vec<wire::Message>,
}

/// What stays of a conversation that was swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swept {
    /// The version of its stream.
    pub(crate) version: u64,
    /// When something last happened in it, in Unix milliseconds.
    pub(crate) last_at_ms: i64,
    /// Between whom it is, if it has begun.
    pub(crate) between: Option<Between>,
    /// The version and the time of its oldest message, in Unix milliseconds.
    pub(crate) oldest: Option<(u64, i64)>,
    /// How many messages it has.
    pub(crate) kept: usize,
}
