//! The two encodings of frames: from a browser's websocket message to a [`ClientFrame`], and from a [`ServerFrame`] to
//! a websocket message.

use axum::extract::ws::Message;
use bytes::Bytes;
use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{ClientFrame, Refused, ServerFrame, SessionEvent, client_frame, server_frame},
    session::v1 as session,
};
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use serde::Serialize;
use serde_json::Value;
use tonic::Code;

/// The longest websocket frame, and the longest message, in bytes.
pub const FRAME_LIMIT: usize = 64 * 1024;

/// How frames are encoded on a socket. The client chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubProtocol {
    /// Each binary message is one frame in protobuf's binary form.
    Proto,
    /// Each text message is one frame in proto3 JSON.
    Json,
}

/// Why a message is not a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum BadFrame {
    /// It can't be answered: the wrong opcode, or undecodable bytes. The socket is closed.
    Fatal,
    /// It can be answered, and the socket stays open.
    Answerable(Box<Refused>),
}

impl SubProtocol {
    /// Both, in the server's order of preference.
    pub const ALL: [Self; 2] = [Self::Proto, Self::Json];

    /// The name in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proto => "carrel.v1.proto",
            Self::Json => "carrel.v1.json",
        }
    }

    /// Decodes a data message of a browser: what it asks for, and the trace in which it does. Never panics, whatever
    /// the bytes are.
    ///
    /// # Errors
    /// [`BadFrame::Fatal`] for a message of the wrong kind or bytes that can't be decoded, [`BadFrame::Answerable`] for
    /// a frame that is none of those that a client may send.
    pub fn decode(self, message: &Message) -> Result<(client_frame::Frame, String), BadFrame> {
        let frame = match (self, message) {
            (Self::Proto, Message::Binary(bytes)) => {
                ClientFrame::decode(bytes.as_ref()).map_err(|_| BadFrame::Fatal)?
            }
            (Self::Json, Message::Text(text)) => {
                serde_json::from_str(text.as_str()).map_err(|error| malformed(text, &error))?
            }
            _ => return Err(BadFrame::Fatal),
        };
        match frame.frame {
            Some(kind) => Ok((kind, frame.trace_parent)),
            None => Err(BadFrame::Answerable(Box::new(refused(
                String::new(),
                String::new(),
                bad_frame(
                    "The frame holds none of the things that a client may send. See docs/websocket.md.",
                ),
            )))),
        }
    }

    /// Encodes a frame for a browser.
    ///
    /// # Errors
    /// When the browser speaks JSON, and JSON has no representation for it.
    pub fn encode(self, frame: server_frame::Frame) -> Result<Message, Unwritable> {
        let frame = ServerFrame { frame: Some(frame) };
        Ok(match self {
            Self::Proto => Message::Binary(frame.encode_to_vec().into()),
            Self::Json => Message::Text(serde_json::to_string(&frame)?.into()),
        })
    }

    /// Encodes a frame for a browser about an event of this session that is already encoded.
    ///
    /// # Errors
    /// As for [`SubProtocol::encode`], or if such a browser's event can't be decoded. For others it is not looked at.
    pub fn encode_event(self, session_id: &str, event: Bytes) -> Result<Message, Unwritable> {
        Ok(match self {
            Self::Proto => Message::Binary(event_frame(session_id, &event).into()),
            Self::Json => self.encode(server_frame::Frame::Event(SessionEvent {
                session_id: session_id.to_owned(),
                event: Some(session::SessionEvent::decode(event)?),
            }))?,
        })
    }
}

/// Why a frame can't be encoded.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// JSON has no representation for it.
    #[error("it can't be said in JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The event that it passes on can't be decoded.
    #[error("what it passes on can't be read: {0}")]
    Undecodable(#[from] prost::DecodeError),
}

/// The tag of an event in a [`ServerFrame`].
const EVENT: u32 = 5;
/// The tags of the fields of a [`SessionEvent`].
const EVENT_SESSION_ID: u32 = 1;
const EVENT_EVENT: u32 = 2;

/// Encodes a [`ServerFrame`] with a [`SessionEvent`] whose event is already encoded.
fn event_frame(session_id: &str, event: &[u8]) -> Vec<u8> {
    let length =
        field_len(EVENT_SESSION_ID, session_id.len()) + field_len(EVENT_EVENT, event.len());
    let mut frame = Vec::with_capacity(field_len(EVENT, length));
    begin_field(EVENT, length, &mut frame);
    begin_field(EVENT_SESSION_ID, session_id.len(), &mut frame);
    frame.extend_from_slice(session_id.as_bytes());
    begin_field(EVENT_EVENT, event.len(), &mut frame);
    frame.extend_from_slice(event);
    frame
}

