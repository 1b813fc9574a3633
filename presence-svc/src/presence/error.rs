//! All reasons for which a call about presence may be refused, and the refusal that the caller gets.

use carrel_platform::{
    lease::LeaseError,
    refusal::{Refusal, stream},
};
use tonic::{Code, Status};

/// Why something was not done, or no longer goes on.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The caller, or a field of the request, is refused.
    #[error("{}", .0.message)]
    Request(Refusal),
    /// Only librarians may know of each other.
    #[error("only librarians may know of each other")]
    NotALibrarian,
    /// Not a name for a monitor.
    #[error("not a name for a monitor")]
    BadMonitorId,
    /// The librarian may not monitor it, or there is no such queue.
    #[error("no such queue")]
    UnknownQueue,
    /// A practice queue together with others.
    #[error("a practice queue is monitored alone")]
    PracticeMixed,
    /// The librarian has as many monitors open as are allowed.
    #[error("too many monitors")]
    TooManyMonitors,
    /// Nothing was announced in time.
    #[error("no announcement")]
    NoAnnouncement,
    /// No sign of life for the time of the lease.
    #[error("no sign of life")]
    Silent,
    /// The same monitor announced itself on another stream.
    #[error("superseded by another stream")]
    Superseded,
    /// The leases could not be held.
    #[error(transparent)]
    Leases(#[from] LeaseError),
    /// The librarian is not there, or the caller may not see them.
    #[error("no such librarian")]
    UnknownLibrarian,
    /// There is no such library.
    #[error("no such library")]
    UnknownLibrary,
    /// The reader did not keep up.
    #[error("the reader was too slow")]
    TooSlow,
    /// The account of a token is gone.
    #[error("the account is gone")]
    AccountRemoved,
    /// The token's time is over.
    #[error("the token has expired")]
    TokenExpired,
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
            Error::Request(refusal) => refusal,
            Error::NotALibrarian => Self::new(
                Code::PermissionDenied,
                "ROLE_NOT_ALLOWED",
                "Only librarians may know of each other.",
            ),
            Error::BadMonitorId => Self::invalid(
                "BAD_MONITOR_ID",
                "announcement.monitor_id",
                "give 1 to 64 visible ASCII characters, best a random UUID",
            ),
            Error::UnknownQueue => Self::not_found("queue"),
            Error::PracticeMixed => Self::invalid(
                "PRACTICE_MIXED",
                "announcement.queues",
                "monitor a practice queue alone: leave it out, or leave the others out",
            ),
            Error::TooManyMonitors => Self::new(
                Code::ResourceExhausted,
                "TOO_MANY_MONITORS",
                "You have too many monitors open. Close some of them.",
            ),
            Error::NoAnnouncement => Self::invalid(
                "NO_ANNOUNCEMENT",
                "announcement",
                "send an Announcement first, within ten seconds",
            ),
            Error::Silent => Self::new(
                Code::DeadlineExceeded,
                "SILENT",
                "No sign of life came from this monitor. Announce it again, and send Here every five seconds.",
            ),
            Error::Superseded => Self::new(
                Code::Aborted,
                "SUPERSEDED",
                "This monitor announced itself on another stream, which goes on in place of this one.",
            ),
            Error::Leases(error) => {
                tracing::warn!(error = error.0, "a monitor's lease could not be held");
                Self::unavailable(
                    "PRESENCE_UNAVAILABLE",
                    "It can't be written down at this moment who is here. Announce yourself again.",
                )
            }
            Error::UnknownLibrarian => Self::not_found("librarian"),
            Error::UnknownLibrary => Self::not_found("library"),
            Error::TooSlow => {
                stream::too_slow("Watch again; the new watch starts with everything as it is.")
            }
            Error::AccountRemoved => crate::Error::AccountRemoved.into(),
            Error::TokenExpired => stream::token_expired(),
            Error::ShuttingDown => stream::shutting_down("Connect again."),
        }
    }
}
