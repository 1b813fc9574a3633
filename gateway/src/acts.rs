//! Acts that go to session-svc by themselves: those that have no place on an Attend stream, and all acts for sessions
//! that are not attended on this socket.

use carrel_platform::refusal::Refusal;
use carrel_proto::{
    gateway::v1::{Accepted, Act, act, server_frame},
    session::v1::{
        EndSessionRequest, EnterConferenceRequest, LeaveConferenceRequest, OpenSessionRequest,
        PickUpSessionRequest, PostMessageRequest, PushPageRequest, WriteNoteRequest,
    },
};
use futures::future::BoxFuture;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::{
    frame::{bad_frame, refused},
    outbox::Outbox,
    upstream::{Caller, Upstream},
};

/// An act on its way, until it was answered.
pub(crate) struct Errand {
    pub(crate) act: Act,
    /// What has to be settled before, for as long as a call may take.
    pub(crate) after: Option<BoxFuture<'static, ()>>,
    pub(crate) caller: Caller,
    /// The span of the frame that brought it.
    pub(crate) span: Span,
    /// Counts it as under way.
    pub(crate) under_way: OwnedSemaphorePermit,
}

/// Does errands one after another, in the order in which they came, so that what somebody sends stays in order.
pub(crate) async fn run(
    upstream: Upstream,
    outbox: Outbox,
    mut errands: mpsc::Receiver<Errand>,
    stop: CancellationToken,
) {
    let work = async {
        while let Some(errand) = errands.recv().await {
            let Errand {
                act,
                after,
                caller,
                span,
                under_way,
            } = errand;
            let (command_id, session_id) = (act.command_id.clone(), act.session_id.clone());
            if let Some(after) = after {
                let _ = timeout(upstream.deadline, after).await;
            }
            let answer = match perform(&upstream, caller, act)
                .instrument(span.clone())
                .await
            {
                Ok(accepted) => server_frame::Frame::Accepted(accepted),
                Err(refusal) => {
                    server_frame::Frame::Refused(refused(command_id, session_id, refusal))
                }
            };
            outbox.push(answer, Some(span));
            drop(under_way);
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Does one act.
async fn perform(upstream: &Upstream, caller: Caller, act: Act) -> Result<Accepted, Refusal> {
    let mut sessions = upstream.sessions.clone();
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
            upstream
                .call(
                    concat!("carrel.session.v1.SessionService/", $rpc),
                    caller,
                    $message,
                    |request| sessions.$method(request),
                )
                .await?
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
    })
}
