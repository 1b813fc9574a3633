//! Refusals, and their only mapping to a gRPC status and back.

pub mod command;
pub mod fields;
pub mod page;
pub mod stream;

use std::{collections::BTreeMap, time::Duration};

use carrel_proto::refusal::v1 as wire;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::telemetry::grpc::code_name;

/// The domain that every `google.rpc.ErrorInfo` of Carrel names.
pub const ERROR_DOMAIN: &str = "carrel";

/// A refusal that a caller can act on: what was wrong, under a stable name, and how to correct it.
///
/// Each crate's error type converts into this one; this one converts into a [`Status`] or, on a stream, into the wire's
/// `Refusal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The canonical gRPC code.
    pub code: Code,
    /// A stable constant in UPPER_SNAKE_CASE.
    pub reason: String,
    /// One or two sentences for people: what was wrong and what to do.
    pub message: String,
    /// Details that belong to the reason.
    pub metadata: BTreeMap<String, String>,
    /// The invalid fields, each with what would be valid.
    pub field_violations: Vec<(String, String)>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
}

/// Whether a command that was refused with this code may have been carried out all the same. If so, the sender is to
/// send it again under the same id, and nothing behind it must be done before that. All other codes say that nothing
/// happened.
///
/// This is what `carrel.refusal.v1.Refusal.code` promises to clients, and its only definition in the code.
#[must_use]
pub fn leaves_unknown(code: Code) -> bool {
    !matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Unauthenticated
    )
}

impl Refusal {
    /// Creates a refusal with a code, a reason and a message.
    pub fn new(code: Code, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            metadata: BTreeMap::new(),
            field_violations: Vec::new(),
            retry_after: None,
        }
    }

    /// INVALID_ARGUMENT for one field.
    pub fn invalid(reason: &str, field: &str, description: impl Into<String>) -> Self {
        let description = description.into();
        let mut refusal = Self::new(
            Code::InvalidArgument,
            reason,
            format!("{field}: {description}"),
        );
        refusal
            .field_violations
            .push((field.to_owned(), description));
        refusal
    }

    /// INVALID_ARGUMENT for an enum value with an unknown number.
    #[must_use]
    pub fn unknown_value(field: &str, number: i32) -> Self {
        Self::invalid(
            "UNKNOWN_VALUE",
            field,
            format!("this server knows no value {number}; is the client newer than it?"),
        )
    }

    /// INVALID_ARGUMENT for a request that does not name its subject.
    #[must_use]
    pub fn nothing_named(field: &str) -> Self {
        Self::invalid(
            "EMPTY",
            field,
            "name one of the choices that the message has for it",
        )
    }

    /// INVALID_ARGUMENT for a request that names the caller where it must name another librarian.
    #[must_use]
    pub fn oneself(field: &str) -> Self {
        Self::invalid("ONESELF", field, "name another librarian; this is you")
    }

    /// NOT_FOUND, in the same words for what does not exist and for what the caller may not know about.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            Code::NotFound,
            "NOT_FOUND",
            format!("There is no such {what}, or it is not yours to see."),
        )
    }

    /// UNAVAILABLE: nothing happened or the outcome is unknown, and trying again may help.
    pub fn unavailable(reason: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::new(Code::Unavailable, reason, message);
        refusal.retry_after = Some(Duration::from_secs(1));
        refusal
    }

    /// Adds what is wrong with further fields of the same request. The reason and its details stay those of the first.
    #[must_use]
    pub fn and(mut self, further: Self) -> Self {
        self.message = [self.message, further.message].join("; ");
        self.field_violations.extend(further.field_violations);
        self
    }

    /// Adds one more detail.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// Sets how long to wait before trying again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let mut details = ErrorDetails::new();
        details.set_error_info(
            refusal.reason,
            ERROR_DOMAIN,
            refusal
                .metadata
                .into_iter()
                .collect::<std::collections::HashMap<_, _>>(),
        );
        for (field, description) in refusal.field_violations {
            details.add_bad_request_violation(field, description);
        }
        if let Some(wait) = refusal.retry_after {
            details.set_retry_info(Some(wait));
        }
        Status::with_error_details(refusal.code, refusal.message, details)
    }
}

impl From<&Status> for Refusal {
    /// Reads the status that another Carrel service, or the transport, returned.
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let reason = match info {
            Some(info) => info.reason.clone(),
            None => code_name(status.code()).to_owned(),
        };
        Self {
            code: status.code(),
            reason,
            message: status.message().to_owned(),
            metadata: info
                .map(|info| info.metadata.clone().into_iter().collect())
                .unwrap_or_default(),
            field_violations: details
                .bad_request()
                .map(|bad| {
                    bad.field_violations
                        .iter()
                        .map(|v| (v.field.clone(), v.description.clone()))
                        .collect()
                })
                .unwrap_or_default(),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }
}

impl From<Refusal> for wire::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code as i32,
            reason: refusal.reason,
            message: refusal.message,
            metadata: refusal.metadata.into_iter().collect(),
            field_violations: refusal
                .field_violations
                .into_iter()
                .map(|(field, description)| wire::FieldViolation { field, description })
                .collect(),
            retry_after_ms: refusal.retry_after.map_or(0, |wait| {
                u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs rely on the reason, so it is as documented even where gRPC itself refuses.
    #[test]
    fn without_details_the_reason_is_the_code_as_grpc_writes_it() {
        for (code, reason) in [
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            (Code::DataLoss, "DATA_LOSS"),
            (Code::Unavailable, "UNAVAILABLE"),
            (Code::Ok, "OK"),
        ] {
            assert_eq!(Refusal::from(&Status::new(code, "")).reason, reason);
        }
        let said = Refusal::not_found("session");
        assert_eq!(Refusal::from(&Status::from(said.clone())), said);
    }

    /// The promise is made in the proto, which is all that clients have.
    #[test]
    fn the_codes_that_say_that_nothing_happened_are_those_of_the_proto() {
        let proto = include_str!("../../proto/carrel/refusal/v1/refusal.proto");
        let promise = proto
            .split_once("FAILED_PRECONDITION).\n")
            .and_then(|(_, after)| after.split_once("mean that nothing happened"))
            .map(|(codes, _)| codes)
            .unwrap_or_default();
        let promised: Vec<i32> = promise
            .split(['(', ')'])
            .filter_map(|part| part.parse().ok())
            .collect();
        let settled: Vec<i32> = (0..17)
            .filter(|code| !leaves_unknown(Code::from_i32(*code)))
            .collect();
        assert_eq!(settled, promised);
    }
}
