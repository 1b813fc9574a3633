//! Free ports for the servers that tests start.

use std::{
    env::temp_dir,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    hash::{BuildHasher, RandomState},
    io::{Error, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Ports that the system does not give to outgoing connections: Linux takes those from 32768 on
/// (`net.ipv4.ip_local_port_range`), so a free one of these could be taken again before it is used.
const PORTS: Range<u16> = 15_000..32_000;

/// The locks on the ports that this process was given. The system lets go of them when the process ends.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// Returns a port of 127.0.0.1 that nobody listens on now, and that this function returns to nobody else, in whatever
/// process of this user, before this process ends.
///
/// So tests that run side by side never get the same one, also while their servers are stopped. Another program may still
/// take the port first: a caller whose server does not start must try again with another port.
///
/// # Errors
/// When no port is free, or none can be locked.
pub fn free() -> std::io::Result<u16> {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(std::process::id()) >> 1));
    for _ in PORTS {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % PORTS.len() as u64;
        let port = PORTS.start + u16::try_from(next).unwrap_or(0);
        let Some(lock) = lock(port)? else {
            continue;
        };
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => {
                let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
                taken.push(lock);
                return Ok(port);
            }
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(
        ErrorKind::AddrInUse,
        format!("somebody listens on each port of {PORTS:?}"),
    ))
}

/// Locks the file that stands for a port; `None` if somebody else has it. The files are empty, and stay.
fn lock(port: u16) -> std::io::Result<Option<File>> {
    let user = rustix::process::getuid().as_raw();
    let folder = temp_dir().join(format!("carrel-test-ports-{user}"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join(port.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_port_is_given_to_one_only() {
        let port = free().unwrap();
        assert!(lock(port).unwrap().is_none(), "as another process sees it");
        assert_ne!(free().unwrap(), port);
    }
}
