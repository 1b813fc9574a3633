//! `carrel-im`: im-svc as a process of its own, one of any number on the same engines.

use std::{path::Path, process::ExitCode};

use carrel_im::Parts;
use carrel_platform::{
    config::Problems,
    log::postgres::PostgresConfig,
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
use clap::Parser;
use serde::{Deserialize, Serialize};

const NAME: &str = "carrel-im";

/// im-svc of Carrel, a virtual reference desk: conversations between librarians.
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
    upstream: Upstream,
    im: carrel_im::Config,
}

/// Which services are called.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    presence: Vec<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<ClientTls>,
}

fn main() -> ExitCode {
    let Cli { settings, command } = Cli::parse();
    let command = command.unwrap_or_default();
    cli::main(NAME, command.run::<Settings>(&settings))
}

impl ServiceProgram for Settings {
    const NAME: &'static str = NAME;
    const OWN_DEFAULTS: &'static [&'static str] =
        &[include_str!("upstream.toml"), carrel_im::DEFAULT_SETTINGS];

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
        problems.take(self.im.check());
        if let Some(tls) = &self.upstream.tls {
            problems.take(tls.check("upstream"));
        }
        problems.checked()
    }

    fn own_secrets(&self) -> Option<(&'static str, &Path)> {
        let tls = self.upstream.tls.as_ref()?;
        Some(("upstream.tls.key", tls.key.as_deref()?))
    }

    async fn serve(&self, process: ServiceProcess<'_>) -> anyhow::Result<()> {
        let Upstream { presence, tls } = &self.upstream;
        let presence = process.upstream("presence-svc", presence, tls.as_ref())?;
        let engines = process.engines().await?;
        let Engines { log, bus, leases } = engines.clone();
        let running = carrel_im::build(
            self.im.clone(),
            Parts {
                log,
                bus,
                leases,
                auth: process.authenticator(),
                clock: process.clock.clone(),
                presence,
                replica: process.replica(),
                stop: process.stop(),
            },
        )
        .await?;
        let services = within_limits![running.service];
        process.serve(services, running.tasks, engines).await?;
        Ok(())
    }
}
