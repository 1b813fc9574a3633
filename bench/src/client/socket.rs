//! A websocket that flushes waiting messages together, once nothing more is there to read.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{Meter, Metered};

/// A client's websocket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: WebSocketStream<Metered>,
    unsent: bool,
}

impl Socket {
    /// Opens a socket for a sub-protocol.
    pub(super) async fn open(
        address: SocketAddr,
        protocol: &'static str,
        meter: &Meter,
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}/v1/socket").into_client_request()?;
        let protocol = HeaderValue::from_static(protocol);
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let (stream, _) = client_async(request, Metered::new(stream, meter)).await?;
        Ok(Self {
            stream,
            unsent: false,
        })
    }

    /// Queues a message. It leaves with the next [`Socket::next`] at the latest.
    pub(super) async fn feed(&mut self, message: Message) -> anyhow::Result<()> {
        self.unsent = true;
        Ok(self.stream.feed(message).await?)
    }

    /// Waits for the next message. Cancel-safe.
    pub(super) async fn next(&mut self) -> anyhow::Result<Message> {
        let message = match self.stream.next().now_or_never() {
            Some(message) => message,
            None => {
                if self.unsent {
                    self.stream.flush().await?;
                    self.unsent = false;
                }
                self.stream.next().await
            }
        };
        match message.context("the socket ended")?? {
            Message::Close(close) => bail!("the socket was closed: {close:?}"),
            message => Ok(message),
        }
    }
}
