//! Addresses of web pages that a librarian sends (R22).

use url::Url;

/// How long an address may be, in bytes.
pub const ADDRESS_LIMIT: usize = 2_048;

/// An address that may be shown to a patron as a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAddress {
    address: String,
    host: String,
}

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is too long.
    #[error("it has {length} bytes; at most {ADDRESS_LIMIT} are allowed")]
    TooLong {
        /// How long it is.
        length: usize,
    },
    /// It has characters that could make it look like another address.
    #[error("it contains an invisible or control character; remove it")]
    InvisibleCharacter,
    /// It is not an absolute address with a host.
    #[error("it is not a full web address; write it as https://example.org/page")]
    NotAnAddress,
    /// Its scheme is neither http nor https.
    #[error("only http and https addresses can be sent")]
    Scheme,
    /// It has a user name or password in it.
    #[error("it has a user name or password in it; remove what comes before the @")]
    Credentials,
}

impl PageAddress {
    /// Reads an address as the WHATWG URL standard does, and normalises it.
    ///
    /// # Errors
    /// When it could not safely be shown to a patron.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > ADDRESS_LIMIT {
            return Err(AddressError::TooLong { length: text.len() });
        }
        let text = text.trim_matches(' ');
        if text.chars().any(is_invisible) {
            return Err(AddressError::InvisibleCharacter);
        }
        let url = Url::parse(text).map_err(|_| AddressError::NotAnAddress)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        let host = url.host_str().ok_or(AddressError::NotAnAddress)?.to_owned();
        let address = String::from(url);
        if address.len() > ADDRESS_LIMIT {
            return Err(AddressError::TooLong {
                length: address.len(),
            });
        }
        Ok(Self { address, host })
    }

    /// The address, normalised, with the host in punycode.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The host in it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

/// Returns whether a character is a control character, or a mark that changes the direction of text or has no width:
/// with these, an address can look like another one.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_and_shows_the_host_in_punycode() {
        let page =
            PageAddress::parse("HTTPS://Bücherei.example/Regal 3").map(|p| (p.address, p.host));
        assert_eq!(
            page,
            Ok((
                "https://xn--bcherei-n2a.example/Regal%203".to_owned(),
                "xn--bcherei-n2a.example".to_owned()
            ))
        );
    }

    #[test]
    fn refuses_what_could_run_or_mislead() {
        for (text, error) in [
            ("javascript:alert(1)", AddressError::Scheme),
            ("java\tscript:alert(1)", AddressError::InvisibleCharacter),
            ("data:text/html,hi", AddressError::Scheme),
            ("blob:https://example.org/1", AddressError::Scheme),
            ("file:///etc/passwd", AddressError::Scheme),
            ("ftp://example.org/", AddressError::Scheme),
            ("//example.org/", AddressError::NotAnAddress),
            ("example.org", AddressError::NotAnAddress),
            ("https://", AddressError::NotAnAddress),
            (
                "https://library.example@evil.example/",
                AddressError::Credentials,
            ),
            ("https://a:b@example.org/", AddressError::Credentials),
            (
                "https://example.org/\u{202e}gpj.exe",
                AddressError::InvisibleCharacter,
            ),
            (
                "https://exam\u{200b}ple.org/",
                AddressError::InvisibleCharacter,
            ),
            ("", AddressError::NotAnAddress),
        ] {
            assert_eq!(PageAddress::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn refuses_what_is_too_long_even_after_escaping() {
        let long = format!("https://example.org/{}", "a".repeat(ADDRESS_LIMIT));
        assert!(matches!(
            PageAddress::parse(&long),
            Err(AddressError::TooLong { .. })
        ));
        let grows = format!("https://example.org/{}", "é".repeat(900));
        assert!(matches!(
            PageAddress::parse(&grows),
            Err(AddressError::TooLong { .. })
        ));
    }
}
