//! A browser's websocket without the browser: that of the fault harness, for tests in which it must work.

pub(crate) use carrel_faults::people::socket::{Ended, Socket};
use carrel_proto::{
    gateway::v1::{act, server_frame::Frame},
    session::v1::PostMessage,
};

/// Sends an act in a session, and waits until it is accepted. Returns its position.
pub(crate) async fn act_and_wait(
    socket: &mut Socket,
    session_id: &str,
    command_id: &str,
    act: act::Act,
) -> Result<u64, Ended> {
    socket.act(session_id, command_id, act).await?;
    socket
        .wait_for(|frame| match frame {
            Frame::Accepted(accepted) if accepted.command_id == command_id => {
                Some(accepted.position)
            }
            Frame::Refused(refused) if refused.command_id == command_id => {
                panic!("refused: {refused:?}")
            }
            _ => None,
        })
        .await
}

/// Returns an act that posts a message to everyone in the session.
pub(crate) fn message(text: impl Into<String>) -> act::Act {
    act::Act::PostMessage(PostMessage { text: text.into() })
}
