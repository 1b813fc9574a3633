//! `carrel serve`: runs the server.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use carrel_platform::{
    bus::local,
    clock::Clock,
    log::sqlite,
    process::{Bound, LAST_TELEMETRY, Probes, Readiness, bind, cli::reachable, raise_open_files},
    shutdown::Signals,
    telemetry::{self, Telemetry},
};
use carrel_presence::{domain::directory::Directory, file::DirectoryFile, storage};

use crate::{
    assemble::{Running, assemble, assemble_with_directory},
    config::Config,
};

/// The directory that `--demo` loads.
const DEMO: &str = include_str!("../../demo/directory.toml");

/// Serves until a signal or a failure ends it. Also if it ends before it serves, what it has to say is sent first.
pub async fn run(config: Config, demo: bool) -> anyhow::Result<ExitCode> {
    config.check()?;
    let mut signals = Signals::listen()?;
    let data_dir = config.data_dir.clone();
    let telemetry = telemetry::init("carrel", &config.telemetry)?;
    telemetry.tell_engines(Some(sqlite::SYSTEM), Some(local::SYSTEM));
    let started = tokio::select! {
        biased;
        started = start(config, demo) => started.map(Some),
        signal = signals.next() => {
            tracing::info!(signal, "stopping before it serves");
            Ok(None)
        }
    };
    let Started {
        mut running,
        directory,
        health,
    } = match started {
        Ok(Some(started)) => started,
        ended => {
            telemetry.shutdown(LAST_TELEMETRY).await;
            return ended.map(|_| ExitCode::SUCCESS);
        }
    };
    let readiness = Readiness::default();
    let health = health.map(|bound| tell_health(bound, &readiness, &running, &telemetry));
    announce(&running, health.as_ref(), &directory)?;
    let (http, grpc) = (running.http_addr, running.grpc_addr);
    let (version, open_files) = (env!("CARGO_PKG_VERSION"), raise_open_files());
    tracing::info!(version, data_dir = %data_dir.display(), %http, %grpc, open_files, "serving");
    let failure = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping; the same signal again stops at once");
            None
        }
        failure = running.failed() => {
            tracing::error!("{failure}");
            Some(failure)
        }
    };
    readiness.stopping();
    tokio::select! {
        () = end(running, telemetry) => {}
        // The second signal asks to stop at once, so this does not wait for threads that are still busy either.
        _ = signals.next() => std::process::exit(130),
    }
    match failure {
        Some(failure) => Err(failure.into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// All that serves, or will in a moment.
struct Started {
    running: Running,
    directory: Directory,
    /// The health listener, if there is to be one.
    health: Option<Bound>,
}

async fn start(config: Config, demo: bool) -> anyhow::Result<Started> {
    let health = match config.health.address {
        Some(address) => Some(bind("health.address", address).await?),
        None => None,
    };
    let running = match demo {
        true => assemble_with_directory(config, DEMO).await?,
        false => assemble(config).await?,
    };
    for warning in running.folder.warnings() {
        tracing::warn!("{warning}");
    }
    running.folder.observe();
    running.keys.observe(Clock::system());
    Ok(Started {
        directory: storage::read(&running.log).await?.directory,
        running,
        health,
    })
}

/// Starts a separate listener that serves the health of the process and its metrics.
fn tell_health(
    bound: Bound,
    readiness: &Readiness,
    running: &Running,
    telemetry: &Telemetry,
) -> Probes {
    let log = running.log.condition();
    readiness.watch("log", move || log.borrow().clone());
    let keys = running.keys.clone();
    readiness.watch("keys", move || keys.condition());
    readiness.serving();
    Probes::serve(bound, readiness.clone(), telemetry.exposition())
}

async fn end(running: Running, telemetry: Telemetry) {
    running.stop().await;
    telemetry.shutdown(LAST_TELEMETRY).await;
}

/// Prints on standard output where everything is served. Programs may rely on the addresses in it.
fn announce(running: &Running, health: Option<&Probes>, directory: &Directory) -> io::Result<()> {
    let (http, grpc) = (reachable(running.http_addr), reachable(running.grpc_addr));
    let mut out = io::stdout().lock();
    writeln!(out, "Carrel is open at http://{http}")?;
    for institution in directory.institutions.values() {
        let (id, name) = (&institution.id, &institution.name);
        writeln!(out, "  patrons of {name} ask at http://{http}/ask/{id}")?;
    }
    writeln!(out, "  librarians log in at http://{http}/desk")?;
    writeln!(out, "  programs speak gRPC to grpc://{grpc}")?;
    if let Some(health) = health {
        let health = reachable(health.address());
        writeln!(out, "  health and metrics are at http://{health}")?;
    }
    if directory.institutions.is_empty() {
        writeln!(
            out,
            "The directory is empty: nobody can ask or log in yet. Load yours with\n  \
             carrel directory load FILE\nor start with --demo for one to play with."
        )?;
    }
    let demo = DirectoryFile::parse(DEMO);
    if directory.institutions == demo.institutions {
        writeln!(out, "To play with, all with the password \"demo\":")?;
        for librarian in demo.librarians.values() {
            let (log_in_name, screen_name) = (&librarian.log_in_name, &librarian.screen_name);
            writeln!(out, "  {log_in_name:16}{screen_name}")?;
        }
    }
    out.flush()
}
