//! `carrel config`: the settings.

use std::process::ExitCode;

use carrel_platform::process::cli;

use crate::config::{self, Config};

/// Shows all settings with their defaults and explanations.
pub fn defaults() -> anyhow::Result<ExitCode> {
    cli::print(&config::defaults())
}

/// Shows the settings as they are in effect.
///
/// # Errors
/// When a server would not start with them. All that is wrong is told.
pub fn effective(config: &Config) -> anyhow::Result<ExitCode> {
    cli::show(config, &[], config.check())
}
