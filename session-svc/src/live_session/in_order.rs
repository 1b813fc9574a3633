//! The order of the acts that one participant sends (I5).

use std::sync::{Arc, OnceLock};

use crate::error::Error;

/// Acts that must not overtake each other: those of one stream, or one that was sent by itself. Cheap to clone; clones
/// share their state.
///
/// A participant who does not learn what became of an act repeats it. So when the outcome of an act is unknown, those
/// behind it are not carried out: otherwise they would come before the repeated act.
#[derive(Clone, Debug, Default)]
pub(crate) struct InOrder(Arc<OnceLock<Error>>);

impl InOrder {
    /// Takes note of the answer to one of them.
    pub(crate) fn note<T>(&self, answer: &Result<T, Error>) {
        if let Err(error) = answer
            && error.is_unknown_outcome()
        {
            // Only the first counts: the others are merely behind it.
            let _ = self.0.set(error.clone());
        }
    }

    /// Returns why no more of them are carried out, once the outcome of one is unknown.
    pub(crate) fn interruption(&self) -> Option<&Error> {
        self.0.get()
    }
}
