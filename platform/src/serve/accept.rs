//! Turns what a listener accepts into connections to be served.

use std::{future::ready, io, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{CONNECTIONS, connection::Connection};

/// How long a peer may take for the TLS handshake, and then again to send its HTTP/2 preface.
const PREFACE_WITHIN: Duration = Duration::from_secs(5);
/// How long to pause after accepting failed. Usually there are no file descriptors left, and retrying at once would
/// only spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Returns the connections to be served, each of which holds one of the `places`. Cancelling `kill` makes all of them
/// fail.
///
/// A connection takes its place before anything is exchanged, and TLS handshakes run concurrently: a slow peer delays
/// no other, and no more connections than there are places are being opened.
pub(super) fn connections<IO: AsyncRead + AsyncWrite + Unpin>(
    incoming: impl Stream<Item = io::Result<IO>>,
    places: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    kill: CancellationToken,
) -> impl Stream<Item = io::Result<Connection<IO>>> {
    let mut failing = false;
    let placed = incoming.filter_map(move |accepted| {
        let failed = accepted.is_err();
        let failed_before = std::mem::replace(&mut failing, failed);
        let placed = match accepted {
            Ok(io) => in_a_place(io, &places),
            Err(error) => {
                if !failed_before {
                    tracing::warn!(%error, "a gRPC connection could not be accepted");
                }
                None
            }
        };
        async move {
            if failed {
                sleep(PAUSE).await;
            }
            placed
        }
    });
    let opened = placed.map(move |(io, place)| {
        Connection::open(io, place, tls.clone(), kill.clone(), PREFACE_WITHIN)
    });
    let opened = opened.buffer_unordered(usize::MAX);
    opened.filter_map(|opened| ready(opened.map(Ok)))
}

/// Gives a connection a place, if one is free.
fn in_a_place<IO>(io: IO, places: &Arc<Semaphore>) -> Option<(IO, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).try_acquire_owned();
    if place.is_err() {
        tracing::warn!(
            limit = CONNECTIONS,
            "too many gRPC connections; one was closed"
        );
    }
    Some((io, place.ok()?))
}
