//! Starting, and stopping in order. I1, I28.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use carrel_platform::{auth::keys::KeyRing, refusal::Refusal};
use carrel_proto::session::v1::{
    AttendRequest, Audience, Join, OpenSessionRequest, attend_request::Request,
    attend_response::Response,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tonic::Code;

use crate::{
    access::{command_id, on_behalf},
    desk::Desk,
    otlp::Collector,
    process::{Process, carrel, run_to_end},
    socket::Socket,
    talker::{Conversation, SETTINGS},
};

/// Starts the program, which must refuse to start, and returns what it writes to standard error.
fn refused(data_dir: &Path, change: impl FnOnce(&mut std::process::Command)) -> String {
    let mut command = carrel(data_dir);
    change(&mut command);
    let (status, errors) = run_to_end(&mut command);
    assert!(!status.success(), "it started: {errors}");
    assert!(errors.starts_with("carrel: "), "{errors}");
    errors
}

#[test]
fn a_bad_setting_is_named_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let file = folder.path().join("carrel.toml");
    let with_file = |text: &str| {
        fs::write(&file, text).unwrap();
        refused(&data_dir, |command| {
            command.arg("--config").arg(&file);
        })
    };
    for (text, named) in [
        ("[session]\nheart_beat = \"5s\"", "heart_beat"),
        ("[session]\nheartbeat = \"soon\"", "session.heartbeat"),
        ("[telemetry]\nsample_ratio = 2.0", "telemetry.sample_ratio"),
        (
            "[gateway]\ndrain_deadline = \"1m\"",
            "gateway.drain_deadline: must be 4500ms or less",
        ),
        (
            "[gateway.socket]\nqueue_bytes = 65535",
            "gateway.socket.queue_bytes: must be 131072 or more",
        ),
        (
            "[gateway.socket]\nping_interval = \"0s\"",
            "gateway.socket.ping_interval: must not be 0",
        ),
        (
            "[presence]\nlease = \"1s\"",
            "presence.lease: must be longer than gateway.socket.monitor_ping_interval",
        ),
        (
            "[telemetry]\nlog_filter = \"a=b=c\"",
            "telemetry.log_filter",
        ),
    ] {
        let errors = with_file(text);
        assert!(errors.contains(named), "{text}: {errors}");
    }
    for name in ["CARREL_SESSION__BACKLOG", "CARREL_GRPC__ADDRESS"] {
        let errors = refused(&data_dir, |command| {
            command.env(name, "many");
        });
        assert!(errors.contains(name), "{errors}");
    }
    let errors = refused(&data_dir, |command| {
        command.arg("--config").arg(folder.path().join("none.toml"));
    });
    assert!(errors.contains("none.toml"), "{errors}");
}

#[test]
fn settings_can_be_tried_before_they_are_served_with() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        ("CARREL_TELEMETRY__SAMPLE_RATIO", "1.5"),
        ("CARREL_TELEMETRY__OTLP_ENDPOINT", "localhost:4317"),
        ("CARREL_SESSION__HEARTBEAT", "0s"),
        ("CARREL_GATEWAY__SOCKET__QUEUE_BYTES", "1000"),
        ("CARREL_PRESENCE__TOKEN_LIFETIME", "0s"),
        ("CARREL_GATEWAY__ORIGINS", r#"["ask.example.org"]"#),
    ];
    for command in ["config", "serve"] {
        let told = refused(folder.path(), |carrel| {
            carrel.arg(command).envs(settings);
        });
        for key in [
            "telemetry.sample_ratio: ",
            "telemetry.otlp_endpoint: ",
            "session.heartbeat: ",
            "gateway.socket.queue_bytes: ",
            "presence.token_lifetime: ",
            "gateway.origins: ",
        ] {
            assert!(told.contains(key), "{command}: {told}");
        }
    }
    let mut config = carrel(folder.path());
    let shown = config.arg("config").envs(settings).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("queue_bytes = 1000"), "{shown}");
    assert!(run_to_end(carrel(folder.path()).arg("config")).0.success());

    // Keys that others may read are refused before a start, too.
    let keys = folder.path().join("keys.json");
    KeyRing::create(&keys, 0).unwrap();
    let config = || run_to_end(carrel(folder.path()).arg("config"));
    assert!(config().0.success());
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o644)).unwrap();
    let (open, told) = config();
    assert!(
        !open.success() && told.contains("data_dir: ") && told.contains("chmod 600"),
        "{told}"
    );
}

