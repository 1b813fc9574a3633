//! Free ports for the servers that tests start.

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

/// Ports that the system does not give to outgoing connections: Linux takes those from 32768 on
/// (`net.ipv4.ip_local_port_range`), so a free one of these could be taken again before it is used.
const PORTS: Range<u16> = 15_000..32_000;

/// Returns a port of 127.0.0.1 that nobody listens on now, and that it has not returned before in this process.
///
/// It starts at a random port, so that tests running side by side seldom get the same ones. Another program may still
/// take the port first: a caller whose server does not start must try again with another port.
///
/// # Errors
/// When no port is free.
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
