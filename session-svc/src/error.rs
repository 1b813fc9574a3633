//! Why session-svc did not do what it was asked, and what the caller is told.

use carrel_platform::{
    log::LogError,
    refusal::{Refusal, command, leaves_unknown, stream},
};
use tonic::{Code, Status};

use crate::domain::{
    conference::MOST_ENTRIES,
    descriptive_codes::MAX_CODES,
    refused::Refused,
    text::{FieldError, WrongText},
};

/// Why a request was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The rules of a session refuse it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The caller, or a field of the request, is refused.
    #[error("{}", .0.message)]
    Request(Refusal),
    /// A command id was used again with different content.
    #[error("the command id was used for another command")]
    CommandIdReused,
    /// The log refused or failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Other servers changed the session so often that every decision was outdated.
    #[error("the session was too busy")]
    Contended,
    /// The reader did not keep up.
    #[error("the reader was too slow")]
    TooSlow,
    /// The outcome of an act on the stream is unknown.
    #[error("the outcome of an act is unknown")]
    Interrupted,
    /// The service is stopping.
    #[error("the service is stopping")]
    ShuttingDown,
}

impl Error {
    /// Returns whether the caller has to send the same command again to learn what became of it (I3).
    pub(crate) fn is_unknown_outcome(&self) -> bool {
        leaves_unknown(Refusal::from(self.clone()).code)
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
        match error {
            Error::Refused(refused) => refuse(refused),
            Error::Request(refusal) => refusal,
            Error::CommandIdReused => command::id_reused(),
            Error::Contended => command::contended("session"),
            Error::Log(error) => command::not_logged(&error, "session"),
            Error::TooSlow => stream::too_slow("Join again from the last position that you have."),
            Error::Interrupted => Refusal::unavailable(
                "INTERRUPTED",
                "It is not known what became of one of your acts. Join again from the last position that you have, then send again, in order, all acts that have no final answer.",
            ),
            Error::ShuttingDown => stream::shutting_down(
                "Connect again and go on from the last position that you have.",
            ),
        }
    }
}

