//! `carrel-session` as a process: what it reports when something is missing, what it does while it runs, and how it
//! ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use carrel_platform::auth::keys::KeyRing;
use carrel_testbed::{postgres::Postgres, redis::Redis};

/// The engines, and a folder for the keys.
struct Fixture {
    postgres: Postgres,
    redis: Redis,
    folder: tempfile::TempDir,
}

impl Fixture {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys.json");
        KeyRing::create(&keys, 0).unwrap();
        let public = KeyRing::public_part(&keys).unwrap();
        std::fs::write(folder.path().join("public.json"), public).unwrap();
        Self {
            postgres: Postgres::start().unwrap(),
            redis: Redis::start().unwrap(),
            folder,
        }
    }

    fn public_keys(&self) -> PathBuf {
        self.folder.path().join("public.json")
    }

    /// Returns the program with all that it needs, on free ports.
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrel-session"));
        command
            .env("CARREL_POSTGRES__URL", self.postgres.url())
            .env("CARREL_REDIS__URLS", format!("[{:?}]", self.redis.url()))
            .env("CARREL_REDIS__KEY", "5e".repeat(32))
            .env("CARREL_KEYS__FILE", self.public_keys())
            .env("CARREL_GRPC__ADDRESS", "127.0.0.1:0")
            .env("CARREL_HEALTH__ADDRESS", "127.0.0.1:0")
            // What Kubernetes sets for a service of this name is not a setting.
            .env("CARREL_SESSION_SERVICE_HOST", "10.0.0.1")
            .env("CARREL_SESSION_PORT_50051_TCP_ADDR", "10.0.0.1")
            .stdin(Stdio::null());
        command
    }

    fn migrate(&self) -> String {
        let output = self.program().arg("migrate").output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The program while it serves. It is killed when this is dropped.
struct Serving {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    health: String,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let (_, health) = line.trim().rsplit_once("http://").expect(&line);
        assert!(line.starts_with("carrel-session serves gRPC at 127.0.0.1:"));
        Self {
            child,
            health: health.to_owned(),
            _stdout: stdout,
        }
    }

    /// Returns the process's answer at its probes: the status, and the body.
    fn ask(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.health).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    }

    fn until(&self, path: &str, wanted: impl Fn(u16, &str) -> bool) {
        while !self
            .ask(path)
            .is_some_and(|(status, body)| wanted(status, &body))
        {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn terminate(mut self) -> bool {
        terminate(&self.child);
        self.child.wait().unwrap().success()
    }
}

fn terminate(child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(sent.success());
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_missing_at_the_start_is_named_by_its_setting() {
    let fixture = Fixture::open();
    let refused = |change: &dyn Fn(&mut Command)| {
        let mut command = fixture.program();
        change(&mut command);
        let output = command.arg("serve").output().unwrap();
        assert!(!output.status.success());
        words(&output)
    };
    let unmade = refused(&|_| {});
    assert!(unmade.contains("carrel-session migrate"), "{unmade}");
    assert!(fixture.migrate().contains("they were of version 0"));
    assert!(fixture.migrate().contains("as they should be"));
    let set = |name: &'static str, value: &'static str| {
        move |command: &mut Command| {
            command.env(name, value);
        }
    };
    let no_database = "postgres://carrel:pa55word@127.0.0.1:1/carrel";
    for (change, named) in [
        (set("CARREL_POSTGRES__URL", no_database), "postgres.url"),
        (
            set("CARREL_REDIS__URLS", r#"["redis://127.0.0.1:1"]"#),
            "redis.urls",
        ),
        (set("CARREL_REDIS__KEY", "short"), "redis.key"),
        (
            set("CARREL_KEYS__FILE", "/nowhere/keys.json"),
            "/nowhere/keys.json",
        ),
        (set("CARREL_GRPC__ADDRESS", "192.0.2.1:1"), "grpc.address"),
        (
            set("CARREL_HEALTH__ADDRESS", "192.0.2.1:1"),
            "health.address",
        ),
        (set("CARREL_SESSION__HARTBEAT", "5s"), "session.hartbeat"),
        (set("CARREL_SESSION__HEARTBEAT", "0s"), "session.heartbeat"),
    ] {
        let said = refused(&change);
        assert!(said.contains(named), "{named}: {said}");
        assert!(!said.contains("pa55word"), "{said}");
    }
}

/// An engine that keeps the process waiting does not keep it from stopping.
#[test]
fn a_signal_at_the_start_is_heard() {
    let fixture = Fixture::open();
    // Connections are accepted, and nothing is ever sent on them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let database = format!("postgres://carrel@{}/carrel", silent.local_addr().unwrap());
    let mut child = fixture
        .program()
        .env("CARREL_POSTGRES__URL", database)
        .env("CARREL_POSTGRES__CONNECT_TIMEOUT", "1h")
        .arg("serve")
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    terminate(&child);
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_goes_away_later_is_degraded_service_and_a_signal_ends_it_in_order() {
    let mut fixture = Fixture::open();
    fixture.migrate();
    let serving = Serving::start(fixture.program());
    assert_eq!(serving.ask("/live"), Some((200, "live\n".to_owned())));
    serving.until("/ready", |status, body| status == 200 && body == "ready\n");
    fixture.redis.kill();
    serving.until("/ready", |status, body| {
        status == 200 && body.contains("degraded: bus:") && body.contains("degraded: leases:")
    });
    // Keys that can't be followed are seen before a rotation that is missed refuses everybody.
    let keys = std::fs::read(fixture.public_keys()).unwrap();
    std::fs::write(fixture.public_keys(), "no keys").unwrap();
    serving.until("/ready", |status, body| {
        status == 200 && body.contains("degraded: keys:") && body.contains("is damaged")
    });
    std::fs::write(fixture.public_keys(), keys).unwrap();
    serving.until("/ready", |_, body| !body.contains("keys:"));
    fixture.postgres.kill();
    serving.until("/ready", |status, body| {
        status == 200 && body.contains("degraded: log:")
    });
    fixture.postgres.start_again().unwrap();
    fixture.redis.start_again().unwrap();
    serving.until("/ready", |status, body| {
        status == 200 && !body.contains("log:") && !body.contains("bus:")
    });
    assert!(serving.terminate());
}

#[test]
fn the_settings_are_shown_with_secrets_hidden() {
    let program = || Command::new(env!("CARGO_BIN_EXE_carrel-session"));
    let defaults = program().args(["config", "--defaults"]).output().unwrap();
    let defaults = String::from_utf8(defaults.stdout).unwrap();
    for section in [
        "health",
        "telemetry",
        "grpc",
        "keys",
        "postgres",
        "redis",
        "session",
    ] {
        assert!(defaults.contains(&format!("\n[{section}]\n")), "{section}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file: &Path = &folder.path().join("carrel.toml");
    std::fs::write(file, "[redis]\nkey = \"5ec4e7\"\n[grpc]\nnotice = \"2s\"\n").unwrap();
    let shown = program()
        .args(["config", "--config"])
        .arg(file)
        .env("CARREL_POSTGRES__URL", "postgres://u:5ec4e7@h/d")
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("notice = \"2s\""), "{shown}");
    assert!(!shown.contains("5ec4e7"), "{shown}");
}

/// What stops a start for the sake of a setting or of a file is told by `config`, all at once and by its key. Nothing
/// needs to be reached for it.
#[test]
fn settings_can_be_tried_before_they_are_served_with() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    KeyRing::create(&keys, 0).unwrap();
    let told = |command: &str, settings: &[(&str, &str)]| {
        Command::new(env!("CARGO_BIN_EXE_carrel-session"))
            .arg(command)
            .env("CARREL_KEYS__FILE", &keys)
            .env("CARREL_REDIS__KEY", "5e".repeat(32))
            .envs(settings.iter().copied())
            .output()
            .unwrap()
    };
    let good = told("config", &[]);
    assert!(good.status.success(), "{}", words(&good));
    assert_eq!(words(&good), "");

    let wrong = [
        ("CARREL_POSTGRES__URL", "postgres://u:pa55word@h:port/d"),
        ("CARREL_POSTGRES__READERS", "0"),
        ("CARREL_REDIS__URLS", r#"["redis://a", "redis://b"]"#),
        ("CARREL_REDIS__KEY", "pa55word"),
        ("CARREL_KEYS__FILE", "/nowhere/keys.json"),
        (
            "CARREL_GRPC__TLS",
            r#"{ certificate = "/nowhere/tls.crt", key = "/nowhere/tls.key" }"#,
        ),
    ];
    for command in ["config", "serve"] {
        let refused = told(command, &wrong);
        let said = words(&refused);
        assert!(!refused.status.success());
        for key in [
            "postgres.url",
            "postgres.readers",
            "redis.urls",
            "redis.key",
            "keys.file",
            "grpc.tls.certificate",
        ] {
            assert!(said.contains(&format!("\n  {key}: ")), "{command}: {said}");
        }
        assert!(!said.contains("pa55word"), "{said}");
    }

    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = told("config", &[]);
    assert!(!open.status.success());
    assert!(words(&open).contains("keys.file: "), "{}", words(&open));
    assert!(words(&open).contains("chmod 600"), "{}", words(&open));
}
