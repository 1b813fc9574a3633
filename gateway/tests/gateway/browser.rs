//! A browser's websocket, as a test drives it.

use carrel_proto::gateway::v1::{
    Accepted, Act, Attend, ClientFrame, Hello, Refused, ServerFrame, Welcome, act,
    client_frame::Frame, server_frame::Frame as Received,
};
use carrel_proto::session::v1::PostMessage;
use futures::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    fixture::{Fixture, NOW_S},
    services::token,
};

pub const JSON: &str = "carrel.v1.json";
pub const PROTO: &str = "carrel.v1.proto";

/// A request to open a socket, as a page of the gateway's own would send it.
pub fn upgrade(fixture: &Fixture, protocol: &str) -> tungstenite::handshake::client::Request {
    let address = fixture.address;
    let mut request = format!("ws://{address}/v1/socket")
        .into_client_request()
        .unwrap();
    let headers = request.headers_mut();
    let origin = format!("http://{address}");
    headers.insert("origin", HeaderValue::from_str(&origin).unwrap());
    headers.insert(
        "sec-websocket-protocol",
        HeaderValue::from_str(protocol).unwrap(),
    );
    request
}

/// Returns the status of an answer that opened no socket.
pub async fn refused_status(request: tungstenite::handshake::client::Request) -> u16 {
    match connect_async(request).await {
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

/// An open socket.
pub struct Browser {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    json: bool,
}

impl Browser {
    /// Opens a socket and sends nothing.
    pub async fn silent(fixture: &Fixture, protocol: &str) -> Self {
        let (socket, response) = connect_async(upgrade(fixture, protocol)).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
        Self {
            socket,
            json: protocol == JSON,
        }
    }

    /// Opens a socket and says hello with a token that holds for ten minutes.
    pub async fn hello(fixture: &Fixture, protocol: &str, subject: &str) -> (Self, Welcome) {
        let mut browser = Self::silent(fixture, protocol).await;
        browser.say_hello(token(subject, NOW_S + 600)).await;
        match browser.next().await {
            Received::Welcome(welcome) => (browser, welcome),
            other => panic!("{other:?}"),
        }
    }

    /// The same at a gateway whose deadline for its services is so short that it may not learn in time who says hello,
    /// and asks the browser to come back: it does.
    pub async fn hello_in_time(fixture: &Fixture, protocol: &str, subject: &str) -> Self {
        loop {
            let mut browser = Self::silent(fixture, protocol).await;
            browser.say_hello(token(subject, NOW_S + 600)).await;
            match browser.next_or_close().await {
                Ok(Received::Welcome(_)) => return browser,
                Err((1012, _)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// A librarian who attends a session.
    pub async fn attending(fixture: &Fixture, subject: &str, session_id: &str) -> Self {
        let (mut browser, _) = Self::hello(fixture, JSON, subject).await;
        browser.attend(session_id).await;
        assert!(matches!(browser.next().await, Received::Attending(_)));
        browser
    }

    /// Says hello and attends a session, both at once: a gateway that has heard one has heard the other.
    pub async fn hello_and_attend(&mut self, access_token: String, session_id: &str) {
        let hello = self.written(Frame::Hello(Hello { access_token }));
        self.socket.feed(hello).await.unwrap();
        self.attend(session_id).await;
    }

    pub async fn say_hello(&mut self, access_token: String) {
        self.send(Frame::Hello(Hello { access_token })).await;
    }

    pub async fn attend(&mut self, session_id: &str) {
        self.send(Frame::Attend(Attend {
            session_id: session_id.into(),
            after: None,
        }))
        .await;
    }

    pub async fn act(&mut self, command_id: &str, session_id: &str, act: act::Act) {
        self.send(Frame::Act(Act {
            command_id: command_id.into(),
            session_id: session_id.into(),
            act: Some(act),
        }))
        .await;
    }

    pub async fn post(&mut self, command_id: &str, session_id: &str, text: &str) {
        let message = PostMessage { text: text.into() };
        self.act(command_id, session_id, act::Act::PostMessage(message))
            .await;
    }

    pub async fn send(&mut self, frame: Frame) {
        let message = self.written(frame);
        self.raw(message).await;
    }

    fn written(&self, frame: Frame) -> Message {
        let frame = ClientFrame {
            frame: Some(frame),
            trace_parent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        };
        match self.json {
            true => Message::text(serde_json::to_string(&frame).unwrap()),
            false => Message::binary(frame.encode_to_vec()),
        }
    }

    pub async fn raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// The next frame. Fails when the socket is closed first.
    pub async fn next(&mut self) -> Received {
        self.next_or_close().await.unwrap()
    }

    /// The next frame, or the code and the reason of the close.
    pub async fn next_or_close(&mut self) -> Result<Received, (u16, String)> {
        loop {
            let frame: ServerFrame = match self.socket.next().await.unwrap().unwrap() {
                Message::Text(text) if self.json => serde_json::from_str(&text).unwrap(),
                Message::Binary(bytes) if !self.json => ServerFrame::decode(bytes).unwrap(),
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Close(Some(close)) => {
                    return Err((close.code.into(), close.reason.to_string()));
                }
                other => panic!("{other:?}"),
            };
            return Ok(frame.frame.unwrap());
        }
    }

    pub async fn accepted(&mut self) -> Accepted {
        match self.next().await {
            Received::Accepted(accepted) => accepted,
            other => panic!("{other:?}"),
        }
    }

    pub async fn refused(&mut self) -> Refused {
        match self.next().await {
            Received::Refused(refused) => refused,
            other => panic!("{other:?}"),
        }
    }

    /// Reads to the close and returns its code and reason.
    pub async fn closed(mut self) -> (u16, String) {
        loop {
            if let Err(close) = self.next_or_close().await {
                return close;
            }
        }
    }
}