/// What a process has to say is sent also if it is told to stop before it serves, here because its database keeps it
/// waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_before_serving_is_told_to_the_collector() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    KeyRing::create(&keys, 0).unwrap();
    // Sending is given up after a second, which is too short if the machine stalls.
    for _ in 0..5 {
        stop_before_serving(&keys, &collector.endpoint()).await;
        let lines = format!("{:?}", collector.measures().lines());
        if lines.contains("stopping before it serves") {
            return;
        }
    }
    panic!("the collector was not told");
}

async fn stop_before_serving(keys: &Path, collector: &str) {
    // Connections are accepted, and nothing is ever sent on them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let database = format!("postgres://carrel@{}/carrel", silent.local_addr().unwrap());
    let program = Path::new(env!("CARGO_BIN_EXE_carrel")).with_file_name("carrel-session");
    let mut child = std::process::Command::new(program)
        .arg("serve")
        .env("CARREL_POSTGRES__URL", database)
        .env("CARREL_POSTGRES__CONNECT_TIMEOUT", "1h")
        .env("CARREL_REDIS__KEY", "5e".repeat(32))
        .env("CARREL_KEYS__FILE", keys)
        .env("CARREL_GRPC__ADDRESS", "127.0.0.1:0")
        .env("CARREL_HEALTH__ADDRESS", "127.0.0.1:0")
        .env("CARREL_TELEMETRY__OTLP_ENDPOINT", collector)
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(sent.unwrap().success());
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert!(ended.await.unwrap().success());
}

#[test]
fn a_command_for_a_misspelt_folder_leaves_nothing_there() {
    let folder = tempfile::tempdir().unwrap();
    let misspelt = folder.path().join("nodir");
    for command in [
        &["keys", "rotate"][..],
        &["librarian", "remove", "lee@maple"],
    ] {
        let told = refused(&misspelt, |carrel| {
            carrel.args(command);
        });
        assert!(told.contains("nodir"), "{told}");
        assert!(!misspelt.exists(), "{command:?}");
    }
    // Nor does a directory that can't be loaded.
    let wrong = folder.path().join("directory.toml");
    fs::write(&wrong, "[[queue]]\n").unwrap();
    for file in [&wrong, &folder.path().join("none.toml")] {
        let told = refused(&misspelt, |carrel| {
            carrel.args(["directory", "load"]).arg(file);
        });
        assert!(told.contains("director"), "{told}");
        assert!(!misspelt.exists(), "{}", file.display());
    }
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/directory.toml");
    let load = || {
        let mut command = carrel(&misspelt);
        let done = command.args(["directory", "load", directory]).output();
        String::from_utf8(done.unwrap().stdout).unwrap()
    };
    let first = load();
    assert!(
        first.contains("created a new log in") && first.contains("nodir"),
        "{first}"
    );
    let second = load();
    assert!(!second.contains("created"), "{second}");
}

#[test]
fn an_address_that_is_none_is_answered_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for address in ["18301", "localhost:18309"] {
        let told = refused(folder.path(), |carrel| {
            carrel.args(["--http-address", address]);
        });
        let right = "http.address: it must be an IP address and a port, for example 127.0.0.1:8080";
        assert!(told.contains(right), "{told}");
    }
}

#[test]
fn a_data_folder_that_is_a_file_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let told = refused(file.path(), |_| {});
    let said = format!(
        "data_dir: {} is a file; name a folder",
        file.path().display()
    );
    assert!(told.contains(&said), "{told}");
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for setting in ["http", "grpc"] {
        let errors = refused(folder.path(), |command| {
            let name = format!("CARREL_{}__ADDRESS", setting.to_uppercase());
            command.env(name, &taken);
        });
        assert!(
            errors.contains(&format!("{setting}.address: {taken}")),
            "{errors}"
        );
    }
}

#[tokio::test]
async fn one_data_folder_serves_one_server() {
    let desk = Desk::open().await;
    let data_dir = desk.data_dir();
    let errors = refused(&data_dir, |_| {});
    assert!(errors.contains(&data_dir.display().to_string()), "{errors}");
    assert!(errors.contains(&std::process::id().to_string()), "{errors}");
    desk.close().await;
}

