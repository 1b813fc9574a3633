//! What connects one browser's user with the services.

use carrel_platform::clock::Clock;

use crate::{
    delivery::User,
    outbox::Outbox,
    upstream::{Caller, Upstream},
};

/// What every stream opened for one browser's user needs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ViewerContext {
    /// The services.
    pub(crate) upstream: Upstream,
    /// On whose behalf they are called, with the token that is valid now.
    pub(crate) caller: Caller,
    /// Where frames for the browser go.
    pub(crate) outbox: Outbox,
    /// Whose browser it is.
    pub(crate) user: User,
    /// The clock that measures how late a delivery is.
    pub(crate) clock: Clock,
}
