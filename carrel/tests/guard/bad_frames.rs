//! Bad input on a browser's socket: what is answered, what closes it and with which code (F24-F26, F29).

use std::ops::ControlFlow;

use carrel_proto::gateway::v1::{
    Act, Attend, ClientFrame, Detach, EnterConference, Hello, OpenSession, PickUp, Refused,
    RenewToken, ServerFrame, Typing, act, client_frame::Frame as Asked, server_frame::Frame,
};
use carrel_proto::session::v1::{PostMessage, PushPage, WatchSessionsRequest, WriteNote};
use futures::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        http::HeaderValue,
        protocol::frame::{
            Frame as RawFrame,
            coding::{Data, OpCode},
        },
    },
};

use crate::{
    access::command_id,
    case::{Case, random_id},
    fixture::Fixture,
    table::{Column, Stage},
};

pub(crate) const PROTO: &str = "carrel.v1.proto";
pub(crate) const JSON: &str = "carrel.v1.json";
/// The longest frame.
const LIMIT: usize = 64 * 1024;

/// A socket of either sub-protocol that can send anything.
pub(crate) struct Wire {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    json: bool,
}

impl Wire {
    /// Opens a socket and sends nothing.
    async fn silent(fixture: &Fixture, protocol: &'static str) -> Self {
        let mut request = format!("ws://{}/v1/socket", fixture.access.http)
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        let (socket, _) = connect_async(request).await.unwrap();
        let json = protocol == JSON;
        Self { socket, json }
    }

    /// Opens a socket and waits for its Welcome.
    pub(crate) async fn welcomed(fixture: &Fixture, protocol: &'static str, token: &str) -> Self {
        Self::try_welcomed(fixture, protocol, token).await.unwrap()
    }

    /// Like [`Wire::welcomed`], but returns the close code if the socket was closed.
    pub(crate) async fn try_welcomed(
        fixture: &Fixture,
        protocol: &'static str,
        token: &str,
    ) -> Result<Self, u16> {
        let mut wire = Self::silent(fixture, protocol).await;
        wire.say_hello(token).await;
        match wire.next().await {
            ControlFlow::Continue(Frame::Welcome(_)) => Ok(wire),
            ControlFlow::Break(code) => Err(code),
            other => panic!("instead of Welcome: {other:?}"),
        }
    }

    async fn say_hello(&mut self, token: &str) {
        let access_token = token.to_owned();
        self.ask(Asked::Hello(Hello { access_token })).await;
    }

    /// Sends a frame.
    pub(crate) async fn ask(&mut self, frame: Asked) {
        let message = self.written(Some(frame));
        self.send(message).await;
    }

    fn written(&self, frame: Option<Asked>) -> Message {
        let frame = ClientFrame {
            frame,
            trace_parent: String::new(),
        };
        match self.json {
            true => Message::text(serde_json::to_string(&frame).unwrap()),
            false => Message::binary(frame.encode_to_vec()),
        }
    }

