//! The calls over HTTP: what a page posts before it has a socket.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, bail};
use carrel_proto::directory::v1::{
    AdmitPatronRequest, AdmitPatronResponse, LogInRequest, LogInResponse, RenewTokenRequest,
    RenewTokenResponse,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Lets a patron in at a library.
///
/// # Errors
/// If no gateway answers, or it refuses.
pub async fn admit(
    gateway: SocketAddr,
    institution_id: &str,
) -> anyhow::Result<AdmitPatronResponse> {
    let request = AdmitPatronRequest {
        institution_id: institution_id.to_owned(),
        practice: false,
    };
    post(gateway, "/v1/admit", &request).await
}

/// Lets a patron in for practice only, into a queue where nobody picks them up.
///
/// # Errors
/// If no gateway answers, or it refuses.
pub async fn practise(
    gateway: SocketAddr,
    institution_id: &str,
) -> anyhow::Result<AdmitPatronResponse> {
    let request = AdmitPatronRequest {
        institution_id: institution_id.to_owned(),
        practice: true,
    };
    post(gateway, "/v1/admit", &request).await
}

/// Logs a librarian in.
///
/// # Errors
/// If no gateway answers, or it refuses.
pub async fn log_in(
    gateway: SocketAddr,
    name: &str,
    password: &str,
) -> anyhow::Result<LogInResponse> {
    let request = LogInRequest {
        log_in_name: name.to_owned(),
        password: password.to_owned(),
    };
    post(gateway, "/v1/log-in", &request).await
}

/// Exchanges a token for a fresh one.
///
/// # Errors
/// If no gateway answers, or it refuses.
pub async fn renew(gateway: SocketAddr, access_token: &str) -> anyhow::Result<RenewTokenResponse> {
    let request = RenewTokenRequest {
        access_token: access_token.to_owned(),
    };
    post(gateway, "/v1/renew", &request).await
}

/// Asks for a page and returns its status and body.
///
/// # Errors
/// If nobody answers in time.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    exchange(
        address,
        &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"),
    )
    .await
}

async fn post<T: DeserializeOwned>(
    address: SocketAddr,
    path: &str,
    body: &(impl Serialize + Sync),
) -> anyhow::Result<T> {
    let body = serde_json::to_string(body)?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = exchange(address, &request).await?;
    if status != 200 {
        bail!("{path} was answered with {status}: {answer}");
    }
    serde_json::from_str(&answer).with_context(|| format!("{path} was answered with {answer}"))
}

/// Sends a request on a connection of its own, which the server closes after its answer.
async fn exchange(address: SocketAddr, request: &str) -> anyhow::Result<(u16, String)> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(WITHIN, exchange)
        .await
        .with_context(|| format!("{address} did not answer within {WITHIN:?}"))??;
    let (head, body) = answer.split_once("\r\n\r\n").context("half an answer")?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok((
        status.context("an answer without a status")?,
        body.to_owned(),
    ))
}
