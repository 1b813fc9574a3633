//! The order of what one participant sends (I5).

use std::sync::{Arc, OnceLock};

use crate::error::Error;

/// Acts that must not overtake each other: those of one stream, or one that was sent by itself. Cheap to clone; the
/// clones are one.
///
/// Whoever does not learn what became of an act repeats it. So when the outcome of one is unknown, those behind it are
/// not done: done now, they would come before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct InOrder(Arc<OnceLock<Error>>);

impl InOrder {
    /// Takes note of what one of them is answered.
    pub(crate) fn note<T>(&self, answer: &Result<T, Error>) {
        if let Err(error) = answer
            && error.is_unknown_outcome()
        {
            // The first one counts: the others are only behind it.
            let _ = self.0.set(error.clone());
        }
    }

    /// Why nothing of them is done any more, once the outcome of one is unknown.
    pub(crate) fn interruption(&self) -> Option<&Error> {
        self.0.get()
    }
}
