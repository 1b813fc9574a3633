//! From what a listener gives to connections that are worth being served.

use std::{future::ready, io, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{CONNECTIONS, connection::Connection};

/// How long a peer may take to agree on TLS, and then to send its HTTP/2 preface, which comes before all else.
const PREFACE_WITHIN: Duration = Duration::from_secs(5);

/// The connections out of those that come in, each in one of the places, until all fail by `kill`.
///
/// One takes its place before a word is said, and peers agree on TLS side by side: whoever is slow holds up nobody, and
/// no more than the places are on their way.
pub(super) fn connections<IO: AsyncRead + AsyncWrite + Unpin>(
    incoming: impl Stream<Item = io::Result<IO>>,
    places: Arc<Semaphore>,
    tls: Option<TlsAcceptor>,
    kill: CancellationToken,
) -> impl Stream<Item = io::Result<Connection<IO>>> {
    let placed = incoming.filter_map(move |accepted| {
        let placed = match accepted {
            Ok(io) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => Some(Ok((io, place))),
                Err(_) => {
                    tracing::warn!(
                        limit = CONNECTIONS,
                        "too many gRPC connections; one was closed"
                    );
                    None
                }
            },
            Err(error) => Some(Err(error)),
        };
        ready(placed)
    });
    let opened = placed.map(move |placed| {
        let (tls, kill) = (tls.clone(), kill.clone());
        async move {
            match placed {
                Ok((io, place)) => {
                    let opened = Connection::open(io, place, tls, kill, PREFACE_WITHIN).await;
                    opened.map(Ok)
                }
                Err(error) => Some(Err(error)),
            }
        }
    });
    opened.buffer_unordered(usize::MAX).filter_map(ready)
}
