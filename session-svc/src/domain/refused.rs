//! Why a command is refused.

use super::{address::AddressError, people::StaffMember, text::WrongText, transfer::Fate};

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The role may never do this.
    #[error("your role does not allow this")]
    NotAllowed,
    /// Only the owner may do this. A librarian who may supervise gets the code and reason of [`Refused::NotAllowed`],
    /// but this refusal depends on the state of the session: another server may know them as the owner.
    #[error("only the chatting librarian may do this")]
    OwnersOnly,
    /// There is no such session for the actor.
    #[error("there is no such session")]
    NotFound,
    /// The session was opened before, by another command.
    #[error("the session is open already")]
    AlreadyOpen,
    /// Another librarian was faster.
    #[error("{} picked this patron up", by.screen_name)]
    AlreadyPickedUp {
        /// The librarian who has.
        by: StaffMember,
    },
    /// No librarian has picked the patron up yet.
    #[error("no librarian has picked this patron up yet")]
    NotActive,
    /// The session is over.
    #[error("the session has ended")]
    Ended,
    /// The session goes on, and this is only for ended ones.
    #[error("the session has not ended")]
    NotEnded,
    /// The session was erased.
    #[error("the session was erased")]
    Erased,
    /// The actor is not in the session.
    #[error("you are not in this session")]
    NotInside,
    /// The actor owned the session; now somebody else does, or nobody.
    #[error("this patron is no longer with you")]
    NoLongerOwner {
        /// The present owner, if there is one.
        owner: Option<StaffMember>,
    },
    /// There is no such offer for the actor. The answer is the same when there is no such session: a librarian who was
    /// made an offer by name may have nothing else to do with the session, and no other answer could tell them that the
    /// offer's number is wrong.
    #[error("there is no such offer")]
    NoSuchOffer,
    /// The offer no longer stands.
    #[error("this offer does not stand any more")]
    OfferClosed {
        /// What became of it.
        fate: Fate,
    },
    /// The librarian monitors no queue that the owner may monitor.
    #[error("you share no queue with this librarian")]
    NotShared,
    /// A practice session was offered where real ones go, or a real one where people practise (D36).
    #[error("practice and real sessions do not mix")]
    PracticeMixed,
    /// There is no such queue for the actor.
    #[error("there is no such queue")]
    NoSuchQueue,
    /// The introduction of a librarian is not valid, or no longer.
    #[error("the introduction is not valid, or not any more")]
    BadIntroduction,
    /// There are more descriptive codes than a session can have.
    #[error("there are {count} descriptive codes")]
    TooManyCodes {
        /// How many.
        count: usize,
    },
    /// A descriptive code is there twice.
    #[error("the descriptive code {code:?} is there twice")]
    RepeatedCode {
        /// The code.
        code: String,
    },
    /// The patron's library does not have this descriptive code.
    #[error("the patron's library has no descriptive code {code:?}")]
    UnknownCode {
        /// The code.
        code: String,
    },
    /// The list of descriptive codes is not that of the patron's library, or not valid any more.
    #[error("the list of descriptive codes is not valid, or not any more")]
    BadCodeList,
    /// The owner offered the session to themselves.
    #[error("this is you")]
    Oneself,
    /// A librarian can't supervise their own session, nor take it over from themselves.
    #[error("this is your own session")]
    OwnSession,
    /// The warning that was accepted is not the one in force.
    #[error("the warning was not accepted, or has changed")]
    WarningNotAccepted {
        /// The version in force.
        current: String,
    },
    /// The librarian has entered the session as often as they may.
    #[error("you have entered this session too often")]
    EnteredTooOften,
    /// The session holds as much as it can.
    #[error("the session is full")]
    Full,
    /// Texts are not valid.
    #[error("{first}")]
    Texts {
        /// The first of them.
        first: WrongText,
        /// The others, in the order of the command's fields.
        others: Vec<WrongText>,
    },
    /// An address is not valid.
    #[error("address: {0}")]
    Address(#[from] AddressError),
}
