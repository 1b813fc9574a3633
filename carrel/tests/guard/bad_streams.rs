//! Bad input on Attend and Watch streams: what ends a stream, and what does not (F24, F26, F29, I2, I5).

use std::time::Duration;

use carrel_platform::{clock::Clock, refusal::Refusal};
use carrel_proto::session::v1::{
    self as wire, act::Act, attend_request::Request as Ask, attend_response::Response,
};
use tonic::{Code, Status};

use crate::{
    access::{command_id, on_behalf},
    case::Case,
    fixture::Fixture,
    grpc::Stream,
    table::{Column, Stage},
};

fn reason(status: &Status) -> (Code, String) {
    (status.code(), Refusal::from(status).reason)
}

fn invalid(reason: &str) -> (Code, String) {
    (Code::InvalidArgument, reason.to_owned())
}

fn message(text: impl Into<String>) -> Act {
    Act::PostMessage(wire::PostMessage { text: text.into() })
}

async fn attend(fixture: &Fixture, token: &str, case: &Case) -> Stream {
    try_to_attend(fixture, token, case).await.unwrap()
}

async fn try_to_attend(fixture: &Fixture, token: &str, case: &Case) -> Result<Stream, Status> {
    let sessions = fixture.access.sessions();
    let audience = wire::Audience::Unspecified;
    Stream::join(sessions, token, &case.session_id, audience).await
}

/// The lifetimes in seconds of tokens that are to expire. If a token expires before the test could use it, the test
/// tries again with the next, longer lifetime.
const SHORT_S: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// Calls `open` with short-lived tokens of the same person until one lasts long enough. Returns what was opened, and
/// the token's lifetime.
async fn with_short_token<T>(
    fixture: &Fixture,
    token: &str,
    open: impl AsyncFn(&str) -> Result<T, Status>,
) -> (T, Duration) {
    for lasts in SHORT_S.map(Duration::from_secs) {
        let short = fixture.token_for(token, lasts);
        match open(&short).await {
            Ok(opened) => return (opened, lasts),
            Err(status) => assert_eq!(reason(&status), expired()),
        }
    }
    panic!("each had expired before it was of use");
}

fn expired() -> (Code, String) {
    (Code::Unauthenticated, "TOKEN_EXPIRED".to_owned())
}

impl Stream {
    async fn act(&self, command_id: &str, act: Option<Act>) {
        let command_id = command_id.to_owned();
        self.send(Ask::Act(wire::Act { command_id, act })).await;
    }

