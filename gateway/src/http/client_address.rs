//! Which browser a request comes from.

use std::net::IpAddr;

use http::HeaderMap;

use crate::{network::Network, upstream::Caller};

/// The browser that a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browser {
    pub(super) address: IpAddr,
}

impl Browser {
    /// Returns a caller on the browser's behalf, without a token.
    pub(crate) fn caller(self) -> Caller {
        Caller::anonymous(self.address)
    }
}

/// Returns the browser's address: the peer's, or the one that a trusted proxy names.
///
/// Each proxy appends the address that it heard the request from, so the list is read from its end, as far as it is
/// trusted.
pub(super) fn browser_address(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut address = peer;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.iter().rev() {
        if !trusted.iter().any(|proxies| proxies.contains(address)) {
            break;
        }
        match hop.trim().parse() {
            Ok(parsed) => address = parsed,
            Err(_) => break,
        }
    }
    address
}
