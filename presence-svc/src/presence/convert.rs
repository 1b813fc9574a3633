//! Conversions between the domain and the wire.

use carrel_platform::refusal::Refusal;
use carrel_proto::presence::v1 as wire;

use super::introductions::Introductions;
use crate::{
    directory::convert::timestamp,
    domain::{
        presence::Status,
        queues::{QueueState, Waiting},
        roster::Row,
    },
};

/// A status, as the wire names it.
pub(super) fn status(status: Status) -> i32 {
    let status = match status {
        Status::Available => wire::Status::Available,
        Status::Busy => wire::Status::Busy,
        Status::AcceptNoNew => wire::Status::AcceptNoNew,
        Status::Away => wire::Status::Away,
    };
    status.into()
}

/// Returns the status that a client named, or `None` if it named none.
///
/// # Errors
/// If it named one that is not known here, which must not be taken for another.
pub(super) fn status_from_wire(status: i32) -> Result<Option<Status>, Refusal> {
    match wire::Status::try_from(status) {
        Ok(wire::Status::Unspecified) => Ok(None),
        Ok(wire::Status::Available) => Ok(Some(Status::Available)),
        Ok(wire::Status::Busy) => Ok(Some(Status::Busy)),
        Ok(wire::Status::AcceptNoNew) => Ok(Some(Status::AcceptNoNew)),
        Ok(wire::Status::Away) => Ok(Some(Status::Away)),
        Err(_) => Err(Refusal::unknown_value("announcement.status", status)),
    }
}

/// A line of the Librarians list, with the introduction signed.
pub(super) fn librarian(row: Row, introductions: &Introductions) -> wire::LibrarianRow {
    let signed = introductions.sign(&row.introduction, row.introduced_at_ms);
    let introduction = row.introduction;
    wire::LibrarianRow {
        librarian_id: introduction.librarian_id,
        screen_name: introduction.screen_name,
        institution_id: introduction.institution_id,
        institution_name: introduction.institution_name,
        status: status(row.status),
        queue_count: u32::try_from(introduction.queues.len()).unwrap_or(u32::MAX),
        active_count: row.active,
        primary_queue_name: row.primary_queue_name,
        shared_queue_ids: row.shared_queues,
        introduction: signed,
        real_name: row.real_name,
    }
}

/// The state of a queue.
pub(super) fn queue(queue_id: &str, queue: &QueueState) -> wire::QueueState {
    let Waiting { patrons, oldest_ms } = queue.waiting;
    wire::QueueState {
        queue_id: queue_id.to_owned(),
        name: queue.name.clone(),
        waiting: patrons,
        oldest_time: oldest_ms.map(timestamp),
        librarians: queue.librarians,
        staffed: queue.staffed,
        open: queue.hours.open,
        next_change_time: queue.hours.next_change_ms.map(timestamp),
    }
}
