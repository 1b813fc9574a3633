//! Which web sites may show a library's patron page in a frame of theirs.

use crate::{
    error::Error,
    origin::{authority, check_serialised},
};

/// The setting, as errors name it.
const SETTING: &str = "gateway.embedding_origins";

/// Returns the sources of the directive `frame-ancestors` that allow these origins, or `None` if there are none.
///
/// # Errors
///
/// If an origin is not written as a browser would write it, or if the directive has no words for it: its grammar knows
/// no IPv6 addresses. Browsers would ignore either, and show nothing.
pub(crate) fn frame_ancestors(origins: &[String]) -> Result<Option<String>, Error> {
    check_serialised(SETTING, origins)?;
    for origin in origins {
        if authority(origin).is_some_and(|host| host.contains(['[', ']'])) {
            return Err(Error::FrameAncestors(origin.clone()));
        }
    }
    Ok((!origins.is_empty()).then(|| origins.join(" ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn listed(origins: &[&str]) -> Result<Option<String>, Error> {
        let origins: Vec<_> = origins.iter().map(|&origin| origin.to_owned()).collect();
        frame_ancestors(&origins)
    }

    #[test]
    fn the_listed_origins_are_the_ancestors() {
        assert_eq!(listed(&[]).unwrap(), None);
        let both = listed(&["https://www.maple.example", "http://127.0.0.1:8000"]).unwrap();
        let written = "https://www.maple.example http://127.0.0.1:8000";
        assert_eq!(both.as_deref(), Some(written));
    }

    // T15
    #[test]
    fn what_is_no_origin_names_the_setting() {
        for wrong in [
            "",
            "*",
            "'self'",
            "https:",
            "https://",
            "https://*.maple.example",
            "https://maple.example/",
            "https://maple.example:443",
            "https://MAPLE.example",
            "https://maple.example; script-src *",
            "https://maple.example https://evil.example",
            "https://maple.example\r\nx: y",
            "www.maple.example",
        ] {
            let refused = listed(&["https://www.maple.example", wrong]).unwrap_err();
            let said = refused.to_string();
            let begin = format!("gateway.embedding_origins: {wrong:?} is no origin");
            assert!(said.starts_with(&begin), "{said}");
        }
    }

    #[test]
    fn an_address_that_the_policy_cannot_name_is_refused() {
        assert_eq!(
            listed(&["http://[::1]:8000"]).unwrap_err().to_string(),
            "gateway.embedding_origins: browsers can't be told in a content security policy to allow \
             \"http://[::1]:8000\"; name the host, or its IPv4 address"
        );
    }
}
