//! The names of spans. No span has a name, or an attribute, that is not listed here.

use super::{
    attribute::{
        ACTS, CLOSE_CODE, DB_OPERATION_BATCH_SIZE, DB_OPERATION_NAME, DB_SYSTEM_NAME, ERROR_TYPE,
        EVENTS, FRAME, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, LOG_CONFLICTS,
        LOG_QUEUE_DEPTH, LOG_STREAMS, LOG_SYNC_US, LOG_WRITE_US, RPC_METHOD,
        RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME, SESSION_HASH,
    },
    registry::{SpanName, declare},
};

declare! {
    SpanName:

    /// One frame from a browser, until it was carried out or handed on.
    FRAME_RECEIVED = "ws frame" {
        shown: Some("ws {carrel.frame}"),
        kind: "server",
        by: "gateway",
        below: "nothing; linked with what the browser says that it belongs to",
        attributes: &[FRAME, CLOSE_CODE],
    }
    /// A request by HTTP, the upgrade to a websocket among them.
    HTTP_REQUEST = "http request" {
        shown: Some("{http.request.method} {http.route}"),
        kind: "server",
        by: "gateway",
        below: "nothing",
        attributes: &[HTTP_REQUEST_METHOD, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE],
    }
    /// A call to another service, until it was answered.
    RPC_CALL = "rpc call" {
        shown: Some("{rpc.method}"),
        kind: "client",
        by: "gateway, im-svc",
        below: "`ws {carrel.frame}` or the server's span that needs it",
        attributes: &[RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE],
    }
    /// A call that is served: all of a unary one, the opening of a stream.
    RPC_SERVED = "rpc" {
        shown: Some("{rpc.method}"),
        kind: "server",
        by: "session-svc, presence-svc, im-svc",
        below: "`{rpc.method}` of its caller",
        attributes: &[RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE],
    }
    /// One act on an Attend stream, until it was answered.
    SESSION_ACT = "session.act" {
        shown: None,
        kind: "server",
        by: "session-svc",
        below: "`ws {carrel.frame}`",
        attributes: &[],
    }
    /// Writing what was decided on acts of one session that were taken together.
    SESSION_APPEND = "session.append" {
        shown: None,
        kind: "internal",
        by: "session-svc",
        below: "the first act; linked with the others",
        attributes: &[ACTS],
    }
    /// Writing what was decided on acts of one conversation that were taken together.
    IM_APPEND = "im.append" {
        shown: None,
        kind: "internal",
        by: "im-svc",
        below: "the first act; linked with the others",
        attributes: &[ACTS],
    }
    /// One append, from its way into the writer's queue to its outcome.
    LOG_APPEND = "log.append" {
        shown: None,
        kind: "client",
        by: "all services",
        below: "whoever appends",
        attributes: &[
            DB_SYSTEM_NAME, DB_OPERATION_NAME, LOG_STREAMS, EVENTS, LOG_QUEUE_DEPTH, ERROR_TYPE,
        ],
    }
    /// One erasure, from its way into the writer's queue to its outcome.
    LOG_ERASE = "log.erase" {
        shown: None,
        kind: "client",
        by: "all services",
        below: "whoever erases",
        attributes: &[DB_SYSTEM_NAME, DB_OPERATION_NAME, LOG_QUEUE_DEPTH, ERROR_TYPE],
    }
    /// One commit of the appends that waited together, and what its sync took.
    LOG_COMMIT = "log.commit" {
        shown: None,
        kind: "client",
        by: "all services",
        below: "nothing; linked with each `log.append` that shares it",
        attributes: &[
            DB_SYSTEM_NAME, DB_OPERATION_NAME, DB_OPERATION_BATCH_SIZE, EVENTS, LOG_CONFLICTS,
            LOG_WRITE_US, LOG_SYNC_US,
        ],
    }
    /// One event on its way to one browser, until it was written to its socket.
    DELIVER = "deliver" {
        shown: None,
        kind: "consumer",
        by: "gateway",
        below: "`session.act`, or the server's span of the call that caused the event",
        attributes: &[SESSION_HASH],
    }
}
