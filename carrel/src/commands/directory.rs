//! `carrel directory`: libraries, queues and librarians from a file.

use std::{io::Write, path::Path, process::ExitCode};

use carrel_platform::{
    clock::Clock,
    log::sqlite::{SqliteLog, SqliteOptions},
};

use crate::{config::Config, data_folder::DataFolder};

/// Makes the directory what a file says.
pub async fn load(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let folder = DataFolder::open(&config.data_dir)?;
    let log = SqliteLog::open(&folder.log(), SqliteOptions::default())?;
    let changes = carrel_presence::load_directory_file(&log, file, &Clock::system()).await?;
    writeln!(std::io::stdout(), "{changes}")?;
    Ok(ExitCode::SUCCESS)
}
