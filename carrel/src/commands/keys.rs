//! `carrel keys`: the keys that sign tokens.

use std::{io::Write, process::ExitCode, time::Duration};

use anyhow::ensure;
use carrel_platform::{auth::keys::KeyRing, clock::Clock};

use crate::{config::Config, data_folder::DataFolder};

/// Makes a new key, which signs from now on.
pub fn rotate(config: &Config) -> anyhow::Result<ExitCode> {
    let path = DataFolder::open_existing(&config.data_dir)?.keys();
    ensure!(
        path.exists(),
        "there are no keys in {} yet; the server makes them when it first starts",
        config.data_dir.display()
    );
    let now_ms = Clock::system().unix_ms();
    KeyRing::rotate(
        &path,
        now_ms,
        Duration::ZERO,
        config.presence.longest_renewal(),
    )?;
    writeln!(
        std::io::stdout(),
        "New tokens are signed with a new key. Nobody is logged out: the key before it holds as long as its tokens.",
    )?;
    Ok(ExitCode::SUCCESS)
}
