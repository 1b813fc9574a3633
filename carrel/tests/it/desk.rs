//! A Carrel in the test's own process.

use std::{ops::Deref, path::PathBuf};

use carrel::{
    assemble::{Running, assemble},
    config::Config,
};
use carrel_platform::clock::Clock;
use serde_json::json;
use tempfile::TempDir;

use crate::access::Access;

/// The demo directory, which the tests use too.
const DEMO: &str = include_str!("../../demo/directory.toml");

/// A Carrel on free ports, with its own data folder and the demo directory. Used through its [`Access`].
pub(crate) struct Desk {
    access: Access,
    running: Running,
    folder: TempDir,
}

impl Desk {
    /// Starts one with the settings of [`settings`].
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    /// Starts one with changed settings.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = settings(folder.path().join("data"));
        change(&mut config);
        Self::open_in(folder, config).await
    }

    /// Starts one on a data folder that may already have data.
    pub(crate) async fn open_in(folder: TempDir, config: Config) -> Self {
        let running = assemble(config).await.unwrap();
        carrel_presence::commands::load_directory(&running.log, DEMO, &Clock::system())
            .await
            .unwrap();
        Self {
            access: Access::new(running.http_addr, running.grpc_addr),
            running,
            folder,
        }
    }

    /// Returns the path of its data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Stops it in order. Its data folder remains until the returned value is dropped.
    pub(crate) async fn close(self) -> TempDir {
        self.running.stop().await;
        self.folder
    }
}

impl Deref for Desk {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

/// Returns the default settings, except for free ports and for the limits per address, since all tests share one
/// address.
pub(crate) fn settings(data_dir: PathBuf) -> Config {
    let no_limit = json!({ "burst": 1, "every": "0s" });
    let overrides = json!({
        "data_dir": data_dir,
        "http": { "address": "127.0.0.1:0" },
        "grpc": { "address": "127.0.0.1:0" },
        "presence": {
            "log_in_per_account_and_address": no_limit,
            "log_in_per_account": no_limit,
            "log_in_per_address": no_limit,
            "admit_per_address": no_limit,
        },
    });
    Config::load(None, overrides).unwrap()
}
