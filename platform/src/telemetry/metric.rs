//! The metrics. Only metrics listed here exist, each with only the labels listed with it.
//!
//! Each is declared once, with its kind, unit, labels and description; code records on its constant. A label's value is
//! a word known to the code or a small number ([`Label`]): so nothing that a person wrote, and nothing that names a
//! person or a session, can become one, and no metric grows with the number of people or sessions.
//!
//! Until [`init`](super::init) is called, and in a process that never calls it, recording does nothing.

mod exemplar;
mod instrument;
pub(super) mod process;

use self::instrument::declare;
pub(super) use self::instrument::start;
pub use self::{
    exemplar::Exemplar,
    instrument::{Counter, Gauge, Histogram, Label, Sum, UpDownCounter},
};
use super::attribute::{
    AUDIENCE, CLOSE_CODE, COMMIT, CPU_MODE, DB_SYSTEM_NAME, DEPENDENCY, FRAME, HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, MESSAGING_SYSTEM, OUTCOME, REASON, REFUSED_FOR,
    RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RUSTC, SAMPLE_RATIO, SERVICE_VERSION, SIGNAL,
    SOCKET_KIND, STATUS,
};
use super::registry::Instrument;

/// Buckets for what a person waits for: those of the semantic conventions, and finer ones below.
const CALLS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0,
    7.5, 10.0,
];
/// Buckets for deliveries: from half a millisecond, on one machine, to the minute after which nobody waits any more.
const DELIVERIES: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
];
/// Buckets for operations of a disk or a network.
const ENGINES: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// Buckets for how many share something.
const SHARES: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0,
];

