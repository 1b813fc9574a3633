//! From a request to a websocket.

use std::time::Duration;

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use carrel_platform::{network::network_of, refusal::Refusal};
use http::{HeaderMap, HeaderValue};
use tonic::Code;

use super::{
    Peer,
    client_address::Browser,
    router::{RouterState, refused},
};
use crate::{
    config::SocketConfig,
    error::Refused,
    frame::{FRAME_LIMIT, SubProtocol},
    socket,
};

/// How much is read from a websocket at once. Browsers send little, and each socket holds such a buffer all the time; a
/// long frame is read in several pieces.
const READ_BUFFER: usize = 512;

/// Opens a websocket.
pub(super) async fn open_socket(
    State(state): State<RouterState>,
    Extension(browser): Extension<Browser>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    state.origins.check_origin(&headers).map_err(refused)?;
    let mut upgrade = upgrade.map_err(|rejection| {
        Refused::with_status(
            rejection.status(),
            Refusal::new(Code::InvalidArgument, "NO_UPGRADE", rejection.body_text()),
        )
    })?;
    let asked: Vec<&str> = upgrade
        .requested_protocols()
        .filter_map(|name| name.to_str().ok())
        .collect();
    let protocol = SubProtocol::ALL
        .into_iter()
        .find(|known| asked.contains(&known.name()))
        .ok_or_else(|| {
            Refusal::new(
                Code::InvalidArgument,
                "UNKNOWN_SUB_PROTOCOL",
                "Ask for the sub-protocol carrel.v1.proto or carrel.v1.json.",
            )
        })?;
    if state.context.shutdown.is_cancelled() {
        return Err(Refusal::unavailable("SHUTTING_DOWN", "The gateway is stopping.").into());
    }
    let counted = state
        .addresses
        .enter(network_of(browser.address).to_string())
        .ok_or_else(|| {
            Refusal::new(
                Code::ResourceExhausted,
                "TOO_MANY_SOCKETS",
                "Too many sockets are open from your address. Close one first.",
            )
            .retry_after(Duration::from_secs(5))
        })?;
    upgrade.set_selected_protocol(HeaderValue::from_static(protocol.name()));
    let running = state.sockets.token();
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(SocketConfig::WRITE_BUFFER)
        .max_write_buffer_size(state.context.config.longest_write())
        .max_frame_size(FRAME_LIMIT)
        .max_message_size(FRAME_LIMIT)
        .on_upgrade(move |socket| {
            // Boxed, or it would take up space twice.
            let served = Box::pin(socket::serve(
                state.context,
                socket,
                protocol,
                browser.address,
            ));
            async move {
                state.abandon.run_until_cancelled(served).await;
                drop((counted, running, peer.place));
            }
        }))
}
