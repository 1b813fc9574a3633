//! The service through the generated client, over real gRPC.

#![allow(clippy::unwrap_used)]

#[path = "../desk/mod.rs"]
mod desk;
mod entry;
mod libraries;
mod limits;
mod matrix;
mod renewal;
mod role_changes;
mod staff_only;
mod waits;

use carrel_proto::directory::v1::{self as wire, AdmitPatronRequest, RenewTokenRequest};
use desk::Desk;

fn admit(institution_id: &str) -> AdmitPatronRequest {
    AdmitPatronRequest {
        institution_id: institution_id.into(),
        practice: false,
    }
}

fn practise(institution_id: &str) -> AdmitPatronRequest {
    AdmitPatronRequest {
        practice: true,
        ..admit(institution_id)
    }
}

async fn renew(desk: &Desk, access_token: &str) -> Result<wire::Token, tonic::Status> {
    let request = RenewTokenRequest {
        access_token: access_token.into(),
    };
    let response = desk.client.clone().renew_token(request).await?;
    Ok(response.into_inner().token.unwrap())
}
