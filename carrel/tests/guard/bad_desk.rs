//! Bad input in calls for transfers, presence and IM: the exact code, reason and field, and nothing written.

use carrel_proto::{
    gateway::v1::client_frame::Frame,
    im::v1::{self as im, send_message_request::To as Addressee},
    presence::v1::{self as presence, announce_request::Request},
    session::v1::{self as wire, offer_transfer_request::To},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::{
    access::{command_id, on_behalf},
    answer::ObservedRefusals,
    bad_calls::{assert_invalid, told},
    bad_frames::{JSON, PROTO, Wire},
    case::random_id,
    fixture::Fixture,
    table::{Column, Stage},
};

fn refused(status: &Status) -> (Code, String) {
    let (code, reason, _) = told(status);
    (code, reason)
}

#[tokio::test]
async fn an_offer_goes_to_whom_it_may() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let before = fixture.recorded(&case.session_id).await;
    let owner = fixture.token(Column::Lc);
    let mut transfers = fixture.transfers();
    let offer = |to, message: &str| wire::OfferTransferRequest {
        command_id: command_id(),
        session_id: case.session_id.clone(),
        to,
        message: message.to_owned(),
    };
    let introduced = |introduction: &str| Some(To::Introduction(introduction.to_owned()));
    let good = introduced(&fixture.introduction);

    for nobody in [None, introduced(""), Some(To::QueueId(String::new()))] {
        let answer = transfers.offer_transfer(on_behalf(owner, offer(nobody, "")));
        assert_invalid(answer.await, "EMPTY", "to");
    }
    let forged = format!("{}x", fixture.introduction);
    let service = fixture.service_token();
    let long = "x".repeat(20_000);
    for bad in ["x", "\0", &forged, &long, owner, &service, &case.patron] {
        let answer = transfers.offer_transfer(on_behalf(owner, offer(introduced(bad), "")));
        assert_invalid(answer.await, "BAD_INTRODUCTION", "introduction");
    }
    for (message, reason) in [
        ("x".repeat(1_001), "TOO_LONG"),
        ("\u{7}".to_owned(), "CONTROL_CHARACTER"),
    ] {
        let answer = transfers.offer_transfer(on_behalf(owner, offer(good.clone(), &message)));
        assert_invalid(answer.await, reason, "message");
    }
    for queue_id in ["cedar", "nowhere", "\0"] {
        let to = Some(To::QueueId(queue_id.to_owned()));
        let answer = transfers.offer_transfer(on_behalf(owner, offer(to, "")));
        let status = answer.await.unwrap_err();
        assert_eq!(refused(&status), (Code::NotFound, "NOT_FOUND".to_owned()));
    }
    let stranger = fixture.introduction_of(Column::Lx, Column::Af).await;
    let answer = transfers.offer_transfer(on_behalf(owner, offer(introduced(&stranger), "")));
    let state = |reason: &str| (Code::FailedPrecondition, reason.to_owned());
    assert_eq!(refused(&answer.await.unwrap_err()), state("NOT_SHARED"));
    let own = fixture.introduction_of(Column::Lc, Column::Aq).await;
    let answer = transfers.offer_transfer(on_behalf(owner, offer(introduced(&own), "")));
    assert_invalid(answer.await, "ONESELF", "introduction");
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}

#[tokio::test]
async fn an_offer_is_answered_by_its_own_name() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Offered).await;
    let before = fixture.recorded(&case.session_id).await;
    let receiver = fixture.token(Column::Lq);
    let mut transfers = fixture.transfers();
    for offer_id in ["", "0", "-1", "1", "99", "\0", &random_id()] {
        let message = wire::AcceptTransferRequest {
            command_id: command_id(),
            session_id: case.session_id.clone(),
            offer_id: offer_id.to_owned(),
        };
        let answer = transfers.accept_transfer(on_behalf(receiver, message));
        let status = answer.await.unwrap_err();
        let none = (Code::NotFound, "NO_SUCH_OFFER".to_owned());
        assert_eq!(refused(&status), none);
    }
    for (reason, why) in [
        ("x".repeat(1_001), "TOO_LONG"),
        ("\u{1b}".to_owned(), "CONTROL_CHARACTER"),
    ] {
        let message = wire::DeclineTransferRequest {
            command_id: command_id(),
            session_id: case.session_id.clone(),
            offer_id: case.offer_id.clone(),
            reason,
        };
        let answer = transfers.decline_transfer(on_behalf(receiver, message));
        assert_invalid(answer.await, why, "reason");
    }
    assert_eq!(fixture.recorded(&case.session_id).await, before);
    fixture.close().await;
}