fn refuse(refused: Refused) -> Refusal {
    let state = |reason, message: &str| Refusal::new(Code::FailedPrecondition, reason, message);
    let not_allowed = |message| Refusal::new(Code::PermissionDenied, "ROLE_NOT_ALLOWED", message);
    match refused {
        Refused::NotAllowed => not_allowed("Your role does not allow this."),
        Refused::OwnersOnly => not_allowed(
            "Only the librarian who chats with the patron may do this. A supervisor can leave the session instead.",
        ),
        Refused::NotFound => Refusal::not_found("session"),
        Refused::AlreadyOpen => state("ALREADY_OPEN", "This session was opened before."),
        Refused::AlreadyPickedUp { by } => {
            state("ALREADY_PICKED_UP", &format!("{} picked this patron up before you.", by.screen_name))
                .with("picked_up_by", by.screen_name)
        }
        Refused::NotActive => state("NOT_ACTIVE", "No librarian has picked this patron up yet."),
        Refused::Ended => state("ENDED", "This session has ended."),
        Refused::NotEnded => state(
            "NOT_ENDED",
            "This session has not ended. Its librarian or its patron must end it first.",
        ),
        Refused::Erased => state("ERASED", "This session was erased. Nothing can be added to it."),
        Refused::NotInside => {
            state("NOT_INSIDE", "You are not in this session. Enter it in conference mode once a librarian has picked the patron up.")
        }
        Refused::NoLongerOwner { owner: Some(owner) } => {
            state("NO_LONGER_OWNER", &format!("{} has this patron now.", owner.screen_name))
                .with("owner", owner.screen_name)
        }
        Refused::NoLongerOwner { owner: None } => state(
            "NO_LONGER_OWNER",
            "You were gone for too long, and this patron is waiting again. Pick them up again if nobody else has.",
        ),
        Refused::NoSuchOffer => Refusal {
            reason: "NO_SUCH_OFFER".to_owned(),
            ..Refusal::not_found("offer")
        },
        Refused::OfferClosed { fate } => {
            state("OFFER_CLOSED", "This offer no longer stands.").with("outcome", fate.as_str())
        }
        Refused::NotShared => state(
            "NOT_SHARED",
            "This librarian monitors no queue that you may monitor. Offer the session to somebody who does, or to a queue.",
        ),
        Refused::PracticeMixed => Refusal::invalid(
            "PRACTICE_MIXED",
            "to",
            "offer a practice session to a practice queue or to somebody who monitors one, and a real session to none of them",
        ),
        Refused::NoSuchQueue => Refusal::not_found("queue"),
        Refused::BadIntroduction => Refusal::invalid(
            "BAD_INTRODUCTION",
            "introduction",
            "give the introduction from the librarian's row as it is now; it changes every few minutes",
        ),
        Refused::TooManyCodes { count } => Refusal::invalid(
            "TOO_MANY",
            "codes",
            format!("there are {count}; give at most {MAX_CODES}"),
        )
        .with("limit", MAX_CODES.to_string()),
        Refused::RepeatedCode { code } => Refusal::invalid(
            "REPEATED",
            "codes",
            format!("{code:?} is there twice, perhaps in other case; give each code once"),
        ),
        Refused::UnknownCode { code } => Refusal::invalid(
            "UNKNOWN_CODE",
            "codes",
            format!(
                "{code:?} is not in the list of the patron's library; choose from the library's descriptive codes as they are now"
            ),
        )
        .with("code", code),
        Refused::BadCodeList => Refusal::invalid(
            "BAD_CODE_LIST",
            "code_list",
            "give the code list of the patron's library as it is now; it changes every time it is read, and holds for an hour",
        ),
        Refused::Oneself => Refusal::oneself("introduction"),
        Refused::OwnSession => state("OWN_SESSION", "This is your own session; you are in it already."),
        Refused::WarningNotAccepted { current } => state(
            "WARNING_NOT_ACCEPTED",
            "The warning must be shown and accepted at each entry. Show the one in force and name its version.",
        )
        .with("warning_version", current),
        Refused::EnteredTooOften => Refusal::new(
            Code::ResourceExhausted,
            "ENTERED_TOO_OFTEN",
            format!(
                "You have entered this session {MOST_ENTRIES} times, which is the most. Read its transcript once it has ended."
            ),
        ),
        Refused::Full => Refusal::new(
            Code::ResourceExhausted,
            "SESSION_FULL",
            "This session is full. End it and go on in a new one.",
        ),
        Refused::Texts { first, others } => {
            let others = others.into_iter().map(refuse_text);
            others.fold(refuse_text(first), Refusal::and)
        }
        Refused::Address(error) => Refusal::invalid("BAD_ADDRESS", "address", error.to_string()),
    }
}

fn refuse_text(WrongText { field, error }: WrongText) -> Refusal {
    match error {
        FieldError::Text(error) => error.refuse(field),
        FieldError::NotAnEmail => Refusal::invalid("BAD_EMAIL", field, error.to_string()),
        FieldError::NotALanguage => Refusal::invalid("BAD_LANGUAGE", field, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use carrel_platform::log::StreamName;

    use super::*;

    /// I3, I5: the outcome of an act that the log did not take is unknown, so that no act overtakes its repetition.
    #[test]
    fn the_outcome_is_unknown_of_what_the_log_did_not_take() {
        let conflict = LogError::Conflict {
            stream: StreamName::new("session", "s"),
            expected: 0,
            actual: 1,
        };
        for error in [
            Error::Log(conflict),
            Error::Log(LogError::Unavailable(String::new())),
            Error::Log(LogError::Unknown(String::new())),
            Error::Log(LogError::Damaged(String::new())),
            Error::Log(LogError::Invalid(String::new())),
            Error::Contended,
            Error::Interrupted,
            Error::ShuttingDown,
        ] {
            assert!(error.is_unknown_outcome(), "{error:?}");
        }
        for error in [
            Error::Refused(Refused::Ended),
            Error::Request(Refusal::not_found("session")),
            Error::CommandIdReused,
            Error::TooSlow,
        ] {
            assert!(!error.is_unknown_outcome(), "{error:?}");
        }
    }
}
