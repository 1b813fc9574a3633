//! The command line.

use std::path::PathBuf;

use carrel_presence::cli::{DirectoryCommand, LibrarianCommand};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;

/// Carrel, a virtual reference desk: patrons ask, librarians answer, live.
///
/// Without a command, Carrel serves: web pages and the websocket on one address, gRPC on another, and everything that
/// must not be lost in one data folder. Settings come from these sources, each overriding those before it: the defaults
/// (see "carrel config --defaults"), the file named by --config, environment variables (CARREL_HTTP__ADDRESS sets
/// [http] address), and the options below.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// The settings of this run.
    #[command(flatten)]
    pub settings: Settings,
    /// The command; serve if none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Settings that are often given on the command line.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Settings file; see "carrel config --defaults" for all settings.
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder that holds the log, the keys and the lock.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Address on which to serve pages and the websocket, for example 127.0.0.1:8080.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub http_address: Option<String>,
    /// Address on which to serve gRPC, for example 127.0.0.1:50051.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub grpc_address: Option<String>,
}

/// What Carrel can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until stopped. SIGTERM or Ctrl-C once: finish what is under way, within ten seconds; twice: stop at once.
    Serve {
        /// If the directory is empty, load a demo: two libraries, their queues and five librarians.
        #[arg(long)]
        demo: bool,
    },
    /// Show the settings in effect, as a settings file. Secrets are hidden. Exits with 1 and says why if Carrel would
    /// not start with them.
    Config {
        /// Show the defaults instead, with an explanation of each.
        #[arg(long)]
        defaults: bool,
    },
    /// Change the directory of libraries, queues and librarians. The server may be running.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// Add and remove librarians. The server may be running.
    #[command(subcommand)]
    Librarian(LibrarianCommand),
    /// Change the keys that sign tokens. The server may be running.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Ask the server at the gRPC address whether it is healthy. Exits with 0 if it is, and with 1 if not.
    Healthcheck,
}

/// What can be done with the keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Sign with a new key from now on. Tokens signed with the old key stay valid until they expire.
    Rotate,
}

impl Settings {
    /// Returns the settings that were given, in the structure of the settings file.
    pub fn overrides(&self) -> impl Serialize + use<> {
        Overrides {
            data_dir: self.data_dir.clone(),
            http: self
                .http_address
                .clone()
                .map(|address| Listener { address }),
            grpc: self
                .grpc_address
                .clone()
                .map(|address| Listener { address }),
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
    address: String,
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
