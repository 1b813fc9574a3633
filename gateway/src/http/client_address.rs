//! Which browser a request comes from.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Once,
};

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
    let values = headers.get_all("x-forwarded-for").iter().rev();
    let hops = values.flat_map(|value| {
        let hops = value.as_bytes().split(|byte| *byte == b',');
        hops.rev()
            .map(|hop| str::from_utf8(hop).unwrap_or_default())
    });
    for hop in hops {
        if !trusted.iter().any(|proxies| proxies.contains(address)) {
            break;
        }
        match address_of(hop.trim()) {
            Some(named) => address = named,
            None => {
                warn_once();
                break;
            }
        }
    }
    address
}

/// Reads an address as proxies write it: with or without a port, and an IPv6 address perhaps in brackets.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || hop.parse().ok().map(|address: SocketAddr| address.ip());
    let plain = hop.parse().ok();
    plain.or_else(with_port).or_else(bracketed)
}

/// Tells the operator that the limits for each address can't tell apart those who come through a proxy. What the proxy
/// wrote is not said: it may be an address, or anything that a browser sent.
fn warn_once() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "a trusted proxy's X-Forwarded-For names no address that can be read; whoever comes by it counts as the \
             proxy, and all of them share its limits"
        );
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http::HeaderValue;

    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn browser(forwarded: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append("x-forwarded-for", value);
        }
        browser_address(&trusted, PROXY.parse().unwrap(), &headers).to_string()
    }

    /// Some proxies write the port that the request came from, too. Everybody would else share the proxy's limits.
    #[test]
    fn an_address_is_read_as_any_proxy_writes_it() {
        for (written, address) in [
            ("203.0.113.9", "203.0.113.9"),
            ("203.0.113.9:51234", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("198.51.100.7, 203.0.113.9:1 , 10.0.0.2:80", "203.0.113.9"),
            ("203.0.113.9, [fd00::2]:80", "203.0.113.9"),
        ] {
            assert_eq!(browser(&[written]), address, "{written}");
        }
        assert_eq!(browser(&["198.51.100.7", "203.0.113.9:1"]), "203.0.113.9");
    }

    #[test]
    fn what_can_not_be_read_is_passed_over_by_nobody() {
        for written in ["unknown", "", "203.0.113.9:x", "[203.0.113.9", "\u{fc}"] {
            assert_eq!(browser(&[written]), PROXY, "{written}");
            let behind = format!("203.0.113.9, {written}, 10.0.0.2");
            assert_eq!(browser(&[&behind]), "10.0.0.2", "{written}");
        }
        assert_eq!(browser(&["203.0.113.9", "\u{fc}"]), PROXY);
    }
}
