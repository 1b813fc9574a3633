//! Whether the gateway is ready for browsers.

use std::time::Duration;

use axum::extract::State;
use carrel_platform::refusal::Refusal;
use tokio::time::timeout;
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::router::RouterState;
use crate::error::Refused;

/// How long a service may take to say that it is well.
const READINESS_DEADLINE: Duration = Duration::from_secs(2);

/// Reports whether the gateway takes new browsers, and reaches the services that it can't work without.
pub(super) async fn ready(State(state): State<RouterState>) -> Result<&'static str, Refused> {
    if state.context.shutdown.is_cancelled() {
        return Err(Refusal::unavailable("SHUTTING_DOWN", "The gateway is stopping.").into());
    }
    for service in state.needed {
        let mut health = HealthClient::new(service);
        let check = health.check(HealthCheckRequest::default());
        let well = match timeout(READINESS_DEADLINE, check).await {
            Ok(Ok(answer)) => answer.into_inner().status() == ServingStatus::Serving,
            // A service without a health endpoint has answered all the same.
            Ok(Err(status)) => status.code() == Code::Unimplemented,
            Err(_) => false,
        };
        if !well {
            return Err(Refusal::unavailable("UNAVAILABLE", "A service does not answer.").into());
        }
    }
    Ok("ready\n")
}
