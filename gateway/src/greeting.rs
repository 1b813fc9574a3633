//! The first frame: the token that it brings, and the Welcome that answers it.

use std::time::Duration;

use carrel_platform::{auth::token::MAX_LENGTH, text::TEXT_LIMIT};
use carrel_proto::{
    directory::v1::{GetProfileRequest, Profile},
    gateway::v1::Welcome,
};
use tonic::Code;

use crate::{
    claims::Claims,
    close::Close,
    delivery::User,
    upstream::{Caller, Upstream},
};

/// A user whose token a service has accepted.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) caller: Caller,
    pub(crate) claims: Claims,
    pub(crate) user: User,
    pub(crate) welcome: Welcome,
}

/// Has a service check a token, and learns whose it is.
pub(crate) async fn greet(
    upstream: &Upstream,
    stranger: Caller,
    token: String,
    silence_limit: Duration,
) -> Result<Greeted, Close> {
    if token.len() > MAX_LENGTH {
        return Err(Close::BadToken);
    }
    let caller = stranger.with_token(&token);
    let mut directory = upstream.directory.clone();
    let answer = upstream
        .call(
            "carrel.directory.v1.DirectoryService/GetProfile",
            caller.clone(),
            GetProfileRequest {
                without_policies: true,
            },
            |request| directory.get_profile(request),
        )
        .await;
    let profile = match answer {
        // All the policies of a cooperative do not fit into one frame. An older service sends them all the same.
        Ok(answer) => answer.profile.map(|profile| Profile {
            policies: Vec::new(),
            ..profile
        }),
        // The token is checked before what its owner may do, so this is a patron with a valid token.
        Err(refusal) if refusal.code == Code::PermissionDenied => None,
        Err(refusal) if refusal.code == Code::Unauthenticated => return Err(Close::BadToken),
        Err(_) => return Err(Close::restart()),
    };
    let claims = Claims::of_accepted(&token).ok_or(Close::Internal)?;
    let user = match &profile {
        Some(_) => User::Librarian(claims.subject.clone()),
        None => User::Patron,
    };
    let welcome = Welcome {
        session_id: match &profile {
            Some(_) => String::new(),
            None => claims.subject.clone(),
        },
        profile,
        silence_limit_ms: u32::try_from(silence_limit.as_millis()).unwrap_or(u32::MAX),
        text_limit: u32::try_from(TEXT_LIMIT).unwrap_or(u32::MAX),
    };
    Ok(Greeted {
        caller,
        claims,
        user,
        welcome,
    })
}