/// Opens an Announce stream with these requests, and returns the status with which it was refused or ended.
async fn announce(fixture: &Fixture, token: &str, requests: Vec<Option<Request>>) -> Status {
    let (sender, receiver) = mpsc::channel(8);
    for request in requests {
        let request = presence::AnnounceRequest { request };
        sender.send(request).await.unwrap();
    }
    let request = on_behalf(token, ReceiverStream::new(receiver));
    let mut told = match fixture.presence().announce(request).await {
        Ok(told) => told.into_inner(),
        Err(status) => return status,
    };
    loop {
        match told.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream says why it ends"),
            Err(status) => return status,
        }
    }
}

fn announcement(monitor_id: &str, queue_ids: &[&str]) -> Option<Request> {
    Some(Request::Announcement(presence::Announcement {
        monitor_id: monitor_id.to_owned(),
        status: presence::Status::Unspecified.into(),
        queues: Some(presence::MonitoredQueues {
            queue_ids: queue_ids.iter().map(|&id| id.to_owned()).collect(),
        }),
        returning: false,
    }))
}

#[tokio::test]
async fn a_monitor_is_announced_in_order() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Unopened).await;
    let librarian = fixture.token(Column::Lc);
    let renew = |token: &str| {
        Some(Request::Renew(presence::RenewPresence {
            access_token: token.to_owned(),
        }))
    };
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    let long = "x".repeat(65);
    for (requests, expected) in [
        (
            vec![Some(Request::Here(presence::Here {}))],
            invalid("NO_ANNOUNCEMENT"),
        ),
        (vec![renew(librarian)], invalid("NO_ANNOUNCEMENT")),
        (vec![None], invalid("NO_ANNOUNCEMENT")),
        (vec![announcement("", &[])], invalid("BAD_MONITOR_ID")),
        (vec![announcement(&long, &[])], invalid("BAD_MONITOR_ID")),
        (
            vec![announcement("m", &["maple", "cedar"])],
            (Code::NotFound, "NOT_FOUND".to_owned()),
        ),
        (
            vec![announcement("m", &["maple"]), None],
            invalid("BAD_FRAME"),
        ),
        (
            vec![announcement("m", &["maple"]), renew("x")],
            (Code::Unauthenticated, "BAD_TOKEN".to_owned()),
        ),
        (
            vec![
                announcement("m", &["maple"]),
                renew(fixture.token(Column::Lq)),
            ],
            (Code::Unauthenticated, "BAD_TOKEN".to_owned()),
        ),
        (
            vec![announcement("m", &["maple"]), renew(&case.patron)],
            (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned()),
        ),
    ] {
        let status = announce(&fixture, librarian, requests.clone()).await;
        assert_eq!(refused(&status), expected, "{requests:?}");
    }
    fixture.close().await;
}

/// R23, S38.
#[tokio::test]
async fn messages_between_librarians_are_checked() {
    let fixture = Fixture::open().await;
    let writer = fixture.token(Column::Lc);
    let mut messages = fixture.messages();
    let to = || Some(Addressee::ConversationId(fixture.conversation_id.clone()));
    let message = |command_id: &str, to, text: &str| im::SendMessageRequest {
        command_id: command_id.to_owned(),
        to,
        text: text.to_owned(),
    };
    let long = "\u{1f5fa}".repeat(4_001);
    for (text, reason) in [
        ("", "EMPTY"),
        (" \n\u{3000}", "EMPTY"),
        (long.as_str(), "TOO_LONG"),
        ("\u{0}", "CONTROL_CHARACTER"),
        ("\u{1b}[31m", "CONTROL_CHARACTER"),
    ] {
        let request = on_behalf(writer, message(&command_id(), to(), text));
        assert_invalid(messages.send_message(request).await, reason, "text");
    }
    for id in ["", "two words", "\u{e9}", "\0", &"x".repeat(65)] {
        let request = on_behalf(writer, message(id, to(), "Hello"));
        let answer = messages.send_message(request).await;
        assert_invalid(answer, "BAD_COMMAND_ID", "command_id");
    }
    let request = on_behalf(writer, message(&command_id(), None, "Hello"));
    assert_invalid(messages.send_message(request).await, "EMPTY", "to");

    let list = |page_size, before, after| im::ListMessagesRequest {
        conversation_id: fixture.conversation_id.clone(),
        before,
        after,
        page_size,
    };
    for page_size in [-1, i32::MIN] {
        let request = on_behalf(writer, list(page_size, 0, 0));
        let answer = messages.list_messages(request).await;
        assert_invalid(answer, "BAD_PAGE_SIZE", "page_size");
    }
    let request = on_behalf(writer, list(0, 1, 1));
    let answer = messages.list_messages(request).await;
    assert_invalid(answer, "BOTH_DIRECTIONS", "after");

    // From either end, the list has the one message that was written.
    for (before, after) in [(0, 0), (u64::MAX, 0)] {
        let request = on_behalf(writer, list(i32::MAX, before, after));
        let page = messages.list_messages(request).await.unwrap().into_inner();
        assert_eq!((page.messages.len(), page.more), (1, false));
    }
    fixture.close().await;
}

