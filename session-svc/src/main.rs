//! `carrel-session`: session-svc as a process of its own, one of any number on the same engines.

use std::process::ExitCode;

use carrel_platform::{
    config::Problems,
    log::postgres::PostgresConfig,
    process::{
        Engines, GrpcSettings, HealthSettings, KeySettings, ServiceCommand, ServiceProcess,
        ServiceProgram, ServiceSettings,
        cli::{self, SettingsFile},
    },
    redis::RedisConfig,
    telemetry::TelemetryConfig,
    within_limits,
};
use carrel_session::Parts;
use clap::Parser;
use serde::{Deserialize, Serialize};

const NAME: &str = "carrel-session";

/// session-svc of Carrel, a virtual reference desk: patrons' sessions, from the question to the transcript.
#[derive(Parser)]
#[command(name = NAME, version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Option<ServiceCommand>,
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
    let Cli { settings, command } = Cli::parse();
    let command = command.unwrap_or_default();
    cli::main(NAME, command.run::<Settings>(&settings))
}

impl ServiceProgram for Settings {
    const NAME: &'static str = NAME;
    const OWN_DEFAULTS: &'static [&'static str] = &[carrel_session::DEFAULT_SETTINGS];

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
        self.session.check()
    }

    async fn serve(&self, process: ServiceProcess<'_>) -> anyhow::Result<()> {
        let engines = process.engines().await?;
        let Engines { log, bus, leases } = engines.clone();
        let running = carrel_session::build(
            self.session.clone(),
            Parts {
                log,
                bus,
                leases,
                auth: process.authenticator(),
                clock: process.clock.clone(),
                replica: process.replica(),
                stop: process.stop(),
            },
        )
        .await?;
        let services = within_limits![running.service, running.transfers, running.load];
        process.serve(services, running.tasks, engines).await?;
        Ok(())
    }
}
