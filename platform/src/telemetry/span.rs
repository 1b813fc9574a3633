//! The names of spans. No span has a name or an attribute that is not listed here.

use super::{
    attribute::{
        ACTS, CLOSE_CODE, DB_OPERATION_BATCH_SIZE, DB_OPERATION_NAME, DB_SYSTEM_NAME, ERROR_TYPE,
        EVENTS, FRAME, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, KEPT_FOR,
        LOG_CONFLICTS, LOG_QUEUE_DEPTH, LOG_STREAMS, LOG_SYNC_US, LOG_WRITE_US,
        MESSAGING_DESTINATION_TEMPLATE, MESSAGING_OPERATION_NAME, MESSAGING_OPERATION_TYPE,
        MESSAGING_SYSTEM, REASON, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME,
        SESSION_HASH,
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
        attributes: &[FRAME, CLOSE_CODE, ERROR_TYPE, KEPT_FOR],
    }
    /// One HTTP request, including upgrades to a websocket.
    HTTP_REQUEST = "http request" {
        shown: Some("{http.request.method} {http.route}"),
        kind: "server",
        by: "gateway",
        below: "nothing",
        attributes: &[HTTP_REQUEST_METHOD, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE, ERROR_TYPE, KEPT_FOR],
    }
    /// A call to another service, until it was answered.
    RPC_CALL = "rpc call" {
        shown: Some("{rpc.method}"),
        kind: "client",
        by: "gateway, im-svc",
        below: "`ws {carrel.frame}` or the server's span that needs it",
        attributes: &[RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE],
    }
    /// A call that is served: all of a unary call, only the opening of a stream.
    RPC_SERVED = "rpc" {
        shown: Some("{rpc.method}"),
        kind: "server",
        by: "session-svc, presence-svc, im-svc",
        below: "`{rpc.method}` of its caller",
        attributes: &[RPC_SYSTEM_NAME, RPC_METHOD, RPC_RESPONSE_STATUS_CODE, ERROR_TYPE, KEPT_FOR],
    }
    /// One act on a session's stream, until its answer was written to the browser's socket.
    ACT_CALLED = "act call" {
        shown: Some("session.act"),
        kind: "client",
        by: "gateway",
        below: "`ws {carrel.frame}`",
        attributes: &[],
    }
    /// One act on a session's stream, until it was answered.
    ACT_SERVED = "session.act" {
        shown: None,
        kind: "server",
        by: "session-svc",
        below: "`session.act` of the gateway",
        attributes: &[ERROR_TYPE, KEPT_FOR],
    }
    /// Deciding acts on one session that were taken together.
    SESSION_DECIDE = "session.decide" {
        shown: None,
        kind: "internal",
        by: "session-svc",
        below: "the first act; linked with the others",
        attributes: &[ACTS],
    }
    /// Writing what was decided on acts on one session that were taken together.
    SESSION_APPEND = "session.append" {
        shown: None,
        kind: "internal",
        by: "session-svc",
        below: "the first act; linked with the others",
        attributes: &[ACTS],
    }
    /// Joining a session, for the first time or after a lost connection, until everything that the browser lacked is
    /// on its way.
    SESSION_JOIN = "session.join" {
        shown: None,
        kind: "server",
        by: "session-svc",
        below: "`ws attend`",
        attributes: &[REASON, EVENTS, ERROR_TYPE, KEPT_FOR],
    }
    /// Reading from the log what another server wrote and the bus did not deliver.
    SESSION_REFILL = "session.refill" {
        shown: None,
        kind: "internal",
        by: "session-svc",
        below: "nothing; linked with the message that showed the gap, or the act that needs to know",
        attributes: &[REASON, EVENTS],
    }
    /// Deciding acts on one conversation that were taken together.
    IM_DECIDE = "im.decide" {
        shown: None,
        kind: "internal",
        by: "im-svc",
        below: "the first act; linked with the others",
        attributes: &[ACTS],
    }
    /// Reading from the log what another server wrote and the bus did not deliver.
    IM_REFILL = "im.refill" {
        shown: None,
        kind: "internal",
        by: "im-svc",
        below: "nothing",
        attributes: &[REASON],
    }
    /// Writing what was decided on acts on one conversation that were taken together.
    IM_APPEND = "im.append" {
        shown: None,
        kind: "internal",
        by: "im-svc",
        below: "the first act; linked with the others",
        attributes: &[ACTS],
    }
    /// Telling other servers the outcome of an act, until the bus has sent the message.
    BUS_SEND = "bus send" {
        shown: Some("send {messaging.destination.template}"),
        kind: "producer",
        by: "session-svc, im-svc",
        below: "the first act",
        attributes: &[
            MESSAGING_SYSTEM, MESSAGING_DESTINATION_TEMPLATE, MESSAGING_OPERATION_NAME,
            MESSAGING_OPERATION_TYPE, ERROR_TYPE,
        ],
    }
    /// Receiving a message from another server, until it is on its way to the clients that listen here.
    BUS_PROCESS = "bus process" {
        shown: Some("process {messaging.destination.template}"),
        kind: "consumer",
        by: "session-svc, im-svc",
        below: "`send {messaging.destination.template}`, one for each server that was told",
        attributes: &[
            MESSAGING_SYSTEM, MESSAGING_DESTINATION_TEMPLATE, MESSAGING_OPERATION_NAME,
            MESSAGING_OPERATION_TYPE,
        ],
    }
    /// One append, from entering the writer's queue to its outcome.
    LOG_APPEND = "log.append" {
        shown: None,
        kind: "client",
        by: "all services",
        below: "whoever appends",
        attributes: &[
            DB_SYSTEM_NAME, DB_OPERATION_NAME, LOG_STREAMS, EVENTS, LOG_QUEUE_DEPTH, ERROR_TYPE,
        ],
    }
    /// One erasure, from entering the writer's queue to its outcome.
    LOG_ERASE = "log.erase" {
        shown: None,
        kind: "client",
        by: "all services",
        below: "whoever erases",
        attributes: &[DB_SYSTEM_NAME, DB_OPERATION_NAME, LOG_QUEUE_DEPTH, ERROR_TYPE],
    }
    /// One commit of appends that waited together, with the time that its sync took.
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
    /// One event or message on its way to one browser, until it was written to its socket.
    DELIVER = "deliver" {
        shown: None,
        kind: "consumer",
        by: "gateway",
        below: "what caused it on the server that the browser is attended by: the act, `process {messaging.destination.template}`, `session.join` or `session.refill`",
        attributes: &[SESSION_HASH],
    }
}
