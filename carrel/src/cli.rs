//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use carrel_presence::cli::{DirectoryCommand, LibrarianCommand};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

/// Carrel, a virtual reference desk: patrons ask, librarians answer, live.
///
/// Without a command, Carrel serves: web pages and websocket on one address, gRPC on another, everything it must not
/// lose in one data folder. Settings come from, each over the one before: the defaults (see "carrel config
/// --defaults"), the file named by --config, environment variables (CARREL_HTTP__ADDRESS sets [http] address), and the
/// options below.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// Settings of this start.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do; to serve if nothing is named.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Settings that are often given on the command line.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// A file with settings; see "carrel config --defaults" for all of them.
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder that holds the log, the keys and the lock.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Where pages and the websocket are served, for example 127.0.0.1:8080.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub http_address: Option<SocketAddr>,
    /// Where gRPC is served, for example 127.0.0.1:50051.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub grpc_address: Option<SocketAddr>,
}

/// What Carrel can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until a signal ends it. SIGTERM or Ctrl-C once: finish what runs, within ten seconds; twice: at once.
    Serve {
        /// If the directory is empty, load one to play with: two libraries, their queues, five librarians.
        #[arg(long)]
        demo: bool,
    },
    /// Show the settings as they are in effect, as a settings file. Secrets are hidden.
    Config {
        /// Show the defaults instead, with an explanation of each.
        #[arg(long)]
        defaults: bool,
    },
    /// Change the directory of libraries, queues and librarians. Works while the server runs.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// Change the librarians of the directory. Works while the server runs.
    #[command(subcommand)]
    Librarian(LibrarianCommand),
    /// Change the keys that sign tokens. Works while the server runs.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Ask the server at the gRPC address whether it is healthy. Exits with 0 if so and with 1 if not.
    Healthcheck,
}

/// What can be done with the keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Sign with a new key from now on. Tokens signed with the key before it hold until they expire.
    Rotate,
}

impl Settings {
    /// The settings that were given, in the shape of the settings file.
    pub fn overrides(&self) -> impl Serialize + use<> {
        Overrides {
            data_dir: self.data_dir.clone(),
            http: self.http_address.map(|address| Listener { address }),
            grpc: self.grpc_address.map(|address| Listener { address }),
        }
    }
}

#[derive(Serialize)]
struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Listener>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc: Option<Listener>,
}

#[derive(Serialize)]
struct Listener {
    address: SocketAddr,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
