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
    HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE, MESSAGING_SYSTEM, OUTCOME, REASON, RPC_METHOD,
    RPC_RESPONSE_STATUS_CODE, RUSTC, SAMPLE_RATIO, SERVICE_VERSION, SIGNAL, SOCKET_KIND, STATUS,
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
    /// How long a call took that was served: all of a unary one, the opening of a stream. `CANCELLED`: the caller gave
    /// it up.
    RPC_SERVER_CALL_DURATION: Histogram<2> = "rpc.server.call.duration" {
        unit: "s", labels: [RPC_METHOD, RPC_RESPONSE_STATUS_CODE], buckets: CALLS,
    }
    /// How long a call to another service took, the wait for a replica included: all of a unary one, the opening of a
    /// stream. `CANCELLED`: it was given up here, mostly because its time was over.
    RPC_CLIENT_CALL_DURATION: Histogram<2> = "rpc.client.call.duration" {
        unit: "s", labels: [RPC_METHOD, RPC_RESPONSE_STATUS_CODE], buckets: CALLS,
    }
    /// How long a request by HTTP took, the upgrade to a websocket among them.
    HTTP_SERVER_REQUEST_DURATION: Histogram<3> = "http.server.request.duration" {
        unit: "s", labels: [HTTP_REQUEST_METHOD, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE], buckets: CALLS,
    }

    /// How long a browser's frame took, from when it was read until its answer was queued for the browser; of a frame
    /// that has no answer of its own, until it was handed on.
    FRAME_DURATION: Histogram<2> = "carrel.frame.duration" {
        unit: "s", labels: [FRAME, OUTCOME], buckets: CALLS,
    }
    /// How long an event took to somebody else's screen: from when it was accepted (its time, by the clock of the
    /// service that accepted it) until it was written to the socket (by the clock of the gateway). What clocks that are
    /// apart make negative counts as zero. What is sent again to one who comes back does not count.
    DELIVERY_DURATION: Histogram<1> = "carrel.delivery.duration" {
        unit: "s", labels: [AUDIENCE], buckets: DELIVERIES,
    }
    /// How many browsers' sockets are open whose users are known.
    SOCKETS: UpDownCounter<1> = "carrel.sockets" { unit: "{socket}", labels: [SOCKET_KIND] }
    /// How many sockets were closed, and why.
    SOCKET_CLOSES: Counter<1> = "carrel.socket.closes" { unit: "{socket}", labels: [CLOSE_CODE] }

    /// How long an append took, from its way into the writer's queue to its outcome.
    LOG_APPEND_DURATION: Histogram<2> = "carrel.log.append.duration" {
        unit: "s", labels: [DB_SYSTEM_NAME, OUTCOME], buckets: ENGINES,
    }
    /// How long a commit took that wrote something: its statements and its sync.
    LOG_COMMIT_DURATION: Histogram<1> = "carrel.log.commit.duration" {
        unit: "s", labels: [DB_SYSTEM_NAME], buckets: ENGINES,
    }
    /// How many appends shared such a commit.
    LOG_COMMIT_APPENDS: Histogram<1> = "carrel.log.commit.appends" {
        unit: "{append}", labels: [DB_SYSTEM_NAME], buckets: SHARES,
    }

    /// How long a word took from its publication until the bus had it, or until it was given up.
    BUS_PUBLISH_DURATION: Histogram<2> = "carrel.bus.publish.duration" {
        unit: "s", labels: [MESSAGING_SYSTEM, OUTCOME], buckets: ENGINES,
    }
    /// How long a word took from its publication (by the clock of who published it) until it was received (by the
    /// clock of who did). What clocks that are apart make negative counts as zero.
    BUS_LAG: Histogram<1> = "carrel.bus.lag" {
        unit: "s", labels: [MESSAGING_SYSTEM], buckets: ENGINES,
    }
    /// How often a subscription was told that it may have missed something. Over Redis each is told so once when it
    /// begins.
    BUS_MISSED: Counter<1> = "carrel.bus.missed" { unit: "{gap}", labels: [MESSAGING_SYSTEM] }

    /// How often events were fetched that had not come by themselves, and why: `gap`, the bus lost a word; `tail`, the
    /// last word was lost and a look at the log found it; `resume`, somebody came back and had missed something.
    SESSION_REFILLS: Counter<1> = "carrel.session.refills" { unit: "{refill}", labels: [REASON] }
    /// How often somebody who came back had to begin anew, because their position was of another history.
    SESSION_RESYNCS: Counter<0> = "carrel.session.resyncs" { unit: "{resync}", labels: [] }

    /// How many patrons wait, but those who practise or are lost. The same on every replica of session-svc.
    PATRONS_WAITING: Gauge<0> = "carrel.patrons.waiting" { unit: "{patron}", labels: [] }
    /// Since when the patron of these waits who has waited longest. The same on every replica of session-svc.
    PATRONS_LONGEST_WAIT: Gauge<0> = "carrel.patrons.longest_wait" { unit: "s", labels: [] }
    /// How many sessions run that a librarian owns. The same on every replica of session-svc.
    SESSIONS_RUNNING: Gauge<0> = "carrel.sessions.running" { unit: "{session}", labels: [] }
    /// How many queues are monitored by a librarian who takes new patrons. The same on every replica of presence-svc.
    QUEUES_STAFFED: Gauge<0> = "carrel.queues.staffed" { unit: "{queue}", labels: [] }
    /// How many queues, but those for practice and those out of hours, have patrons who wait and nobody who takes new ones. The same on every replica of presence-svc.
    QUEUES_UNSTAFFED_WAITING: Gauge<0> = "carrel.queues.unstaffed_waiting" { unit: "{queue}", labels: [] }
    /// How many librarians are here. The same on every replica of presence-svc.
    LIBRARIANS: Gauge<1> = "carrel.librarians" { unit: "{librarian}", labels: [STATUS] }
    /// Since when the store of leases has not confirmed who is here.
    PRESENCE_AGE: Gauge<0> = "carrel.presence.age" { unit: "s", labels: [] }

    /// Whether something is as it should be on which the process depends: 1, or 0 as long as `/ready` says that it is
    /// degraded.
    DEPENDENCY_UP: Gauge<1> = "carrel.dependency.up" { unit: "", labels: [DEPENDENCY] }
    /// How much telemetry was given up because the collector was away, slow or refused it.
    TELEMETRY_DROPPED: Counter<1> = "carrel.telemetry.dropped" { unit: "{item}", labels: [SIGNAL] }
    /// Always 1: what was built.
    BUILD_INFO: Gauge<3> = "carrel.build.info" {
        unit: "", labels: [SERVICE_VERSION, COMMIT, RUSTC],
    }
    /// Always 1: on which engines the process stands (`none`: it has no such engine), and which part of the traces it
    /// keeps.
    CONFIG_INFO: Gauge<3> = "carrel.config.info" {
        unit: "", labels: [DB_SYSTEM_NAME, MESSAGING_SYSTEM, SAMPLE_RATIO],
    }

    /// How much of the processors' time the process has used. Only on Linux.
    PROCESS_CPU_TIME: Sum<1> = "process.cpu.time" { unit: "s", labels: [CPU_MODE] }
    /// How much memory the process holds. Only on Linux.
    PROCESS_MEMORY_USAGE: Gauge<0> = "process.memory.usage" { unit: "By", labels: [] }
    /// How many file descriptors the process has open. Only on Linux.
    PROCESS_OPEN_FILE_DESCRIPTOR_COUNT: Gauge<0> = "process.open_file_descriptor.count" {
        unit: "{file_descriptor}", labels: [],
    }
}