#[tokio::test]
async fn a_damaged_or_missing_log_is_never_replaced() {
    let desk = Desk::open().await;
    let data_dir = desk.data_dir();
    let _folder = desk.close().await;
    let log = data_dir.join("carrel.db");
    // After an orderly stop, everything is in this one file.
    assert!(!data_dir.join("carrel.db-wal").exists());
    let sound = fs::read(&log).unwrap();

    let mut damaged = sound.clone();
    damaged[..100].fill(b'x');
    fs::write(&log, &damaged).unwrap();
    let errors = refused(&data_dir, |_| {});
    assert!(errors.contains("carrel.db"), "{errors}");
    assert_eq!(fs::read(&log).unwrap(), damaged);

    fs::remove_file(&log).unwrap();
    let errors = refused(&data_dir, |_| {});
    assert!(errors.contains("carrel.db"), "{errors}");
    assert!(!log.exists());

    fs::write(&log, &sound).unwrap();
    assert!(Process::start(&data_dir, &[]).terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_asks_browsers_to_come_back_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut process = Process::start(&data_dir, &SETTINGS);
    let mut conversation = Conversation::begin(&process.access).await;
    for _ in 0..5 {
        conversation.accepted(10).await;
        conversation.both_attend().await;
        conversation.shut();
        assert!(process.terminate().success());
        process = Process::start(&data_dir, &SETTINGS);
        conversation.open(&process.access);
    }
    conversation.accepted(10).await;
    let ends = conversation.settle(&process.access).await;
    let codes: Vec<_> = ends.iter().map(|ended| ended.code).collect();
    assert_eq!(codes, [Some(1012); 10]);
    assert!(process.terminate().success());
}

// I28
#[tokio::test]
async fn a_stop_waits_for_browsers_as_long_as_is_set_and_leaves_none_behind() {
    let deadline = Duration::from_millis(4_300);
    let desk = Desk::open_with(|config| config.gateway.drain_deadline = deadline.into()).await;
    let mut stream = TcpStream::connect(desk.http).await.unwrap();
    let head = format!(
        "POST /v1/log-in HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\
         expect: 100-continue\r\n\r\n",
        desk.http
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The gateway has asked for the body, so now it waits for it.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    let began = Instant::now();
    let _folder = desk.close().await;
    assert!(began.elapsed() >= deadline);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

#[tokio::test]
async fn a_stop_ends_streams_with_unavailable() {
    let desk = Desk::open().await;
    let patron = desk.admit("maple").await;
    let open = OpenSessionRequest {
        command_id: command_id(),
        question: "Are you open?".to_owned(),
        ..OpenSessionRequest::default()
    };
    let mut sessions = desk.sessions();
    sessions
        .open_session(on_behalf(&patron.token, open))
        .await
        .unwrap();
    let (requests, receiver) = tokio::sync::mpsc::channel(1);
    let join = AttendRequest {
        request: Some(Request::Join(Join {
            session_id: patron.session_id.clone(),
            audience: Audience::Unspecified.into(),
            after: None,
            trace: false,
            only_new_heads: false,
        })),
        trace_parent: String::new(),
    };
    requests.send(join).await.unwrap();
    let stream = on_behalf(&patron.token, ReceiverStream::new(receiver));
    let mut responses = sessions.attend(stream).await.unwrap().into_inner();
    let first = responses.next().await.unwrap().unwrap().read().unwrap();
    assert!(matches!(first.response, Some(Response::Joined(_))));
    let (_folder, end) = tokio::join!(desk.close(), async {
        loop {
            if let Err(status) = responses.next().await.unwrap() {
                return status;
            }
        }
    });
    assert_eq!(end.code(), Code::Unavailable);
    assert_eq!(Refusal::from(&end).reason, "SHUTTING_DOWN");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&folder.path().join("data"), &[]);
    // A socket that does not answer the close, so that the first stop has something to wait for.
    let token = process.access.log_in("lee@maple").await;
    let _deaf = Socket::open(process.access.http, &token).await.unwrap();
    process.signal("INT");
    process.signal("TERM");
    let status = tokio::task::spawn_blocking(|| process.wait())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_count_while_the_server_runs() {
    let desk = Desk::open().await;
    let before = desk.log_in("lee@maple").await;
    let (rotated, errors) = run_to_end(carrel(&desk.data_dir()).args(["keys", "rotate"]));
    assert!(rotated.success(), "{errors}");
    // Both the old token and a new one are valid.
    desk.socket(&before).await;
    let after = desk.log_in("lee@maple").await;
    desk.socket(&after).await;

    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/directory.toml");
    let (loaded, errors) = run_to_end(carrel(&desk.data_dir()).args(["directory", "load", demo]));
    assert!(loaded.success(), "{errors}");
    let address = desk.grpc.to_string();
    let (healthy, errors) =
        run_to_end(carrel(&desk.data_dir()).args(["healthcheck", "--grpc-address", &address]));
    assert!(healthy.success(), "{errors}");
    desk.close().await;
    let (healthy, _) =
        run_to_end(carrel(Path::new("unused")).args(["healthcheck", "--grpc-address", &address]));
    assert_eq!(healthy.code(), Some(1));
}
