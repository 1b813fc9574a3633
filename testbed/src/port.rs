//! Ports that nobody uses.

use std::net::{Ipv4Addr, TcpListener};

/// A port of 127.0.0.1 that is free now. Another program may take it before its user does: whoever starts a server on it
/// tries again with another one when that fails.
///
/// # Errors
/// When the system has none left.
pub fn free() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}
