//! What may still be known of the sessions that audit entries are about. The entries themselves name only ids.

use std::collections::BTreeSet;

use carrel_platform::telemetry::session_hash;
use carrel_proto::session::v1 as wire;
use futures::{StreamExt as _, stream};

use super::ended_sessions;
use crate::{
    convert, domain::people::LibrarianActor, live_list::row::Watcher, live_session::Parts,
};

/// Returns what the librarian may know by now of the sessions of these entries: each session once, in the entries'
/// order.
///
/// Of a running session that is a part of what lists show them, of an ended one a part of what the list of ended
/// sessions does. So the audit gives nobody a view that they do not have without it; a session of which they have none
/// is left out.
pub(super) async fn known_of(
    parts: &Parts,
    librarian: &LibrarianActor,
    entries: &[wire::AuditEntry],
) -> Vec<wire::AuditedSession> {
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
        .filter_map(async |known| known)
        .collect()
        .await
}

async fn known(
    parts: &Parts,
    watcher: &Watcher,
    session_id: String,
) -> Option<wire::AuditedSession> {
    if let Some(row) = parts.list.row(&session_id, watcher) {
        return Some(convert::row_to_audited(row));
    }
    if parts.list.has(&session_id) {
        // How long a page takes must not depend on what is written in a session that the reader may not see.
        return None;
    }
    let session = match ended_sessions::read(parts, &session_id).await {
        Ok(session) => session?,
        Err(error) => {
            // The entries are whole without it.
            let session = session_hash(&session_id);
            tracing::warn!(session, %error, "a session of the audit could not be read, and its entries show its id only");
            return None;
        }
    };
    let is_theirs = watcher.librarian.supervises(&session.opened.institution_id);
    (session.end.is_some() && is_theirs).then(|| convert::session_to_audited(&session_id, &session))
}
