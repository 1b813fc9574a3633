//! Acts that go to session-svc by separate calls: those that do not go on an Attend stream, and all acts for sessions
//! that are not attended on this socket.

mod call;

use carrel_platform::refusal::Refusal;
use carrel_proto::gateway::v1::{Accepted, Act, act, server_frame::Frame};
use futures::future::BoxFuture;
use tokio::time::timeout;

use self::call::Call;
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
    let Some(what) = act.act else {
        return Err(bad_frame(
            "The act does not say what to do. See docs/websocket.md.",
        ));
    };
    let call = Call {
        upstream,
        caller,
        command_id: act.command_id,
        session_id: act.session_id,
    };
    match what {
        act::Act::OpenSession(open) => call.open_session(open).await,
        act::Act::PickUp(_) => call.pick_up().await,
        act::Act::PostMessage(message) => call.post_message(message).await,
        act::Act::PushPage(page) => call.push_page(page).await,
        act::Act::WriteNote(note) => call.write_note(note).await,
        act::Act::EnterConference(enter) => call.enter_conference(enter).await,
        act::Act::LeaveConference(_) => call.leave_conference().await,
        act::Act::EndSession(_) => call.end_session().await,
        act::Act::SetResolution(set) => call.set_resolution(set).await,
        act::Act::SetDescriptiveCodes(set) => call.set_descriptive_codes(set).await,
        act::Act::OfferTransfer(offer) => call.offer_transfer(offer).await,
        act::Act::AcceptTransfer(accept) => call.accept_transfer(accept).await,
        act::Act::DeclineTransfer(decline) => call.decline_transfer(decline).await,
        act::Act::WithdrawTransfer(withdraw) => call.withdraw_transfer(withdraw).await,
    }
}
