//! The line between the services and one browser's user.

use carrel_platform::clock::Clock;

use crate::{
    delivery::User,
    outbox::Outbox,
    upstream::{Caller, Upstream},
};

/// What every stream that is opened for one browser's user needs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Who is called.
    pub(crate) upstream: Upstream,
    /// On whose behalf: with the token that holds now.
    pub(crate) caller: Caller,
    /// Where what comes goes.
    pub(crate) outbox: Outbox,
    /// Whose browser it is.
    pub(crate) user: User,
    /// By which it is measured how late something comes.
    pub(crate) clock: Clock,
}
