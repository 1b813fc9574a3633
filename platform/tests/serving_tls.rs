//! The gRPC server with TLS: stalled connections keep no place, and callers' addresses are known as
//! without TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use carrel_platform::serve::{GrpcServer, Services};
use carrel_proto::session::v1::{
    WatchLoadRequest, WatchLoadResponse,
    load_service_client::LoadServiceClient,
    load_service_server::{LoadService, LoadServiceServer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Request, Response, Status,
    transport::{Endpoint, server::TcpIncoming},
};

mod certificates;

use certificates::Certificates;

/// A service that answers with the caller's address.
struct Mirror;

#[tonic::async_trait]
impl LoadService for Mirror {
    type WatchLoadStream = tokio_stream::Empty<Result<WatchLoadResponse, Status>>;

    async fn watch_load(
        &self,
        request: Request<WatchLoadRequest>,
    ) -> Result<Response<Self::WatchLoadStream>, Status> {
        Err(Status::already_exists(format!(
            "{:?}",
            request.remote_addr()
        )))
    }
}

struct Server {
    address: SocketAddr,
    certificates: Certificates,
    _stop: DropGuard,
}

impl Server {
    async fn start() -> Self {
        let certificates = Certificates::issue();
        let services = Services::new().with(LoadServiceServer::new(Mirror));
        let server = GrpcServer::new(services, false).await.unwrap();
        let server = server.with_tls(certificates.server.for_grpc().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (incoming, stopped) = (TcpIncoming::from(listener), stop.clone());
        tokio::spawn(async move { server.serve(incoming, stopped, Duration::ZERO).await });
        Self {
            address,
            certificates,
            _stop: stop.drop_guard(),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Returns a connector for a client that the server admits.
    fn connector(&self) -> TlsConnector {
        let tls = &self.certificates.client;
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(&tls.ca).unwrap())
            .unwrap();
        let own = CertificateDer::from_pem_file(tls.certificate.as_ref().unwrap()).unwrap();
        let key = PrivateKeyDer::from_pem_file(tls.key.as_ref().unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![own], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

/// Sends nothing more, and waits until the server closes the connection.
async fn until_closed(mut connection: impl AsyncRead + Unpin) {
    tokio::time::pause();
    let mut rest = Vec::new();
    // How it is closed does not matter.
    let closed = connection.read_to_end(&mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(60), closed)
        .await
        .expect("closed within a minute");
}

/// F28
#[tokio::test]
async fn a_connection_that_stops_within_its_handshake_is_closed() {
    let server = Server::start().await;
    let mut slow = server.connect().await;
    // The beginning of a ClientHello of 512 bytes.
    let mut hello = vec![22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    hello.resize(40, 0);
    slow.write_all(&hello).await.unwrap();
    until_closed(slow).await;
}

/// F28
#[tokio::test]
async fn a_connection_without_a_word_after_its_handshake_is_closed() {
    let server = Server::start().await;
    let silent = server.connect().await;
    let name = "127.0.0.1".try_into().unwrap();
    let mut silent = server.connector().connect(name, silent).await.unwrap();
    // The first frame of an HTTP/2 server, sent when the handshake is over for the server, too.
    let mut settings = [0; 9];
    silent.read_exact(&mut settings).await.unwrap();
    until_closed(silent).await;
}

/// Limits per address work with TLS, too.
#[tokio::test]
async fn a_service_knows_from_where_it_is_called() {
    let server = Server::start().await;
    let channel = Endpoint::from_shared(format!("https://{}", server.address))
        .unwrap()
        .tls_config(server.certificates.client.for_grpc().unwrap())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = LoadServiceClient::new(channel);
    let told = client.watch_load(WatchLoadRequest {}).await.unwrap_err();
    assert!(told.message().starts_with("Some(127.0.0.1:"), "{told:?}");
}
