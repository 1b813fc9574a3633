//! The messages on an Attend stream, as far as the gateway reads them: an event is passed on to the browser as the
//! service encoded it.

use bytes::Bytes;
use carrel_proto::{
    encoded::Encoded,
    session::v1::{self as session, ActAccepted, ActRefused, Heartbeat, Joined, Typing},
};
use prost::{DecodeError, Message};

/// [`session::AttendResponse`], with the event as bytes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AttendResponse {
    #[prost(oneof = "Response", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) response: Option<Response>,
    #[prost(string, tag = "15")]
    pub(super) trace_parent: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Response {
    #[prost(message, boxed, tag = "1")]
    Joined(Box<Joined>),
    #[prost(bytes = "bytes", tag = "2")]
    Event(Bytes),
    #[prost(message, tag = "3")]
    ActAccepted(ActAccepted),
    #[prost(message, boxed, tag = "4")]
    ActRefused(Box<ActRefused>),
    #[prost(message, boxed, tag = "5")]
    Typing(Box<Typing>),
    #[prost(message, tag = "6")]
    Waiting(session::WaitingStatus),
    #[prost(message, tag = "7")]
    Heartbeat(Heartbeat),
}

/// What the gateway needs to know of a [`session::SessionEvent`] that it passes on.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Outline {
    #[prost(uint64, tag = "1")]
    pub(crate) position: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) time: Option<pbjson_types::Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub(crate) author: Option<Author>,
}

/// The part of a [`session::Person`] that says who they are.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Author {
    #[prost(enumeration = "session::Part", tag = "1")]
    pub(crate) part: i32,
    #[prost(string, tag = "4")]
    pub(crate) librarian_id: String,
}

impl AttendResponse {
    pub(super) fn read(response: Encoded<session::AttendResponse>) -> Result<Self, DecodeError> {
        Self::decode(response.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use carrel_proto::session::v1::{
        MessagePosted, Part, Person, Position, Session, SessionEvent, WaitingStatus,
        attend_response::Response as Whole, session_event::Payload,
    };

    use super::*;

    fn event() -> SessionEvent {
        SessionEvent {
            position: 7,
            time: Some(pbjson_types::Timestamp {
                seconds: 1,
                nanos: 2,
            }),
            author: Some(Person {
                part: Part::Owner.into(),
                name: "Ms Map".to_owned(),
                institution_name: "Harbor".to_owned(),
                librarian_id: "map".to_owned(),
            }),
            payload: Some(Payload::Message(MessagePosted {
                text: "Hello".to_owned(),
            })),
        }
    }

    /// Each kind is decoded as itself: the two definitions agree.
    #[test]
    fn nothing_is_lost_by_reading_only_the_outside() {
        let joined = Joined {
            session: Some(Session {
                session_id: "s".to_owned(),
                ..Session::default()
            }),
            head: Some(Position {
                epoch: "e".to_owned(),
                number: 4,
            }),
            audience: 2,
            part: 3,
            resync: true,
            erased_up_to: 3,
        };
        let refused = ActRefused {
            command_id: "c".to_owned(),
            refusal: Some(Default::default()),
        };
        let accepted = ActAccepted {
            command_id: "c".to_owned(),
            position: 9,
            replayed: true,
        };
        let typing = Typing {
            r#box: 1,
            author: event().author,
        };
        for response in [
            Whole::Joined(joined),
            Whole::Event(event()),
            Whole::ActAccepted(accepted),
            Whole::ActRefused(refused),
            Whole::Typing(typing),
            Whole::Waiting(WaitingStatus { ahead: 3 }),
            Whole::Heartbeat(Heartbeat { head: 12 }),
        ] {
            let whole = session::AttendResponse {
                response: Some(response),
                trace_parent: "t".to_owned(),
            };
            let read = AttendResponse::read(Encoded::of(&whole)).unwrap();
            assert!(read.response.is_some());
            assert_eq!(read.encode_to_vec(), whole.encode_to_vec());
        }
    }

    #[test]
    fn an_outline_says_when_and_by_whom() {
        let outline = Outline::decode(&event().encode_to_vec()[..]).unwrap();
        let SessionEvent {
            position,
            time,
            author,
            ..
        } = event();
        let author = author.unwrap();
        assert_eq!((outline.position, outline.time), (position, time));
        let outlined = outline.author.unwrap();
        assert_eq!(outlined.part, author.part);
        assert_eq!(outlined.librarian_id, author.librarian_id);
    }

    #[test]
    fn what_is_no_response_is_not_read() {
        assert!(AttendResponse::read(Bytes::from_static(&[0xff]).into()).is_err());
    }
}
