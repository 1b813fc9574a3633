//! A browser's websocket, without the browser: sub-protocol `carrel.v1.proto`.

use std::net::SocketAddr;

use carrel_proto::gateway::v1::{
    Act, Attend, ClientFrame, Hello, ServerFrame, act, client_frame::Frame as Request,
    server_frame::Frame,
};
use carrel_proto::session::v1::{Position, PostMessage};
use futures::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Message, client::IntoClientRequest, http::HeaderValue, protocol::frame::coding::CloseCode,
    },
};

/// A socket whose Hello was welcomed.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// How a socket ended: by a close code, or without one as when the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended(pub(crate) Option<u16>);

impl Socket {
    /// Opens a socket, says Hello and waits for the Welcome.
    pub(crate) async fn open(address: SocketAddr, token: &str) -> Result<Self, Ended> {
        let mut request = format!("ws://{address}/v1/socket")
            .into_client_request()
            .unwrap();
        request.headers_mut().insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("carrel.v1.proto"),
        );
        let opened = tokio_tungstenite::connect_async(request).await;
        let (stream, _) = opened.map_err(|_| Ended(None))?;
        let mut socket = Self { stream };
        let access_token = token.to_owned();
        socket.send(Request::Hello(Hello { access_token })).await?;
        match socket.next().await? {
            Frame::Welcome(_) => Ok(socket),
            other => panic!("instead of a Welcome: {other:?}"),
        }
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: Request) -> Result<(), Ended> {
        self.send_traced(frame, "").await
    }

    /// Sends a frame that names the trace which it belongs to.
    pub(crate) async fn send_traced(
        &mut self,
        frame: Request,
        trace_parent: &str,
    ) -> Result<(), Ended> {
        let frame = ClientFrame {
            frame: Some(frame),
            trace_parent: trace_parent.to_owned(),
        };
        let message = Message::binary(frame.encode_to_vec());
        self.stream.send(message).await.map_err(|_| Ended(None))
    }

    /// Waits for the next frame. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Frame, Ended> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    let frame = ServerFrame::decode(bytes).unwrap().frame;
                    return Ok(frame.expect("a frame of a kind that we know"));
                }
                Some(Ok(Message::Close(close))) => {
                    return Err(Ended(close.map(|close| code(close.code))));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Ended(None)),
            }
        }
    }

    /// Waits for the first frame that `wanted` gives something for; drops those before it.
    pub(crate) async fn wait_for<T>(
        &mut self,
        wanted: impl Fn(Frame) -> Option<T>,
    ) -> Result<T, Ended> {
        loop {
            if let Some(found) = wanted(self.next().await?) {
                return Ok(found);
            }
        }
    }

    /// Takes part in a session.
    pub(crate) async fn attend(
        &mut self,
        session_id: &str,
        after: Option<Position>,
    ) -> Result<(), Ended> {
        self.send(Request::Attend(Attend {
            session_id: session_id.to_owned(),
            after,
        }))
        .await
    }

    /// Does something in a session.
    pub(crate) async fn act(
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

    /// Does something in a session and waits until it is accepted. Returns its position.
    pub(crate) async fn act_and_wait(
        &mut self,
        session_id: &str,
        command_id: &str,
        act: act::Act,
    ) -> Result<u64, Ended> {
        self.act(session_id, command_id, act).await?;
        self.wait_for(|frame| match frame {
            Frame::Accepted(accepted) if accepted.command_id == command_id => {
                Some(accepted.position)
            }
            Frame::Refused(refused) if refused.command_id == command_id => {
                panic!("refused: {refused:?}")
            }
            _ => None,
        })
        .await
    }
}

/// A message for everyone in the session.
pub(crate) fn message(text: impl Into<String>) -> act::Act {
    act::Act::PostMessage(PostMessage { text: text.into() })
}

fn code(code: CloseCode) -> u16 {
    code.into()
}