declare! {
    /// How long a served call took: all of a unary call, only the opening of a stream. `CANCELLED`: the caller gave
    /// up.
    RPC_SERVER_CALL_DURATION: Histogram<2> = "rpc.server.call.duration" {
        unit: "s", labels: [RPC_METHOD, RPC_RESPONSE_STATUS_CODE], buckets: CALLS,
    }
    /// How long a call to another service took, including the wait for a replica: all of a unary call, only the
    /// opening of a stream. `CANCELLED`: it was given up here, mostly because its time was over.
    RPC_CLIENT_CALL_DURATION: Histogram<2> = "rpc.client.call.duration" {
        unit: "s", labels: [RPC_METHOD, RPC_RESPONSE_STATUS_CODE], buckets: CALLS,
    }
    /// How long an HTTP request took, including upgrades to a websocket.
    HTTP_SERVER_REQUEST_DURATION: Histogram<3> = "http.server.request.duration" {
        unit: "s", labels: [HTTP_REQUEST_METHOD, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE], buckets: CALLS,
    }

    /// How long a frame from a browser took, from when it was read until its answer was queued for the browser or, if
    /// it has no answer of its own, until it was handed on.
    FRAME_DURATION: Histogram<2> = "carrel.frame.duration" {
        unit: "s", labels: [FRAME, OUTCOME], buckets: CALLS,
    }
    /// How long an event took to another participant's screen: from when it was accepted (its time, by the clock of
    /// the service that accepted it) until it was written to the socket (by the clock of the gateway). Negative
    /// values, which come from clocks that differ, count as zero. Events that are sent again to a client that comes
    /// back do not count.
    DELIVERY_DURATION: Histogram<1> = "carrel.delivery.duration" {
        unit: "s", labels: [AUDIENCE], buckets: DELIVERIES,
    }
    /// How many browsers' sockets with a known user are open.
    SOCKETS: UpDownCounter<1> = "carrel.sockets" { unit: "{socket}", labels: [SOCKET_KIND] }
    /// How many sockets were closed, by close code.
    SOCKET_CLOSES: Counter<1> = "carrel.socket.closes" { unit: "{socket}", labels: [CLOSE_CODE] }

    /// How long an append took, from entering the writer's queue to its outcome.
    LOG_APPEND_DURATION: Histogram<2> = "carrel.log.append.duration" {
        unit: "s", labels: [DB_SYSTEM_NAME, OUTCOME], buckets: ENGINES,
    }
    /// How long a commit that wrote something took: its statements and its sync.
    LOG_COMMIT_DURATION: Histogram<1> = "carrel.log.commit.duration" {
        unit: "s", labels: [DB_SYSTEM_NAME], buckets: ENGINES,
    }
    /// How many appends shared such a commit.
    LOG_COMMIT_APPENDS: Histogram<1> = "carrel.log.commit.appends" {
        unit: "{append}", labels: [DB_SYSTEM_NAME], buckets: SHARES,
    }
    /// How much disk space the files of the log take. Only of a log in a data folder.
    LOG_SIZE: Gauge<0> = "carrel.log.size" { unit: "By", labels: [] }
    /// How much space the process may still take on the disk of its data folder. Only of a log in a data folder.
    DATA_FOLDER_FREE: Gauge<0> = "carrel.data_folder.free" { unit: "By", labels: [] }

    /// How long publishing a bus message took, until the bus had it or it was given up.
    BUS_PUBLISH_DURATION: Histogram<2> = "carrel.bus.publish.duration" {
        unit: "s", labels: [MESSAGING_SYSTEM, OUTCOME], buckets: ENGINES,
    }
    /// How long a bus message took from its publication (by the clock of the sender) until it was received (by the
    /// clock of the receiver). Negative values, which come from clocks that differ, count as zero.
    BUS_LAG: Histogram<1> = "carrel.bus.lag" {
        unit: "s", labels: [MESSAGING_SYSTEM], buckets: ENGINES,
    }
    /// How often a subscription was told that it may have missed something. Over Redis, each subscription is told so
    /// once when it begins.
    BUS_MISSED: Counter<1> = "carrel.bus.missed" { unit: "{gap}", labels: [MESSAGING_SYSTEM] }

    /// How often events were read that had not arrived by themselves, and why: `gap`, the bus lost a message; `tail`,
    /// the bus lost the last message and a check of the log found it; `resume`, a client came back and had missed
    /// something.
    SESSION_REFILLS: Counter<1> = "carrel.session.refills" { unit: "{refill}", labels: [REASON] }
    /// How often a client that came back had to start over, because its position could not be continued.
    SESSION_RESYNCS: Counter<0> = "carrel.session.resyncs" { unit: "{resync}", labels: [] }

    /// How many patrons wait, not counting practice and those whose connection is lost. The same on every replica of
    /// session-svc.
    PATRONS_WAITING: Gauge<0> = "carrel.patrons.waiting" { unit: "{patron}", labels: [] }
    /// How long the patron among these who has waited longest has been waiting. The same on every replica of
    /// session-svc.
    PATRONS_LONGEST_WAIT: Gauge<0> = "carrel.patrons.longest_wait" { unit: "s", labels: [] }
    /// How many running sessions are owned by a librarian. The same on every replica of session-svc.
    SESSIONS_RUNNING: Gauge<0> = "carrel.sessions.running" { unit: "{session}", labels: [] }
    /// How many queues are monitored by a librarian who takes new patrons. The same on every replica of presence-svc.
    QUEUES_STAFFED: Gauge<0> = "carrel.queues.staffed" { unit: "{queue}", labels: [] }
    /// How many queues, not counting practice queues and those out of hours, have waiting patrons and no librarian who
    /// takes new ones. The same on every replica of presence-svc.
    QUEUES_UNSTAFFED_WAITING: Gauge<0> = "carrel.queues.unstaffed_waiting" { unit: "{queue}", labels: [] }
    /// How many librarians are at the desk. The same on every replica of presence-svc.
    LIBRARIANS: Gauge<1> = "carrel.librarians" { unit: "{librarian}", labels: [STATUS] }
    /// How long ago the store of leases last confirmed who is at the desk.
    PRESENCE_AGE: Gauge<0> = "carrel.presence.age" { unit: "s", labels: [] }
    /// How many log-ins were refused, and why. The caller is told less.
    LOG_IN_REFUSALS: Counter<1> = "carrel.log_in.refusals" { unit: "{log_in}", labels: [REFUSED_FOR] }

    /// How many keys verify tokens in this process: more than one since a rotation, until the older ones retire.
    KEYS: Gauge<0> = "carrel.keys" { unit: "{key}", labels: [] }
    /// How long ago the newest of these keys was made. It falls when a rotation arrives in this process, and should
    /// be the same everywhere.
    KEYS_NEWEST_AGE: Gauge<0> = "carrel.keys.newest_age" { unit: "s", labels: [] }

    /// Whether a dependency of the process is as it should be: 1, or 0 while `/ready` says that it is degraded.
    DEPENDENCY_UP: Gauge<1> = "carrel.dependency.up" { unit: "", labels: [DEPENDENCY] }
    /// How much telemetry was dropped because the collector was away, was slow or refused it.
    TELEMETRY_DROPPED: Counter<1> = "carrel.telemetry.dropped" { unit: "{item}", labels: [SIGNAL] }
    /// Always 1. The labels say what was built.
    BUILD_INFO: Gauge<3> = "carrel.build.info" {
        unit: "", labels: [SERVICE_VERSION, COMMIT, RUSTC],
    }
    /// Always 1. The labels say which engines the process uses (`none` if it has no such engine) and which share of
    /// the traces it keeps.
    CONFIG_INFO: Gauge<3> = "carrel.config.info" {
        unit: "", labels: [DB_SYSTEM_NAME, MESSAGING_SYSTEM, SAMPLE_RATIO],
    }

    /// When the process started, in Unix time.
    PROCESS_START_TIME: Gauge<0> = "process.start_time" { unit: "s", labels: [] }
    /// How much CPU time the process has used. Only on Linux.
    PROCESS_CPU_TIME: Sum<1> = "process.cpu.time" { unit: "s", labels: [CPU_MODE] }
    /// How much memory the process uses. Only on Linux.
    PROCESS_MEMORY_USAGE: Gauge<0> = "process.memory.usage" { unit: "By", labels: [] }
    /// How many file descriptors the process has open. Only on Linux.
    PROCESS_OPEN_FILE_DESCRIPTORS: Gauge<0> = "process.open_file_descriptors" {
        unit: "{file_descriptor}", labels: [],
    }
}
