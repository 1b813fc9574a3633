//! All reasons for which a call may be refused or fail, and the refusal that the caller gets.

use std::time::Duration;

use carrel_platform::{
    auth::token::TokenError,
    lease::LeaseError,
    log::LogError,
    refusal::{Refusal, page, stream},
};
use tonic::{Code, Status};

use crate::{directory::password::PasswordError, directory::throttle::TooOften};

/// Why a call was refused or failed, or a stream no longer goes on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The caller, or a field of the request, is refused.
    #[error("{}", .0.message)]
    Request(Refusal),
    /// The name and password do not match. The same for an unknown name.
    #[error("The log-in name or the password is wrong.")]
    WrongCredentials,
    /// Too many attempts.
    #[error("Too many attempts. Try again in {} seconds.", seconds(.0))]
    TooManyAttempts(Duration),
    /// There is no such library.
    #[error("there is no such library")]
    NoSuchLibrary,
    /// The library has no practice queue.
    #[error("this library has no practice queue")]
    NoPracticeQueue,
    /// A librarian asked to be let in as a patron.
    #[error("A librarian's token can't be let in as a patron. Call without a token.")]
    LibrarianAsPatron,
    /// A patron asked for a librarian's profile.
    #[error("Only librarians have a profile.")]
    PatronWithoutProfile,
    /// Somebody else than an administrator asked for the changes of roles.
    #[error("Only administrators of a library may see who got, changed or lost a role in it.")]
    NotAdministrator,
    /// The account of a token is gone.
    #[error("This account is no longer in the directory.")]
    AccountRemoved,
    /// A negative page size.
    #[error("a page can't have {0} entries")]
    BadPageSize(i32),
    /// A page token that did not come from a page.
    #[error("not a page token")]
    BadPageToken,
    /// A field that must not be empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A field that is too long.
    #[error("{field} is longer than {limit} bytes")]
    TooLong {
        /// The field.
        field: &'static str,
        /// What is allowed, in bytes.
        limit: usize,
    },
    /// A token was not accepted, or could not be issued.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A password could not be checked.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    NoEntropy,
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
    /// Somebody is not known to be here, and it is not known whether they are.
    #[error("it is not known who is here")]
    PresenceUnknown,
    /// The librarian is not there, or the caller may not see them.
    #[error("no such librarian")]
    UnknownLibrarian,
    /// The reader did not keep up.
    #[error("the reader was too slow")]
    TooSlow,
    /// The token's time is over.
    #[error("the token has expired")]
    TokenExpired,
    /// The service is stopping.
    #[error("the service is stopping")]
    ShuttingDown,
}

fn seconds(wait: &Duration) -> u64 {
    wait.as_secs().saturating_add(1)
}

impl From<TooOften> for Error {
    fn from(TooOften { wait, .. }: TooOften) -> Self {
        Self::TooManyAttempts(wait)
    }
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
        let message = error.to_string();
        match error {
            Error::Request(refusal) => refusal,
            Error::WrongCredentials => {
                Self::new(Code::Unauthenticated, "WRONG_CREDENTIALS", message)
            }
            Error::TooManyAttempts(wait) => {
                Self::new(Code::ResourceExhausted, "TOO_MANY_ATTEMPTS", message).retry_after(wait)
            }
            Error::NoSuchLibrary => Self::not_found("library"),
            Error::NoPracticeQueue => Self::not_found("practice queue"),
            Error::LibrarianAsPatron | Error::PatronWithoutProfile | Error::NotAdministrator => {
                Self::new(Code::PermissionDenied, "ROLE_NOT_ALLOWED", message)
            }
            Error::AccountRemoved => Self::new(Code::Unauthenticated, "ACCOUNT_REMOVED", message),
            Error::BadPageSize(_) => page::bad_size(),
            Error::BadPageToken => page::bad_token(),
            Error::Empty(field) => Self::invalid("EMPTY", field, "must not be empty"),
            Error::TooLong { field, limit } => {
                Self::invalid("TOO_LONG", field, format!("{limit} bytes are the most"))
                    .with("limit", limit.to_string())
            }
            Error::Token(error) => error.into(),
            Error::Password(PasswordError::Busy) => Self::new(
                Code::ResourceExhausted,
                "TOO_MANY_ATTEMPTS",
                "Too many people are logging in at this moment. Try again in a second.",
            )
            .retry_after(Duration::from_secs(1)),
            Error::Log(LogError::Damaged(_)) => {
                tracing::error!(error = message, "directory can't be read");
                Self::new(
                    Code::Internal,
                    "LOG_UNAVAILABLE",
                    "The directory can't be read. The operator finds the cause in the log.",
                )
            }
            Error::Log(_) => {
                tracing::warn!(error = message, "directory not read");
                Self::unavailable(
                    "LOG_UNAVAILABLE",
                    "The directory can't be read at this moment. Try again.",
                )
            }
            Error::Password(PasswordError::Failed) | Error::NoEntropy => {
                tracing::error!(error = message, "call failed");
                Self::new(
                    Code::Internal,
                    "INTERNAL",
                    "Something went wrong on our side. Try again.",
                )
            }
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
            Error::PresenceUnknown => Self::unavailable(
                "PRESENCE_UNAVAILABLE",
                "It is not known at this moment who is here. Try again.",
            ),
            Error::UnknownLibrarian => Self::not_found("librarian"),
            Error::TooSlow => {
                stream::too_slow("Watch again; the new watch starts with everything as it is.")
            }
            Error::TokenExpired => stream::token_expired(),
            Error::ShuttingDown => stream::shutting_down("Connect again."),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use carrel_platform::log::StreamName;
    use tonic::Status;
    use tonic_types::StatusExt as _;

    use super::*;

    // A client tries again after UNAVAILABLE and RESOURCE_EXHAUSTED, and must be told when.
    #[test]
    fn whoever_may_try_again_is_told_when() {
        let errors = [
            Error::Log(LogError::Unavailable("gone".into())),
            Error::Log(LogError::Unknown("gone".into())),
            Error::Password(PasswordError::Busy),
            Error::TooManyAttempts(Duration::from_millis(1500)),
            Error::PresenceUnknown,
        ];
        for error in errors {
            let status = Status::from(Refusal::from(error));
            assert!(
                matches!(status.code(), Code::Unavailable | Code::ResourceExhausted),
                "{status:?}"
            );
            let wait = status.get_error_details().retry_info().unwrap().retry_delay;
            assert!(wait.unwrap() >= Duration::from_secs(1));
        }
    }

    #[test]
    fn what_broke_on_our_side_is_not_told_to_callers() {
        let secret = "disk /srv/carrel is on fire";
        for error in [
            LogError::Unavailable(secret.into()),
            LogError::Unknown(secret.into()),
            LogError::Damaged(secret.into()),
            LogError::Conflict {
                stream: StreamName::new("directory", secret),
                expected: 1,
                actual: 2,
            },
        ] {
            let status = Status::from(Refusal::from(Error::Log(error)));
            assert!(!format!("{status:?}").contains("fire"), "{status:?}");
        }
    }
}
