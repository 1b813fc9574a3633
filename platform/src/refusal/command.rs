//! Refusals of every service that writes commands to the log, including those for when the log fails.

use std::time::Duration;

use tonic::Code;

use super::Refusal;
use crate::log::LogError;

/// Checks a command's id.
///
/// # Errors
/// Unless it has 1 to 64 visible ASCII characters.
pub fn check_id(command_id: &str) -> Result<(), Refusal> {
    let fits = (1..=64).contains(&command_id.len())
        && command_id.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(())
    } else {
        Err(Refusal::invalid(
            "BAD_COMMAND_ID",
            "command_id",
            "give 1 to 64 visible ASCII characters, best a random UUID",
        ))
    }
}

/// ALREADY_EXISTS for a command id that was used before with different content.
#[must_use]
pub fn id_reused() -> Refusal {
    Refusal::new(
        Code::AlreadyExists,
        "COMMAND_ID_REUSED",
        "This command id was already used for a command with another content. Use a new id for a new command.",
    )
}

/// ABORTED for a command whose target others kept changing at the same time. `what` names the target for people.
#[must_use]
pub fn contended(what: &str) -> Refusal {
    Refusal::new(
        Code::Aborted,
        "CONTENDED",
        format!("Others changed the {what} at the same time. Send the same command again."),
    )
    .retry_after(Duration::from_millis(100))
}

/// Refuses a command for an error of the log. `what` names the command's target for people; the details of the error
/// are for operators only.
#[must_use]
pub fn not_logged(error: &LogError, what: &str) -> Refusal {
    match error {
        LogError::Conflict { .. } => contended(what),
        LogError::Unavailable(_) => Refusal::unavailable(
            "LOG_UNAVAILABLE",
            "The log can't be written just now. Send the same command again.",
        ),
        LogError::Unknown(_) => Refusal::unavailable(
            "LOG_UNAVAILABLE",
            "It is not certain whether this was done. Send the same command again to find out.",
        ),
        LogError::Damaged(_) => Refusal::new(
            Code::DataLoss,
            "LOG_DAMAGED",
            format!("The record of this {what} can't be read. Tell the operators of this desk."),
        ),
        LogError::Invalid(_) => Refusal::new(
            Code::Internal,
            "LOG_REFUSED",
            "The log could not take this. Tell the operators of this desk.",
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::log::StreamName;

    #[test]
    fn a_command_id_is_short_and_visible() {
        for good in ["1", "0b0f6ce1-4b6c-4b8b-a9f4-6a6f5a4c9b60", &"~".repeat(64)] {
            assert_eq!(check_id(good), Ok(()));
        }
        for bad in ["", " ", "a b", "é", "\n", &"a".repeat(65)] {
            let refusal = check_id(bad).unwrap_err();
            assert_eq!(
                (refusal.code, refusal.reason.as_str()),
                (Code::InvalidArgument, "BAD_COMMAND_ID")
            );
        }
    }

    /// PR8: engine messages and stream names are not shown to callers.
    #[test]
    fn nothing_that_the_log_says_reaches_the_caller() {
        let secret = || "5ec4e7".to_owned();
        for error in [
            LogError::Unavailable(secret()),
            LogError::Unknown(secret()),
            LogError::Damaged(secret()),
            LogError::Invalid(secret()),
            LogError::Conflict {
                stream: StreamName::new("session", secret()),
                expected: 0,
                actual: 1,
            },
        ] {
            let refusal = format!("{:?}", not_logged(&error, "session"));
            assert!(!refusal.contains("5ec4e7"), "{refusal}");
        }
    }
}
