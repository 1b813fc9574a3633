//! Why nothing follows from a command.

use super::{address::AddressError, people::StaffMember, text::FieldError, transfer::Fate};

/// Why nothing follows from a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The role may never do this.
    #[error("your role does not allow this")]
    NotAllowed,
    /// Only the owner may do this. Who may supervise is told the same as by [`Refused::NotAllowed`], but it comes of how the
    /// session stands: another server may know them as the owner.
    #[error("only the chatting librarian may do this")]
    OwnersOnly,
    /// There is no such session for the actor.
    #[error("there is no such session")]
    NotFound,
    /// The session was opened before with other content.
    #[error("the session is open already")]
    AlreadyOpen,
    /// Another librarian was faster.
    #[error("{} picked this patron up", by.screen_name)]
    AlreadyPickedUp {
        /// Who.
        by: StaffMember,
    },
    /// No librarian has picked the patron up yet.
    #[error("no librarian has picked this patron up yet")]
    NotActive,
    /// The session is over.
    #[error("the session has ended")]
    Ended,
    /// The actor is not in the session.
    #[error("you are not in this session")]
    NotInside,
    /// The actor owned the session, and somebody else does now or nobody.
    #[error("this patron is no longer with you")]
    NoLongerOwner {
        /// Who does now.
        owner: Option<StaffMember>,
    },
    /// There is no such offer for the actor. The same when there is no such session: who was made an offer by name may
    /// have nothing else to do with the session, so no other answer could tell them that its number is wrong.
    #[error("there is no such offer")]
    NoSuchOffer,
    /// The offer does not stand any more.
    #[error("this offer does not stand any more")]
    OfferClosed {
        /// What became of it.
        fate: Fate,
    },
    /// The librarian monitors no queue that the owner may monitor.
    #[error("you share no queue with this librarian")]
    NotShared,
    /// A practice session was to go where real ones are, or a real one where people practise (D36).
    #[error("practice and real sessions do not mix")]
    PracticeMixed,
    /// There is no such queue for the actor.
    #[error("there is no such queue")]
    NoSuchQueue,
    /// What was to introduce a librarian does not.
    #[error("the introduction is not valid, or not any more")]
    BadIntroduction,
    /// The librarian to whom the session is offered is who offers it.
    #[error("this is you")]
    Oneself,
    /// One does not supervise oneself, nor take over from oneself.
    #[error("this is your own session")]
    OwnSession,
    /// The warning that was accepted is not the one in force.
    #[error("the warning was not accepted, or has changed")]
    WarningNotAccepted {
        /// The version in force.
        current: String,
    },
    /// The session holds as much as it can.
    #[error("the session is full")]
    Full,
    /// A text is not as it must be.
    #[error("{field}: {error}")]
    Text {
        /// Which.
        field: &'static str,
        /// Why.
        error: FieldError,
    },
    /// An address is not as it must be.
    #[error("address: {0}")]
    Address(#[from] AddressError),
}
