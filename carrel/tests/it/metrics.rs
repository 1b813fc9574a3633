//! What operators are shown of a desk: everything that is declared, and nothing else. D80, I18, I31, PR8.

use std::{
    collections::HashSet,
    fs::File,
    io::Write as _,
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use carrel_gateway::close::Close;
use carrel_platform::telemetry::{metric, registry::Instrument};
use carrel_proto::{
    directory::v1::LogInRequest,
    gateway::v1::{
        EnterConference, OpenSession, PickUp, act, client_frame::Frame as Request,
        server_frame::Frame,
    },
    presence::v1::{Announcement, MonitoredQueues},
    session::v1::{PushPage, WriteNote},
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use serde_json::Value as Json;

use crate::{
    access::{Access, Admission, command_id},
    exposition::{Exposition, get, scrape},
    otlp::Collector,
    process::Process,
    socket::{Socket, act_and_wait, message},
};

/// Part of every text that the people in the test can write.
const CANARY: &str = "canary-in-a-coal-mine";

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_declared_is_measured_and_nothing_else() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    let endpoint = collector.endpoint();
    let settings = [
        ("CARREL_HEALTH__ADDRESS", "127.0.0.1:0"),
        ("CARREL_TELEMETRY__OTLP_ENDPOINT", endpoint.as_str()),
        ("CARREL_TELEMETRY__LOG_FORMAT", "json"),
        ("CARREL_TELEMETRY__LOG_FILTER", "trace"),
    ];
    let told: Stdio = File::create(&lines).unwrap().into();
    let process = Process::launch(&folder.path().join("data"), &settings, told);
    let health = process.health.unwrap();
    let scenario = Scenario::run(&process.access).await;

    let shown = until(health, |shown| {
        let delivered = |audience| {
            let of = [("carrel_audience", audience)];
            shown.value(metric::DELIVERY_DURATION.row(), &of)
        };
        let of = [("carrel_close_code", "1001")];
        let closed = shown.value(metric::SOCKET_CLOSES.row(), &of);
        delivered("patron") >= Some(2.0) && delivered("staff") >= Some(2.0) && closed == Some(1.0)
    })
    .await;
    let open = scrape(health, true).await;
    for shown in [&shown, &open] {
        shown.is_declared(metric::ALL);
        for row in metric::ALL {
            assert!(!shown.of(row).is_empty(), "{} is not shown", row.name);
        }
        says_how_the_desk_stands(shown);
    }
    promtool_takes(&shown);
    let (_, page) = get(process.access.http, "/metrics", "text/plain").await;
    assert!(!page.contains("carrel_"), "browsers are shown it: {page}");

    // While the sockets and the session are still open: gauges of what has ended are no longer collected.
    until_all_is_pushed(&collector).await;
    let mut socket = scenario.librarian;
    process.signal("TERM");
    while socket.next().await.is_ok() {}
    assert!(process.wait().success());

    has_exemplars(&open, &collector);
    let pushed = collector.measures().metrics();
    for row in metric::ALL {
        let came = pushed.iter().find(|metric| metric.name == row.name);
        let came = came.unwrap_or_else(|| panic!("{} was not pushed", row.name));
        assert_eq!(came.unit, row.unit, "{}", row.name);
        assert_eq!(came.description, row.text, "{}", row.name);
    }
    let written = std::fs::read_to_string(&lines).unwrap();
    lines_name_their_traces(&written, &collector);
    let all = [
        ("scraped", shown.text),
        ("scraped as OpenMetrics", open.text),
        ("pushed", format!("{pushed:?}")),
        (
            "exported lines",
            format!("{:?}", collector.measures().lines()),
        ),
        ("lines", written),
    ];
    for (place, text) in &all {
        for secret in &scenario.secrets {
            assert!(!text.contains(secret), "{secret:?} is in what was {place}");
        }
    }
}

async fn until_all_is_pushed(collector: &Collector) {
    let is_pushed = |row: &&Instrument| {
        let pushed = collector.measures().metrics();
        pushed.iter().any(|metric| metric.name == row.name)
    };
    while !metric::ALL.iter().all(is_pushed) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Checks the gauges of the desk: one patron waits, another is answered, and a supervisor, who must not be counted, is
/// inside.
fn says_how_the_desk_stands(shown: &Exposition) {
    // Each close code is shown, as zero if need be, before the first socket closes with it.
    for close in Close::ALL.map(Close::code).iter().map(u16::to_string) {
        let of = [("carrel_close_code", close.as_str())];
        let value = shown.value(metric::SOCKET_CLOSES.row(), &of);
        assert!(value.is_some(), "closed with {close}");
    }
    for (row, labels, value) in [
        (metric::PATRONS_WAITING.row(), &[][..], 1.0),
        (metric::SESSIONS_RUNNING.row(), &[], 1.0),
        (metric::QUEUES_UNSTAFFED_WAITING.row(), &[], 0.0),
        (
            metric::LIBRARIANS.row(),
            &[("carrel_status", "available")],
            1.0,
        ),
        (metric::LIBRARIANS.row(), &[("carrel_status", "away")], 0.0),
        (
            metric::SOCKETS.row(),
            &[("carrel_socket_kind", "patron")],
            1.0,
        ),
        (
            metric::SOCKETS.row(),
            &[("carrel_socket_kind", "staff")],
            2.0,
        ),
        (
            metric::SOCKET_CLOSES.row(),
            &[("carrel_close_code", "1001")],
            1.0,
        ),
        (
            metric::DEPENDENCY_UP.row(),
            &[("carrel_dependency", "log")],
            1.0,
        ),
        (
            metric::DEPENDENCY_UP.row(),
            &[("carrel_dependency", "keys")],
            1.0,
        ),
        (metric::KEYS.row(), &[], 1.0),
        (
            metric::LOG_IN_REFUSALS.row(),
            &[("carrel_refused_for", "credentials")],
            1.0,
        ),
        (
            metric::LOG_IN_REFUSALS.row(),
            &[("carrel_refused_for", "account")],
            0.0,
        ),
        (
            metric::FRAME_DURATION.row(),
            &[("carrel_frame", "pick_up"), ("carrel_outcome", "ok")],
            1.0,
        ),
        (
            metric::FRAME_DURATION.row(),
            &[("carrel_frame", "pick_up"), ("carrel_outcome", "NOT_FOUND")],
            1.0,
        ),
        (
            metric::RPC_SERVER_CALL_DURATION.row(),
            &[
                (
                    "rpc_method",
                    "carrel.session.v1.SessionService/PickUpSession",
                ),
                ("rpc_response_status_code", "OK"),
            ],
            1.0,
        ),
        (
            metric::HTTP_SERVER_REQUEST_DURATION.row(),
            &[
                ("http_route", "/v1/socket"),
                ("http_response_status_code", "101"),
            ],
            4.0,
        ),
    ] {
        let found = shown.value(row, labels);
        assert_eq!(found, Some(value), "{} {labels:?}", row.name);
    }
    assert!(shown.value(metric::QUEUES_STAFFED.row(), &[]) >= Some(1.0));
    for row in [metric::LOG_SIZE.row(), metric::DATA_FOLDER_FREE.row()] {
        assert!(shown.value(row, &[]) > Some(0.0), "{}", row.name);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let started = shown.value(metric::PROCESS_START_TIME.row(), &[]).unwrap();
    let age = shown.value(metric::KEYS_NEWEST_AGE.row(), &[]).unwrap();
    // The keys were made when it first started, after its telemetry; what is shown is from a moment ago.
    assert!(started > 0.0 && started + age <= now.as_secs_f64());
    assert!(shown.value(metric::PATRONS_LONGEST_WAIT.row(), &[]) > Some(0.0));
}

/// The buckets of deliveries have exemplars, which lead to exported traces.
fn has_exemplars(open: &Exposition, collector: &Collector) {
    let all = open.of(metric::DELIVERY_DURATION.row()).iter();
    let exemplars: Vec<_> = all.filter_map(|sample| sample.exemplar.as_ref()).collect();
    assert!(!exemplars.is_empty());
    let traces: HashSet<String> = collector
        .spans()
        .iter()
        .map(|span| {
            span.trace_id
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        })
        .collect();
    for (labels, value) in exemplars {
        assert!(*value >= 0.0);
        let trace = &labels["trace_id"];
        assert!(traces.contains(trace), "{trace} was not exported");
    }
}

/// `promtool` finds no fault with the exposition.
fn promtool_takes(shown: &Exposition) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool; scripts/setup.sh prometheus installs it");
    let mut stdin = promtool.stdin.take().unwrap();
    stdin.write_all(shown.text.as_bytes()).unwrap();
    drop(stdin);
    let said = promtool.wait_with_output().unwrap();
    let said = [said.stdout, said.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(said, "");
}

/// Log lines written within a trace name it, on standard error and at the collector.
fn lines_name_their_traces(written: &str, collector: &Collector) {
    let mut traced = 0;
    for line in written.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let target = line["target"].as_str().unwrap();
        let level = line["level"].as_str().unwrap();
        assert!(
            target.starts_with("carrel") || !matches!(level, "DEBUG" | "TRACE"),
            "a library tells too much: {line}"
        );
        if let Some(id) = line.get("trace_id") {
            assert_eq!(id.as_str().unwrap().len(), 32);
            assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
            traced += 1;
        }
    }
    assert!(traced > 0, "no line was written within a trace: {written}");
    let spans = collector.spans();
    let exported = collector.measures().lines();
    let within = exported.iter().find(|line| !line.trace_id.is_empty());
    let within = within.expect("a line within a trace");
    assert!(
        spans
            .iter()
            .any(|span| span.trace_id == within.trace_id && span.span_id == within.span_id),
        "{within:?} is of no span"
    );
    let body = within.body.as_ref().and_then(|body| body.value.as_ref());
    let Some(Value::StringValue(body)) = body else {
        panic!("{within:?} says nothing");
    };
    assert!(
        written.contains(body.as_str()),
        "{body} is on standard error, too"
    );
}

/// Scrapes until `holds` is true of what is shown.
async fn until(health: SocketAddr, holds: impl Fn(&Exposition) -> bool) -> Exposition {
    loop {
        let shown = scrape(health, false).await;
        if holds(&shown) {
            return shown;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A desk where people have talked and still do.
struct Scenario {
    /// What must not be shown.
    secrets: Vec<String>,
    librarian: Socket,
    _others: [Socket; 2],
}

impl Scenario {
    async fn run(access: &Access) -> Self {
        let mut ricky = Patron::ask(access).await;
        let session_id = ricky.admission.session_id.clone();
        let stranger = LogInRequest {
            log_in_name: CANARY.to_owned(),
            password: CANARY.to_owned(),
        };
        assert!(access.directory().log_in(stranger).await.is_err());
        let waits = Patron::ask(access).await;
        drop(waits.socket);
        let map = access.log_in("map@harbor").await;
        let mut librarian = access.socket(&map).await;
        let announcement = Announcement {
            monitor_id: CANARY.to_owned(),
            queues: Some(MonitoredQueues {
                queue_ids: vec!["maple".to_owned()],
            }),
            ..Announcement::default()
        };
        librarian
            .send(Request::Announce(announcement))
            .await
            .unwrap();
        librarian
            .wait_for(|frame| matches!(frame, Frame::OwnPresence(_)).then_some(()))
            .await
            .unwrap();
        // No such session exists.
        librarian
            .act("nowhere", &command_id(), act::Act::PickUp(PickUp {}))
            .await
            .unwrap();
        librarian
            .wait_for(|frame| matches!(frame, Frame::Refused(_)).then_some(()))
            .await
            .unwrap();
        act_and_wait(
            &mut librarian,
            &session_id,
            &command_id(),
            act::Act::PickUp(PickUp {}),
        )
        .await
        .unwrap();
        attend(&mut librarian, &session_id).await;

        let admin = access.log_in("admin@maple").await;
        let mut supervisor = access.socket(&admin).await;
        enter(&mut supervisor, &session_id).await;
        attend(&mut supervisor, &session_id).await;

        let page = PushPage {
            address: format!("https://example.org/{CANARY}?{CANARY}={CANARY}"),
        };
        let note = WriteNote {
            text: CANARY.to_owned(),
        };
        for act in [
            message(CANARY),
            act::Act::PushPage(page),
            act::Act::WriteNote(note),
        ] {
            act_and_wait(&mut librarian, &session_id, &command_id(), act)
                .await
                .unwrap();
        }
        act_and_wait(
            &mut ricky.socket,
            &session_id,
            &command_id(),
            message(CANARY),
        )
        .await
        .unwrap();
        position(&mut librarian, 6).await;
        position(&mut supervisor, 6).await;
        let secrets = [
            CANARY,
            "map@harbor",
            "admin@maple",
            "Ms Map",
            &session_id,
            &waits.admission.session_id,
            &ricky.admission.token,
            &map,
            &admin,
        ];
        Self {
            secrets: secrets.map(str::to_owned).to_vec(),
            librarian,
            _others: [ricky.socket, supervisor],
        }
    }
}

/// A patron who has asked a question.
struct Patron {
    admission: Admission,
    socket: Socket,
}

impl Patron {
    async fn ask(access: &Access) -> Self {
        let admission = access.admit("maple").await;
        let mut socket = access.socket(&admission.token).await;
        let question = OpenSession {
            question: CANARY.to_owned(),
            patron_name: CANARY.to_owned(),
            patron_email: format!("{CANARY}@example.org"),
            language: String::new(),
        };
        let question = act::Act::OpenSession(question);
        let session_id = &admission.session_id;
        act_and_wait(&mut socket, session_id, &command_id(), question)
            .await
            .unwrap();
        attend(&mut socket, session_id).await;
        Self { admission, socket }
    }
}

async fn attend(socket: &mut Socket, session_id: &str) {
    socket.attend(session_id, None).await.unwrap();
    socket
        .wait_for(|frame| matches!(frame, Frame::Attending(_)).then_some(()))
        .await
        .unwrap();
}

/// Enters conference mode with the current version of the warning.
async fn enter(socket: &mut Socket, session_id: &str) {
    let enter =
        |warning_version: String| act::Act::EnterConference(EnterConference { warning_version });
    socket
        .act(session_id, &command_id(), enter(String::new()))
        .await
        .unwrap();
    let version = socket
        .wait_for(|frame| match frame {
            Frame::Refused(refused) => refused.refusal?.metadata.get("warning_version").cloned(),
            _ => None,
        })
        .await
        .unwrap();
    act_and_wait(socket, session_id, &command_id(), enter(version))
        .await
        .unwrap();
}

/// Waits for the event with this number.
async fn position(socket: &mut Socket, number: u64) {
    socket
        .wait_for(|frame| match frame {
            Frame::Event(event) => (event.event?.position == number).then_some(()),
            _ => None,
        })
        .await
        .unwrap();
}
