//! The audit: who looked into which session, and when (R21, I25).
//!
//! Each library has one audit, a stream in the log. Each entry carries a hash over itself and the one before, so that
//! removing, altering or reordering an entry shows.

use carrel_platform::chain;
use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuditAct {
    /// Conference mode was entered.
    ConferenceEntered,
    /// Conference mode was left.
    ConferenceLeft,
    /// A transcript was read by someone who was not in the session.
    TranscriptRead,
    /// A transcript was exported by a librarian, whether they were in the session or not.
    TranscriptExported,
    /// A session was erased.
    SessionErased,
    /// The name and e-mail address of a session's patron were erased.
    IdentityErased,
}

/// A fact to be written to the audit. It contains nothing of any conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFact {
    /// What was done.
    pub act: AuditAct,
    /// Who did it. Empty if nobody did, because it was time for it.
    pub librarian_id: String,
    /// Their name, as it was then.
    pub librarian_name: String,
    /// The session it was done to.
    pub session_id: String,
    /// The version of the warning that was accepted, how the librarian left, the audience of the transcript, or why the
    /// session or its patron's name was erased.
    pub detail: String,
}

/// A fact with its link in the chain, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// What was done, and by whom.
    #[serde(flatten)]
    pub fact: AuditFact,
    /// The hash over the entry before and this one.
    pub chain_hash: String,
}

/// The hash before the first entry.
pub const CHAIN_START: &str = chain::START;

impl AuditEntry {
    /// Chains a fact to the entry with the hash `before`.
    #[must_use]
    pub fn chain(fact: AuditFact, at_ms: i64, before: &str) -> Self {
        let chain_hash = chain_hash(&fact, at_ms, before);
        Self { fact, chain_hash }
    }

    /// Returns whether this entry follows the one with the hash `before`, unaltered.
    #[must_use]
    pub fn follows(&self, at_ms: i64, before: &str) -> bool {
        self.chain_hash == chain_hash(&self.fact, at_ms, before)
    }
}

fn chain_hash(fact: &AuditFact, at_ms: i64, before: &str) -> String {
    let act = match fact.act {
        AuditAct::ConferenceEntered => "entered",
        AuditAct::ConferenceLeft => "left",
        AuditAct::TranscriptRead => "read",
        AuditAct::TranscriptExported => "exported",
        AuditAct::SessionErased => "erased",
        AuditAct::IdentityErased => "identity erased",
    };
    let parts = [
        act,
        &fact.librarian_id,
        &fact.librarian_name,
        &fact.session_id,
        &fact.detail,
    ];
    chain::link(at_ms, before, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(detail: &str) -> AuditFact {
        AuditFact {
            act: AuditAct::ConferenceEntered,
            librarian_id: "admin".into(),
            librarian_name: "Admin".into(),
            session_id: "s".into(),
            detail: detail.into(),
        }
    }

    /// I25: an entry that was altered, removed or moved breaks the chain.
    #[test]
    fn a_changed_chain_shows() {
        let first = AuditEntry::chain(fact("1"), 1, CHAIN_START);
        let second = AuditEntry::chain(fact("2"), 2, &first.chain_hash);
        assert!(first.follows(1, CHAIN_START) && second.follows(2, &first.chain_hash));
        assert!(!second.follows(2, CHAIN_START), "the first was removed");
        assert!(
            !second.follows(3, &first.chain_hash),
            "the time was altered"
        );
        let altered = AuditEntry {
            fact: fact("3"),
            ..second
        };
        assert!(
            !altered.follows(2, &first.chain_hash),
            "the fact was altered"
        );
    }
}
