//! Bytes that are not a message of the method that they are sent to (F25, F26, I27).
//!
//! Unary calls are answered by tonic, as in gRPC's statuscodes.md: INTERNAL for a message that can't be decoded,
//! OUT_OF_RANGE for one that is too large. A stream that was opened is answered by its service, with a reason.

use bytes::{Buf, BufMut, Bytes};
use carrel_platform::refusal::Refusal;
use carrel_proto::session::v1::{self as wire, attend_request};
use futures::stream;
use prost::Message as _;
use tonic::{
    Code, Status, Streaming,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use crate::{
    case::Case,
    fixture::Fixture,
    grpc::{Stream, ask},
    table::{Cell, Column, Stage, cells},
};

const ATTEND: &str = "/carrel.session.v1.SessionService/Attend";
const ANNOUNCE: &str = "/carrel.presence.v1.PresenceService/Announce";
/// Methods whose requests have no fields.
const WITHOUT_FIELDS: [&str; 5] = [
    "/carrel.directory.v1.DirectoryService/GetProfile",
    "/carrel.presence.v1.PresenceService/GetOwnPresence",
    "/carrel.presence.v1.PresenceService/WatchDesk",
    "/carrel.session.v1.LoadService/WatchLoad",
    "/carrel.im.v1.ImService/WatchConversations",
];

/// A codec that passes bytes on unchanged.
#[derive(Clone, Copy, Default)]
struct AsTheyAre;

impl Codec for AsTheyAre {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for AsTheyAre {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Calls a method with bytes as its messages, and returns how the call ended.
pub(crate) async fn send(
    channel: &Channel,
    path: &'static str,
    token: &str,
    messages: Vec<Bytes>,
) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client
        .ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))?;
    let request = ask(token, stream::iter(messages));
    let path = http::uri::PathAndQuery::from_static(path);
    let answer = client.streaming(request, path, AsTheyAre).await?;
    let mut answer: Streaming<Bytes> = answer.into_inner();
    while answer.message().await?.is_some() {}
    Ok(())
}

/// Returns the path of each method, from the matrix: every RPC has a row there.
pub(crate) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<_> = cells().iter().map(Cell::path).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| &*path.leak()).collect()
}

fn undecodable() -> [Bytes; 4] {
    [
        // Field 1 is longer than the message.
        Bytes::from_static(&[0x0a, 0x7f, b'x']),
        // A varint that never ends.
        Bytes::from_static(&[0xff; 32]),
        // Field number 0.
        Bytes::from_static(&[0x02, 0x00]),
        // A string that is not UTF-8, in fields 1 to 4.
        Bytes::from_static(&[
            0x0a, 0x01, 0xff, 0x12, 0x01, 0xff, 0x1a, 0x01, 0xff, 0x22, 0x01, 0xff,
        ]),
    ]
}

fn assert_refused(path: &str, answer: Result<(), Status>, code: Code) {
    let status = answer.expect_err(path);
    assert_eq!(status.code(), code, "{path}: {status:?}");
    assert!(!Refusal::from(&status).reason.is_empty());
    for word in ["panic", ".rs", "src/", "thread"] {
        assert!(!status.message().contains(word), "{path}: {status:?}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_message_are_refused() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await;
    for path in paths() {
        for bytes in undecodable() {
            // A message without fields does not look at the contents of field 1.
            if WITHOUT_FIELDS.contains(&path) && bytes[0] == 0x0a {
                continue;
            }
            let (token, code) = match path {
                ATTEND => (case.patron.as_str(), Code::InvalidArgument),
                ANNOUNCE => (fixture.token(Column::Lc), Code::InvalidArgument),
                _ => (case.patron.as_str(), Code::Internal),
            };
            let answer = send(fixture.channel(), path, token, vec![bytes]).await;
            assert_refused(path, answer, code);
        }
    }
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}

/// F25: a request may have up to 256 KiB.
#[tokio::test]
async fn a_message_that_is_too_large_is_refused_unread() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let mut large = vec![0x1a, 0x80, 0x80, 0x40];
    large.resize((1 << 20) + 4, b'x');
    let large = Bytes::from(large);
    for path in paths() {
        let (token, code) = match path {
            ATTEND => (case.patron.as_str(), Code::InvalidArgument),
            ANNOUNCE => (fixture.token(Column::Lc), Code::InvalidArgument),
            _ => (case.patron.as_str(), Code::OutOfRange),
        };
        let answer = send(fixture.channel(), path, token, vec![large.clone()]).await;
        assert_refused(path, answer, code);
    }
    still_serves(&fixture, &case).await;
    fixture.close().await;
}

/// A stream that was opened properly ends with the reason when undecodable bytes follow.
#[tokio::test]
async fn a_stream_says_why_bytes_ended_it() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let join = wire::AttendRequest {
        request: Some(attend_request::Request::Join(wire::Join {
            session_id: case.session_id.clone(),
            ..wire::Join::default()
        })),
        trace_parent: String::new(),
    };
    let join = Bytes::from(join.encode_to_vec());
    for bytes in undecodable() {
        let messages = vec![join.clone(), bytes];
        let answer = send(fixture.channel(), ATTEND, &case.patron, messages).await;
        assert_refused(ATTEND, answer, Code::InvalidArgument);
    }
    still_serves(&fixture, &case).await;
    fixture.close().await;
}

async fn still_serves(fixture: &Fixture, case: &Case) {
    let sessions = fixture.access.sessions();
    let audience = wire::Audience::Unspecified;
    Stream::join(sessions, &case.patron, &case.session_id, audience)
        .await
        .unwrap();
}
