//! The `carrel` program.

use std::{io::Write, process::ExitCode, time::Duration};

use anyhow::Context;
use carrel::{
    cli::{Cli, Command, DirectoryCommand, KeysCommand, LibrarianCommand},
    commands,
    config::Config,
};
use clap::Parser;
use tokio::runtime::Runtime;

/// How long the program waits, at its end, for threads that do not come back, such as one that reads a password.
const LAST_THREADS: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = Runtime::new()
        .context("the runtime did not start")
        .and_then(|runtime| {
            let ended = runtime.block_on(run(cli));
            runtime.shutdown_timeout(LAST_THREADS);
            ended
        });
    ended.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "carrel: {error:#}");
        ExitCode::FAILURE
    })
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Serve { demo: false });
    if let Command::Config { defaults: true } = command {
        return commands::config::defaults();
    }
    let settings = &cli.settings;
    let config = Config::load(settings.config.as_deref(), settings.overrides())?;
    match command {
        Command::Serve { demo } => commands::serve::run(config, demo).await,
        Command::Config { .. } => commands::config::effective(&config),
        Command::Directory(DirectoryCommand::Load { file }) => {
            commands::directory::load(&config, &file).await
        }
        Command::Librarian(LibrarianCommand::Add(librarian)) => {
            commands::librarian::add(&config, librarian).await
        }
        Command::Librarian(LibrarianCommand::Remove { log_in_name }) => {
            commands::librarian::remove(&config, &log_in_name).await
        }
        Command::Keys(KeysCommand::Rotate) => commands::keys::rotate(&config),
        Command::Healthcheck => commands::healthcheck::run(&config).await,
    }
}
