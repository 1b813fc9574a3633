//! What single questions about who is here are answered, and when it can't be said.

use carrel_proto::presence::v1 as wire;

use super::Desk;
use crate::{
    domain::{
        queues::Knowledge,
        roster::{Watcher, row_of},
    },
    error::Error,
    presence::{convert, monitor::own_presence},
};

impl Desk {
    /// Returns one librarian, as a watcher is shown them. One with whom the watcher shares a queue is returned as known
    /// here; before it is said that they don't share any, or that the librarian is not shown, the state is brought up to
    /// date.
    ///
    /// # Errors
    /// [`Error::UnknownLibrarian`] if the watcher is not shown them, and [`Error::PresenceUnknown`] if it is not known
    /// whether they are.
    pub(crate) async fn librarian(
        &self,
        watcher: &Watcher,
        librarian_id: &str,
    ) -> Result<wire::LibrarianRow, Error> {
        let known = row_of(watcher, &self.state().people, librarian_id);
        let row = match known.filter(|row| !row.shared_queues.is_empty()) {
            Some(row) => row,
            None => {
                self.look().await;
                let state = self.state();
                let row = row_of(watcher, &state.people, librarian_id);
                // What is shown of a librarian depends on the watcher's own queues. The answer must not depend on
                // whether the librarian is here, or it would tell that of those who are not shown.
                let is_known = row.is_some() && state.people.contains_key(&watcher.librarian_id);
                if !is_known && state.knowledge != Knowledge::Whole {
                    return Err(Error::PresenceUnknown);
                }
                row.ok_or(Error::UnknownLibrarian)?
            }
        };
        Ok(convert::librarian(row, &self.0.introductions))
    }

    /// Returns a librarian's presence over all their monitors, no older than the call; nothing if they are not here.
    ///
    /// # Errors
    /// [`Error::PresenceUnknown`] if it is not known whether they are here.
    pub(crate) async fn presence_of(
        &self,
        librarian_id: &str,
    ) -> Result<Option<wire::OwnPresence>, Error> {
        self.look().await;
        let state = self.state();
        match state.people.get(librarian_id) {
            Some(person) => Ok(Some(own_presence(person))),
            None if state.knowledge == Knowledge::Whole => Ok(None),
            None => Err(Error::PresenceUnknown),
        }
    }
}
