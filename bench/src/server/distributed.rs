//! Separate services on PostgreSQL and Redis.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use carrel_faults::{
    cluster::{directory_file, staff},
    process::{Launch, Process},
};
use carrel_testbed::{postgres::Postgres, redis::Redis};
use tempfile::TempDir;

use super::{
    Server, Subject, channels,
    collector::Collector,
    free,
    settings::{Settings, limits, setting},
};

/// The key with which everything that goes into Redis is sealed.
const REDIS_KEY: &str = "5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1ed5ea1";

pub(super) async fn start(
    subject: &Subject,
    folder: TempDir,
    librarians: usize,
    collector: Option<Collector>,
) -> anyhow::Result<Server> {
    let fsync = if subject.synced { "on" } else { "off" };
    // As large as on any production server; the testbed's own is for tests.
    let postgres = Postgres::start_with(&[("fsync", fsync), ("shared_buffers", "128MB")])?;
    let redis = Redis::start()?;
    let staff = staff(librarians);
    let mut settings = limits();
    settings.extend(collector.iter().flat_map(Collector::settings));
    settings.extend([
        setting("POSTGRES__URL", &postgres.url()),
        setting("REDIS__URLS", &format!("[\"{}\"]", redis.url())),
        setting("REDIS__KEY", REDIS_KEY),
        setting("TELEMETRY__LOG_FILTER", "warn"),
        setting(
            "POSTGRES__ALLOW_UNSAFE_FSYNC_OFF",
            if subject.synced { "false" } else { "true" },
        ),
    ]);
    let mut builder = Builder {
        programs: &subject.programs,
        folder: folder.path(),
        settings,
        processes: Vec::new(),
    };
    builder.prepare(&directory_file(&staff))?;
    let sessions = builder.start("carrel-session", 2, &[]).await?;
    let presences = builder
        .start("carrel-presence", 1, &[("SESSION", &sessions)])
        .await?;
    let ims = builder
        .start("carrel-im", 1, &[("PRESENCE", &presences)])
        .await?;
    let upstream: [(&str, &[SocketAddr]); 3] = [
        ("SESSION", &sessions),
        ("PRESENCE", &presences),
        ("IM", &ims),
    ];
    let gateways = builder.start("carrel-gateway", 2, &upstream).await?;
    let mut processes = builder.processes;
    processes.reverse();
    Ok(Server {
        form: subject.form,
        protocol: subject.protocol,
        staff,
        redis: Some(redis),
        sockets: gateways,
        ready_after: None,
        channels: channels(&sessions)?,
        processes,
        postgres: Some(postgres),
        collector,
        folder,
    })
}

/// The parts built so far.
struct Builder<'a> {
    programs: &'a Path,
    folder: &'a Path,
    settings: Settings,
    processes: Vec<Process>,
}

impl Builder<'_> {
    /// Makes the keys, the schema and the directory.
    fn prepare(&mut self, directory: &str) -> anyhow::Result<()> {
        let keys = self.folder.join("keys.json");
        let keys = keys.to_string_lossy().into_owned();
        let run = |program: &str, arguments: &[&str]| {
            self.launch(program, arguments, self.settings.clone()).run()
        };
        run("carrel-presence", &["keys", "create", &keys])?;
        let public = run("carrel-presence", &["keys", "public", &keys])?;
        std::fs::write(self.folder.join("keys.public.json"), public)?;
        let file = self.folder.join("directory.toml");
        std::fs::write(&file, directory)?;
        self.settings.push(setting("KEYS__FILE", &keys));
        let run = |program: &str, arguments: &[&str]| {
            self.launch(program, arguments, self.settings.clone()).run()
        };
        run("carrel-session", &["migrate"])?;
        run(
            "carrel-presence",
            &["directory", "load", &file.to_string_lossy()],
        )?;
        self.settings.pop();
        Ok(())
    }

    /// Starts `count` processes of a service, which call the `upstream` ones. Returns the address at which each
    /// answers.
    async fn start(
        &mut self,
        program: &str,
        count: usize,
        upstream: &[(&str, &[SocketAddr])],
    ) -> anyhow::Result<Vec<SocketAddr>> {
        let mut addresses = Vec::new();
        for number in 0..count {
            let address = free()?;
            let mut settings = self.settings.clone();
            settings.push(setting("HEALTH__ADDRESS", &free()?.to_string()));
            for (of, at) in upstream {
                settings.push(setting(&format!("UPSTREAM__{of}"), &list(at)));
            }
            if program == "carrel-gateway" {
                settings.retain(|(name, _)| !is_engine(name));
                settings.push(setting("HTTP__ADDRESS", &address.to_string()));
            } else {
                let keys = if program == "carrel-presence" {
                    "keys.json"
                } else {
                    "keys.public.json"
                };
                let keys = self.folder.join(keys);
                settings.push(setting("KEYS__FILE", &keys.to_string_lossy()));
                settings.push(setting("GRPC__ADDRESS", &address.to_string()));
            }
            settings.retain(|(name, _)| is_for(program, name));
            let mut launch = self.launch(program, &[], settings);
            launch.name = format!("{program}-{number}");
            launch.log = self.folder.join(format!("{}.log", launch.name));
            let mut process = Process::new(launch);
            process.start().await?;
            self.processes.push(process);
            addresses.push(address);
        }
        Ok(addresses)
    }

    fn launch(&self, program: &str, arguments: &[&str], environment: Settings) -> Launch {
        let mut environment = environment;
        environment.retain(|(name, _)| is_for(program, name));
        Launch {
            name: program.to_owned(),
            program: PathBuf::from(self.programs).join(program),
            arguments: arguments.iter().map(Into::into).collect(),
            environment,
            log: self.folder.join(format!("{program}.log")),
        }
    }
}

/// Returns whether a program takes a setting: it refuses those of others.
fn is_for(program: &str, setting: &str) -> bool {
    let section = |name: &str| setting.starts_with(&format!("CARREL_{name}__"));
    !(section("GATEWAY") && program != "carrel-gateway"
        || section("PRESENCE") && program != "carrel-presence")
}

fn is_engine(setting: &str) -> bool {
    ["CARREL_POSTGRES__", "CARREL_REDIS__"]
        .iter()
        .any(|engine| setting.starts_with(engine))
}

fn list(addresses: &[SocketAddr]) -> String {
    let urls: Vec<String> = addresses
        .iter()
        .map(|address| format!("\"http://{address}\""))
        .collect();
    format!("[{}]", urls.join(", "))
}