    /// Asserts that the stream goes on: posts a message, and waits until it is accepted.
    async fn assert_goes_on(&mut self) {
        self.act(&command_id(), Some(message("Still here?"))).await;
        self.answer().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_stream_begins_with_one_join() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await;
    let join = Ask::Join(wire::Join {
        session_id: case.session_id.clone(),
        ..wire::Join::default()
    });
    let act = Ask::Act(wire::Act {
        command_id: command_id(),
        act: Some(message("Too early")),
    });
    let typing = Ask::Typing(wire::Typing::default());
    let renew = Ask::Renew(wire::Renew {
        access_token: case.patron.clone(),
    });
    for first in [Some(act), Some(typing), Some(renew), None] {
        let sessions = fixture.access.sessions();
        let mut stream = Stream::silent(sessions, &case.patron).await.unwrap();
        stream.send_raw(first).await;
        stream.send(join.clone()).await;
        assert_eq!(reason(&stream.end().await), invalid("NO_JOIN"));
    }
    let mut stream = attend(&fixture, &case.patron, &case).await;
    stream.send(join).await;
    assert_eq!(reason(&stream.end().await), invalid("ALREADY_JOINED"));
    let mut stream = attend(&fixture, &case.patron, &case).await;
    stream.send_raw(None).await;
    assert_eq!(reason(&stream.end().await), invalid("BAD_FRAME"));
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}

#[tokio::test]
async fn a_refused_act_does_not_end_the_stream() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await.len();
    let mut stream = attend(&fixture, &case.patron, &case).await;
    let page = |address: &str| {
        Act::PushPage(wire::PushPage {
            address: address.to_owned(),
        })
    };
    let note = Act::WriteNote(wire::WriteNote {
        text: "Not mine to write".to_owned(),
    });
    let long = "x".repeat(65);
    let wrong = [
        ("a", None, 3, "BAD_FRAME", "act.act"),
        (
            "",
            Some(message("Hello")),
            3,
            "BAD_COMMAND_ID",
            "command_id",
        ),
        (
            &long,
            Some(message("Hello")),
            3,
            "BAD_COMMAND_ID",
            "command_id",
        ),
        ("b", Some(message("")), 3, "EMPTY", "text"),
        ("c", Some(message("x".repeat(4_001))), 3, "TOO_LONG", "text"),
        ("d", Some(message("\u{7}")), 3, "CONTROL_CHARACTER", "text"),
        (
            "e",
            Some(page("https://maps.example/")),
            7,
            "ROLE_NOT_ALLOWED",
            "",
        ),
        ("f", Some(note), 7, "ROLE_NOT_ALLOWED", ""),
    ];
    for (command_id, act, code, reason, field) in wrong {
        stream.act(command_id, act).await;
        let refusal = stream.answer().await.unwrap().unwrap_err();
        assert_eq!((refusal.code, refusal.reason.as_str()), (code, reason));
        let named = refusal.field_violations.first();
        assert_eq!(named.map_or("", |violation| &violation.field), field);
    }
    for r#box in [0, 3, -1, i32::MAX] {
        let author = None;
        stream
            .send(Ask::Typing(wire::Typing { r#box, author }))
            .await;
    }
    stream.assert_goes_on().await;
    let mut owner = attend(&fixture, fixture.token(Column::Lc), &case).await;
    owner.act("g", Some(page("javascript:alert(1)"))).await;
    let refusal = owner.answer().await.unwrap().unwrap_err();
    assert_eq!(refusal.reason, "BAD_ADDRESS");
    assert_eq!(refusal.field_violations[0].field, "address");
    owner.assert_goes_on().await;
    assert_eq!(fixture.recorded(&case.session_id).await.len(), before + 2);
    fixture.close().await;
}

/// F24, I2, I5: acts sent without waiting for answers are done once each, in the order sent.
#[tokio::test]
async fn pipelined_acts_are_done_once_and_in_order() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let mut stream = attend(&fixture, &case.patron, &case).await;
    let before = fixture.recorded(&case.session_id).await.len();
    for _ in 0..50 {
        stream.act("again", Some(message("Hello"))).await;
    }
    stream.act("again", Some(message("Something else"))).await;
    let first = stream.answer().await.unwrap().unwrap();
    assert!(!first.replayed);
    for _ in 1..50 {
        let again = stream.answer().await.unwrap().unwrap();
        assert_eq!((again.position, again.replayed), (first.position, true));
    }
    let refusal = stream.answer().await.unwrap().unwrap_err();
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (6, "COMMAND_ID_REUSED")
    );
    assert_eq!(fixture.recorded(&case.session_id).await.len(), before + 1);

    for number in 0..200 {
        stream
            .act(&format!("n{number}"), Some(message(number.to_string())))
            .await;
    }
    for number in 0..200 {
        let accepted = stream.answer().await.unwrap().unwrap();
        assert_eq!(accepted.command_id, format!("n{number}"));
        assert_eq!(accepted.position, first.position + 1 + number);
    }
    // Repeated on another stream in another order, each gets its first answer again.
    let mut later = attend(&fixture, &case.patron, &case).await;
    for number in (0..200).rev() {
        later
            .act(&format!("n{number}"), Some(message(number.to_string())))
            .await;
        let again = later.answer().await.unwrap().unwrap();
        assert_eq!(
            (again.position, again.replayed),
            (first.position + 1 + number, true)
        );
    }
    fixture.close().await;
}

