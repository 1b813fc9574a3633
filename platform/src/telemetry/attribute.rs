//! The names of span attributes and metric labels. No span has an attribute that is not listed here.
//!
//! No attribute ever holds a word of a conversation, a name, an address, a token or an id that could be used: a session
//! is identified by its [`session_hash`](super::session_hash) only. Names defined by OpenTelemetry's semantic
//! conventions are used as they are.
//!
//! In `tracing`'s macros a constant is written in braces: `info_span!(span::DELIVER, { attribute::FRAME } = kind)`.

use super::registry::{
    Attribute,
    Value::{Text, Whole},
    declare,
};

declare! {
    Attribute:

    /// Always `grpc`.
    RPC_SYSTEM_NAME = "rpc.system.name" { value: Text }
    /// The full method, `carrel.session.v1.SessionService/Attend`; `_OTHER` for one that we do not have.
    RPC_METHOD = "rpc.method" { value: Text }
    /// The canonical gRPC code by its name, for example `OK` or `NOT_FOUND`.
    RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code" { value: Text }
    /// The class of the error that a span ended with.
    ERROR_TYPE = "error.type" { value: Text }

    /// Of a span whose trace is not kept: why it is, `failed` or `slow`.
    KEPT_FOR = "carrel.kept_for" { value: Text }

    /// The HTTP method of a request.
    HTTP_REQUEST_METHOD = "http.request.method" { value: Text }
    /// The route that a request matched, never its path.
    HTTP_ROUTE = "http.route" { value: Text }
    /// The status that a request was answered with.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code" { value: Whole }

    /// The log's engine, `sqlite` or `postgresql`.
    DB_SYSTEM_NAME = "db.system.name" { value: Text }
    /// What was done, for example `append`.
    DB_OPERATION_NAME = "db.operation.name" { value: Text }
    /// How many appends one commit carried: who shared its sync.
    DB_OPERATION_BATCH_SIZE = "db.operation.batch.size" { value: Whole }

    /// What carries words between servers, `redis` or `memory`.
    MESSAGING_SYSTEM = "messaging.system" { value: Text }
    /// What a word is about, without its id: `session/{id}` or `im/{id}`.
    MESSAGING_DESTINATION_TEMPLATE = "messaging.destination.template" { value: Text }
    /// What was done with a word, `publish` or `process`.
    MESSAGING_OPERATION_NAME = "messaging.operation.name" { value: Text }
    /// Its kind, `send` or `process`.
    MESSAGING_OPERATION_TYPE = "messaging.operation.type" { value: Text }
    /// On whose behalf the processors worked, `user` or `system`.
    CPU_MODE = "cpu.mode" { value: Text }
    /// The version of what was built.
    SERVICE_VERSION = "service.version" { value: Text }

    /// Whom something was written for, `patron` or `staff`.
    AUDIENCE = "carrel.audience" { value: Text }
    /// How something ended: of a frame `ok` or the code of its refusal; of an append `committed`, `conflict` or `failed`;
    /// of a word `sent`, `failed` or `dropped`.
    OUTCOME = "carrel.outcome" { value: Text }
    /// Whose socket it is, `patron` or `staff`.
    SOCKET_KIND = "carrel.socket.kind" { value: Text }
    /// A librarian's status.
    STATUS = "carrel.status" { value: Text }
    /// What a process depends on, by the name that `/ready` uses.
    DEPENDENCY = "carrel.dependency" { value: Text }
    /// A kind of telemetry, `spans`, `metrics` or `logs`.
    SIGNAL = "carrel.signal" { value: Text }
    /// The commit that was built, or `unknown`.
    COMMIT = "carrel.commit" { value: Text }
    /// The compiler that built it.
    RUSTC = "carrel.rustc" { value: Text }
    /// Which part of the traces is kept.
    SAMPLE_RATIO = "carrel.sample_ratio" { value: Text }

    /// The session, by its hash: the same within one process, and of no use to find the session by.
    SESSION_HASH = "carrel.session.hash" { value: Text }
    /// How many acts one append carried.
    ACTS = "carrel.acts" { value: Whole }
    /// Why something was read: for the `first` time, to `resume` after a lost connection, to `resync` with another
    /// history; because of a `gap` in what the bus told, or a last word (`tail`) that it did not tell; or to be `current`
    /// before a decision.
    REASON = "carrel.reason" { value: Text }
    /// The kind of frame on a browser's socket, for example `attend`.
    FRAME = "carrel.frame" { value: Text }
    /// How many events something was about.
    EVENTS = "carrel.events" { value: Whole }
    /// How many streams an append names.
    LOG_STREAMS = "carrel.log.streams" { value: Whole }
    /// How many appends of a group were refused because their writers were behind.
    LOG_CONFLICTS = "carrel.log.conflicts" { value: Whole }
    /// How long a group's statements took, in microseconds.
    LOG_WRITE_US = "carrel.log.write_us" { value: Whole }
    /// How long a group's commit took, the sync included, in microseconds.
    LOG_SYNC_US = "carrel.log.sync_us" { value: Whole }
    /// How many appends waited when this one arrived.
    LOG_QUEUE_DEPTH = "carrel.log.queue_depth" { value: Whole }
    /// What closed a socket, as its close code.
    CLOSE_CODE = "carrel.close_code" { value: Whole }
}
