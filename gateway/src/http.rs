//! The listener for browsers: HTTP/1.1, with TLS or without.
//!
//! There is no HTTP/2 here: browsers open few connections, and a protocol that is not spoken can't be flooded.

mod client_address;
mod headers;
mod readiness;
mod router;
mod upgrade;

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::{extract::Request, response::Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    select,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{either::Either, sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};

pub(crate) use self::{client_address::Browser, headers::CrossOriginUse};
use self::{
    headers::Policies,
    router::{RouterState, router},
};
use crate::{Gateway, error::Error, limits::Counter, origin::Origins, write_timeout::WriteTimeout};

/// The largest head of a request.
const HEAD_LIMIT: usize = 16 * 1024;

/// Serves browsers until shutdown was requested and all have gone, or the drain deadline has passed.
pub(crate) async fn serve(
    gateway: Gateway,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
) -> Result<(), Error> {
    let Gateway {
        config,
        needed,
        context,
    } = gateway;
    let context = Arc::new(context);
    let shutdown = context.shutdown.clone();
    let state = RouterState {
        origins: Arc::new(Origins::new(&config, listener.local_addr()?)?),
        policies: Policies::new(&config)?,
        trusted_proxies: config.trusted_proxies.into(),
        request_timeout: config.request_timeout.get(),
        addresses: Counter::new(config.socket.per_address.get()),
        sockets: TaskTracker::new(),
        abandon: CancellationToken::new(),
        needed,
        context,
    };
    let sockets = state.sockets.clone();
    let abandon = state.abandon.clone();
    // If this future is dropped, no connection is left behind either.
    let _abandons = abandon.clone().drop_guard();
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(config.connections.get()));
    let mut server = hyper::server::conn::http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout.get())
        .max_buf_size(HEAD_LIMIT);
    let router = router(state);
    loop {
        let accepted = select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else {
            continue;
        };
        let peer = Peer {
            address: peer,
            place: Arc::new(place),
        };
        let service = router.clone().map_request(move |mut request: Request<_>| {
            request.extensions_mut().insert(peer.clone());
            request
        });
        let connection = Connection {
            server: server.clone(),
            tls: tls.clone(),
            head_timeout: config.head_timeout.get(),
            // A websocket has its own limit, which comes first and is told with a close code.
            write_timeout: config.socket.send_timeout.get() * 2,
            shutdown: shutdown.clone(),
        };
        let abandon = abandon.clone();
        connections.spawn(async move {
            abandon
                .run_until_cancelled(connection.serve(stream, service))
                .await;
        });
    }
    drop(listener);
    connections.close();
    sockets.close();
    let all = async {
        sockets.wait().await;
        connections.wait().await;
    };
    if timeout(config.drain_deadline.get(), all).await.is_err() {
        tracing::warn!("not all browsers were gone in time");
        abandon.cancel();
    }
    Ok(())
}

/// How one connection is served.
struct Connection {
    server: hyper::server::conn::http1::Builder,
    tls: Option<TlsAcceptor>,
    head_timeout: Duration,
    write_timeout: Duration,
    /// Cancelled when the connection is to take no more requests.
    shutdown: CancellationToken,
}

impl Connection {
    /// Answers the requests that come on the connection until either end closes it.
    async fn serve<S>(self, stream: TcpStream, service: S)
    where
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send,
        S::Future: Send,
    {
        let stream = WriteTimeout::new(stream, self.write_timeout);
        let Ok(Some(stream)) = timeout(self.head_timeout, encrypt(stream, self.tls)).await else {
            return;
        };
        let connection = self
            .server
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        // An error here concerns only this one browser, which notices it itself.
        let _ = select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
    }
}

/// The other end of a connection.
#[derive(Clone)]
struct Peer {
    address: IpAddr,
    /// Its place among the connections that may be open. A websocket keeps the place of its connection.
    place: Arc<OwnedSemaphorePermit>,
}

/// Waits for a free place, and for a connection to take it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Frames are small, and each should go out at once.
            let _ = stream.set_nodelay(true);
            // A dual-stack listener shows an IPv4 peer as an IPv6 address; settings name the IPv4 one.
            Some((stream, peer.ip().to_canonical(), place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Usually no file descriptors are left; trying again at once would only spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// Adds TLS to a connection, if it is configured. `None` if the browser does not agree on it.
///
/// The TLS stream is boxed, so that a connection without it, behind a proxy that has it, keeps no room for it.
async fn encrypt<S>(stream: S, tls: Option<TlsAcceptor>) -> Option<Either<S, Box<TlsStream<S>>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match tls {
        None => Some(Either::Left(stream)),
        Some(tls) => Some(Either::Right(Box::new(tls.accept(stream).await.ok()?))),
    }
}
