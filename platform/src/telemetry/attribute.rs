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
    /// The full method, for example `carrel.session.v1.SessionService/Attend`; `_OTHER` for one that Carrel does not
    /// have.
    RPC_METHOD = "rpc.method" { value: Text }
    /// The name of the canonical gRPC code, for example `OK` or `NOT_FOUND`.
    RPC_RESPONSE_STATUS_CODE = "rpc.response.status_code" { value: Text }
    /// The class of the error that a span ended with.
    ERROR_TYPE = "error.type" { value: Text }

    /// On a span that was recorded although its trace is not kept: why, `failed` or `slow`.
    KEPT_FOR = "carrel.kept_for" { value: Text }

    /// The HTTP method of a request.
    HTTP_REQUEST_METHOD = "http.request.method" { value: Text }
    /// The route that a request matched, never its path.
    HTTP_ROUTE = "http.route" { value: Text }
    /// The status code of the response.
    HTTP_RESPONSE_STATUS_CODE = "http.response.status_code" { value: Whole }

    /// The log's engine, `sqlite` or `postgresql`.
    DB_SYSTEM_NAME = "db.system.name" { value: Text }
    /// What was done, for example `append`.
    DB_OPERATION_NAME = "db.operation.name" { value: Text }
    /// How many appends one commit carried, which share its sync.
    DB_OPERATION_BATCH_SIZE = "db.operation.batch.size" { value: Whole }

    /// What carries messages between servers, `redis` or `memory`.
    MESSAGING_SYSTEM = "messaging.system" { value: Text }
    /// What a bus message is about, without its id: `session/{id}` or `im/{id}`.
    MESSAGING_DESTINATION_TEMPLATE = "messaging.destination.template" { value: Text }
    /// What was done with a bus message, `publish` or `process`.
    MESSAGING_OPERATION_NAME = "messaging.operation.name" { value: Text }
    /// The type of that operation, `send` or `process`.
    MESSAGING_OPERATION_TYPE = "messaging.operation.type" { value: Text }
    /// What the CPU time was spent on, `user` or `system`.
    CPU_MODE = "cpu.mode" { value: Text }
    /// The version of the build.
    SERVICE_VERSION = "service.version" { value: Text }

    /// The audience that something was written for, `patron` or `staff`.
    AUDIENCE = "carrel.audience" { value: Text }
    /// The outcome of something: for a frame `ok` or the code of its refusal; for an append `committed`, `conflict` or
    /// `failed`; for a bus message `sent`, `failed` or `dropped`.
    OUTCOME = "carrel.outcome" { value: Text }
    /// Whose socket it is, a patron's or a librarian's: `patron` or `staff`.
    SOCKET_KIND = "carrel.socket.kind" { value: Text }
    /// A librarian's status.
    STATUS = "carrel.status" { value: Text }
    /// A dependency of the process, by the name that `/ready` uses.
    DEPENDENCY = "carrel.dependency" { value: Text }
    /// A kind of telemetry, `spans`, `metrics` or `logs`.
    SIGNAL = "carrel.signal" { value: Text }
    /// The commit that was built, or `unknown`.
    COMMIT = "carrel.commit" { value: Text }
    /// The version of the compiler that built it.
    RUSTC = "carrel.rustc" { value: Text }
    /// The share of the traces that is kept.
    SAMPLE_RATIO = "carrel.sample_ratio" { value: Text }

    /// A hash of the session's id: the same within one process, and of no use for finding the session.
    SESSION_HASH = "carrel.session.hash" { value: Text }
    /// How many acts one append carried.
    ACTS = "carrel.acts" { value: Whole }
    /// Why something was read: for the `first` time, to `resume` after a lost connection, to `resync` with another
    /// history; because of a `gap` in what the bus delivered, or a last message (`tail`) that it did not deliver; or
    /// to be `current` before a decision.
    REASON = "carrel.reason" { value: Text }
    /// Why a log-in was refused: `credentials`, no librarian has this name and password; `address`, too many attempts
    /// from this address; `account_and_address`, too many for this account from this address; `account`, too many for
    /// this account from everywhere, which keeps out its librarian, too; `busy`, too many passwords are being checked.
    REFUSED_FOR = "carrel.refused_for" { value: Text }
    /// The kind of frame on a browser's socket, for example `attend`.
    FRAME = "carrel.frame" { value: Text }
    /// How many events something was about.
    EVENTS = "carrel.events" { value: Whole }
    /// How many streams an append names.
    LOG_STREAMS = "carrel.log.streams" { value: Whole }
    /// How many appends of a commit were refused because their writers were behind.
    LOG_CONFLICTS = "carrel.log.conflicts" { value: Whole }
    /// How long the statements of a commit took, in microseconds.
    LOG_WRITE_US = "carrel.log.write_us" { value: Whole }
    /// How long a commit took, including the sync, in microseconds.
    LOG_SYNC_US = "carrel.log.sync_us" { value: Whole }
    /// How many appends and erasures were waiting when this one arrived.
    LOG_QUEUE_DEPTH = "carrel.log.queue_depth" { value: Whole }
    /// The close code of a socket.
    CLOSE_CODE = "carrel.close_code" { value: Whole }
}
