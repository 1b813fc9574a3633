//! The traces of what people do at a desk that runs as many processes, as a collector receives them: from a browser's
//! frame through each process to the other browsers' sockets. D80, I31, PR8.
//!
//! The programs are those of the workspace; `cargo test --workspace` builds them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fixture;
#[path = "../../../platform/tests/otlp/mod.rs"]
mod otlp;
mod scenario;
mod spans;
mod tab;

use carrel_platform::telemetry::{attribute, metric};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind::{
    Client, Consumer, Internal, Producer, Server,
};
use otlp::{Collector, ReceivedSpan};
use scenario::{
    ACCEPT, ENTER, IM, LOOK_IN, MESSAGE, NOTE, OFFER, PICK_UP, REFILL, SECOND_IM, Scenario,
};
use spans::{Step, Traces};
use tab::BrowserTrace;

const GATEWAY: &str = "carrel-gateway";
const SESSION: &str = "carrel-session";
const PRESENCE: &str = "carrel-presence";
const IM_SVC: &str = "carrel-im";

const SEND: &str = "send session/{id}";
const PROCESS: &str = "process session/{id}";

#[tokio::test(flavor = "multi_thread")]
async fn each_act_is_one_trace_over_all_processes() {
    let collector = Collector::start().await;
    let scenario = Scenario::run(&collector).await;
    let traces = Traces(collector.received());

    traces.have_no_orphans();
    traces.are_declared();
    a_message(&traces);
    a_note(&traces);
    let picked_up = a_call(
        &traces,
        PICK_UP,
        "carrel.session.v1.SessionService/PickUpSession",
    );
    is_delivered_on_the_other_side(&traces, picked_up);
    for (trace, method) in [
        (OFFER, "carrel.session.v1.TransferService/OfferTransfer"),
        (ACCEPT, "carrel.session.v1.TransferService/AcceptTransfer"),
    ] {
        is_delivered_on_both_sides(&traces, a_call(&traces, trace, method));
    }
    entering(&traces);
    an_im(&traces);
    a_refill(&traces);
    nobody_can_tell(&traces, &scenario);
    nothing_personal(&traces, &scenario);
    measures_and_lines_come_too(&collector, &scenario);
}

/// Checks an act on the stream: the patron's frame, the act, its decision and append, its way to the other server, and
/// both deliveries.
fn a_message(traces: &Traces) {
    let frame = traces.frame(MESSAGE);
    let answered = traces.one_at_the_end_of(frame, &[("session.act", Client, GATEWAY)]);
    let act = traces.one_at_the_end_of(answered, &[("session.act", Server, SESSION)]);
    assert!(
        answered.span.end_time_unix_nano >= act.span.start_time_unix_nano,
        "back to the acknowledgement"
    );
    is_written_and_told(traces, act);
    is_delivered_on_both_sides(traces, act);
}

fn a_note(traces: &Traces) {
    let way: [Step; 2] = [
        ("session.act", Client, GATEWAY),
        ("session.act", Server, SESSION),
    ];
    let act = traces.one_at_the_end_of(traces.frame(NOTE), &way);
    is_written_and_told(traces, act);
    is_delivered_on_both_sides(traces, act);
}

/// Checks an act made by a separate call, and returns the span of the call in session-svc.
fn a_call<'a>(traces: &'a Traces, trace: BrowserTrace, method: &'static str) -> &'a ReceivedSpan {
    let way: [Step; 2] = [(method, Client, GATEWAY), (method, Server, SESSION)];
    let served = traces.one_at_the_end_of(traces.frame(trace), &way);
    is_written_and_told(traces, served);
    served
}

/// Entering conference mode is written and published to the other server, and delivered to nobody.
fn entering(traces: &Traces) {
    let entered = a_call(
        traces,
        ENTER,
        "carrel.session.v1.SessionService/EnterConference",
    );
    let delivered: Vec<_> = traces.in_trace_of(entered, "deliver").collect();
    assert!(delivered.is_empty(), "{delivered:#?}");
}

/// Checks what is below an act that changed something: the decision, the append, the shared commit, and the word to the
/// other server.
fn is_written_and_told(traces: &Traces, act: &ReceivedSpan) {
    let append = [
        ("session.append", Internal, SESSION),
        ("log.append", Client, SESSION),
    ];
    let append = traces.append_at_the_end_of(act, ("session.decide", Internal, SESSION), &append);
    let commit = traces.linked("log.commit", append);
    assert_ne!(
        commit.span.trace_id, append.span.trace_id,
        "a commit is shared"
    );
    for figure in [
        attribute::DB_OPERATION_BATCH_SIZE,
        attribute::LOG_SYNC_US,
        attribute::LOG_WRITE_US,
    ] {
        assert!(
            otlp::attribute(&commit.span, figure).is_some(),
            "{figure} of {commit:#?}"
        );
    }
    let send = traces.one_at_the_end_of(act, &[(SEND, Producer, SESSION)]);
    let process = traces.one_at_the_end_of(send, &[(PROCESS, Consumer, SESSION)]);
    assert_ne!(send.instance, process.instance, "by the bus");
}

/// Checks that there is a delivery at the gateway of the server that was called, and at the gateway of the other.
fn is_delivered_on_both_sides(traces: &Traces, act: &ReceivedSpan) {
    let near = traces.at_the_end_of(act, &[("deliver", Consumer, GATEWAY)]);
    for far in is_delivered_on_the_other_side(traces, act) {
        assert!(
            near.iter().all(|near| near.instance != far.instance),
            "to another gateway"
        );
    }
}

