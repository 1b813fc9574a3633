//! Access to a running Carrel: addresses, clients, tokens.

use std::net::SocketAddr;

use carrel_proto::{
    directory::v1::{
        AdmitPatronRequest, LogInRequest, directory_service_client::DirectoryServiceClient,
    },
    session::v1::session_service_client::SessionServiceClient,
};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use crate::socket::Socket;

/// The addresses of a Carrel.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The address of the pages and the websocket.
    pub(crate) http: SocketAddr,
    /// The address of gRPC.
    pub(crate) grpc: SocketAddr,
    channel: Channel,
}

/// What a patron is given when admitted.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    /// The token.
    pub(crate) token: String,
    /// The one session that the token is valid for.
    pub(crate) session_id: String,
}

impl Access {
    pub(crate) fn new(http: SocketAddr, grpc: SocketAddr) -> Self {
        let channel = Endpoint::from_shared(format!("http://{grpc}"))
            .unwrap()
            .connect_lazy();
        Self {
            http,
            grpc,
            channel,
        }
    }

    /// Returns a gRPC client of session-svc.
    pub(crate) fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    /// Returns a gRPC client of the directory.
    pub(crate) fn directory(&self) -> DirectoryServiceClient<Channel> {
        DirectoryServiceClient::new(self.channel.clone())
    }

    /// Logs in one of the demo's librarians, for example `map@harbor`, and returns the token.
    pub(crate) async fn log_in(&self, log_in_name: &str) -> String {
        let request = LogInRequest {
            log_in_name: log_in_name.to_owned(),
            password: "demo".to_owned(),
        };
        let answer = self.directory().log_in(request).await.unwrap();
        answer.into_inner().token.unwrap().access_token
    }

    /// Admits a patron of a library, for example `maple`.
    pub(crate) async fn admit(&self, institution_id: &str) -> Admission {
        let request = AdmitPatronRequest {
            institution_id: institution_id.to_owned(),
            practice: false,
        };
        let answer = self.directory().admit_patron(request).await.unwrap();
        let answer = answer.into_inner();
        Admission {
            token: answer.token.unwrap().access_token,
            session_id: answer.session_id,
        }
    }

    /// Opens a browser's websocket whose Hello was answered with Welcome.
    pub(crate) async fn socket(&self, token: &str) -> Socket {
        Socket::open(self.http, token).await.unwrap().0
    }
}

/// Returns a request that carries the token.
pub(crate) fn on_behalf<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

/// Returns a new command id.
pub(crate) fn command_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("command-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
