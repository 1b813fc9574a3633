//! Reaching a service that runs more than once: which replicas are called, and which no longer are.
//! With TLS, too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use carrel_platform::{
    condition::Condition,
    replicas::{Address, Affinity, Replicas},
    serve::{GrpcServer, ServeError, Services},
    tls::{ClientTls, ServerTls},
};
use carrel_proto::session::v1::{
    WatchLoadRequest, WatchLoadResponse,
    load_service_client::LoadServiceClient,
    load_service_server::{LoadService, LoadServiceServer},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, transport::server::TcpIncoming};

mod certificates;

use certificates::Certificates;

/// A service that answers with its name.
struct Named(&'static str);

#[tonic::async_trait]
impl LoadService for Named {
    type WatchLoadStream = tokio_stream::Empty<Result<WatchLoadResponse, Status>>;

    async fn watch_load(
        &self,
        _: Request<WatchLoadRequest>,
    ) -> Result<Response<Self::WatchLoadStream>, Status> {
        Err(Status::already_exists(self.0))
    }
}

struct Server {
    server: GrpcServer,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn start(name: &'static str, tls: Option<&ServerTls>) -> Self {
        let services = Services::new().with(LoadServiceServer::new(Named(name)));
        let mut server = GrpcServer::new(services, false).await.unwrap();
        if let Some(tls) = tls {
            server = server.with_tls(tls.for_grpc().unwrap());
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (running, stopped) = (server.clone(), stop.clone());
        let incoming = TcpIncoming::from(listener);
        Self {
            server,
            address,
            stop,
            serving: tokio::spawn(
                async move { running.serve(incoming, stopped, Duration::ZERO).await },
            ),
        }
    }

    fn url(&self) -> Address {
        format!("http://{}", self.address).parse().unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// Returns the name of the replica that answers a call.
async fn ask(replicas: &Replicas, about: Option<&str>) -> String {
    let mut request = Request::new(WatchLoadRequest {});
    if let Some(about) = about {
        request.extensions_mut().insert(Affinity::to(about));
    }
    let status = LoadServiceClient::new(replicas.clone())
        .watch_load(request)
        .await
        .unwrap_err();
    match status.code() {
        Code::AlreadyExists => status.message().to_owned(),
        code => format!("{code:?}"),
    }
}

/// Repeats a few calls until exactly these replicas answer them.
async fn until_answered_by(replicas: &Replicas, names: &[&str]) {
    let wanted: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    loop {
        let mut heard = BTreeSet::new();
        for _ in 0..8 {
            heard.insert(ask(replicas, None).await);
        }
        if heard == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn calls_go_to_all_that_serve_and_to_none_that_drains_or_is_gone() {
    let (a, b) = (
        Server::start("a", None).await,
        Server::start("b", None).await,
    );
    let replicas = Replicas::find("test", vec![a.url(), b.url()], None).unwrap();
    until_answered_by(&replicas, &["a", "b"]).await;
    assert_eq!(replicas.condition(), Condition::Well);

    a.server.set_healthy(false).await;
    until_answered_by(&replicas, &["b"]).await;
    a.server.set_healthy(true).await;
    until_answered_by(&replicas, &["a", "b"]).await;

    let place = a.address;
    a.stop().await;
    until_answered_by(&replicas, &["b"]).await;
    b.stop().await;
    while replicas.condition() == Condition::Well {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask(&replicas, None).await, "Unavailable");

    // A replica that comes back at the same address is found again.
    let listener = TcpListener::bind(place).await.unwrap();
    let services = Services::new().with(LoadServiceServer::new(Named("again")));
    let server = GrpcServer::new(services, false).await.unwrap();
    let stop = CancellationToken::new();
    let serving = server.serve(TcpIncoming::from(listener), stop.clone(), Duration::ZERO);
    tokio::select! {
        _ = serving => panic!("it ended"),
        () = until_answered_by(&replicas, &["again"]) => {}
    }
}

#[tokio::test]
async fn calls_about_the_same_thing_meet_at_the_same_replica_whoever_makes_them() {
    let mut servers = Vec::new();
    for name in ["a", "b", "c"] {
        servers.push(Server::start(name, None).await);
    }
    let addresses: Vec<Address> = servers.iter().map(Server::url).collect();
    let ours = Replicas::find("test", addresses.clone(), None).unwrap();
    let theirs = Replicas::find("test", addresses.into_iter().rev().collect(), None).unwrap();
    until_answered_by(&ours, &["a", "b", "c"]).await;
    until_answered_by(&theirs, &["a", "b", "c"]).await;
    let mut heard = BTreeSet::new();
    for n in 0..32 {
        let session = format!("session {n}");
        let first = ask(&ours, Some(&session)).await;
        assert_eq!(ask(&ours, Some(&session)).await, first);
        assert_eq!(ask(&theirs, Some(&session)).await, first);
        heard.insert(first);
    }
    assert_eq!(heard.len(), 3);
}

#[tokio::test]
async fn a_call_waits_a_moment_for_a_replica_that_is_about_to_be_found() {
    let a = Server::start("a", None).await;
    let replicas = Replicas::find("test", vec![a.url()], None).unwrap();
    assert_eq!(ask(&replicas, None).await, "a");
}

#[tokio::test]
async fn with_mutual_tls_only_those_meet_who_know_each_other() {
    let ours = Certificates::issue();
    let server = Server::start("a", Some(&ours.server)).await;
    let address: Address = format!("https://{}", server.address).parse().unwrap();
    let find = |tls: &ClientTls| Replicas::find("test", vec![address.clone()], Some(tls)).unwrap();
    assert_eq!(ask(&find(&ours.client), None).await, "a");

    let nameless = ClientTls {
        certificate: None,
        key: None,
        ..ours.client.clone()
    };
    let stranger = Certificates::issue();
    let mistaken = ClientTls {
        ca: stranger.client.ca.clone(),
        ..ours.client.clone()
    };
    let strangers = [&nameless, &stranger.client, &mistaken].map(find);
    let answers = strangers.each_ref().map(|replicas| ask(replicas, None));
    for answer in futures::future::join_all(answers).await {
        assert_eq!(answer, "Unavailable");
    }
    let half = ClientTls {
        key: None,
        ..ours.client.clone()
    };
    assert!(Replicas::find("test", vec![address], Some(&half)).is_err());
}

#[test]
fn an_address_is_a_scheme_a_host_and_a_port() {
    for good in [
        "http://session:50051",
        "https://10.0.0.7:1",
        "http://[::1]:8080",
    ] {
        let address: Address = good.parse().unwrap();
        assert_eq!(address.to_string(), good);
    }
    let six: Address = "http://[::1]:8080/".parse().unwrap();
    assert_eq!(six.host_and_port(), ("::1", 8080));
    for bad in [
        "",
        "session",
        "session:50051",
        "http://session",
        "ftp://session:1",
        "http://session:50051/path",
        "http://session:1?x",
        "http://user@session:1",
        "http://:1",
    ] {
        let error = bad.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains("http://session:50051"), "{error}");
    }
}
