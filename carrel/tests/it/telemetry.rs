//! The trace of one message, from a browser's frame to the other browser's socket. D80, I31, PR8.

use std::time::Duration;

use carrel_platform::telemetry::attribute;
use carrel_proto::gateway::v1::{
    Act, OpenSession, PickUp, act, client_frame::Frame as Request, server_frame::Frame,
};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use tokio::time::timeout;

use crate::{
    access::command_id,
    exposition::get,
    otlp::{self, Collector, ReceivedSpan},
    process::Process,
    socket::{act_and_wait, message},
};

/// Texts that must never be in a trace.
const SECRET: &str = "the letters of my grandmother";
const NAME: &str = "Ricky Ricardo";
/// The trace and the span that the librarian's browser names as its frame's parent.
const BROWSER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const BROWSER_SPAN: &str = "00f067aa0ba902b7";

/// Longer than any machine needs.
const LONG: Duration = Duration::from_secs(60);

const PICK_UP: &str = "carrel.session.v1.SessionService/PickUpSession";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_one_trace_from_frame_to_socket() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let endpoint = collector.endpoint();
    let settings = [
        ("CARREL_TELEMETRY__OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    let process = Process::start(&folder.path().join("data"), &settings);
    // Whoever probes has done nothing that a trace could show.
    for path in ["/healthz", "/readyz"] {
        let (head, _) = get(process.access.http, path, "text/plain").await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
    let secrets = tell(&process).await;
    // The export at the very end is given up after a second, so wait before the stop. If this times out, the assertions
    // below say what is missing.
    let _ = timeout(LONG, collector.wait_until(all_came)).await;
    assert!(process.terminate().success());

    let trace = Trace(collector.spans());
    let frame = trace.one(|span| {
        span.links
            .iter()
            .any(|link| link.span_id == bytes(BROWSER_SPAN))
    });
    assert_eq!(frame.kind, SpanKind::Server as i32);
    assert!(
        frame.parent_span_id.is_empty(),
        "a browser's trace is not continued"
    );
    assert_ne!(frame.trace_id, bytes(BROWSER_TRACE));
    let act = trace.child(trace.child(frame, "session.act"), "session.act");
    let append = trace.child(act, "session.append");
    let log_append = trace.child(append, "log.append");
    let commit = trace.one(|span| {
        span.name == "log.commit"
            && span
                .links
                .iter()
                .any(|link| link.span_id == log_append.span_id)
    });
    assert_ne!(
        commit.trace_id, frame.trace_id,
        "a commit is shared by several traces"
    );
    let deliveries = trace.children(act, "deliver");
    assert_eq!(deliveries.len(), 2, "the patron's and the librarian's own");
    let hash = otlp::attribute(deliveries[0], attribute::SESSION_HASH).unwrap();
    assert_eq!(hash.len(), 16);

    let call = trace.one(|span| span.name == PICK_UP && span.kind == SpanKind::Client as i32);
    let served = trace.child(call, PICK_UP);
    assert_eq!(served.kind, SpanKind::Server as i32);
    let log_append = trace.child(trace.child(served, "session.append"), "log.append");
    assert_eq!(log_append.trace_id, trace.parent(call).trace_id);

    trace.holds_none_of(&secrets);
    let probes = ["healthz", "readyz", "Health"];
    for name in trace.names() {
        assert!(!probes.iter().any(|probe| name.contains(probe)), "{name}");
    }
}

/// Whether all spans that the test looks at have arrived: spans are exported when they end, so parents may come last.
fn all_came(received: &[ReceivedSpan]) -> bool {
    let in_trace_of = |one: &Span, name: &str| {
        let of_trace = |received: &&ReceivedSpan| {
            received.span.trace_id == one.trace_id && received.span.name == name
        };
        received.iter().filter(of_trace).count()
    };
    let find = |wanted: &dyn Fn(&Span) -> bool| {
        let mut spans = received.iter().map(|received| &received.span);
        spans.find(|span| wanted(span))
    };
    let links_with = |span: &Span, id: &[u8]| span.links.iter().any(|link| link.span_id == id);
    let Some(frame) = find(&|span| links_with(span, &bytes(BROWSER_SPAN))) else {
        return false;
    };
    let Some(call) = find(&|span| span.name == PICK_UP && span.kind == SpanKind::Client as i32)
    else {
        return false;
    };
    let committed = received.iter().any(|received| {
        received.span.name == "log.append"
            && received.span.trace_id == frame.trace_id
            && find(&|span| span.name == "log.commit" && links_with(span, &received.span.span_id))
                .is_some()
    });
    committed
        && in_trace_of(frame, "session.act") >= 2
        && in_trace_of(frame, "session.append") >= 1
        && in_trace_of(frame, "deliver") >= 2
        && find(&|span| span.span_id == call.parent_span_id).is_some()
        && in_trace_of(call, PICK_UP) >= 2
        && in_trace_of(call, "session.append") >= 1
        && in_trace_of(call, "log.append") >= 1
}

/// Plays a question, a pick-up and a message. Returns what must not be in any trace.
async fn tell(process: &Process) -> Vec<String> {
    let access = &process.access;
    let patron = access.admit("maple").await;
    let map = access.log_in("map@harbor").await;
    let session_id = &patron.session_id;
    let mut ricky = access.socket(&patron.token).await;
    let question = OpenSession {
        question: SECRET.to_owned(),
        patron_name: NAME.to_owned(),
        patron_email: "ricky@example.org".to_owned(),
        language: String::new(),
    };
    let question = act::Act::OpenSession(question);
    act_and_wait(&mut ricky, session_id, &command_id(), question)
        .await
        .unwrap();
    ricky.attend(session_id, None).await.unwrap();
    let mut ms_map = access.socket(&map).await;
    let pick_up = act::Act::PickUp(PickUp {});
    act_and_wait(&mut ms_map, session_id, &command_id(), pick_up)
        .await
        .unwrap();
    ms_map.attend(session_id, None).await.unwrap();
    ms_map
        .wait_for(|frame| matches!(frame, Frame::Attending(_)).then_some(()))
        .await
        .unwrap();
    let post = Act {
        command_id: command_id(),
        session_id: session_id.clone(),
        act: Some(message(SECRET)),
    };
    let browser = format!("00-{BROWSER_TRACE}-{BROWSER_SPAN}-01");
    ms_map
        .send_traced(Request::Act(post), &browser)
        .await
        .unwrap();
    for socket in [&mut ricky, &mut ms_map] {
        socket
            .wait_for(|frame| match frame {
                Frame::Event(event) => (event.event?.position == 3).then_some(()),
                _ => None,
            })
            .await
            .unwrap();
    }
    [
        SECRET,
        NAME,
        "ricky@example.org",
        "map@harbor",
        "Ms Map",
        session_id,
        &patron.token,
        &map,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// All spans that the collector received.
struct Trace(Vec<Span>);

impl Trace {
    fn one(&self, wanted: impl Fn(&Span) -> bool) -> &Span {
        let found: Vec<_> = self.0.iter().filter(|span| wanted(span)).collect();
        assert_eq!(found.len(), 1, "{found:#?} of {:#?}", self.names());
        found[0]
    }

    fn children(&self, parent: &Span, name: &str) -> Vec<&Span> {
        let of_parent = |span: &&Span| {
            span.parent_span_id == parent.span_id && span.trace_id == parent.trace_id
        };
        let all = self.0.iter().filter(of_parent);
        all.filter(|span| span.name == name).collect()
    }

    fn child(&self, parent: &Span, name: &str) -> &Span {
        let found = self.children(parent, name);
        assert_eq!(
            found.len(),
            1,
            "{name} below {parent:#?} of {:#?}",
            self.names()
        );
        found[0]
    }

    fn parent(&self, child: &Span) -> &Span {
        self.one(|span| span.span_id == child.parent_span_id)
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|span| span.name.as_str()).collect()
    }

    fn holds_none_of(&self, secrets: &[String]) {
        for span in &self.0 {
            let text = format!("{span:?}");
            for secret in secrets {
                assert!(!text.contains(secret), "{secret:?} is in {span:#?}");
            }
            for pair in &span.attributes {
                let known = attribute::ALL.iter().any(|row| row.name == pair.key);
                assert!(known, "{} of {} is in no list", pair.key, span.name);
            }
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}