/// Returns the length of a field whose content has this length.
fn field_len(tag: u32, length: usize) -> usize {
    key_len(tag) + encoded_len_varint(length as u64) + length
}

/// Writes what precedes the content of a field.
fn begin_field(tag: u32, length: usize, frame: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, frame);
    encode_varint(length as u64, frame);
}

/// Returns the length of a message in JSON, the longer of the two encodings.
pub(crate) fn json_length(message: &impl Serialize) -> usize {
    // A message that can't be encoded takes a frame of its own, so that nothing else fails with it.
    serde_json::to_vec(message).map_or(FRAME_LIMIT, |json| json.len())
}

/// Makes the refusal of something that a client asked for on its socket.
#[must_use]
pub fn refused(command_id: String, session_id: String, refusal: Refusal) -> Refused {
    Refused {
        command_id,
        session_id,
        refusal: Some(refusal.into()),
    }
}

/// The refusal of a frame that can't be understood.
#[must_use]
pub fn bad_frame(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidArgument, "BAD_FRAME", message)
}

/// The prefix of the names of frames' spans; a frame's kind follows.
const SPAN_NAME: &str = "ws ";

/// A short, constant name of a frame's kind, for spans and metrics.
#[must_use]
pub fn kind(frame: &client_frame::Frame) -> &'static str {
    kind_of(span_name(frame))
}

/// Returns the kind in the name of a frame's span.
pub(crate) fn kind_of(span_name: &'static str) -> &'static str {
    span_name.strip_prefix(SPAN_NAME).unwrap_or(span_name)
}

/// Returns the name of a frame's span: a constant, so that no string is built for each frame.
pub(crate) fn span_name(frame: &client_frame::Frame) -> &'static str {
    use carrel_proto::gateway::v1::act::Act;
    use client_frame::Frame;
    match frame {
        Frame::Hello(_) => "ws hello",
        Frame::RenewToken(_) => "ws renew_token",
        Frame::Watch(_) => "ws watch",
        Frame::Attend(_) => "ws attend",
        Frame::Detach(_) => "ws detach",
        Frame::Typing(_) => "ws typing",
        Frame::Ping(_) => "ws ping",
        Frame::Announce(_) => "ws announce",
        Frame::Goodbye(_) => "ws goodbye",
        Frame::WatchDesk(_) => "ws watch_desk",
        Frame::WatchConversations(_) => "ws watch_conversations",
        Frame::ImSend(_) => "ws im_send",
        Frame::ImList(_) => "ws im_list",
        Frame::ImMarkRead(_) => "ws im_mark_read",
        Frame::ImTyping(_) => "ws im_typing",
        Frame::Act(act) => match &act.act {
            Some(Act::OpenSession(_)) => "ws open_session",
            Some(Act::PickUp(_)) => "ws pick_up",
            Some(Act::PostMessage(_)) => "ws post_message",
            Some(Act::PushPage(_)) => "ws push_page",
            Some(Act::WriteNote(_)) => "ws write_note",
            Some(Act::EnterConference(_)) => "ws enter_conference",
            Some(Act::LeaveConference(_)) => "ws leave_conference",
            Some(Act::EndSession(_)) => "ws end_session",
            Some(Act::OfferTransfer(_)) => "ws offer_transfer",
            Some(Act::AcceptTransfer(_)) => "ws accept_transfer",
            Some(Act::DeclineTransfer(_)) => "ws decline_transfer",
            Some(Act::WithdrawTransfer(_)) => "ws withdraw_transfer",
            Some(Act::SetResolution(_)) => "ws set_resolution",
            Some(Act::SetDescriptiveCodes(_)) => "ws set_descriptive_codes",
            None => "ws act",
        },
    }
}

/// Answers JSON that is not a frame. If it still names its command, the answer names it too, so that a client never
/// waits for a command that was refused.
fn malformed(text: &str, error: &serde_json::Error) -> BadFrame {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let command = document
        .get("act")
        .or_else(|| field(&document, "imSend", "im_send"));
    let named = |camel: &str, snake: &str| {
        let value = field(command?, camel, snake)?;
        value.as_str().map(str::to_owned)
    };
    BadFrame::Answerable(Box::new(refused(
        named("commandId", "command_id").unwrap_or_default(),
        named("sessionId", "session_id").unwrap_or_default(),
        bad_frame(format!("This is no frame: {error}. See docs/websocket.md.")),
    )))
}

/// Returns a field under either of its proto3 JSON names.
fn field<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake))
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
