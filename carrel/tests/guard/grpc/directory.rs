//! `DirectoryService`.

use carrel_proto::directory::v1 as wire;

use super::ask;
use crate::{
    answer::Answer,
    fixture::{Fixture, log_in_name},
    table::Column,
};

/// Tries an operation as a call.
pub(super) async fn call(fixture: &Fixture, operation: &str, token: &str) -> Answer {
    let mut directory = fixture.access.directory();
    match operation {
        "GetLibrary" => {
            let institution_id = "maple".to_owned();
            let message = wire::GetLibraryRequest { institution_id };
            directory.get_library(ask(token, message)).await.into()
        }
        "ListLibraries" => {
            let message = wire::ListLibrariesRequest::default();
            directory.list_libraries(ask(token, message)).await.into()
        }
        "AdmitPatron" => {
            let institution_id = "maple".to_owned();
            let message = wire::AdmitPatronRequest {
                institution_id,
                practice: false,
            };
            directory.admit_patron(ask(token, message)).await.into()
        }
        "LogIn" => {
            let message = wire::LogInRequest {
                log_in_name: log_in_name(Column::Lq),
                password: "demo".to_owned(),
            };
            directory.log_in(ask(token, message)).await.into()
        }
        "RenewToken" => {
            let access_token = token.to_owned();
            let message = wire::RenewTokenRequest { access_token };
            directory.renew_token(ask(token, message)).await.into()
        }
        "GetProfile" => {
            let message = wire::GetProfileRequest::default();
            directory.get_profile(ask(token, message)).await.into()
        }
        "ListRoleChanges" => {
            let message = wire::ListRoleChangesRequest::default();
            directory
                .list_role_changes(ask(token, message))
                .await
                .into()
        }
        other => panic!("no call is known for {other}"),
    }
}
