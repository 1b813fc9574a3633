//! `carrel config`: the settings.

use std::process::ExitCode;

use carrel_platform::{config::Problems, process::cli};

use crate::{
    config::{self, Config},
    data_folder::DataFolder,
};

/// Shows all settings with their defaults and explanations.
pub fn defaults() -> anyhow::Result<ExitCode> {
    cli::print(&config::defaults())
}

/// Shows the settings as they are in effect.
///
/// # Errors
/// When a server would not start with them. All that is wrong is told.
pub fn effective(config: &Config) -> anyhow::Result<ExitCode> {
    let mut problems = Problems::default();
    problems.take(config.check());
    let warnings = DataFolder::check(&config.data_dir).unwrap_or_else(|found| {
        problems.take(Err(found));
        Vec::new()
    });
    cli::show(config, &warnings, problems.checked())
}
