//! `carrel-presence`: presence-svc as a process of its own, one of any number on the same engines.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use carrel_platform::{
    auth::keys::KeyRing,
    clock::Clock,
    config::{HumanDuration, Problems},
    log::postgres::{PostgresConfig, PostgresLog},
    process::{
        Engines, GrpcSettings, HealthSettings, KeySettings, ServiceCommand, ServiceProcess,
        ServiceProgram, ServiceSettings,
        cli::{self, SettingsFile},
    },
    redis::RedisConfig,
    replicas::Address,
    telemetry::TelemetryConfig,
    tls::ClientTls,
    within_limits,
};
use carrel_presence::{
    Parts,
    cli::{DirectoryCommand, LibrarianCommand},
};
use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};

const NAME: &str = "carrel-presence";

/// The setting that names the keys, and what they are for.
const KEYS_MUST_SIGN: &str = "keys.file: presence-svc signs tokens";

/// presence-svc of Carrel, a virtual reference desk: libraries, queues and librarians; log-in and tokens; presence.
#[derive(Parser)]
#[command(name = NAME, version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Service(ServiceCommand),
    /// Change the directory of libraries, queues and librarians. Servers may be running.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// Add and remove librarians. Servers may be running.
    #[command(subcommand)]
    Librarian(LibrarianCommand),
    /// Create and change the keys that sign tokens. Servers notice a changed file within seconds.
    #[command(subcommand)]
    Keys(KeysCommand),
}

impl Default for Command {
    fn default() -> Self {
        Self::Service(ServiceCommand::default())
    }
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Create a key file with a new key. The file must not exist yet.
    Create {
        /// The key file. It is a secret of presence-svc.
        file: PathBuf,
        /// If a valid key file exists already, leave it as it is instead of failing.
        #[arg(long)]
        if_missing: bool,
    },
    /// Add a new key to a key file, which begins to sign later. Nobody is logged out.
    Rotate {
        /// The key file.
        file: PathBuf,
        /// How long to wait before the new key signs. By then, the new public part must have reached every replica of
        /// every service.
        #[arg(long, default_value = "10m")]
        sign_after: HumanDuration,
    },
    /// Print the public part of a key file, which session-svc and im-svc need. It is no secret.
    Public {
        /// The key file.
        file: PathBuf,
        /// Write to this file instead, readable by everybody. Servers that use it notice the change.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    health: HealthSettings,
    telemetry: TelemetryConfig,
    grpc: GrpcSettings,
    keys: KeySettings,
    postgres: PostgresConfig,
    redis: RedisConfig,
    upstream: Upstream,
    presence: carrel_presence::Config,
}

/// Which services are called.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    session: Vec<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<ClientTls>,
}

fn main() -> ExitCode {
    cli::main(NAME, run(Cli::parse()))
}

async fn run(Cli { settings, command }: Cli) -> anyhow::Result<ExitCode> {
    let open_log = async || {
        let settings = Settings::load(&settings)?;
        anyhow::Ok(PostgresLog::open(&settings.postgres).await?)
    };
    match command.unwrap_or_default() {
        Command::Service(command) => command.run::<Settings>(&settings).await,
        Command::Directory(command) => command.run(open_log).await,
        Command::Librarian(command) => command.run(&open_log().await?).await,
        Command::Keys(command) => {
            let settings = Settings::load(&settings)?;
            change_keys(command, settings.presence.longest_renewal())
        }
    }
}

fn change_keys(command: KeysCommand, verify_for: Duration) -> anyhow::Result<ExitCode> {
    let now_ms = Clock::system().unix_ms();
    match command {
        KeysCommand::Create { file, if_missing } => {
            if if_missing && file.exists() {
                KeyRing::load(&file)?.check_signs(now_ms)?;
                return cli::print(&format!("{} holds keys already.\n", file.display()));
            }
            KeyRing::create(&file, now_ms)?;
            cli::print(&format!(
                "{} holds a new key. Keep it secret.\n",
                file.display()
            ))
        }
        KeysCommand::Rotate { file, sign_after } => {
            KeyRing::rotate(&file, now_ms, sign_after.get(), verify_for)?;
            cli::print(&format!(
                "The new key signs in {sign_after}. Give every session-svc and im-svc the new public part before that.\n"
            ))
        }
        KeysCommand::Public { file, to: None } => cli::print(&KeyRing::public_part(&file)?),
        KeysCommand::Public { file, to: Some(to) } => {
            KeyRing::write_public_part(&file, &to)?;
            cli::print(&format!(
                "{} holds the public part of the keys.\n",
                to.display()
            ))
        }
    }
}

impl ServiceProgram for Settings {
    const NAME: &'static str = NAME;
    const OWN_DEFAULTS: &'static [&'static str] = &[
        include_str!("upstream.toml"),
        carrel_presence::DEFAULT_SETTINGS,
    ];

    fn alike(&self) -> ServiceSettings<'_> {
        ServiceSettings {
            health: &self.health,
            telemetry: &self.telemetry,
            grpc: &self.grpc,
            keys: &self.keys,
            postgres: &self.postgres,
            redis: &self.redis,
        }
    }

    fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        problems.take(self.presence.check());
        if let Some(tls) = &self.upstream.tls {
            problems.take(tls.check("upstream"));
        }
        // Keys that can't be read are told of by the check of what all services have.
        if let Ok(keys) = KeyRing::load(&self.keys.file) {
            let signs = keys.check_signs(Clock::system().unix_ms());
            problems.take_named(signs.map_err(|error| format!("{KEYS_MUST_SIGN}: {error}")));
        }
        problems.checked()
    }

    fn own_secrets(&self) -> Option<(&'static str, &Path)> {
        let tls = self.upstream.tls.as_ref()?;
        Some(("upstream.tls.key", tls.key.as_deref()?))
    }

    async fn serve(&self, process: ServiceProcess<'_>) -> anyhow::Result<()> {
        let (clock, keys) = (process.clock.clone(), process.keys.clone());
        keys.check_signs(clock.unix_ms()).context(KEYS_MUST_SIGN)?;
        let Upstream { session, tls } = &self.upstream;
        let load = process.upstream("session-svc", session, tls.as_ref())?;
        let engines = process.engines().await?;
        let Engines { log, bus, leases } = engines.clone();
        let running = carrel_presence::build(
            self.presence.clone(),
            Parts {
                log,
                bus,
                leases,
                auth: process.authenticator(),
                clock,
                keys,
                load,
                stop: process.stop(),
            },
        )
        .await?;
        let services = within_limits![running.directory, running.presence];
        process.serve(services, running.tasks, engines).await?;
        Ok(())
    }
}
