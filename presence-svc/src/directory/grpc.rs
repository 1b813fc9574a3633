//! The gRPC API: unwrap, call, wrap.

use std::net::IpAddr;

use carrel_platform::{
    auth::{Principal, interceptor::Authenticator},
    in_process::FromWithin,
    refusal::Refusal,
};
use carrel_proto::directory::v1::{
    AdmitPatronRequest, AdmitPatronResponse, GetLibraryRequest, GetLibraryResponse,
    GetProfileRequest, GetProfileResponse, ListLibrariesRequest, ListLibrariesResponse,
    ListRoleChangesRequest, ListRoleChangesResponse, LogInRequest, LogInResponse,
    RenewTokenRequest, RenewTokenResponse, directory_service_server::DirectoryService,
};
use tonic::{Request, Response, Status};

use crate::{directory::convert, directory::service::Service, error::Error};

/// The directory as a gRPC service.
pub struct DirectoryApi {
    service: Service,
    auth: Authenticator,
    trust_forwarded_for: bool,
}

impl DirectoryApi {
    /// Creates the gRPC API of a service.
    #[must_use]
    pub fn new(service: Service, auth: Authenticator, trust_forwarded_for: bool) -> Self {
        Self {
            service,
            auth,
            trust_forwarded_for,
        }
    }

    /// Returns the address that the call comes from, if it is known.
    fn address<T>(&self, request: &Request<T>) -> Option<IpAddr> {
        let peer = request.remote_addr().map(|address| address.ip());
        // Only the gateway calls from within this process.
        let from_within = request.extensions().get::<FromWithin>().is_some();
        if self.trust_forwarded_for || from_within {
            // The last address is the one that the hop before us saw; those before it are what that hop was told.
            let forwarded = request
                .metadata()
                .get_all("x-forwarded-for")
                .iter()
                .next_back()
                .and_then(|addresses| addresses.to_str().ok())
                .and_then(|addresses| addresses.rsplit(',').next())
                .and_then(|address| address.trim().parse().ok());
            if forwarded.is_some() {
                return forwarded;
            }
        }
        peer
    }

    /// Returns the caller, or `None` if there is no token. A token that is there must be valid.
    fn caller_if_any<T>(&self, request: &Request<T>) -> Result<Option<Principal>, Refusal> {
        if request.metadata().contains_key("authorization") {
            self.auth.authenticate(request.metadata()).map(Some)
        } else {
            Ok(None)
        }
    }
}

fn refused(error: Error) -> Status {
    Refusal::from(error).into()
}

#[tonic::async_trait]
impl DirectoryService for DirectoryApi {
    async fn get_library(
        &self,
        request: Request<GetLibraryRequest>,
    ) -> Result<Response<GetLibraryResponse>, Status> {
        let GetLibraryRequest { institution_id } = request.into_inner();
        let library = self
            .service
            .library(&institution_id)
            .await
            .map_err(refused)?;
        Ok(Response::new(GetLibraryResponse {
            library: Some(convert::library(library)),
        }))
    }

    async fn list_libraries(
        &self,
        request: Request<ListLibrariesRequest>,
    ) -> Result<Response<ListLibrariesResponse>, Status> {
        let ListLibrariesRequest {
            page_size,
            page_token,
        } = request.into_inner();
        let page = self
            .service
            .libraries(page_size, &page_token)
            .await
            .map_err(refused)?;
        Ok(Response::new(ListLibrariesResponse {
            libraries: page
                .libraries
                .into_iter()
                .map(convert::listed_library)
                .collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn admit_patron(
        &self,
        request: Request<AdmitPatronRequest>,
    ) -> Result<Response<AdmitPatronResponse>, Status> {
        let caller = self.caller_if_any(&request)?;
        let address = self.address(&request);
        let AdmitPatronRequest {
            institution_id,
            practice,
        } = request.into_inner();
        let admission = self
            .service
            .admit_patron(caller.as_ref(), address, &institution_id, practice)
            .await
            .map_err(refused)?;
        Ok(Response::new(AdmitPatronResponse {
            token: Some(convert::token(admission.issued)),
            session_id: admission.session_id,
        }))
    }

    async fn log_in(
        &self,
        request: Request<LogInRequest>,
    ) -> Result<Response<LogInResponse>, Status> {
        let address = self.address(&request);
        let LogInRequest {
            log_in_name,
            password,
        } = request.into_inner();
        let (issued, profile) = self
            .service
            .log_in(address, &log_in_name, password)
            .await
            .map_err(refused)?;
        Ok(Response::new(LogInResponse {
            token: Some(convert::token(issued)),
            profile: Some(convert::profile(profile, Vec::new())),
        }))
    }

    async fn renew_token(
        &self,
        request: Request<RenewTokenRequest>,
    ) -> Result<Response<RenewTokenResponse>, Status> {
        let RenewTokenRequest { access_token } = request.into_inner();
        let issued = self.service.renew(&access_token).await.map_err(refused)?;
        Ok(Response::new(RenewTokenResponse {
            token: Some(convert::token(issued)),
        }))
    }

    async fn get_profile(
        &self,
        request: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        let caller = self.auth.authenticate(request.metadata())?;
        let with_policies = !request.get_ref().without_policies;
        let answer = self.service.profile(&caller, with_policies).await;
        let (profile, policies) = answer.map_err(refused)?;
        Ok(Response::new(GetProfileResponse {
            profile: Some(convert::profile(profile, policies)),
        }))
    }

    async fn list_role_changes(
        &self,
        request: Request<ListRoleChangesRequest>,
    ) -> Result<Response<ListRoleChangesResponse>, Status> {
        let caller = self.auth.authenticate(request.metadata())?;
        let ListRoleChangesRequest {
            page_size,
            page_token,
        } = request.into_inner();
        let page = self
            .service
            .role_changes(&caller, page_size, &page_token)
            .await
            .map_err(refused)?;
        Ok(Response::new(ListRoleChangesResponse {
            next_page_token: page.next_page_token(),
            changes: page.entries.into_iter().map(convert::role_change).collect(),
        }))
    }
}
