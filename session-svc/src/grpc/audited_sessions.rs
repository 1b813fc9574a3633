//! What may still be known of the sessions that audit entries are about. The entries themselves name only ids.

use std::collections::BTreeSet;

use carrel_proto::session::v1 as wire;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::ended_sessions;
use crate::{
    convert, domain::people::LibrarianActor, error::Error, live_list::row::Watcher,
    live_session::Parts,
};

/// Returns what the librarian may know by now of the sessions of these entries: each session once, in the entries' order.
///
/// Of a running session that is a part of what lists show them, of an ended one a part of what the list of ended sessions
/// does. So the audit gives nobody a view that they do not have without it; a session of which they have none is left out.
pub(super) async fn known_of(
    parts: &Parts,
    librarian: &LibrarianActor,
    entries: &[wire::AuditEntry],
) -> Result<Vec<wire::AuditedSession>, Error> {
    let watcher = &Watcher {
        librarian: librarian.clone(),
        queues: librarian.queues.clone(),
        all: true,
    };
    let mut seen = BTreeSet::new();
    let ids = entries.iter().map(|entry| entry.session_id.clone());
    let once = ids.filter(|id| seen.insert(id.clone())).collect::<Vec<_>>();
    stream::iter(once)
        .map(|session_id| known(parts, watcher, session_id))
        .buffered(ended_sessions::AT_ONCE)
        .try_filter_map(async |known| Ok(known))
        .try_collect()
        .await
}

async fn known(
    parts: &Parts,
    watcher: &Watcher,
    session_id: String,
) -> Result<Option<wire::AuditedSession>, Error> {
    if let Some(row) = parts.list.row(&session_id, watcher) {
        return Ok(Some(convert::row_to_audited(row)));
    }
    let session = ended_sessions::read(parts, &session_id).await?;
    let theirs = session.filter(|session| {
        let library = &session.opened.institution_id;
        session.end.is_some() && watcher.librarian.supervises(library)
    });
    Ok(theirs.map(|session| convert::session_to_audited(&session_id, &session)))
}
