//! What a watcher is shown of a session.

use std::{collections::BTreeSet, sync::Arc};

use carrel_proto::session::v1 as wire;
use serde::{Deserialize, Serialize};

use crate::{
    convert,
    domain::{
        audience::Part,
        event::PatronConnection,
        people::{LibrarianActor, StaffMember},
        session::{Phase, Session},
        transfer::Recipient,
    },
};

/// How many characters of a question a row shows.
const QUESTION_SHOWN: usize = 1_000;

/// A live session as lists know it, and as servers send it to each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The session's id.
    pub session_id: String,
    /// The session as staff know it.
    pub session: Arc<Session>,
    /// The supervisors who are inside in conference mode.
    pub inside: Vec<StaffMember>,
    /// The versions of the session's and the conference's stream that this follows from.
    pub versions: (u64, u64),
}

impl Entry {
    /// Where the session stands.
    #[must_use]
    pub(crate) fn phase(&self) -> Phase {
        self.session.phase()
    }

    /// Returns whether a librarian is inside.
    #[must_use]
    pub(crate) fn has_inside(&self, librarian_id: &str) -> bool {
        self.inside
            .iter()
            .any(|member| member.librarian_id == librarian_id)
    }

    /// Returns whether this follows from all that the other follows from.
    #[must_use]
    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.versions.0 >= other.versions.0 && self.versions.1 >= other.versions.1
    }

    /// Returns whether a patron waits here who is served before those behind them. A patron whose connection is lost
    /// has their place again when they come back; until then nobody is told to wait for them, and nobody is called to
    /// the desk for them (R8).
    #[must_use]
    pub(crate) fn is_waited_for(&self) -> bool {
        self.phase() == Phase::Waiting && self.session.patron_connection != PatronConnection::Lost
    }

    /// Returns whether the patron who waits here waits again, and so is ahead of all who have not been helped yet.
    /// `None` if nobody is waited for. Nothing else about their place in line ever changes.
    #[must_use]
    pub(crate) fn waits_again(&self) -> Option<bool> {
        self.is_waited_for().then_some(self.session.returned)
    }

    /// Returns whether this patron waits in the same queue as another and ahead of them.
    #[must_use]
    pub(crate) fn waits_before(&self, other: &Self) -> bool {
        fn place(entry: &Entry) -> (bool, i64, &str) {
            let session = &entry.session;
            (!session.returned, session.opened_at_ms, &entry.session_id)
        }
        self.is_waited_for()
            && self.session.opened.queue_id == other.session.opened.queue_id
            && place(self) < place(other)
    }
}

/// A librarian who watches lists.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    /// The librarian.
    pub librarian: LibrarianActor,
    /// The queues whose waiting patrons they want to see, all of which they may monitor.
    pub queues: BTreeSet<String>,
    /// Whether they want to see all running sessions of their library. Only for a librarian who supervises there.
    pub all: bool,
}

