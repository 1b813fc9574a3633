//! Which pages may talk to this gateway.
//!
//! Two checks, both by exact comparison:
//!
//! - **Host.** Every request except those for health must name a host that this gateway answers under. This stops DNS
//!   rebinding: a page of `evil.example` whose name was pointed at 127.0.0.1 still sends `Host: evil.example`.
//! - **Origin.** A websocket is opened only by a page of that same host, or of an origin in the settings. Browsers do
//!   not apply the same-origin policy to websockets, so the server must.
//!
//! These checks do not replace a log-in: no cookie is read, and a socket is useless until its Hello brings a token.
//! They keep a stranger's page from even trying.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, header};

use crate::{config::Config, error::Error};

/// The names of a loopback listener.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Which hosts and origins are allowed.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    /// As browsers serialise them.
    listed: Vec<String>,
    loopback: bool,
    allow_missing: bool,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untrusted {
    /// It names no host, several, or one that this gateway does not answer under.
    Host,
    /// It comes from a page that may not open a socket here.
    Origin,
}

impl Origins {
    /// The rules for a listener at `local`.
    ///
    /// # Errors
    ///
    /// If a listed origin is not written as a browser would write it, since it could then never match.
    pub(crate) fn new(config: &Config, local: SocketAddr) -> Result<Self, Error> {
        check_serialised("gateway.origins", &config.origins)?;
        let loopback = local.ip().to_canonical().is_loopback();
        if !loopback && config.origins.is_empty() {
            tracing::warn!(
                "the gateway answers under any host name; list its own in the setting origins"
            );
        }
        Ok(Self {
            listed: config.origins.clone(),
            loopback,
            allow_missing: config.allow_missing_origin.unwrap_or(loopback),
        })
    }

    /// Checks the host that a request names, and returns it.
    pub(crate) fn check_host<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, Untrusted> {
        let host = only(headers, &header::HOST)
            .ok_or(Untrusted::Host)?
            .ok_or(Untrusted::Host)?;
        let listed = self
            .listed
            .iter()
            .any(|origin| authority(origin) == Some(host));
        let own = if self.loopback {
            LOOPBACK_NAMES
                .iter()
                .any(|name| host.strip_prefix(name).is_some_and(is_port_or_empty))
        } else {
            self.listed.is_empty()
        };
        if listed || own {
            Ok(host)
        } else {
            Err(Untrusted::Host)
        }
    }

    /// Checks that the page that opens a socket may do so.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), Untrusted> {
        let host = self.check_host(headers)?;
        let origin = match only(headers, &header::ORIGIN) {
            Some(Some(origin)) => origin,
            Some(None) => return Err(Untrusted::Origin),
            None if self.allow_missing => return Ok(()),
            None => return Err(Untrusted::Origin),
        };
        let own = authority(origin) == Some(host);
        if own || self.listed.iter().any(|listed| listed == origin) {
            Ok(())
        } else {
            Err(Untrusted::Origin)
        }
    }
}

/// Returns the header's value: outer `None` if it is absent, inner `None` if it occurs twice or is not text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return Some(None);
    }
    Some(first.to_str().ok())
}

/// Checks that the origins in a setting are written as a browser would write them.
///
/// # Errors
///
/// [`Error::Origin`] with the first that is not, which could never match.
pub(crate) fn check_serialised(setting: &'static str, origins: &[String]) -> Result<(), Error> {
    match origins.iter().find(|origin| !is_serialised(origin)) {
        Some(origin) => Err(Error::Origin {
            setting,
            origin: origin.clone(),
        }),
        None => Ok(()),
    }
}

/// What follows `http://` or `https://`.
pub(crate) fn authority(origin: &str) -> Option<&str> {
    origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))
}

fn is_port_or_empty(rest: &str) -> bool {
    rest.is_empty()
        || rest
            .strip_prefix(':')
            .is_some_and(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a browser would write the origin like this: a scheme, a lower-case host, perhaps a port, and nothing after
/// it.
fn is_serialised(origin: &str) -> bool {
    let Some(authority) = authority(origin) else {
        return false;
    };
    let default_port = match origin.starts_with("https:") {
        true => ":443",
        false => ":80",
    };
    let host_end = authority.rfind(']').map_or_else(
        || authority.find(':').unwrap_or(authority.len()),
        |end| end + 1,
    );
    let (host, port) = authority.split_at(host_end);
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.[]:".contains(&b);
    !host.is_empty()
        && !host.ends_with('.')
        && host.bytes().all(plain)
        && is_port_or_empty(port)
        && port != default_port
}

#[cfg(test)]
#[path = "origin_tests.rs"]
mod tests;
