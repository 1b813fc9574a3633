//! The headers of every answer: what browsers may do with it, and which other web sites may.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{config::Config, embedding, error::Error};

/// What a page may load, and where it may send forms.
const CONTENT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    font-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The headers that are the same on every answer.
const HEADERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// What other web sites may do with an answer: by default nothing. A route puts this among its answer's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrossOriginUse {
    /// The sites in the setting `gateway.embedding_origins` may show it in a frame.
    Framed,
    /// Every site may run it as a script. It holds nothing that is not public.
    Script,
}

/// The content security policies, which say who may frame an answer.
#[derive(Clone, Debug)]
pub(super) struct Policies {
    /// Nobody may.
    unframed: HeaderValue,
    /// The sites in the setting may. Absent if it names none.
    framed: Option<HeaderValue>,
}

impl Policies {
    /// Builds the policies.
    ///
    /// # Errors
    ///
    /// If an origin in the setting could never match.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let ancestors = embedding::frame_ancestors(&config.embedding_origins)?;
        Ok(Self {
            unframed: policy("'none'")?,
            framed: ancestors.map(|listed| policy(&listed)).transpose()?,
        })
    }

    /// Sets all headers of an answer that other sites may use as `allowed` says.
    fn apply(&self, headers: &mut HeaderMap, allowed: Option<CrossOriginUse>) {
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        match (allowed, &self.framed) {
            // X-Frame-Options can't name a site. Browsers that know frame-ancestors ignore it, others would show
            // nothing.
            (Some(CrossOriginUse::Framed), Some(framed)) => {
                headers.insert(header::CONTENT_SECURITY_POLICY, framed.clone());
            }
            _ => {
                headers.insert(header::CONTENT_SECURITY_POLICY, self.unframed.clone());
                headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
            }
        }
        let users = match allowed {
            Some(CrossOriginUse::Script) => "cross-origin",
            _ => "same-origin",
        };
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static(users));
        if allowed == Some(CrossOriginUse::Script) {
            // For sites that name the script with the attribute `crossorigin`.
            let anybody = HeaderValue::from_static("*");
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anybody);
        }
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
}

fn policy(frame_ancestors: &str) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(format!("{CONTENT}; frame-ancestors {frame_ancestors}"))
        .map_err(|_| Error::FrameAncestors(frame_ancestors.to_owned()))
}

/// Adds the headers of every answer.
pub(super) async fn add_headers(
    State(policies): State<Policies>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let allowed = response.extensions().get::<CrossOriginUse>().copied();
    policies.apply(response.headers_mut(), allowed);
    response
}
