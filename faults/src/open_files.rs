//! How many files and sockets this process, and those that it starts, may have open.

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes sure that so many may be open at once.
///
/// # Errors
/// When the system does not allow it; says how to.
pub fn allow(files: u64) -> anyhow::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No limit is larger than any.
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
