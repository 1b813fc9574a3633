//! Refusals of every service that has streams of requests or responses.

use tonic::{Code, Status};

use super::Refusal;
use crate::serve::REQUEST_LIMIT;

/// UNAUTHENTICATED for a stream whose token has expired.
#[must_use]
pub fn token_expired() -> Refusal {
    Refusal::new(
        Code::Unauthenticated,
        "TOKEN_EXPIRED",
        "The token has expired. Renew it and connect again.",
    )
}

/// RESOURCE_EXHAUSTED for a reader who did not keep up with a stream; `go_on` tells how to go on.
#[must_use]
pub fn too_slow(go_on: &str) -> Refusal {
    let message = format!("You did not read fast enough. {go_on}");
    Refusal::new(Code::ResourceExhausted, "TOO_SLOW", message)
}

/// UNAVAILABLE for a stream that ends because the server stops; `go_on` tells how to go on.
#[must_use]
pub fn shutting_down(go_on: &str) -> Refusal {
    let message = format!("This server is going away. {go_on}");
    Refusal::unavailable("SHUTTING_DOWN", message)
}

/// INVALID_ARGUMENT for a message read from a stream that is not a valid `request` or is too long; `described_in` names
/// the proto that defines it. `None` if the status only says that the caller has gone.
#[must_use]
pub fn unreadable(status: &Status, request: &str, described_in: &str) -> Option<Refusal> {
    match status.code() {
        Code::Internal => Some(Refusal::invalid(
            "BAD_FRAME",
            "request",
            format!("the bytes are no {request}; generate the client from {described_in}"),
        )),
        Code::OutOfRange => Some(
            Refusal::invalid("TOO_LONG", "request", status.message())
                .with("limit", REQUEST_LIMIT.to_string()),
        ),
        _ => None,
    }
}

/// INVALID_ARGUMENT for a message whose `choice` is not set, as far as this server can tell: what it does not know
/// looks the same.
#[must_use]
pub fn nothing_chosen(choice: &str) -> Refusal {
    Refusal::invalid(
        "BAD_FRAME",
        choice,
        "set one of the choices that the message has for it; if you did, this server is older than your client",
    )
}
