//! The line between the services and one browser's user.

use crate::{
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
}
