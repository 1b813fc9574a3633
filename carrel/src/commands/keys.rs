//! `carrel keys`: the keys that sign tokens.

use std::{io::Write, process::ExitCode};

use carrel_platform::{auth::keys::KeyRing, clock::Clock};

use crate::{config::Config, data_folder::DataFolder};

/// Signs with a new key from now on.
pub fn rotate(config: &Config) -> anyhow::Result<ExitCode> {
    let folder = DataFolder::open(&config.data_dir)?;
    let clock = Clock::system();
    folder.key_ring(&clock)?;
    let path = folder.keys();
    KeyRing::rotate(&path, clock.unix_ms(), config.presence.longest_renewal())?;
    writeln!(
        std::io::stdout(),
        "New tokens are signed with a new key. Nobody is logged out: the key before it holds as long as its tokens.",
    )?;
    Ok(ExitCode::SUCCESS)
}
