//! Carrel as many processes, which all export to one collector.
//!
//! There are two gateways, each with its own session-svc and im-svc, so that what happens at one gateway reaches the
//! people at the other over the bus.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use carrel_faults::process::{Launch, Process};
use carrel_testbed::{port, postgres::Postgres, redis::Redis};
use tempfile::TempDir;

/// A running Carrel.
pub(crate) struct Fixture {
    /// The addresses that browsers connect to.
    pub(crate) gateways: [SocketAddr; 2],
    processes: Vec<Process>,
    folder: TempDir,
    postgres: Postgres,
    redis: Redis,
    endpoint: String,
}

/// Settings, without their common prefix.
type Settings<'a> = &'a [(&'a str, String)];

impl Fixture {
    /// Starts all processes, with the demo directory.
    pub(crate) async fn open(endpoint: String) -> Self {
        let (postgres, redis) =
            tokio::task::block_in_place(|| (Postgres::start().unwrap(), Redis::start().unwrap()));
        let mut fixture = Self {
            gateways: [address(), address()],
            processes: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
            postgres,
            redis,
            endpoint,
        };
        fixture.prepare();
        let (sessions, ims, presence) = ([address(), address()], [address(), address()], address());
        for session in sessions {
            fixture.start("carrel-session", &[grpc(session)]).await;
        }
        let upstream = ("UPSTREAM__SESSION", one(sessions[0]));
        fixture
            .start("carrel-presence", &[grpc(presence), upstream])
            .await;
        for im in ims {
            let upstream = ("UPSTREAM__PRESENCE", one(presence));
            fixture.start("carrel-im", &[grpc(im), upstream]).await;
        }
        for place in 0..2 {
            let settings = [
                ("HTTP__ADDRESS", fixture.gateways[place].to_string()),
                ("UPSTREAM__SESSION", one(sessions[place])),
                ("UPSTREAM__PRESENCE", one(presence)),
                ("UPSTREAM__IM", one(ims[place])),
            ];
            fixture.start("carrel-gateway", &settings).await;
        }
        fixture
    }

    /// Stops all processes in order, so that each exports its last spans.
    pub(crate) async fn close(mut self) {
        for process in self.processes.iter_mut().rev() {
            process.stop().await.unwrap();
        }
    }

    /// Creates the keys, the tables and the directory.
    fn prepare(&self) {
        let keys = self.keys();
        let keys = keys.to_str().unwrap();
        self.run("carrel-presence", &["keys", "create", keys]);
        let public = self.run("carrel-presence", &["keys", "public", keys]);
        std::fs::write(self.public_keys(), public).unwrap();
        self.run("carrel-session", &["migrate"]);
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/directory.toml");
        self.run("carrel-presence", &["directory", "load", directory]);
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut launch = self.launch(program, &[]);
        launch.arguments = arguments.iter().map(Into::into).collect();
        launch.run().unwrap()
    }

    async fn start(&mut self, program: &str, settings: Settings<'_>) {
        let mut launch = self.launch(program, settings);
        let told_to = ("TELEMETRY__OTLP_ENDPOINT", self.endpoint.clone());
        launch.environment.push(setting(&told_to));
        // The test waits for spans in some places.
        let soon = ("OTEL_BSP_SCHEDULE_DELAY".to_owned(), "50".to_owned());
        launch.environment.push(soon);
        let mut process = Process::new(launch);
        process.start().await.unwrap();
        self.processes.push(process);
    }

    fn launch(&self, program: &str, settings: Settings<'_>) -> Launch {
        let keys = match program {
            "carrel-presence" => self.keys(),
            _ => self.public_keys(),
        };
        let mut environment: Vec<_> = settings.iter().map(setting).collect();
        if program != "carrel-gateway" {
            let engines = [
                ("POSTGRES__URL", self.postgres.url()),
                ("REDIS__URLS", format!("[{:?}]", self.redis.url())),
                ("REDIS__KEY", "7a".repeat(32)),
                ("KEYS__FILE", keys.to_str().unwrap().to_owned()),
            ];
            environment.extend(engines.iter().map(setting));
        }
        environment.push(setting(&("HEALTH__ADDRESS", "127.0.0.1:0".to_owned())));
        environment.push(setting(&("TELEMETRY__LOG_FILTER", "debug".to_owned())));
        Launch {
            name: program.to_owned(),
            // All programs of the workspace are built into one folder.
            program: Path::new(env!("CARGO_BIN_EXE_carrel")).with_file_name(program),
            arguments: Vec::new(),
            environment,
            log: self.folder.path().join("log"),
        }
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    fn public_keys(&self) -> PathBuf {
        self.folder.path().join("keys.public.json")
    }
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port::free().unwrap()))
}

fn grpc(address: SocketAddr) -> (&'static str, String) {
    ("GRPC__ADDRESS", address.to_string())
}

/// Returns a setting with a service's only address.
fn one(address: SocketAddr) -> String {
    format!("[\"http://{address}\"]")
}

fn setting((name, value): &(&str, String)) -> (String, String) {
    (format!("CARREL_{name}"), value.clone())
}
