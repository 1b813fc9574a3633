//! `carrel librarian`: single accounts, beside those of the directory file.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, ensure};
use carrel_platform::{
    auth::Role,
    clock::Clock,
    log::sqlite::{SqliteLog, SqliteOptions},
};
use carrel_presence::NewLibrarian;

use crate::{
    cli::{AddLibrarian, RoleName},
    config::Config,
    data_folder::DataFolder,
};

/// Adds a librarian's account.
pub async fn add(config: &Config, librarian: AddLibrarian) -> anyhow::Result<ExitCode> {
    let log = open(config)?;
    let password = if librarian.password_stdin {
        first_line()?
    } else {
        ask(&librarian.log_in_name)?
    };
    let new = NewLibrarian {
        log_in_name: librarian.log_in_name.clone(),
        screen_name: librarian.screen_name,
        real_name: librarian.real_name,
        institution_id: librarian.institution,
        role: librarian.role.into(),
        password,
    };
    carrel_presence::add_librarian(&log, new, &Clock::system()).await?;
    writeln!(
        std::io::stdout(),
        "{} may log in now.",
        librarian.log_in_name
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Removes a librarian's account.
pub async fn remove(config: &Config, log_in_name: &str) -> anyhow::Result<ExitCode> {
    let log = open(config)?;
    carrel_presence::remove_librarian(&log, log_in_name, &Clock::system()).await?;
    writeln!(
        std::io::stdout(),
        "{log_in_name} can't log in any more; a token that is out holds for some minutes yet.",
    )?;
    Ok(ExitCode::SUCCESS)
}

fn open(config: &Config) -> anyhow::Result<SqliteLog> {
    let folder = DataFolder::open(&config.data_dir)?;
    Ok(SqliteLog::open(&folder.log(), SqliteOptions::default())?)
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
