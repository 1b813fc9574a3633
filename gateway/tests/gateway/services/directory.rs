//! Who is who.

use std::sync::{Arc, Mutex};

use carrel_platform::refusal::Refusal;
use carrel_proto::directory::v1::{directory_service_server::DirectoryService, *};
use pbjson_types::Timestamp;
use tokio::sync::Notify;
use tonic::{Code, Request, Response};

use super::{Answer, subject, subject_of, token};

/// A directory in which everyone whose name begins with "patron" is a patron, and everyone else a librarian.
#[derive(Clone, Default)]
pub struct Directory {
    pub addresses: Arc<Mutex<Vec<String>>>,
    /// The policies that every librarian should know.
    pub policies: Arc<Mutex<Vec<LibraryPolicy>>>,
    /// Notified when a caller named "never" asks for their profile and waits for an answer.
    pub waits: Arc<Notify>,
}

/// When renewed tokens expire: far from now.
const RENEWED_UNTIL_S: i64 = 9_000_000_000;

#[tonic::async_trait]
impl DirectoryService for Directory {
    async fn get_library(&self, request: Request<GetLibraryRequest>) -> Answer<GetLibraryResponse> {
        let institution_id = request.into_inner().institution_id;
        if institution_id != "maple" {
            return Err(Refusal::not_found("library").into());
        }
        let library = Library {
            institution_id,
            name: "Maple County Library".into(),
            ..Library::default()
        };
        Ok(Response::new(GetLibraryResponse {
            library: Some(library),
        }))
    }

    async fn list_libraries(
        &self,
        request: Request<ListLibrariesRequest>,
    ) -> Answer<ListLibrariesResponse> {
        let page = request.into_inner();
        Ok(Response::new(ListLibrariesResponse {
            libraries: Vec::new(),
            next_page_token: format!("{}:{}", page.page_size, page.page_token),
        }))
    }

    async fn list_role_changes(
        &self,
        request: Request<ListRoleChangesRequest>,
    ) -> Answer<ListRoleChangesResponse> {
        subject(request.metadata())?;
        let page = request.into_inner();
        Ok(Response::new(ListRoleChangesResponse {
            changes: Vec::new(),
            next_page_token: format!("{}:{}", page.page_size, page.page_token),
        }))
    }

    async fn admit_patron(
        &self,
        request: Request<AdmitPatronRequest>,
    ) -> Answer<AdmitPatronResponse> {
        let request = request.into_inner();
        assert_ne!(request.institution_id, "atlantis", "failed on purpose");
        if request.practice {
            return Err(Refusal::not_found("practice queue").into());
        }
        Ok(Response::new(AdmitPatronResponse::default()))
    }

    async fn log_in(&self, request: Request<LogInRequest>) -> Answer<LogInResponse> {
        let address = request.metadata().get("x-forwarded-for").unwrap();
        let address = address.to_str().unwrap().to_owned();
        self.addresses.lock().unwrap().push(address);
        let request = request.into_inner();
        if request.password != "demo" {
            let refusal = Refusal::new(
                Code::ResourceExhausted,
                "TOO_MANY_ATTEMPTS",
                "Wait before you try again.",
            );
            let wait = std::time::Duration::from_millis(1_500);
            return Err(refusal.retry_after(wait).into());
        }
        Ok(Response::new(LogInResponse {
            token: Some(Token {
                access_token: token(&request.log_in_name, RENEWED_UNTIL_S),
                ..Token::default()
            }),
            profile: None,
        }))
    }

    async fn renew_token(&self, request: Request<RenewTokenRequest>) -> Answer<RenewTokenResponse> {
        let subject = subject_of(&request.into_inner().access_token).unwrap();
        if subject == "librarian-gone" {
            let refusal = Refusal::new(Code::Unauthenticated, "BAD_TOKEN", "There is no account.");
            return Err(refusal.into());
        }
        Ok(Response::new(RenewTokenResponse {
            token: Some(Token {
                access_token: token(&subject, RENEWED_UNTIL_S),
                expire_time: Some(Timestamp {
                    seconds: RENEWED_UNTIL_S,
                    nanos: 0,
                }),
                renew_until_time: None,
            }),
        }))
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Answer<GetProfileResponse> {
        let librarian_id = subject(request.metadata())?;
        if librarian_id.starts_with("patron") {
            let refusal = Refusal::new(Code::PermissionDenied, "ROLE_NOT_ALLOWED", "no");
            return Err(refusal.into());
        }
        if librarian_id == "never" {
            self.waits.notify_one();
            return std::future::pending().await;
        }
        // Like an older service, which does not know that they can be left out.
        let policies = self.policies.lock().unwrap().clone();
        let profile = Profile {
            librarian_id,
            screen_name: "Ms Map".into(),
            policies,
            ..Profile::default()
        };
        Ok(Response::new(GetProfileResponse {
            profile: Some(profile),
        }))
    }
}