/// Returns the row that a watcher is shown of a session, if any. A session is in at most one list of a watcher.
///
/// Supervisors inside are shown only in the All list (R5), which holds only sessions that the watcher may enter (D1,
/// S3).
#[must_use]
pub(crate) fn row_for(entry: &Entry, watcher: &Watcher) -> Option<wire::SessionRow> {
    let session = &entry.session;
    let list = list_for(entry, watcher)?;
    let (inside, caller_inside) = if list == wire::SessionList::All {
        let inside = entry
            .inside
            .iter()
            .map(|member| convert::staff_to_wire(member, Part::Colleague))
            .collect();
        (
            inside,
            entry.has_inside(&watcher.librarian.member.librarian_id),
        )
    } else {
        (Vec::new(), false)
    };
    Some(wire::SessionRow {
        list: list.into(),
        session_id: entry.session_id.clone(),
        institution_id: session.opened.institution_id.clone(),
        institution_name: session.opened.institution_name.clone(),
        queue_id: session.opened.queue_id.clone(),
        patron_name: session.opened.patron_name.clone(),
        patron_email: session.opened.patron_email.clone(),
        question: beginning(&session.opened.question).to_owned(),
        open_time: Some(convert::timestamp(session.opened_at_ms)),
        pick_up_time: session
            .owner
            .as_ref()
            .map(|owner| convert::timestamp(owner.picked_up_at_ms)),
        owner: session
            .owner
            .as_ref()
            .map(|owner| convert::staff_to_wire(&owner.member, Part::Owner)),
        inside,
        caller_inside,
        returned: session.returned,
        queue_ids: session.queues.clone(),
        patron_connection: convert::connection_to_wire(session.patron_connection).into(),
        transfer_offer: session
            .standing_offer()
            .filter(|_| list != wire::SessionList::All)
            .map(convert::made_offer_to_wire),
        added: session
            .added
            .as_deref()
            .filter(|_| list == wire::SessionList::New)
            .unwrap_or_default()
            .to_owned(),
        language: session.opened.language.clone(),
        waiting_since_time: (list == wire::SessionList::New)
            .then(|| convert::timestamp(session.waiting_since_ms)),
    })
}

/// Returns as much of a question as a list shows. A librarian reads it there before picking the patron up, so it is
/// more than a line.
fn beginning(question: &str) -> &str {
    let end = question
        .char_indices()
        .nth(QUESTION_SHOWN)
        .map(|(end, _)| end);
    &question[..end.unwrap_or(question.len())]
}

fn list_for(entry: &Entry, watcher: &Watcher) -> Option<wire::SessionList> {
    let Watcher {
        librarian,
        queues,
        all,
    } = watcher;
    let session = &entry.session;
    let id = &librarian.member.librarian_id;
    let supervises = *all && librarian.supervises(&session.opened.institution_id);
    match session.phase() {
        Phase::Ended => None,
        Phase::Waiting if supervises && entry.has_inside(id) => Some(wire::SessionList::All),
        Phase::Waiting => session
            .waits_in_one_of(queues)
            .then_some(wire::SessionList::New),
        Phase::Active if session.is_owned_by(id) => Some(wire::SessionList::MyActive),
        Phase::Active if is_offered(session, watcher) => Some(wire::SessionList::Offered),
        Phase::Active => supervises.then_some(wire::SessionList::All),
    }
}

/// Returns whether the session is offered to the watcher, by name or by a queue that they watch.
fn is_offered(session: &Session, watcher: &Watcher) -> bool {
    session
        .standing_offer()
        .is_some_and(|made| match &made.offer.to {
            Recipient::Librarian { member } => {
                member.librarian_id == watcher.librarian.member.librarian_id
            }
            Recipient::Queue { queue_id } => watcher.queues.contains(queue_id),
        })
}

/// Returns the notice that a row is gone; for the New list, it also says who picked the patron up (D28).
#[must_use]
pub(crate) fn removed(row: &wire::SessionRow, now: &Entry) -> wire::SessionRowRemoved {
    let picked_up = row.list() == wire::SessionList::New;
    wire::SessionRowRemoved {
        list: row.list,
        session_id: row.session_id.clone(),
        picked_up_by: now
            .session
            .owner
            .as_ref()
            .filter(|_| picked_up)
            .map(|owner| convert::staff_to_wire(&owner.member, Part::Owner)),
    }
}

/// Returns the sort key of a snapshot: patrons who lost their librarian first, then the longest waiting or running
/// first.
#[must_use]
pub(crate) fn by_age(row: &wire::SessionRow) -> (bool, i64, i32, &str) {
    let since = row.pick_up_time.as_ref().or(row.open_time.as_ref());
    let (seconds, nanos) = since.map_or((0, 0), |time| (time.seconds, time.nanos));
    (!row.returned, seconds, nanos, &row.session_id)
}
