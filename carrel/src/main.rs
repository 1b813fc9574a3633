//! The `carrel` program.

use std::process::ExitCode;

use carrel::{
    cli::{Cli, Command, KeysCommand},
    commands,
    config::Config,
};
use carrel_platform::process::cli;
use clap::Parser;

fn main() -> ExitCode {
    cli::main("carrel", run(Cli::parse()))
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
        Command::Directory(command) => {
            command
                .run(async || commands::open_or_create_log(&config))
                .await
        }
        Command::Librarian(command) => command.run(&commands::open_log(&config)?).await,
        Command::Keys(KeysCommand::Rotate) => commands::keys::rotate(&config),
        Command::Healthcheck => cli::tell_health(config.grpc.address).await,
    }
}
