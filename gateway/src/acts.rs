//! Acts that go to session-svc by themselves: those that have no place on an Attend stream, and all acts for sessions
//! that are not attended on this socket.

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{Accepted, Act, act, offer_transfer, server_frame::Frame},
    session::v1::{
        AcceptTransferRequest, DeclineTransferRequest, EndSessionRequest, EnterConferenceRequest,
        LeaveConferenceRequest, OfferTransferRequest, OpenSessionRequest, PickUpSessionRequest,
        PostMessageRequest, PushPageRequest, WithdrawTransferRequest, WriteNoteRequest,
        offer_transfer_request,
    },
};
use futures::future::BoxFuture;
use tokio::time::timeout;

use crate::{
    frame::{bad_frame, refused},
    upstream::{Caller, Upstream},
};

/// Does one act when `after` is settled, unless that refuses it, and gives its answer.
pub(crate) async fn carry_out(
    upstream: Upstream,
    caller: Caller,
    act: Act,
    after: Option<BoxFuture<'static, Result<(), Refusal>>>,
) -> Frame {
    let (command_id, session_id) = (act.command_id.clone(), act.session_id.clone());
    if let Some(after) = after
        // As long as a call may take, what was before has had its time.
        && let Ok(Err(refusal)) = timeout(upstream.deadline, after).await
    {
        return Frame::Refused(refused(command_id, session_id, refusal));
    }
    match perform(&upstream, caller.about(&session_id), act).await {
        Ok(accepted) => Frame::Accepted(accepted),
        Err(refusal) => Frame::Refused(refused(command_id, session_id, refusal)),
    }
}

/// Does one act.
async fn perform(upstream: &Upstream, caller: Caller, act: Act) -> Result<Accepted, Refusal> {
    let mut sessions = upstream.sessions.clone();
    let mut transfers = upstream.transfers.clone();
    let Act {
        command_id,
        session_id,
        act,
    } = act;
    let Some(act) = act else {
        return Err(bad_frame(
            "The act does not say what to do. See docs/websocket.md.",
        ));
    };
    let accepted = |session_id, position, replayed| Accepted {
        command_id: command_id.clone(),
        session_id,
        position,
        replayed,
    };
    macro_rules! call {
        ($rpc:literal, $method:ident, $message:expr) => {
            call!("SessionService/", $rpc, sessions.$method, $message)
        };
        ($service:literal, $rpc:literal, $client:ident.$method:ident, $message:expr) => {
            upstream
                .call(
                    concat!("carrel.session.v1.", $service, $rpc),
                    caller,
                    $message,
                    |request| $client.$method(request),
                )
                .await?
        };
    }
    macro_rules! transfer {
        ($rpc:literal, $method:ident, $message:expr) => {
            call!("TransferService/", $rpc, transfers.$method, $message)
        };
    }
    let command_id_of_request = command_id.clone();
    Ok(match act {
        act::Act::OpenSession(open) => {
            let answer = call!(
                "OpenSession",
                open_session,
                OpenSessionRequest {
                    command_id: command_id_of_request,
                    question: open.question,
                    patron_name: open.patron_name,
                    patron_email: open.patron_email,
                }
            );
            let session_id = answer
                .session
                .map_or(session_id, |session| session.session_id);
            accepted(session_id, 0, answer.replayed)
        }
        act::Act::PickUp(_) => {
            let answer = call!(
                "PickUpSession",
                pick_up_session,
                PickUpSessionRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                }
            );
            accepted(session_id, 0, answer.replayed)
        }
        act::Act::PostMessage(message) => {
            let answer = call!(
                "PostMessage",
                post_message,
                PostMessageRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    text: message.text,
                }
            );
            accepted(session_id, answer.position, answer.replayed)
        }
        act::Act::PushPage(page) => {
            let answer = call!(
                "PushPage",
                push_page,
                PushPageRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    address: page.address,
                }
            );
            accepted(session_id, answer.position, answer.replayed)
        }
        act::Act::WriteNote(note) => {
            let answer = call!(
                "WriteNote",
                write_note,
                WriteNoteRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    text: note.text,
                }
            );
            accepted(session_id, answer.position, answer.replayed)
        }
        act::Act::EnterConference(enter) => {
            let answer = call!(
                "EnterConference",
                enter_conference,
                EnterConferenceRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    warning_version: enter.warning_version,
                }
            );
            accepted(session_id, 0, answer.replayed)
        }
        act::Act::LeaveConference(_) => {
            let answer = call!(
                "LeaveConference",
                leave_conference,
                LeaveConferenceRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                }
            );
            accepted(session_id, 0, answer.replayed)
        }
        act::Act::EndSession(_) => {
            let answer = call!(
                "EndSession",
                end_session,
                EndSessionRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                }
            );
            accepted(session_id, answer.position, answer.replayed)
        }
        act::Act::OfferTransfer(offer) => {
            let answer = transfer!(
                "OfferTransfer",
                offer_transfer,
                OfferTransferRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    to: offer.to.map(receiver),
                    message: offer.message,
                }
            );
            accepted(session_id, 0, answer.replayed)
        }
        act::Act::AcceptTransfer(accept) => {
            let answer = transfer!(
                "AcceptTransfer",
                accept_transfer,
                AcceptTransferRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    offer_id: accept.offer_id,
                }
            );
            accepted(session_id, 0, answer.replayed)
        }
        act::Act::DeclineTransfer(decline) => {
            let answer = transfer!(
                "DeclineTransfer",
                decline_transfer,
                DeclineTransferRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    offer_id: decline.offer_id,
                    reason: decline.reason,
                }
            );
            accepted(session_id, 0, answer.replayed)
        }
        act::Act::WithdrawTransfer(withdraw) => {
            let answer = transfer!(
                "WithdrawTransfer",
                withdraw_transfer,
                WithdrawTransferRequest {
                    command_id: command_id_of_request,
                    session_id: session_id.clone(),
                    offer_id: withdraw.offer_id,
                }
            );
            accepted(session_id, 0, answer.replayed)
        }
    })
}

/// To whom a session is offered, in the service's words.
fn receiver(to: offer_transfer::To) -> offer_transfer_request::To {
    match to {
        offer_transfer::To::Introduction(introduction) => {
            offer_transfer_request::To::Introduction(introduction)
        }
        offer_transfer::To::QueueId(queue_id) => offer_transfer_request::To::QueueId(queue_id),
    }
}
