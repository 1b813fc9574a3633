//! What the query of a request asks for. Each endpoint knows its parameters; a query with another one, or with a value
//! that can't be understood, is refused with BAD_QUERY, which names the parameter.

use axum::extract::{FromRequestParts, Query};
use carrel_platform::refusal::Refusal;
use carrel_proto::session::v1::Audience;
use http::{Uri, request::Parts};
use tonic::Code;

use crate::error::Refused;

/// How much of the name of an unknown parameter is told, in Unicode scalar values: none of ours is longer.
const NAME_SHOWN: usize = 32;

/// The page of a list that a query asks for. What it does not say is left to the service.
#[derive(Default)]
pub(crate) struct PageQuery {
    /// How many entries the page may have; 0 if the query does not say.
    pub(crate) page_size: i32,
    /// Where the page begins; empty for the first one.
    pub(crate) page_token: String,
}

impl<S: Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Refused;

    async fn from_request_parts(request: &mut Parts, _: &S) -> Result<Self, Refused> {
        let mut page = Self::default();
        for (name, value) in parameters(&request.uri)? {
            match &*name {
                "page_size" => {
                    page.page_size = value.parse().map_err(|_| {
                        refuse(
                            &name,
                            format!("write a whole number up to {}, such as 50", i32::MAX),
                        )
                    })?;
                }
                "page_token" => page.page_token = value,
                _ => return Err(unknown(&name, "page_size and page_token")),
            }
        }
        Ok(page)
    }
}

/// The view of a transcript that a query asks for.
pub(crate) struct TranscriptQuery {
    /// For whom the view is; unspecified if the query does not say.
    pub(crate) audience: Audience,
}

impl<S: Sync> FromRequestParts<S> for TranscriptQuery {
    type Rejection = Refused;

    async fn from_request_parts(request: &mut Parts, _: &S) -> Result<Self, Refused> {
        let mut audience = Audience::Unspecified;
        for (name, value) in parameters(&request.uri)? {
            if name != "audience" {
                return Err(unknown(&name, "audience"));
            }
            audience = match &*value {
                "patron" => Audience::Patron,
                "staff" => Audience::Staff,
                _ => return Err(refuse(&name, "write patron or staff".to_owned())),
            };
        }
        Ok(Self { audience })
    }
}

/// Returns the parameters of a query with their values, decoded, in their order. None of them is there twice.
fn parameters(uri: &Uri) -> Result<Vec<(String, String)>, Refused> {
    let Query(given) = Query::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| {
        let message = "The query can't be read. Write it as name=value, with & between several.";
        Refusal::new(Code::InvalidArgument, "BAD_QUERY", message)
    })?;
    for (n, (name, _)) in given.iter().enumerate() {
        if given[..n].iter().any(|(before, _)| before == name) {
            return Err(refuse(name, "give it once".to_owned()));
        }
    }
    Ok(given)
}

fn unknown(name: &str, known: &str) -> Refused {
    refuse(
        name,
        format!("this endpoint has no such parameter; it has {known}"),
    )
}

fn refuse(name: &str, description: String) -> Refused {
    let name: String = name.chars().take(NAME_SHOWN).collect();
    Refusal::invalid("BAD_QUERY", &name, description).into()
}
