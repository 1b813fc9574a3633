//! The operator's commands, for any program that has access to the log.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, ensure};
use carrel_platform::{auth::Role, clock::Clock, log::EventLog};
use clap::{Args, Subcommand, ValueEnum};

use crate::directory::commands::{self, NewLibrarian};

/// What can be done with the directory.
#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Make the directory what a file says. carrel/demo/directory.toml is a commented example.
    Load {
        /// The directory file; "-" for standard input.
        file: PathBuf,
    },
}

/// What can be done with librarians.
#[derive(Debug, Subcommand)]
pub enum LibrarianCommand {
    /// Add a librarian's account, in addition to those of the directory file. Asks for the password.
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
    /// The name to log in with, for example lee@maple. Case does not matter.
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
    /// Also enters running sessions of the library's patrons, and reads their transcripts.
    AskAdministrator,
    /// Also reads the library's audit.
    Administrator,
}

impl DirectoryCommand {
    /// Runs the command and prints what was done. The log is only opened, or made, for a file that is sound.
    ///
    /// # Errors
    /// If the file or the log can't be used.
    pub async fn run<L: EventLog>(
        self,
        open_log: impl AsyncFnOnce() -> anyhow::Result<L>,
    ) -> anyhow::Result<ExitCode> {
        let Self::Load { file } = self;
        let directory = if file.as_os_str() == "-" {
            commands::read_directory_from(std::io::stdin(), &file).await?
        } else {
            commands::read_directory_file(&file).await?
        };
        let log = open_log().await?;
        let changes = commands::load(&log, &directory, &Clock::system()).await?;
        writeln!(std::io::stdout(), "{changes}")?;
        Ok(ExitCode::SUCCESS)
    }
}

impl LibrarianCommand {
    /// Runs the command and prints what was done.
    ///
    /// # Errors
    /// If the account would break a rule, or the log can't be used.
    pub async fn run(self, log: &dyn EventLog) -> anyhow::Result<ExitCode> {
        match self {
            Self::Add(librarian) => librarian.add(log).await,
            Self::Remove { log_in_name } => remove(log, &log_in_name).await,
        }
    }
}

impl AddLibrarian {
    async fn add(self, log: &dyn EventLog) -> anyhow::Result<ExitCode> {
        let password = if self.password_stdin {
            first_line()?
        } else {
            ask(&self.log_in_name)?
        };
        let new = NewLibrarian {
            log_in_name: self.log_in_name.clone(),
            screen_name: self.screen_name,
            real_name: self.real_name,
            institution_id: self.institution,
            role: self.role.into(),
            password,
        };
        commands::add_librarian(log, new, &Clock::system()).await?;
        writeln!(std::io::stdout(), "{} may log in now.", self.log_in_name)?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn remove(log: &dyn EventLog, log_in_name: &str) -> anyhow::Result<ExitCode> {
    commands::remove_librarian(log, log_in_name, &Clock::system()).await?;
    writeln!(
        std::io::stdout(),
        "{log_in_name} can't log in any more; a token that is out holds for some minutes yet.",
    )?;
    Ok(ExitCode::SUCCESS)
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("the password can't be read from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask(log_in_name: &str) -> anyhow::Result<String> {
    let advice = "the password can't be asked for here; give it with --password-stdin";
    let password =
        rpassword::prompt_password(format!("New password of {log_in_name}: ")).context(advice)?;
    let again = rpassword::prompt_password("Once more: ").context(advice)?;
    ensure!(password == again, "the two passwords are not the same");
    Ok(password)
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Librarian => Self::Librarian,
            RoleName::AskAdministrator => Self::AskAdministrator,
            RoleName::Administrator => Self::Administrator,
        }
    }
}
