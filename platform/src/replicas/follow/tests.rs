//! Tests with names that can't all be looked up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{io, sync::Mutex};

use futures::{FutureExt as _, future};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

use super::*;
use crate::serve::{GrpcServer, Services};

/// A replica that serves only its health.
struct Server {
    server: GrpcServer,
    place: SocketAddr,
    _stop: DropGuard,
}

impl Server {
    async fn start() -> Self {
        let server = GrpcServer::new(Services::new(), false).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (running, stopped) = (server.clone(), stop.clone());
        let incoming = TcpListenerStream::new(listener);
        tokio::spawn(async move { running.serve(incoming, stopped, Duration::ZERO).await });
        Self {
            server,
            place,
            _stop: stop.drop_guard(),
        }
    }
}

/// What the resolver answers for a name.
#[derive(Clone, Copy)]
enum Lookup {
    Place(SocketAddr),
    Failure,
    /// It never answers.
    Nothing,
}

/// A search for the names `first`, whose answer can be changed, and `second`.
struct Names {
    first: Arc<Mutex<Lookup>>,
    serving: watch::Receiver<Arc<[Replica]>>,
    condition: watch::Receiver<Condition>,
    _stop: DropGuard,
}

impl Names {
    fn search(first: Lookup, second: Lookup) -> Self {
        let first = Arc::new(Mutex::new(first));
        let asked = Arc::clone(&first);
        let resolver: Resolver = Arc::new(move |address| {
            let told = match address.host() {
                "first" => *asked.lock().unwrap(),
                _ => second,
            };
            match told {
                Lookup::Place(place) => future::ready(Ok(vec![place])).boxed(),
                Lookup::Failure => future::ready(Err(io::Error::other("no such name"))).boxed(),
                Lookup::Nothing => future::pending().boxed(),
            }
        });
        let addresses = ["http://first:1", "http://second:1"];
        let addresses = addresses.map(|address| address.parse().unwrap()).to_vec();
        let stop = CancellationToken::new();
        let (serving, condition) = begin("test", addresses, None, resolver, stop.clone());
        Self {
            first,
            serving,
            condition,
            _stop: stop.drop_guard(),
        }
    }

    /// Waits until exactly these replicas serve.
    async fn until_serving(&mut self, servers: &[&Server]) {
        let places: Vec<_> = servers.iter().map(|s| s.place.to_string()).collect();
        let serving = self.serving.wait_for(|serving| {
            let serving = serving.iter().map(|replica| &*replica.name);
            serving.eq(places.iter().map(String::as_str))
        });
        let told = tokio::time::timeout(Duration::from_secs(60), serving).await;
        told.expect("in time").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_can_t_be_looked_up_does_not_hold_up_another() {
    let (old, new) = (Server::start().await, Server::start().await);
    let mut names = Names::search(Lookup::Place(old.place), Lookup::Failure);
    names.until_serving(&[&old]).await;
    *names.first.lock().unwrap() = Lookup::Place(new.place);
    names.until_serving(&[&new]).await;
    // It is well because a replica serves.
    assert_eq!(*names.condition.borrow(), Condition::Well);
}

#[tokio::test(start_paused = true)]
async fn replicas_of_a_name_that_can_t_be_looked_up_any_more_are_kept() {
    let (first, second) = (Server::start().await, Server::start().await);
    let mut names = Names::search(Lookup::Place(first.place), Lookup::Place(second.place));
    let mut both = [&first, &second];
    both.sort_by_key(|server| server.place);
    names.until_serving(&both).await;
    *names.first.lock().unwrap() = Lookup::Failure;
    tokio::time::sleep(Duration::from_secs(60)).await;
    names.until_serving(&both).await;
    first.server.set_healthy(false).await;
    names.until_serving(&[&second]).await;
}

#[tokio::test]
async fn while_a_name_is_looked_up_it_is_heard_how_replicas_are() {
    let server = Server::start().await;
    let mut names = Names::search(Lookup::Place(server.place), Lookup::Nothing);
    names.until_serving(&[&server]).await;
    server.server.set_healthy(false).await;
    names.until_serving(&[]).await;
    server.server.set_healthy(true).await;
    names.until_serving(&[&server]).await;
}

#[tokio::test(start_paused = true)]
async fn it_is_said_which_name_can_t_be_looked_up_while_no_replica_serves() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    for (first, problem) in [
        (
            Lookup::Failure,
            "test: http://first:1 can't be looked up: no such name",
        ),
        (
            Lookup::Place(nobody),
            "test: http://second:1 can't be looked up: no answer within 3s",
        ),
    ] {
        let mut names = Names::search(first, Lookup::Nothing);
        let said = |condition: &Condition| condition.problem() == Some(problem);
        let said = names.condition.wait_for(said);
        let said = tokio::time::timeout(Duration::from_secs(60), said).await;
        said.expect("in time").unwrap();
    }
}
