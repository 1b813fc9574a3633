//! A service to be called: a directory with one library.

use carrel_proto::directory::v1::{
    AdmitPatronRequest, AdmitPatronResponse, GetLibraryRequest, GetLibraryResponse,
    GetProfileRequest, GetProfileResponse, ListLibrariesRequest, ListLibrariesResponse,
    ListRoleChangesRequest, ListRoleChangesResponse, LogInRequest, LogInResponse,
    RenewTokenRequest, RenewTokenResponse, directory_service_server::DirectoryService,
};
use tonic::{Request, Response, Status};

/// The id of the library.
pub(crate) const HERE: &str = "here";

/// Answers `GetLibrary`, and nothing else.
#[derive(Clone)]
pub(crate) struct OneLibrary;

#[tonic::async_trait]
impl DirectoryService for OneLibrary {
    async fn get_library(
        &self,
        request: Request<GetLibraryRequest>,
    ) -> Result<Response<GetLibraryResponse>, Status> {
        match request.into_inner().institution_id.as_str() {
            HERE => Ok(Response::new(GetLibraryResponse::default())),
            _ => Err(Status::not_found("")),
        }
    }

    async fn list_libraries(
        &self,
        _: Request<ListLibrariesRequest>,
    ) -> Result<Response<ListLibrariesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn admit_patron(
        &self,
        _: Request<AdmitPatronRequest>,
    ) -> Result<Response<AdmitPatronResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn log_in(&self, _: Request<LogInRequest>) -> Result<Response<LogInResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn renew_token(
        &self,
        _: Request<RenewTokenRequest>,
    ) -> Result<Response<RenewTokenResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_profile(
        &self,
        _: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_role_changes(
        &self,
        _: Request<ListRoleChangesRequest>,
    ) -> Result<Response<ListRoleChangesResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
