//! Ports for what is started.

use std::{
    hash::{BuildHasher, RandomState},
    io::{Error, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Ports that no connection is given by itself: Linux takes those from 32768 on (`net.ipv4.ip_local_port_range`). One of
/// them could be gone again before it is used.
const PORTS: Range<u16> = 15_000..32_000;

/// A port of 127.0.0.1 that nobody listens on now, and that this process was not given before. It begins with any of them,
/// so that tests that run beside it seldom get the same. Another program may take it before its user does all the same:
/// whoever starts a server on it tries again with another one when that fails.
///
/// # Errors
/// When there is none.
pub fn free() -> std::io::Result<u16> {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(std::process::id()) >> 1));
    for _ in PORTS {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % PORTS.len() as u64;
        let port = PORTS.start + u16::try_from(next).unwrap_or(0);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(
        ErrorKind::AddrInUse,
        format!("somebody listens on each port of {PORTS:?}"),
    ))
}