fn is_delivered_on_the_other_side<'a>(
    traces: &'a Traces,
    act: &'a ReceivedSpan,
) -> Vec<&'a ReceivedSpan> {
    let far = [
        (SEND, Producer, SESSION),
        (PROCESS, Consumer, SESSION),
        ("deliver", Consumer, GATEWAY),
    ];
    traces.at_the_end_of(act, &far)
}

/// Checks the first message to a colleague, which creates the conversation, and the second.
fn an_im(traces: &Traces) {
    const SEND_MESSAGE: &str = "carrel.im.v1.ImService/SendMessage";
    for trace in [IM, SECOND_IM] {
        let frame = traces.frame(trace);
        let way = [
            (SEND_MESSAGE, Client, GATEWAY),
            (SEND_MESSAGE, Server, IM_SVC),
        ];
        let served = traces.one_at_the_end_of(frame, &way);
        // im-svc asks whether the two share a queue.
        let asks = traces
            .below(served)
            .find(|received| received.span.kind() == Client);
        let asks = asks.expect("a question to presence-svc");
        let mut answers = traces.below(asks);
        assert!(
            answers.any(|received| received.service == PRESENCE && received.span.kind() == Server),
            "{asks:#?} is not answered"
        );
        let append = [
            ("im.append", Internal, IM_SVC),
            ("log.append", Client, IM_SVC),
        ];
        let decide = ("im.decide", Internal, IM_SVC);
        let append = traces.append_at_the_end_of(served, decide, &append);
        traces.linked("log.commit", append);
        let far = [
            ("send im/{id}", Producer, IM_SVC),
            ("process im/{id}", Consumer, IM_SVC),
            ("deliver", Consumer, GATEWAY),
        ];
        traces.at_the_end_of(served, &far);
    }
}

/// Checks that a patron who comes back gets the two missed messages.
fn a_refill(traces: &Traces) {
    const ATTEND: &str = "carrel.session.v1.SessionService/Attend";
    let frame = traces.frame(REFILL);
    assert_eq!(frame.span.name, "ws attend");
    let call = traces.one_at_the_end_of(frame, &[(ATTEND, Client, GATEWAY)]);
    assert!(
        call.span.start_time_unix_nano <= frame.span.end_time_unix_nano,
        "a frame's span lasts until it was carried out"
    );
    traces.one_at_the_end_of(call, &[(ATTEND, Server, SESSION)]);
    let join = traces.one_at_the_end_of(call, &[("session.join", Server, SESSION)]);
    let said = |key| otlp::attribute(&join.span, key);
    assert_eq!(said(attribute::REASON).as_deref(), Some("resume"));
    assert_eq!(said(attribute::EVENTS).as_deref(), Some("2"));
    let deliveries = traces.at_the_end_of(join, &[("deliver", Consumer, GATEWAY)]);
    assert_eq!(deliveries.len(), 2, "the beginning and the end of it");
}

/// No browser receives the id of a trace, and no trace of what an undisclosed supervisor does includes a delivery at
/// the librarian's gateway (I18).
fn nobody_can_tell(traces: &Traces, scenario: &Scenario) {
    for exported in &traces.0 {
        let id = &exported.span.trace_id;
        let hexadecimal: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        for (who, received) in &scenario.received {
            let holds = |needle: &[u8]| {
                received
                    .windows(needle.len())
                    .any(|window| window == needle)
            };
            assert!(
                !holds(id) && !holds(hexadecimal.as_bytes()),
                "{who} was told of the trace of {}",
                exported.span.name
            );
        }
    }
    for trace in [ENTER, LOOK_IN] {
        let frame = traces.frame(trace);
        for delivery in traces.in_trace_of(frame, "deliver") {
            assert_eq!(
                delivery.instance, frame.instance,
                "{trace:?} came to the librarian's gateway"
            );
        }
    }
}

/// Nobody's texts, names or tokens are in a span: not in a name, an attribute, an event or a status.
fn nothing_personal(traces: &Traces, scenario: &Scenario) {
    for exported in &traces.0 {
        let said = format!("{:?}", exported.span);
        for canary in &scenario.canaries {
            assert!(
                !said.contains(canary.as_str()),
                "{canary} is in {exported:#?}"
            );
        }
    }
}

/// The processes export their metrics and log lines to the same collector, and those have nothing personal either.
fn measures_and_lines_come_too(collector: &Collector, scenario: &Scenario) {
    let (metrics, lines) = (collector.measures().metrics(), collector.measures().lines());
    for row in [
        metric::RPC_SERVER_CALL_DURATION.row(),
        metric::FRAME_DURATION.row(),
        metric::DELIVERY_DURATION.row(),
        metric::LOG_COMMIT_DURATION.row(),
        metric::BUS_LAG.row(),
        metric::SESSION_REFILLS.row(),
    ] {
        let came = metrics.iter().find(|metric| metric.name == row.name);
        let came = came.unwrap_or_else(|| panic!("{} was not pushed", row.name));
        assert_eq!(came.unit, row.unit);
    }
    assert!(!lines.is_empty(), "no line came");
    let said = format!("{metrics:?}{lines:?}");
    for canary in &scenario.canaries {
        assert!(
            !said.contains(canary.as_str()),
            "{canary} is in a metric or a line"
        );
    }
}
