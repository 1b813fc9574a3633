//! The acts of a participant: handed in one after the other, and answered in the same order.

use std::collections::VecDeque;

use carrel_platform::{
    refusal::{Refusal, command, stream::nothing_chosen},
    telemetry::{LazySpan, span},
};
use carrel_proto::session::v1 as wire;
use tokio::sync::oneshot;
use wire::attend_response::Response;

use super::{Attendance, End, Participant};
use crate::{convert, domain::decide::Command, error::Error, live_session::Acted};

/// An act that waits for its answer.
pub(super) struct UnderWay {
    command_id: String,
    answer: oneshot::Receiver<Result<Acted, Error>>,
}

impl Participant {
    /// Hands an act in. Its answer comes later, in the order of the acts that were handed in; an act that can't be
    /// handed in is answered at once.
    pub(super) fn take_on<'a>(
        &'a self,
        attendance: &'a Attendance,
        act: wire::Act,
        trace: &str,
    ) -> impl Future<Output = Result<Option<UnderWay>, End>> + Send + use<'a> {
        let wire::Act { command_id, act } = act;
        let served = LazySpan::below(trace, span::ACT_SERVED);
        let scope = served.scope();
        let begun = command_of(&command_id, act).map(|command| {
            let Attendance { session_id, by, .. } = attendance;
            let (by, command_id) = (by.clone(), command_id.clone());
            scope.run(|| {
                self.sessions
                    .begin_act(session_id, by, command_id, command, served)
            })
        });
        async move {
            match scope.around(async { begun?.await }).await {
                Ok(answer) => Ok(Some(UnderWay { command_id, answer })),
                Err(error) => self.answer(command_id, Err(error)).await.map(|()| None),
            }
        }
    }

    pub(super) fn answer(
        &self,
        command_id: String,
        answer: Result<Acted, Error>,
    ) -> impl Future<Output = Result<(), End>> + Send + use<'_> {
        self.send(match answer {
            Ok(Acted {
                position, replayed, ..
            }) => Response::ActAccepted(wire::ActAccepted {
                command_id,
                position,
                replayed,
            }),
            Err(error) => Response::ActRefused(wire::ActRefused {
                command_id,
                refusal: Some(Refusal::from(error).into()),
            }),
        })
    }
}

/// Returns the command of an act, if both the id and the act are valid.
fn command_of(command_id: &str, act: Option<wire::act::Act>) -> Result<Command, Error> {
    command::check_id(command_id)?;
    Ok(convert::command_from_act(
        act.ok_or_else(|| nothing_chosen("act.act"))?,
    ))
}

/// Waits for the answer to the oldest act under way, for ever if there is none. Cancel-safe.
pub(super) async fn first_answer(
    under_way: &mut VecDeque<UnderWay>,
) -> (String, Result<Acted, Error>) {
    let Some(first) = under_way.front_mut() else {
        return std::future::pending().await;
    };
    let answer = (&mut first.answer)
        .await
        .unwrap_or(Err(Error::ShuttingDown));
    let command_id = under_way
        .pop_front()
        .map(|first| first.command_id)
        .unwrap_or_default();
    (command_id, answer)
}
