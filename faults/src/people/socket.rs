//! A browser's websocket, without the browser: sub-protocol `carrel.v1.proto`.

use std::{net::SocketAddr, time::Duration};

use carrel_proto::{
    gateway::v1::{
        Act, Attend, ClientFrame, Hello, ServerFrame, Welcome, act, client_frame::Frame as Request,
        server_frame::Frame,
    },
    session::v1::Position,
};
use futures::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message,
        client::IntoClientRequest,
        http::HeaderValue,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

/// How long each step of opening a socket may take, and how long sending a frame may take.
const WITHIN: Duration = Duration::from_secs(10);

/// An open socket, after the Welcome.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// How a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The close code; `None` if there was none, as when a process died.
    pub code: Option<u16>,
    /// How long to wait before coming back, if the server said so.
    pub retry: Option<Duration>,
}

/// An end without a close frame.
pub const BROKEN: Ended = Ended {
    code: None,
    retry: None,
};

impl Socket {
    /// Opens a socket, says Hello and waits for the Welcome.
    ///
    /// # Errors
    /// Returns how the socket ended instead.
    pub async fn open(address: SocketAddr, token: &str) -> Result<(Self, Welcome), Ended> {
        let stream = soon(TcpStream::connect(address)).await?;
        Self::open_on(stream, address, token).await
    }

    /// Does the same on an existing connection.
    ///
    /// # Errors
    /// Returns how the socket ended instead.
    pub async fn open_on(
        stream: TcpStream,
        address: SocketAddr,
        token: &str,
    ) -> Result<(Self, Welcome), Ended> {
        let _ = stream.set_nodelay(true);
        let mut request = format!("ws://{address}/v1/socket")
            .into_client_request()
            .map_err(|_| BROKEN)?;
        let protocol = HeaderValue::from_static("carrel.v1.proto");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        // There are thousands of sockets at once.
        let small = WebSocketConfig::default().read_buffer_size(4_096);
        let opening = tokio_tungstenite::client_async_with_config(request, stream, Some(small));
        let (stream, _) = soon(opening).await?;
        let mut socket = Self { stream };
        let access_token = token.to_owned();
        socket.send(Request::Hello(Hello { access_token })).await?;
        let first = timeout(WITHIN, socket.next()).await.map_err(|_| BROKEN)?;
        match first? {
            Frame::Welcome(welcome) => Ok((socket, welcome)),
            _ => Err(BROKEN),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// If the socket has ended, or the other side takes nothing for ten seconds.
    pub async fn send(&mut self, frame: Request) -> Result<(), Ended> {
        self.send_traced(frame, "").await
    }

    /// Sends a frame that names the trace that it belongs to.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub async fn send_traced(&mut self, frame: Request, trace_parent: &str) -> Result<(), Ended> {
        let frame = ClientFrame {
            frame: Some(frame),
            trace_parent: trace_parent.to_owned(),
        };
        let message = Message::binary(frame.encode_to_vec());
        soon(self.stream.send(message)).await
    }

    /// Attends a session, after a position that the client already has.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub async fn attend(&mut self, session_id: &str, after: Option<Position>) -> Result<(), Ended> {
        let session_id = session_id.to_owned();
        self.send(Request::Attend(Attend { session_id, after }))
            .await
    }

    /// Sends an act in a session.
    ///
    /// # Errors
    /// As [`Socket::send`].
    pub async fn act(
        &mut self,
        session_id: &str,
        command_id: &str,
        act: act::Act,
    ) -> Result<(), Ended> {
        self.send(Request::Act(Act {
            command_id: command_id.to_owned(),
            session_id: session_id.to_owned(),
            act: Some(act),
        }))
        .await
    }

    /// Waits for the next frame. Cancel-safe.
    ///
    /// # Errors
    /// Returns how the socket ended.
    pub async fn next(&mut self) -> Result<Frame, Ended> {
        Ok(self.receive().await?.0)
    }

    /// Waits for the first frame for which `wanted` returns something. Drops those before it.
    ///
    /// # Errors
    /// Returns how the socket ended.
    pub async fn wait_for<T>(&mut self, wanted: impl Fn(Frame) -> Option<T>) -> Result<T, Ended> {
        loop {
            if let Some(found) = wanted(self.next().await?) {
                return Ok(found);
            }
        }
    }

    /// Waits for the next frame. Also returns the bytes that it came in. Cancel-safe.
    ///
    /// # Errors
    /// Returns how the socket ended.
    pub async fn receive(&mut self) -> Result<(Frame, Bytes), Ended> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = ServerFrame::decode(bytes.clone()).map_err(|_| BROKEN)?;
                    // Frames of unknown kinds are ignored.
                    if let Some(frame) = frame.frame {
                        return Ok((frame, bytes));
                    }
                }
                Some(Ok(Message::Close(close))) => return Err(closed(close)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(BROKEN),
            }
        }
    }
}

fn closed(close: Option<CloseFrame>) -> Ended {
    let retry = close.as_ref().and_then(|close| {
        let milliseconds = close.reason.strip_prefix("retry_ms=")?.parse().ok()?;
        Some(Duration::from_millis(milliseconds))
    });
    Ended {
        code: close.map(|close| close.code.into()),
        retry,
    }
}

async fn soon<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, Ended> {
    match timeout(WITHIN, step).await {
        Ok(Ok(done)) => Ok(done),
        _ => Err(BROKEN),
    }
}
