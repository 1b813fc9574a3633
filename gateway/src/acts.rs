//! Acts that go to session-svc by separate calls: those that do not go on an Attend stream, and all acts for sessions
//! that are not attended on this socket.

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{Accepted, Act, act, offer_transfer, server_frame::Frame},
    session::v1::{
        AcceptTransferRequest, DeclineTransferRequest, EndSessionRequest, EnterConferenceRequest,
        LeaveConferenceRequest, OfferTransferRequest, OpenSessionRequest, PickUpSessionRequest,
        PostMessageRequest, PushPageRequest, SetResolutionRequest, WithdrawTransferRequest,
        WriteNoteRequest, offer_transfer_request,
    },
};
use futures::future::BoxFuture;
use tokio::time::timeout;

use crate::{
    frame::{bad_frame, refused},
    upstream::{Caller, Upstream},
};

/// Does one act once `after` has resolved, and returns its answer. If `after` resolves to a refusal, or takes longer
/// than a call may, the act is refused and not done: the browser then sends it again, and nothing has overtaken the
/// acts before it.
pub(crate) async fn carry_out(
    upstream: Upstream,
    caller: Caller,
    act: Act,
    after: Option<BoxFuture<'static, Result<(), Refusal>>>,
) -> Frame {
    let (command_id, session_id) = (act.command_id.clone(), act.session_id.clone());
    let settled = match after {
        Some(after) => timeout(upstream.deadline, after)
            .await
            .unwrap_or_else(|_| Err(unsettled())),
        None => Ok(()),
    };
    let done = match settled {
        Ok(()) => perform(&upstream, caller.about(&session_id), act).await,
        Err(refusal) => Err(refusal),
    };
    match done {
        Ok(accepted) => Frame::Accepted(accepted),
        Err(refusal) => Frame::Refused(refused(command_id, session_id, refusal)),
    }
}

/// The refusal of an act that waited in vain for the answers to those before it. It did not happen.
fn unsettled() -> Refusal {
    Refusal::unavailable(
        "INTERRUPTED",
        "What you sent before this was not answered in time. Send this again once that has been answered.",
    )
}

/// Does one act.
async fn perform(upstream: &Upstream, caller: Caller, act: Act) -> Result<Accepted, Refusal> {
    let mut sessions = upstream.sessions.clone();
    let mut transfers = upstream.transfers.clone();
    let Act {
        command_id,
        mut session_id,
        act,
    } = act;
    let Some(act) = act else {
        return Err(bad_frame(
            "The act does not say what to do. See docs/websocket.md.",
        ));
    };
    // Adds the fields that all of these requests share.
    macro_rules! call {
        ($client:ident.$method:ident, $rpc:literal, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {
            upstream
                .call(
                    concat!("carrel.session.v1.", $rpc),
                    caller,
                    $request {
                        command_id: command_id.clone(),
                        session_id: session_id.clone(),
                        $($field: $value),*
                    },
                    |request| $client.$method(request),
                )
                .await?
        };
    }
    let (position, replayed) = match act {
        act::Act::OpenSession(open) => {
            let request = OpenSessionRequest {
                command_id: command_id.clone(),
                question: open.question,
                patron_name: open.patron_name,
                patron_email: open.patron_email,
            };
            let answer = upstream
                .call(
                    "carrel.session.v1.SessionService/OpenSession",
                    caller,
                    request,
                    |request| sessions.open_session(request),
                )
                .await?;
            if let Some(session) = answer.session {
                session_id = session.session_id;
            }
            (0, answer.replayed)
        }
        act::Act::PickUp(_) => {
            let answer = call!(
                sessions.pick_up_session,
                "SessionService/PickUpSession",
                PickUpSessionRequest {}
            );
            (0, answer.replayed)
        }
        act::Act::PostMessage(message) => {
            let answer = call!(
                sessions.post_message,
                "SessionService/PostMessage",
                PostMessageRequest { text: message.text }
            );
            (answer.position, answer.replayed)
        }
        act::Act::PushPage(page) => {
            let answer = call!(
                sessions.push_page,
                "SessionService/PushPage",
                PushPageRequest {
                    address: page.address
                }
            );
            (answer.position, answer.replayed)
        }
        act::Act::WriteNote(note) => {
            let answer = call!(
                sessions.write_note,
                "SessionService/WriteNote",
                WriteNoteRequest { text: note.text }
            );
            (answer.position, answer.replayed)
        }
        act::Act::EnterConference(enter) => {
            let answer = call!(
                sessions.enter_conference,
                "SessionService/EnterConference",
                EnterConferenceRequest {
                    warning_version: enter.warning_version
                }
            );
            (0, answer.replayed)
        }
        act::Act::LeaveConference(_) => {
            let answer = call!(
                sessions.leave_conference,
                "SessionService/LeaveConference",
                LeaveConferenceRequest {}
            );
            (0, answer.replayed)
        }
        act::Act::EndSession(_) => {
            let answer = call!(
                sessions.end_session,
                "SessionService/EndSession",
                EndSessionRequest {}
            );
            (answer.position, answer.replayed)
        }
        act::Act::SetResolution(set) => {
            let answer = call!(
                sessions.set_resolution,
                "SessionService/SetResolution",
                SetResolutionRequest {
                    resolution: set.resolution
                }
            );
            (answer.position, answer.replayed)
        }
        act::Act::OfferTransfer(offer) => {
            let answer = call!(
                transfers.offer_transfer,
                "TransferService/OfferTransfer",
                OfferTransferRequest {
                    to: offer.to.map(receiver),
                    message: offer.message
                }
            );
            (0, answer.replayed)
        }
        act::Act::AcceptTransfer(accept) => {
            let answer = call!(
                transfers.accept_transfer,
                "TransferService/AcceptTransfer",
                AcceptTransferRequest {
                    offer_id: accept.offer_id
                }
            );
            (0, answer.replayed)
        }
        act::Act::DeclineTransfer(decline) => {
            let answer = call!(
                transfers.decline_transfer,
                "TransferService/DeclineTransfer",
                DeclineTransferRequest {
                    offer_id: decline.offer_id,
                    reason: decline.reason
                }
            );
            (0, answer.replayed)
        }
        act::Act::WithdrawTransfer(withdraw) => {
            let answer = call!(
                transfers.withdraw_transfer,
                "TransferService/WithdrawTransfer",
                WithdrawTransferRequest {
                    offer_id: withdraw.offer_id
                }
            );
            (0, answer.replayed)
        }
    };
    Ok(Accepted {
        command_id,
        session_id,
        position,
        replayed,
    })
}

/// Converts the receiver of an offer to the service's type.
fn receiver(to: offer_transfer::To) -> offer_transfer_request::To {
    match to {
        offer_transfer::To::Introduction(introduction) => {
            offer_transfer_request::To::Introduction(introduction)
        }
        offer_transfer::To::QueueId(queue_id) => offer_transfer_request::To::QueueId(queue_id),
    }
}
