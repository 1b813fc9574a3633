//! What a cell of the matrix is tried on: a session at a stage, and the other ids that calls name.

use std::hash::{BuildHasher as _, RandomState};

use carrel_proto::session::v1::{self as wire, offer_transfer_request::To};

use crate::{
    access::{Admission, command_id, on_behalf},
    fixture::Fixture,
    table::{Column, Stage},
};

/// A session of a patron of Maple, the token of its patron, and the other ids that calls name.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) patron: String,
    pub(crate) session_id: String,
    /// The id of the offer if the session was offered; otherwise a plausible one.
    pub(crate) offer_id: String,
    /// The id of the queue of Maple.
    pub(crate) queue_id: String,
    /// The id of Lq.
    pub(crate) librarian_id: String,
    /// The id of the conversation of Lc and Lq.
    pub(crate) conversation_id: String,
}

/// One step in the life of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Open,
    PickUp,
    Enter(Column),
    Offer,
    Call,
    Withdraw,
    Accept,
    End,
}

impl Case {
    /// Creates a session, and brings it to a stage.
    pub(crate) async fn new(fixture: &Fixture, stage: Stage) -> Self {
        let Admission { token, session_id } = fixture.access.admit("maple").await;
        let mut case = Self {
            patron: token,
            session_id,
            offer_id: "3".to_owned(),
            queue_id: "maple".to_owned(),
            librarian_id: fixture.librarian_id(Column::Lq),
            conversation_id: fixture.conversation_id.clone(),
        };
        for step in stage.steps() {
            case.take(fixture, *step).await;
        }
        case
    }

    /// Returns the same case with ids that were never given out.
    pub(crate) fn elsewhere(&self) -> Self {
        Self {
            patron: self.patron.clone(),
            session_id: random_id(),
            offer_id: random_id(),
            queue_id: random_id(),
            librarian_id: random_id(),
            conversation_id: random_id(),
        }
    }

    async fn take(&mut self, fixture: &Fixture, step: Step) {
        let mut sessions = fixture.access.sessions();
        let mut transfers = fixture.transfers();
        let session_id = self.session_id.clone();
        let command_id = command_id();
        let owner = fixture.token(Column::Lc);
        let offer = |to| wire::OfferTransferRequest {
            command_id: command_id.clone(),
            session_id: session_id.clone(),
            to: Some(to),
            message: String::new(),
        };
        match step {
            Step::Open => {
                let message = wire::OpenSessionRequest {
                    command_id,
                    question: "Where are the maps?".to_owned(),
                    patron_name: "Ricky".to_owned(),
                    patron_email: String::new(),
                    language: String::new(),
                };
                let request = on_behalf(&self.patron, message);
                sessions.open_session(request).await.map(drop)
            }
            Step::PickUp => {
                let message = wire::PickUpSessionRequest {
                    command_id,
                    session_id,
                };
                let request = on_behalf(owner, message);
                sessions.pick_up_session(request).await.map(drop)
            }
            Step::Enter(who) => {
                let message = wire::EnterConferenceRequest {
                    command_id,
                    session_id,
                    warning_version: fixture.warning_version.clone(),
                };
                let request = on_behalf(fixture.token(who), message);
                sessions.enter_conference(request).await.map(drop)
            }
            Step::Offer | Step::Call => {
                let to = match step {
                    Step::Offer => To::Introduction(fixture.introduction.clone()),
                    _ => To::QueueId(self.queue_id.clone()),
                };
                let request = on_behalf(owner, offer(to));
                let offered = transfers.offer_transfer(request).await;
                offered.map(|offered| self.offer_id = offered.into_inner().offer_id)
            }
            Step::Withdraw => {
                let message = wire::WithdrawTransferRequest {
                    command_id,
                    session_id,
                    offer_id: self.offer_id.clone(),
                };
                let request = on_behalf(owner, message);
                transfers.withdraw_transfer(request).await.map(drop)
            }
            Step::Accept => {
                let message = wire::AcceptTransferRequest {
                    command_id,
                    session_id,
                    offer_id: self.offer_id.clone(),
                };
                let request = on_behalf(fixture.token(Column::Lq), message);
                transfers.accept_transfer(request).await.map(drop)
            }
            Step::End => {
                let message = wire::EndSessionRequest {
                    command_id,
                    session_id,
                };
                let request = on_behalf(owner, message);
                sessions.end_session(request).await.map(drop)
            }
        }
        .unwrap();
    }
}

/// Returns an id that was never given out.
pub(crate) fn random_id() -> String {
    let (high, low) = (RandomState::new(), RandomState::new());
    format!("{:016x}{:016x}", high.hash_one(1), low.hash_one(2))
}
