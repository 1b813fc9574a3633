//! The errors of im-svc, and what the caller is told.

use carrel_platform::{
    log::LogError,
    refusal::{Refusal, command, stream},
    text::TextError,
};
use tonic::{Code, Status};

/// Why a request was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The caller is not a librarian.
    #[error("the caller's role does not allow it")]
    NotAllowed,
    /// The conversation does not exist, or the caller is not in it.
    #[error("there is no such conversation")]
    NotFound,
    /// The writer and the addressee monitor no common queue.
    #[error("no queue is shared")]
    NotShared,
    /// The caller does not monitor the queue.
    #[error("the queue is not monitored")]
    NotMonitoring,
    /// It could not be found out who monitors which queues.
    #[error("presence-svc can't be reached")]
    PresenceUnavailable,
    /// The text is not accepted.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The caller, or a field of the request, is refused.
    #[error("{}", .0.message)]
    Request(Refusal),
    /// A command id was used again with different content.
    #[error("the command id was used for another command")]
    CommandIdReused,
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Others kept changing the conversation before a decision could be written.
    #[error("the conversation was too busy")]
    Contended,
    /// The reader did not keep up.
    #[error("the reader was too slow")]
    TooSlow,
    /// The service is stopping.
    #[error("the service is stopping")]
    ShuttingDown,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotAllowed => Self::new(
                Code::PermissionDenied,
                "ROLE_NOT_ALLOWED",
                "Your role does not allow this.",
            ),
            Error::NotFound => Self::not_found("conversation"),
            Error::NotShared => Self::new(
                Code::FailedPrecondition,
                "NOT_SHARED",
                "You and this librarian don't share a queue at the moment. You can still read what was written before.",
            ),
            Error::NotMonitoring => Self::new(
                Code::FailedPrecondition,
                "NOT_MONITORING",
                "You don't monitor this queue at the moment. Add it to your queues to write to its staff.",
            ),
            Error::PresenceUnavailable => Self::unavailable(
                "PRESENCE_UNAVAILABLE",
                "It is not known right now who monitors which queues. Nothing was written; try again.",
            ),
            Error::Text(error) => error.refuse("text"),
            Error::Request(refusal) => refusal,
            Error::CommandIdReused => command::id_reused(),
            Error::Contended => command::contended("conversation"),
            Error::Log(error) => command::not_logged(&error, "conversation"),
            Error::TooSlow => stream::too_slow("Watch again."),
            Error::ShuttingDown => stream::shutting_down("Connect again."),
        }
    }
}