/// I24: an impossible id of a conversation, an unknown one, and a conversation of others all get the same answer.
#[tokio::test]
async fn a_conversation_of_others_is_not_found() {
    let fixture = Fixture::open().await;
    let stranger = fixture.token(Column::Ao);
    let long = "5e".repeat(50_000);
    let mut refusals = ObservedRefusals::default();
    for id in [
        "",
        "maple",
        "\0",
        "../im",
        &long,
        &random_id(),
        &fixture.conversation_id,
    ] {
        let message = im::ListMessagesRequest {
            conversation_id: id.to_owned(),
            ..im::ListMessagesRequest::default()
        };
        let request = on_behalf(stranger, message);
        let status = fixture.messages().list_messages(request).await.unwrap_err();
        refusals.add(&status);
    }
    refusals.assert_one_not_found();
    fixture.close().await;
}

/// A refusal names the request, and the socket goes on: for a librarian, and for a patron, who may do none of this.
#[tokio::test]
async fn a_desk_that_asks_wrongly_is_told_what_it_asked() {
    let fixture = Fixture::open().await;
    let case = fixture.case(Stage::Active).await;
    let announcement = |queue_id: &str| {
        Frame::Announce(presence::Announcement {
            monitor_id: "m".to_owned(),
            status: presence::Status::Unspecified.into(),
            queues: Some(presence::MonitoredQueues {
                queue_ids: vec![queue_id.to_owned()],
            }),
            returning: false,
        })
    };
    let list = || {
        Frame::ImList(im::ListMessagesRequest {
            conversation_id: random_id(),
            ..im::ListMessagesRequest::default()
        })
    };
    let librarian = fixture.token(Column::Lc);
    for (token, frame, code, request) in [
        (librarian, announcement("cedar"), 5, "announce"),
        (librarian, list(), 5, "im_list"),
        (&case.patron, announcement("maple"), 7, "announce"),
        (&case.patron, list(), 7, "im_list"),
        (
            &case.patron,
            Frame::WatchDesk(presence::WatchDeskRequest {}),
            7,
            "watch_desk",
        ),
        (
            &case.patron,
            Frame::WatchConversations(im::WatchConversationsRequest { trace: false }),
            7,
            "watch_conversations",
        ),
    ] {
        for protocol in [PROTO, JSON] {
            let mut wire = Wire::welcomed(&fixture, protocol, token).await;
            wire.ask(frame.clone()).await;
            let refusal = wire.refused().await.refusal.unwrap();
            assert_eq!(
                (refusal.code, refusal.metadata["request"].as_str()),
                (code, request)
            );
            wire.assert_goes_on().await;
        }
    }
    let mut wire = Wire::welcomed(&fixture, PROTO, librarian).await;
    for (command_id, text, reason) in [("a", "", "EMPTY"), ("b", "\0", "CONTROL_CHARACTER")] {
        wire.ask(Frame::ImSend(im::SendMessageRequest {
            command_id: command_id.to_owned(),
            to: Some(Addressee::ConversationId(fixture.conversation_id.clone())),
            text: text.to_owned(),
        }))
        .await;
        let refused = wire.refused().await;
        assert_eq!(refused.command_id, command_id);
        assert_eq!(refused.refusal.unwrap().reason, reason);
    }
    // Requests that get no answer get none when they are wrong either.
    wire.ask(Frame::ImTyping(im::SendTypingRequest {
        conversation_id: random_id(),
    }))
    .await;
    wire.ask(Frame::Goodbye(presence::Goodbye {})).await;
    wire.assert_goes_on().await;
    fixture.close().await;
}
