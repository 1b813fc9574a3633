//! Why the gateway can't start, and how a refusal becomes an HTTP answer.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use carrel_platform::refusal::Refusal;
use carrel_proto::refusal::v1 as wire;
use http::{HeaderValue, StatusCode, header};
use tonic::Code;

/// Why the gateway can't be built or served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An origin in the settings could never match what a browser sends.
    #[error(
        "{setting}: {origin:?} is no origin as browsers write it; write for example \"https://ask.example.org\": lower \
         case, no path, and a port only if it is not the scheme's own"
    )]
    Origin {
        /// The setting that lists it.
        setting: &'static str,
        /// What is listed.
        origin: String,
    },
    /// An origin that may frame a page can't be named in a content security policy.
    #[error(
        "gateway.embedding_origins: browsers can't be told in a content security policy to allow {0:?}; name the host, \
         or its IPv4 address"
    )]
    FrameAncestors(String),
    /// The listener can't be used.
    #[error("the gateway's listener can't be used: {0}")]
    Listener(#[from] std::io::Error),
}

/// A refusal as an HTTP answer: a status, and the refusal in proto3 JSON.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    refusal: Box<Refusal>,
}

impl Refused {
    /// A refusal with an explicit status.
    pub(crate) fn with_status(status: StatusCode, refusal: Refusal) -> Self {
        Self {
            status,
            refusal: Box::new(refusal),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            status: http_status(refusal.code),
            refusal: Box::new(refusal),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let retry_after = self.refusal.retry_after;
        let mut response = (self.status, Json(wire::Refusal::from(*self.refusal))).into_response();
        if let Some(wait) = retry_after {
            // Whole seconds, rounded up: a client that waits as told must not be too early.
            let seconds = wait.as_millis().div_ceil(1000).to_string();
            if let Ok(value) = HeaderValue::from_str(&seconds) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

/// The HTTP status of a gRPC code, as google/rpc/code.proto maps them.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
