//! Addresses of services.

use std::{fmt, str::FromStr};

use http::{Uri, uri::Scheme};
use serde::{Deserialize, Serialize};

/// The address of a service: `http://host:port`, or `https://host:port` with TLS. The host may stand for many machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    https: bool,
    host: String,
    port: u16,
}

/// The error for a text that is not the address of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a service; write for example \"http://session:50051\"")]
pub struct AddressError(String);

impl Address {
    /// Returns the host and the port, as a resolver takes them.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, u16) {
        // In a URI an IPv6 address is in brackets.
        (self.host.trim_matches(['[', ']']), self.port)
    }

    /// Returns the host, which with TLS must match the server's certificate.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host_and_port().0
    }

    /// Whether it is called with TLS.
    #[must_use]
    pub fn https(&self) -> bool {
        self.https
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| error())?;
        let https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(error()),
        };
        let authority = uri.authority().ok_or_else(error)?;
        let bare = matches!(uri.path(), "" | "/")
            && uri.query().is_none()
            && !authority.as_str().contains('@');
        match (uri.host(), uri.port_u16()) {
            (Some(host), Some(port)) if bare && !host.is_empty() => Ok(Self {
                https,
                host: host.to_owned(),
                port,
            }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}
