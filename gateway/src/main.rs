//! `carrel-gateway`: the gateway as a process of its own, one of any number.

use std::{net::SocketAddr, process::ExitCode};

use carrel_gateway::Parts;
use carrel_platform::{
    clock::Clock,
    config::Problems,
    process::{
        HealthSettings, Process, ProcessError, ProcessSettings, SERVING_END, bind,
        cli::{self, PROCESS_DEFAULTS, ProcessCommand, SettingsFile},
        open_secrets,
    },
    replicas::{Address, Replicas},
    telemetry::TelemetryConfig,
    tls::{ClientTls, ServerTls},
};
use clap::Parser;
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;

const NAME: &str = "carrel-gateway";

/// The gateway of Carrel, a virtual reference desk: web pages and browsers' websockets.
#[derive(Parser)]
#[command(name = NAME, version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: SettingsFile,
    #[command(subcommand)]
    command: Option<ProcessCommand>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    health: HealthSettings,
    telemetry: TelemetryConfig,
    http: HttpSettings,
    upstream: Upstream,
    gateway: carrel_gateway::Config,
}

/// Where browsers come in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpSettings {
    address: SocketAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<ServerTls>,
}

/// Which services are called.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    session: Vec<Address>,
    presence: Vec<Address>,
    im: Vec<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<ClientTls>,
}

impl Settings {
    fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        problems.take(self.telemetry.check());
        problems.take(self.gateway.check(SERVING_END));
        if let Some(tls) = &self.http.tls {
            problems.take(tls.check("http"));
        }
        if let Some(tls) = &self.upstream.tls {
            problems.take(tls.check("upstream"));
        }
        problems.checked()
    }

    fn warnings(&self) -> Vec<String> {
        let (served, called) = (&self.http.tls, &self.upstream.tls);
        let served = served
            .as_ref()
            .map(|tls| ("http.tls.key", tls.key.as_path()));
        let called = called.as_ref().and_then(|tls| tls.key.as_deref());
        let called = called.map(|key| ("upstream.tls.key", key));
        open_secrets([served, called].into_iter().flatten())
    }
}

fn main() -> ExitCode {
    cli::main(NAME, run(Cli::parse()))
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let defaults = [
        PROCESS_DEFAULTS,
        include_str!("upstream.toml"),
        carrel_gateway::DEFAULT_SETTINGS,
    ]
    .join("\n");
    let command = cli.command.unwrap_or(ProcessCommand::Serve);
    if let ProcessCommand::Config { defaults: true } = command {
        return cli::print(&defaults);
    }
    let settings: Settings = cli.settings.load(&defaults)?;
    match command {
        ProcessCommand::Serve => {
            settings.check()?;
            serve(settings).await
        }
        ProcessCommand::Config { .. } => {
            cli::show(&settings, &settings.warnings(), settings.check())
        }
        ProcessCommand::Healthcheck => cli::tell_readiness(settings.health.address).await,
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
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    process.telemetry().tell_engines(None, None);
    let HttpSettings { address, tls } = settings.http;
    let bound = bind("http.address", address).await?;
    let tls = tls.as_ref().map(ServerTls::for_http).transpose()?;
    let readiness = process.readiness();
    let own = settings.upstream.tls.as_ref();
    let find = |service, addresses| Replicas::find(service, addresses, own);
    let session = find("session-svc", settings.upstream.session)?;
    let presence = find("presence-svc", settings.upstream.presence)?;
    let im = find("im-svc", settings.upstream.im)?;
    readiness.need_upstream("session-svc", &session);
    readiness.need_upstream("presence-svc", &presence);
    // Without im-svc, staff can't write to one another, but patrons are still helped.
    readiness.watch_upstream("im-svc", &im);
    let gateway = carrel_gateway::build(
        settings.gateway,
        Parts {
            session,
            presence,
            im,
            clock: Clock::system(),
            shutdown: process.stop(),
        },
    );
    let scheme = if tls.is_some() { "https" } else { "http" };
    let at = format!("browsers at {scheme}://{}", bound.address);
    let serving = async move {
        let served = gateway.serve(bound.listener, tls).await;
        served.map_err(|error| ProcessError::Server(error.to_string()))
    };
    let tasks = TaskTracker::new();
    tasks.close();
    process
        .run(
            &at,
            std::time::Duration::ZERO,
            serving,
            async {},
            tasks,
            std::future::pending(),
        )
        .await?;
    Ok(ExitCode::SUCCESS)
}
