//! The scripts that Redis runs atomically.

use redis::{Cmd, Value};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::names::Place;
use crate::{
    redis::{CallError, Nodes},
    seal::to_hexadecimal,
};

/// After how many milliseconds without any script the store counts as having been away. Every server touches it each
/// second.
const AWAY_AFTER_MS: u64 = 5_000;

/// A script and the digest by which Redis caches it.
#[derive(Debug)]
pub(super) struct Script {
    code: &'static str,
    digest: String,
}

macro_rules! script {
    ($($file:literal),+) => { Script::new(concat!($(include_str!($file)),+)) };
}

/// All scripts.
#[derive(Debug)]
pub(super) struct Scripts {
    pub(super) hold: Script,
    pub(super) release: Script,
    pub(super) active: Script,
    pub(super) touch: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            hold: script!("clock.lua", "space.lua", "hold.lua"),
            release: script!("clock.lua", "space.lua", "release.lua"),
            active: script!("clock.lua", "space.lua", "active.lua"),
            touch: script!("clock.lua", "touch.lua"),
        }
    }
}

impl Script {
    fn new(code: &'static str) -> Self {
        Self {
            code,
            digest: to_hexadecimal(digest(&SHA1_FOR_LEGACY_USE_ONLY, code.as_bytes()).as_ref()),
        }
    }

    /// Runs the script, and sends Redis its code if Redis does not have it.
    pub(super) async fn run(
        &self,
        nodes: &Nodes,
        place: &Place,
        arguments: &[&[u8]],
        budget: std::time::Duration,
    ) -> Result<Value, CallError> {
        let by_name = self.command("EVALSHA", &self.digest, place, arguments);
        match nodes.call(place.slot, &by_name, budget).await {
            Err(CallError::NoScript) => {
                let whole = self.command("EVAL", self.code, place, arguments);
                nodes.call(place.slot, &whole, budget).await
            }
            answered => answered,
        }
    }

    fn command(&self, name: &str, script: &str, place: &Place, arguments: &[&[u8]]) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(place.keys.len());
        for key in &place.keys {
            command.arg(key);
        }
        command.arg(AWAY_AFTER_MS);
        for argument in arguments {
            command.arg(*argument);
        }
        command
    }
}
