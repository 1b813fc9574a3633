//! `carrel config`: the settings.

use std::{io::Write, process::ExitCode};

use crate::config::{self, Config};

/// Shows all settings with their defaults and explanations.
pub fn defaults() -> anyhow::Result<ExitCode> {
    write!(std::io::stdout(), "{}", config::defaults())?;
    Ok(ExitCode::SUCCESS)
}

/// Shows the settings as they are in effect.
pub fn effective(config: &Config) -> anyhow::Result<ExitCode> {
    write!(
        std::io::stdout(),
        "{}",
        carrel_platform::config::render(config)?
    )?;
    Ok(ExitCode::SUCCESS)
}
