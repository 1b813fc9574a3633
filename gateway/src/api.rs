//! The JSON endpoints: each reads a request, makes one gRPC call on the caller's behalf and writes the answer.
//!
//! Bodies are the messages of `proto/` in proto3 JSON. There is no ambient authority that another page could misuse: no
//! cookie is read, there is no CORS, and a body must say that it is JSON, which another origin's form can't.

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    routing::{any, get, post},
};
use carrel_platform::refusal::Refusal;
use carrel_proto::{
    directory::v1::{
        AdmitPatronRequest, AdmitPatronResponse, GetLibraryRequest, GetLibraryResponse,
        GetProfileRequest, GetProfileResponse, ListLibrariesRequest, ListLibrariesResponse,
        ListRoleChangesRequest, ListRoleChangesResponse, LogInRequest, LogInResponse,
        RenewTokenRequest, RenewTokenResponse,
    },
    presence::v1::{GetAvailabilityRequest, GetAvailabilityResponse},
    session::v1::{
        EraseSessionRequest, EraseSessionResponse, ExportTranscriptRequest,
        ExportTranscriptResponse, GetTranscriptRequest, GetTranscriptResponse,
        ListAuditEntriesRequest, ListAuditEntriesResponse, ListEndedSessionsRequest,
        ListEndedSessionsResponse,
    },
};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tonic::Code;

use crate::{
    error::Refused,
    http::Browser,
    query::{PageQuery, TranscriptQuery},
    upstream::{Caller, Upstream},
};

/// The longest body, in bytes.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

type Answer<T> = Result<Json<T>, Refused>;
type Body = Result<Bytes, BytesRejection>;

/// The routes of the JSON endpoints.
pub(crate) fn routes(upstream: Upstream) -> Router {
    Router::new()
        .route("/v1/log-in", post(log_in))
        .route("/v1/admit", post(admit))
        .route("/v1/renew", post(renew))
        .route("/v1/libraries", get(libraries))
        .route("/v1/libraries/{id}", get(library))
        .route("/v1/libraries/{id}/availability", get(availability))
        .route("/v1/profile", get(profile))
        .route("/v1/sessions/{id}/transcript", get(transcript))
        .route("/v1/sessions/{id}/export", post(export_transcript))
        .route("/v1/sessions/{id}/erase", post(erase_session))
        .route("/v1/ended-sessions", post(ended_sessions))
        .route("/v1/audit", get(audit))
        .route("/v1/role-changes", get(role_changes))
        .route("/v1/{*path}", any(async || no_such_endpoint()))
        .method_not_allowed_fallback(async || wrong_method())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(upstream)
}

async fn log_in(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    body: Body,
) -> Answer<LogInResponse> {
    let request: LogInRequest = message(&headers, body)?;
    let mut directory = upstream.directory.clone();
    let answer = upstream.call(
        "carrel.directory.v1.DirectoryService/LogIn",
        browser.caller(),
        request,
        |request| directory.log_in(request),
    );
    Ok(Json(answer.await?))
}

async fn admit(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    body: Body,
) -> Answer<AdmitPatronResponse> {
    let request: AdmitPatronRequest = message(&headers, body)?;
    let mut directory = upstream.directory.clone();
    let answer = upstream.call(
        "carrel.directory.v1.DirectoryService/AdmitPatron",
        browser.caller(),
        request,
        |request| directory.admit_patron(request),
    );
    Ok(Json(answer.await?))
}

async fn renew(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    body: Body,
) -> Answer<RenewTokenResponse> {
    let request: RenewTokenRequest = message(&headers, body)?;
    let mut directory = upstream.directory.clone();
    let answer = upstream.call(
        "carrel.directory.v1.DirectoryService/RenewToken",
        browser.caller(),
        request,
        |request| directory.renew_token(request),
    );
    Ok(Json(answer.await?))
}

async fn libraries(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    page: PageQuery,
) -> Answer<ListLibrariesResponse> {
    let mut directory = upstream.directory.clone();
    let answer = upstream.call(
        "carrel.directory.v1.DirectoryService/ListLibraries",
        browser.caller(),
        ListLibrariesRequest {
            page_size: page.page_size,
            page_token: page.page_token,
        },
        |request| directory.list_libraries(request),
    );
    Ok(Json(answer.await?))
}

async fn library(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    Path(institution_id): Path<String>,
) -> Answer<GetLibraryResponse> {
    let mut directory = upstream.directory.clone();
    let answer = upstream.call(
        "carrel.directory.v1.DirectoryService/GetLibrary",
        browser.caller(),
        GetLibraryRequest { institution_id },
        |request| directory.get_library(request),
    );
    Ok(Json(answer.await?))
}

async fn availability(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    Path(institution_id): Path<String>,
) -> Answer<GetAvailabilityResponse> {
    let mut presence = upstream.presence.clone();
    let answer = upstream.call(
        "carrel.presence.v1.PresenceService/GetAvailability",
        browser.caller(),
        GetAvailabilityRequest { institution_id },
        |request| presence.get_availability(request),
    );
    Ok(Json(answer.await?))
}

