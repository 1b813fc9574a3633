//! A browser's websocket, without the browser: sub-protocol `carrel.v1.proto`.

use std::{net::SocketAddr, time::Duration};

use carrel_proto::gateway::v1::{
    ClientFrame, Hello, ServerFrame, Welcome, client_frame::Frame as Request, server_frame::Frame,
};
use futures::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame,
    },
};

/// How long each step of opening a socket may take, and how long a frame may take to be sent.
const WITHIN: Duration = Duration::from_secs(10);

/// A socket whose Hello was welcomed.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// How a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The close code; `None` when there was none, as when a process died.
    pub code: Option<u16>,
    /// How long to wait before coming back, when the server said so.
    pub retry: Option<Duration>,
}

/// Without a word.
pub const BROKEN: Ended = Ended {
    code: None,
    retry: None,
};

impl Socket {
    /// Opens a socket, says Hello and waits for the Welcome.
    ///
    /// # Errors
    /// How it ended instead.
    pub async fn open(address: SocketAddr, token: &str) -> Result<(Self, Welcome), Ended> {
        let stream = soon(TcpStream::connect(address)).await?;
        Self::open_on(stream, address, token).await
    }

    /// The same on a connection that there is already.
    ///
    /// # Errors
    /// How it ended instead.
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
        let (stream, _) = soon(tokio_tungstenite::client_async(request, stream)).await?;
        let mut socket = Self { stream };
        let access_token = token.to_owned();
        socket.send(Request::Hello(Hello { access_token })).await?;
        let first = timeout(WITHIN, socket.next()).await.map_err(|_| BROKEN)?;
        match first? {
            (Frame::Welcome(welcome), _) => Ok((socket, welcome)),
            _ => Err(BROKEN),
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the socket has ended, or the other side takes nothing for ten seconds.
    pub async fn send(&mut self, frame: Request) -> Result<(), Ended> {
        let frame = ClientFrame {
            frame: Some(frame),
            trace_parent: String::new(),
        };
        let message = Message::binary(frame.encode_to_vec());
        soon(self.stream.send(message)).await
    }

    /// Waits for the next frame, and returns the bytes that it came in as well. Cancel-safe.
    ///
    /// # Errors
    /// How the socket ended.
    pub async fn next(&mut self) -> Result<(Frame, Bytes), Ended> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = ServerFrame::decode(bytes.clone()).map_err(|_| BROKEN)?;
                    // A kind of frame that is not known says nothing to us.
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
