//! The program's commands, one module each.

use std::io::Write as _;

use carrel_platform::log::sqlite::{SqliteLog, SqliteOptions};

use crate::{config::Config, data_folder::DataFolder};

pub mod config;
pub mod keys;
pub mod serve;

/// Opens the log in the data folder, for a command that reads or changes it while a server may be running.
///
/// # Errors
/// When there is none, or it can't be used.
pub fn open_log(config: &Config) -> anyhow::Result<SqliteLog> {
    let folder = DataFolder::open_existing(&config.data_dir)?;
    Ok(SqliteLog::open(&folder.log(), SqliteOptions::default())?)
}

/// Opens the log in the data folder, or makes both and says so: the folder's name may be misspelt.
///
/// # Errors
/// When the folder or the log can't be used, or standard output can't be written.
pub fn open_or_create_log(config: &Config) -> anyhow::Result<SqliteLog> {
    let folder = DataFolder::open(&config.data_dir)?;
    let is_new = !folder.log().exists();
    let log = SqliteLog::open(&folder.log(), SqliteOptions::default())?;
    if is_new {
        let place = config.data_dir.display();
        writeln!(std::io::stdout(), "created a new log in {place}")?;
    }
    Ok(log)
}