    /// Sends a message. On a socket that was closed, it is ignored.
    pub(crate) async fn send(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// Returns the next frame, or the code with which the socket was closed.
    async fn next(&mut self) -> ControlFlow<u16, Frame> {
        loop {
            let frame: ServerFrame = match self.socket.next().await {
                Some(Ok(Message::Text(text))) if self.json => serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Binary(bytes))) if !self.json => {
                    ServerFrame::decode(bytes).unwrap()
                }
                Some(Ok(Message::Close(close))) => {
                    return ControlFlow::Break(close.map_or(0, |close| close.code.into()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                other => panic!("{other:?}"),
            };
            return ControlFlow::Continue(frame.frame.unwrap());
        }
    }

    /// Waits for the first frame for which `wanted` returns something, and returns that.
    pub(crate) async fn wait_for<T>(&mut self, wanted: impl Fn(Frame) -> Option<T>) -> T {
        let found = self.try_wait_for(wanted).await;
        found.unwrap_or_else(|code| panic!("closed with {code}"))
    }

    /// Like [`Wire::wait_for`], but returns the close code if the socket was closed.
    pub(crate) async fn try_wait_for<T>(
        &mut self,
        wanted: impl Fn(Frame) -> Option<T>,
    ) -> Result<T, u16> {
        loop {
            match self.next().await {
                ControlFlow::Continue(frame) => {
                    if let Some(found) = wanted(frame) {
                        return Ok(found);
                    }
                }
                ControlFlow::Break(code) => return Err(code),
            }
        }
    }

    /// Waits for the next refusal.
    pub(crate) async fn refused(&mut self) -> Refused {
        self.wait_for(|frame| match frame {
            Frame::Refused(refused) => Some(refused),
            _ => None,
        })
        .await
    }

    /// Waits until the socket is closed, and returns the close code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let ControlFlow::Break(code) = self.next().await {
                return code;
            }
        }
    }

    /// Sends a Ping and waits for the Pong. Returns the close code if the socket was closed instead.
    pub(crate) async fn ping_or_close(&mut self) -> Option<u16> {
        let number = 8;
        let ping = carrel_proto::gateway::v1::Ping { number };
        self.ask(Asked::Ping(ping)).await;
        loop {
            match self.next().await {
                ControlFlow::Break(code) => return Some(code),
                ControlFlow::Continue(Frame::Pong(pong)) if pong.number == number => return None,
                ControlFlow::Continue(_) => {}
            }
        }
    }

    /// Asserts that the socket still works.
    pub(crate) async fn assert_goes_on(&mut self) {
        assert_eq!(self.ping_or_close().await, None);
    }
}

pub(crate) fn act(session_id: &str, command_id: &str, act: Option<act::Act>) -> Asked {
    Asked::Act(Act {
        command_id: command_id.to_owned(),
        session_id: session_id.to_owned(),
        act,
    })
}

pub(crate) fn message(text: &str) -> act::Act {
    act::Act::PostMessage(PostMessage {
        text: text.to_owned(),
    })
}

#[tokio::test]
async fn a_socket_begins_with_one_hello() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    for protocol in [PROTO, JSON] {
        for first in [
            Some(Asked::RenewToken(RenewToken {})),
            Some(Asked::Watch(WatchSessionsRequest::default())),
            Some(act(&case.session_id, "a", Some(message("Too early")))),
            None,
        ] {
            let mut wire = Wire::silent(&fixture, protocol).await;
            let first = wire.written(first);
            wire.send(first).await;
            assert_eq!(wire.closed().await, 4400);
        }
        let mut wire = Wire::welcomed(&fixture, protocol, &case.patron).await;
        wire.say_hello(fixture.token(Column::Ao)).await;
        let refusal = wire.refused().await.refusal.unwrap();
        assert_eq!((refusal.code, refusal.reason.as_str()), (3, "BAD_FRAME"));
        wire.assert_goes_on().await;
    }
    fixture.close().await;
}

#[tokio::test]
async fn a_hello_with_a_bad_token_is_closed() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Unopened).await;
    let expired = fixture.expired(&case.patron);
    let forged = format!("{}x", case.patron);
    let long = "x".repeat(20_000);
    for token in ["", "x", "\0", "\u{e9}", "a b", &expired, &forged, &long] {
        for protocol in [PROTO, JSON] {
            let mut wire = Wire::silent(&fixture, protocol).await;
            wire.say_hello(token).await;
            assert_eq!(wire.closed().await, 4401, "{token}");
        }
    }
    fixture.close().await;
}