/// I6: an impossible position leads to a resync rather than to a hole.
#[tokio::test]
async fn a_position_of_nowhere_starts_anew() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    for (epoch, number) in [("", 0), ("", 1), ("nowhere", u64::MAX), ("\0", 2)] {
        let sessions = fixture.access.sessions();
        let mut stream = Stream::silent(sessions, &case.patron).await.unwrap();
        let epoch = epoch.to_owned();
        stream
            .send(Ask::Join(wire::Join {
                session_id: case.session_id.clone(),
                after: Some(wire::Position { epoch, number }),
                ..wire::Join::default()
            }))
            .await;
        let Some(Response::Joined(joined)) = stream.next().await.unwrap() else {
            panic!("Joined comes first");
        };
        assert!(joined.resync);
        let Some(Response::Event(event)) = stream.next().await.unwrap() else {
            panic!("then the first event");
        };
        assert_eq!(event.position, 1);
    }
    fixture.close().await;
}

/// F29: a stream ends when its token does, and no later.
#[tokio::test]
async fn streams_end_with_their_token() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let (mut attending, _) = with_short_token(&fixture, &case.patron, async |short| {
        try_to_attend(&fixture, short, &case).await
    })
    .await;
    let (watching, _) = with_short_token(&fixture, fixture.token(Column::Ao), async |short| {
        let watch = wire::WatchSessionsRequest {
            queue_ids: vec!["maple".to_owned()],
            all: true,
        };
        let mut sessions = fixture.access.sessions();
        sessions.watch_sessions(on_behalf(short, watch)).await
    })
    .await;
    let mut watching = watching.into_inner();
    assert_eq!(reason(&attending.end().await), expired());
    let end = loop {
        if let Err(status) = watching.message().await {
            break status;
        }
    };
    assert_eq!(reason(&end), expired());
    fixture.close().await;
}

#[tokio::test]
async fn a_renewed_stream_goes_on() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let (mut stream, lasts) = with_short_token(&fixture, &case.patron, async |short| {
        let mut stream = try_to_attend(&fixture, short, &case).await?;
        let access_token = case.patron.clone();
        stream.send(Ask::Renew(wire::Renew { access_token })).await;
        // If an act sent after the renewal is accepted, the renewal came in time.
        stream.act(&command_id(), Some(message("In time?"))).await;
        stream.answer().await?.unwrap();
        Ok(stream)
    })
    .await;
    // Uses the stream until the short token has certainly expired.
    let clock = Clock::system();
    let lasts_ms = i64::try_from(lasts.as_millis()).unwrap();
    let past = clock.unix_ms() + lasts_ms + 1_500;
    while clock.unix_ms() < past {
        stream.assert_goes_on().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stream.assert_goes_on().await;
    fixture.close().await;
}

/// Renewing with another person's token, or with an expired or forged one, ends the stream, and nothing is done.
#[tokio::test]
async fn a_stream_is_renewed_by_its_own_person_only() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let other = fixture.access.admit("maple").await.token;
    let owner = fixture.token(Column::Lc).to_owned();
    let expired = fixture.expired(&case.patron);
    let before = fixture.recorded(&case.session_id).await;
    for (token, why) in [
        (other, "BAD_TOKEN"),
        (owner, "BAD_TOKEN"),
        (format!("{}x", case.patron), "BAD_TOKEN"),
        (String::new(), "BAD_TOKEN"),
        (expired, "TOKEN_EXPIRED"),
    ] {
        let mut stream = attend(&fixture, &case.patron, &case).await;
        stream
            .send(Ask::Renew(wire::Renew {
                access_token: token,
            }))
            .await;
        stream.act(&command_id(), Some(message("As whom?"))).await;
        let expected = (Code::Unauthenticated, why.to_owned());
        assert_eq!(reason(&stream.end().await), expected);
    }
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}
