//! The limit on open files and sockets, for this process and those that it starts.

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes sure that this many files may be open at once.
///
/// # Errors
/// If the system does not allow it; the error says how to raise the limit.
pub fn allow(files: u64) -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No limit is enough for any number.
    if current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(files),
        maximum: maximum.map(|maximum| maximum.max(files)),
    };
    setrlimit(Resource::Nofile, raised).with_context(|| {
        let hard = maximum.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        format!(
            "{files} open files are needed, and no more than {hard} are allowed here; raise the hard limit \
             (ulimit -Hn {files} as root, or LimitNOFILE in systemd), or ask for fewer sockets"
        )
    })
}
