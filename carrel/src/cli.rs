//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
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

/// What can be done with the directory.
#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Make the directory what a file says. The file explains itself: carrel/demo/directory.toml.
    Load {
        /// The file.
        file: PathBuf,
    },
}

/// What can be done with librarians.
#[derive(Debug, Subcommand)]
pub enum LibrarianCommand {
    /// Add a librarian's account, beside those of the directory file. The password is asked for.
    Add(AddLibrarian),
    /// Remove a librarian's account that was added with "carrel librarian add".
    Remove {
        /// The name to log in with.
        log_in_name: String,
    },
}

/// A librarian to be added.
#[derive(Debug, Args)]
pub struct AddLibrarian {
    /// The name to log in with, for example lee@maple. Upper and lower case are the same.
    pub log_in_name: String,
    /// The name that patrons and colleagues see.
    #[arg(long)]
    pub screen_name: String,
    /// The real name, which only administrators of the library see.
    #[arg(long, default_value_t)]
    pub real_name: String,
    /// The id of the librarian's library, for example maple.
    #[arg(long)]
    pub institution: String,
    /// What the librarian may do.
    #[arg(long, value_enum, default_value_t)]
    pub role: RoleName,
    /// Read the password from the first line of standard input instead of asking for it.
    #[arg(long)]
    pub password_stdin: bool,
}

/// A role, as it is written on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Picks up patrons and chats with them.
    #[default]
    Librarian,
    /// Also enters running sessions of the library's patrons and reads their transcripts.
    AskAdministrator,
    /// Also reads the library's audit.
    Administrator,
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