#[tokio::test]
async fn what_is_no_frame_is_answered_or_closes_the_socket() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let raw_text = |bytes: &'static [u8]| {
        Message::Frame(RawFrame::message(bytes, OpCode::Data(Data::Text), true))
    };
    let closing = [
        (PROTO, Message::text("{}"), 4400),
        (PROTO, Message::binary(vec![0x0a, 0x7f]), 4400),
        (PROTO, Message::binary(vec![0xff; 100]), 4400),
        (PROTO, Message::binary(vec![0x0a; LIMIT + 1]), 1009),
        (JSON, Message::binary(vec![]), 4400),
        (JSON, raw_text(b"\"\xff\xfe\""), 1007),
        (JSON, Message::text("x".repeat(LIMIT + 1)), 1009),
    ];
    for (protocol, message, code) in closing {
        let mut wire = Wire::welcomed(&fixture, protocol, &case.patron).await;
        wire.send(message.clone()).await;
        assert_eq!(wire.closed().await, code, "{protocol}");
    }
    // However odd a frame within the limit is, it is answered, and the socket goes on.
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let mut wire = Wire::welcomed(&fixture, JSON, &case.patron).await;
    for text in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"unheardOf": {}}"#,
        r#"{"ping": {"number": -1}}"#,
        r#"{"ping": {"number": "x"}}"#,
        r#"{"ping": {}, "detach": {}}"#,
        r#"{"ping": {}, "ping": {}}"#,
        r#"{"typing": {"sessionId": "a", "box": "AUDIENCE_EVERYONE"}}"#,
        r#"{"attend": {"sessionId": 7}}"#,
        r#"{"attend": {"after": {"number": "18446744073709551616"}}}"#,
        "{\"ping\": \"\\ud800\"}",
        deep.as_str(),
    ] {
        wire.send(Message::text(text)).await;
        let refusal = wire.refused().await.refusal.unwrap();
        let told = (refusal.code, refusal.reason.as_str());
        assert_eq!(told, (3, "BAD_FRAME"), "{}", &text[..text.len().min(80)]);
    }
    let broken =
        json!({ "act": { "commandId": "c", "sessionId": "s", "postMessage": { "text": 7 } } });
    wire.send(Message::text(broken.to_string())).await;
    let refused = wire.refused().await;
    assert_eq!(
        (refused.command_id.as_str(), refused.session_id.as_str()),
        ("c", "s")
    );
    wire.assert_goes_on().await;
    let mut wire = Wire::welcomed(&fixture, PROTO, &case.patron).await;
    for empty in [vec![], vec![0xfa, 0x01, 0x00], vec![0xa2, 0x06, 0x00]] {
        wire.send(Message::binary(empty)).await;
        assert_eq!(wire.refused().await.refusal.unwrap().reason, "BAD_FRAME");
    }
    wire.assert_goes_on().await;
    fixture.close().await;
}

/// F25: neither an endless message in fragments nor a huge frame is accepted.
#[tokio::test]
async fn an_endless_message_is_cut_off() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Unopened).await;
    let mut wire = Wire::welcomed(&fixture, PROTO, &case.patron).await;
    let piece = |opcode| Message::Frame(RawFrame::message(vec![0x0a; 1_000], opcode, false));
    wire.send(piece(OpCode::Data(Data::Binary))).await;
    for _ in 0..70 {
        wire.send(piece(OpCode::Data(Data::Continue))).await;
    }
    assert_eq!(wire.closed().await, 1009);
    let mut wire = Wire::welcomed(&fixture, PROTO, &case.patron).await;
    wire.send(Message::binary(vec![0; 16 << 20])).await;
    assert!(matches!(
        wire.socket.next().await,
        Some(Ok(Message::Close(_)) | Err(_)) | None
    ));
    fixture.close().await;
}

