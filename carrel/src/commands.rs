//! The program's commands, one module each.

use carrel_platform::log::sqlite::{SqliteLog, SqliteOptions};

use crate::{config::Config, data_folder::DataFolder};

pub mod config;
pub mod keys;
pub mod serve;

/// Opens the log in the data folder, for a command that reads or changes it while a server may be running.
///
/// # Errors
/// When the folder or the log can't be used.
pub fn open_log(config: &Config) -> anyhow::Result<SqliteLog> {
    let folder = DataFolder::open(&config.data_dir)?;
    Ok(SqliteLog::open(&folder.log(), SqliteOptions::default())?)
}
