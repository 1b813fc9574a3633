//! `carrel healthcheck`: whether the server is healthy.

use std::{io::Write, process::ExitCode, time::Duration};

use anyhow::Context;
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::config::Config;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server at the gRPC address.
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let address = config.grpc.address;
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .connect()
        .await
        .with_context(|| format!("nobody answers at {address} (grpc.address)"))?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await
        .with_context(|| format!("the server at {address} does not tell its health"))?;
    let healthy = answer.into_inner().status() == ServingStatus::Serving;
    let word = if healthy { "healthy" } else { "not healthy" };
    writeln!(std::io::stdout(), "{word}")?;
    Ok(ExitCode::from(u8::from(!healthy)))
}
