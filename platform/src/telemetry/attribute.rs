//! The names of span attributes. No span has an attribute that is not listed here.
//!
//! No attribute ever holds a word of a conversation, a name, an address, a token or an id that could be used: a
//! session is named by its [`session_hash`](super::session_hash) only. Names that OpenTelemetry's semantic conventions
//! define are used as they are.
//!
//! In `tracing`'s macros a constant is written in braces: `info_span!("…", { attribute::RPC_METHOD } = method)`.

/// Always `grpc`.
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";
/// The full method, `carrel.session.v1.SessionService/Attend`; `_OTHER` for one that we do not have.
pub const RPC_METHOD: &str = "rpc.method";
/// The canonical gRPC code by its name, for example `OK` or `NOT_FOUND`.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
/// The class of the error that a span ended with.
pub const ERROR_TYPE: &str = "error.type";

/// The HTTP method of a request.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// The route that a request matched, never its path.
pub const HTTP_ROUTE: &str = "http.route";
/// The status that a request was answered with.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";

/// The log's engine, `sqlite` or `postgresql`.
pub const DB_SYSTEM_NAME: &str = "db.system.name";
/// What was done, for example `append`.
pub const DB_OPERATION_NAME: &str = "db.operation.name";
/// How many appends one commit carried.
pub const DB_OPERATION_BATCH_SIZE: &str = "db.operation.batch.size";

/// The session, by its hash.
pub const SESSION_HASH: &str = "carrel.session.hash";
/// How many acts one append carried.
pub const ACTS: &str = "carrel.acts";
/// The kind of frame on a browser's socket, for example `attend`.
pub const FRAME: &str = "carrel.frame";
/// How many events something was about.
pub const EVENTS: &str = "carrel.events";
/// How many streams an append names.
pub const LOG_STREAMS: &str = "carrel.log.streams";
/// How many appends of a group were refused because their writers were behind.
pub const LOG_CONFLICTS: &str = "carrel.log.conflicts";
/// How long a group's statements took, in microseconds.
pub const LOG_WRITE_US: &str = "carrel.log.write_us";
/// How long a group's commit took, the sync included, in microseconds.
pub const LOG_SYNC_US: &str = "carrel.log.sync_us";
/// How many appends waited when this one arrived.
pub const LOG_QUEUE_DEPTH: &str = "carrel.log.queue_depth";
/// What closed a socket, as its close code.
pub const CLOSE_CODE: &str = "carrel.close_code";

/// All of them.
pub const ALL: &[&str] = &[
    RPC_SYSTEM_NAME,
    RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE,
    ERROR_TYPE,
    HTTP_REQUEST_METHOD,
    HTTP_ROUTE,
    HTTP_RESPONSE_STATUS_CODE,
    DB_SYSTEM_NAME,
    DB_OPERATION_NAME,
    DB_OPERATION_BATCH_SIZE,
    SESSION_HASH,
    ACTS,
    FRAME,
    EVENTS,
    LOG_STREAMS,
    LOG_CONFLICTS,
    LOG_WRITE_US,
    LOG_SYNC_US,
    LOG_QUEUE_DEPTH,
    CLOSE_CODE,
];