/// Acts get the same answers in separate calls and on the stream of an attended session.
#[tokio::test]
async fn a_refused_act_does_not_close_the_socket() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await.len();
    let long = "x".repeat(4_001);
    let longer = "x".repeat(65);
    let page = |address: &str| {
        let address = address.to_owned();
        act::Act::PushPage(PushPage { address })
    };
    let note = |text: &str| {
        act::Act::WriteNote(WriteNote {
            text: text.to_owned(),
        })
    };
    let owner = fixture.token(Column::Lc);
    for (protocol, attended) in [(PROTO, false), (PROTO, true), (JSON, false), (JSON, true)] {
        let mut wire = Wire::welcomed(&fixture, protocol, owner).await;
        if attended {
            attend(&mut wire, &case).await;
        }
        let wrong = [
            ("a", None, 3, "BAD_FRAME", None),
            (
                "",
                Some(message("Hello")),
                3,
                "BAD_COMMAND_ID",
                Some("command_id"),
            ),
            (
                &longer,
                Some(message("Hello")),
                3,
                "BAD_COMMAND_ID",
                Some("command_id"),
            ),
            ("b", Some(message(" ")), 3, "EMPTY", Some("text")),
            ("c", Some(message(&long)), 3, "TOO_LONG", Some("text")),
            ("d", Some(note("\0")), 3, "CONTROL_CHARACTER", Some("text")),
            (
                "e",
                Some(page("javascript:alert(1)")),
                3,
                "BAD_ADDRESS",
                Some("address"),
            ),
            (
                "f",
                Some(act::Act::OpenSession(OpenSession::default())),
                7,
                "ROLE_NOT_ALLOWED",
                None,
            ),
            (
                "g",
                Some(act::Act::EnterConference(EnterConference::default())),
                7,
                "ROLE_NOT_ALLOWED",
                None,
            ),
        ];
        for (command_id, wrong, code, reason, field) in wrong {
            wire.ask(act(&case.session_id, command_id, wrong)).await;
            let refused = wire.refused().await;
            assert_eq!(refused.command_id, command_id);
            let refusal = refused.refusal.unwrap();
            assert_eq!((refusal.code, refusal.reason.as_str()), (code, reason));
            let named = refusal.field_violations.first().map(|v| v.field.as_str());
            if field.is_some() {
                assert_eq!(named, field);
            }
        }
        for nowhere in ["", "\0", &random_id()] {
            wire.ask(act(nowhere, &command_id(), Some(message("Hello"))))
                .await;
            assert_eq!(wire.refused().await.refusal.unwrap().code, 5);
            wire.ask(act(
                nowhere,
                &command_id(),
                Some(act::Act::PickUp(PickUp {})),
            ))
            .await;
            assert_eq!(wire.refused().await.refusal.unwrap().code, 5);
            // Proto3 JSON can't express an unknown value of an enum.
            let unheard_of = if wire.json { 0 } else { 99 };
            let session_id = nowhere.to_owned();
            wire.ask(Asked::Detach(Detach {
                session_id: session_id.clone(),
            }))
            .await;
            wire.ask(Asked::Typing(Typing {
                session_id,
                r#box: unheard_of,
            }))
            .await;
        }
        wire.assert_goes_on().await;
    }
    assert_eq!(fixture.recorded(&case.session_id).await.len(), before);
    fixture.close().await;
}

/// F24: frames that are sent twice, on two sockets and in another order, have one effect each.
#[tokio::test]
async fn repeated_and_reordered_frames_have_one_effect() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await.len();
    let mut one = Wire::welcomed(&fixture, PROTO, &case.patron).await;
    let mut two = Wire::welcomed(&fixture, JSON, &case.patron).await;
    attend(&mut two, &case).await;
    let count = 20;
    for number in 0..count {
        let text = number.to_string();
        for _ in 0..2 {
            one.ask(act(&case.session_id, &text, Some(message(&text))))
                .await;
        }
        let back = (count - 1 - number).to_string();
        two.ask(act(&case.session_id, &back, Some(message(&back))))
            .await;
    }
    let mut replayed = 0;
    for (wire, answers) in [(&mut one, 2 * count), (&mut two, count)] {
        for _ in 0..answers {
            let again = wire
                .wait_for(|frame| match frame {
                    Frame::Accepted(accepted) => Some(accepted.replayed),
                    Frame::Refused(refused) => panic!("{refused:?}"),
                    _ => None,
                })
                .await;
            replayed += usize::from(again);
        }
    }
    assert_eq!(replayed, 2 * count);
    assert_eq!(
        fixture.recorded(&case.session_id).await.len(),
        before + count
    );
    one.ask(act(&case.session_id, "0", Some(message("Something else"))))
        .await;
    let refusal = one.refused().await.refusal.unwrap();
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (6, "COMMAND_ID_REUSED")
    );
    fixture.close().await;
}

async fn attend(wire: &mut Wire, case: &Case) {
    try_to_attend(wire, case).await.unwrap();
}

pub(crate) async fn try_to_attend(wire: &mut Wire, case: &Case) -> Result<(), u16> {
    let session_id = case.session_id.clone();
    let after = None;
    wire.ask(Asked::Attend(Attend { session_id, after })).await;
    wire.try_wait_for(|frame| matches!(frame, Frame::Attending(_)).then_some(()))
        .await
}
