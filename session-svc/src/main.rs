//! `carrel-session`: session-svc as a process of its own, one of any number on the same engines.

use std::process::ExitCode;

use carrel_platform::{
    auth::{interceptor::Authenticator, keys::KeyRing},
    clock::Clock,
    log::postgres::PostgresConfig,
    process::{
        EngineSettings, Engines, GrpcSettings, HealthSettings, KeySettings, Process,
        ProcessSettings, bind,
        cli::{self, Chore, SettingsFile},
    },
    redis::RedisConfig,
    telemetry::TelemetryConfig,
    within_limits,
};
use carrel_session::Parts;
use clap::Parser;
use serde::{Deserialize, Serialize};

const NAME: &str = "carrel-session";

/// session-svc of Carrel, a virtual reference desk: patrons' sessions from the question to the transcript.
#[derive(Parser)]
#[command(name = NAME, version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    chore: Option<Chore>,
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
    session: carrel_session::Config,
}

fn main() -> ExitCode {
    cli::main(NAME, run(Cli::parse()))
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let defaults = cli::service_defaults(&[carrel_session::DEFAULT_CONFIG]);
    let chore = cli.chore.unwrap_or(Chore::Serve);
    if matches!(chore, Chore::Config { defaults: true }) {
        return cli::print(&defaults);
    }
    let settings: Settings = cli.settings.load(&defaults)?;
    match chore {
        Chore::Serve => serve(settings).await,
        Chore::Config { .. } => cli::show(&settings),
        Chore::Migrate => cli::migrate(&settings.postgres).await,
        Chore::Healthcheck => cli::tell_readiness(settings.health.address).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    let process = Process::start(
        NAME,
        &ProcessSettings {
            health: &settings.health,
            telemetry: &settings.telemetry,
        },
    )
    .await?;
    let bound = bind("grpc.address", settings.grpc.address).await?;
    let clock = Clock::system();
    let keys = KeyRing::load(&settings.keys.file)?;
    let engines = Engines::open(
        EngineSettings {
            postgres: &settings.postgres,
            redis: &settings.redis,
        },
        process.readiness(),
    )
    .await?;
    let running = carrel_session::build(
        settings.session,
        Parts {
            log: engines.log.clone(),
            bus: engines.bus.clone(),
            leases: engines.leases.clone(),
            auth: Authenticator::new(keys, clock.clone()),
            clock,
            replica: process.replica(),
            stop: process.stop(),
        },
    )
    .await?;
    let services = within_limits![running.service, running.transfers, running.load];
    process
        .serve(bound, &settings.grpc, services, running.tasks, engines)
        .await?;
    Ok(ExitCode::SUCCESS)
}