async fn profile(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
) -> Answer<GetProfileResponse> {
    let mut directory = upstream.directory.clone();
    let answer = upstream.call(
        "carrel.directory.v1.DirectoryService/GetProfile",
        bearer(browser, &headers),
        GetProfileRequest::default(),
        |request| directory.get_profile(request),
    );
    Ok(Json(answer.await?))
}

async fn transcript(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    Path(session_id): Path<String>,
    TranscriptQuery { audience }: TranscriptQuery,
) -> Answer<GetTranscriptResponse> {
    let mut sessions = upstream.sessions.clone();
    let answer = upstream.call(
        "carrel.session.v1.SessionService/GetTranscript",
        bearer(browser, &headers).about(&session_id),
        GetTranscriptRequest {
            session_id,
            audience: audience.into(),
        },
        |request| sessions.get_transcript(request),
    );
    Ok(Json(answer.await?))
}

async fn export_transcript(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    Path(session_id): Path<String>,
    body: Body,
) -> Answer<ExportTranscriptResponse> {
    let ExportTranscriptRequest { audience, .. } = message(&headers, body)?;
    let mut sessions = upstream.sessions.clone();
    let answer = upstream.call(
        "carrel.session.v1.SessionService/ExportTranscript",
        bearer(browser, &headers).about(&session_id),
        ExportTranscriptRequest {
            session_id,
            audience,
        },
        |request| sessions.export_transcript(request),
    );
    Ok(Json(answer.await?))
}

async fn erase_session(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    Path(session_id): Path<String>,
    body: Body,
) -> Answer<EraseSessionResponse> {
    let EraseSessionRequest { command_id, .. } = message(&headers, body)?;
    let mut sessions = upstream.sessions.clone();
    let answer = upstream.call(
        "carrel.session.v1.SessionService/EraseSession",
        bearer(browser, &headers).about(&session_id),
        EraseSessionRequest {
            command_id,
            session_id,
        },
        |request| sessions.erase_session(request),
    );
    Ok(Json(answer.await?))
}

/// Lists ended sessions. What is looked for may be a patron's name, so it is in the body: addresses are logged by
/// proxies (PR8).
async fn ended_sessions(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    body: Body,
) -> Answer<ListEndedSessionsResponse> {
    let request: ListEndedSessionsRequest = message(&headers, body)?;
    let mut sessions = upstream.sessions.clone();
    let answer = upstream.call(
        "carrel.session.v1.SessionService/ListEndedSessions",
        bearer(browser, &headers),
        request,
        |request| sessions.list_ended_sessions(request),
    );
    Ok(Json(answer.await?))
}

async fn audit(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    page: PageQuery,
) -> Answer<ListAuditEntriesResponse> {
    let mut sessions = upstream.sessions.clone();
    let answer = upstream.call(
        "carrel.session.v1.SessionService/ListAuditEntries",
        bearer(browser, &headers),
        ListAuditEntriesRequest {
            page_size: page.page_size,
            page_token: page.page_token,
        },
        |request| sessions.list_audit_entries(request),
    );
    Ok(Json(answer.await?))
}

async fn role_changes(
    State(upstream): State<Upstream>,
    Extension(browser): Extension<Browser>,
    headers: HeaderMap,
    page: PageQuery,
) -> Answer<ListRoleChangesResponse> {
    let mut directory = upstream.directory.clone();
    let answer = upstream.call(
        "carrel.directory.v1.DirectoryService/ListRoleChanges",
        bearer(browser, &headers),
        ListRoleChangesRequest {
            page_size: page.page_size,
            page_token: page.page_token,
        },
        |request| directory.list_role_changes(request),
    );
    Ok(Json(answer.await?))
}

fn no_such_endpoint() -> Refused {
    Refusal::new(Code::NotFound, "NOT_FOUND", "There is no such endpoint.").into()
}

fn wrong_method() -> Refused {
    Refused::with_status(
        StatusCode::METHOD_NOT_ALLOWED,
        Refusal::new(
            Code::InvalidArgument,
            "WRONG_METHOD",
            "This endpoint is asked in another way: GET and POST are not the same.",
        ),
    )
}

/// Returns a caller with the token that the request carries, if any; whether one is needed is for the service to
/// decide.
fn bearer(browser: Browser, headers: &HeaderMap) -> Caller {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => browser.caller().with_authorization(value.as_bytes()),
        None => browser.caller(),
    }
}

/// Reads the message in a body.
fn message<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Refused> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(Refused::with_status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::new(
                Code::InvalidArgument,
                "NOT_JSON",
                "The body must be JSON. Send \"content-type: application/json\" with it.",
            ),
        ));
    }
    let body = body.map_err(|rejection| {
        let status = rejection.status();
        let refusal = if status == StatusCode::PAYLOAD_TOO_LARGE {
            Refusal::new(
                Code::InvalidArgument,
                "TOO_LONG",
                format!("A body may have {BODY_LIMIT} bytes at the most."),
            )
            .with("limit", BODY_LIMIT.to_string())
        } else {
            Refusal::new(Code::InvalidArgument, "BAD_BODY", "The body was cut short.")
        };
        Refused::with_status(status, refusal)
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::new(
            Code::InvalidArgument,
            "BAD_JSON",
            format!("The body is not the message that is expected here: {error}."),
        )
        .into()
    })
}
