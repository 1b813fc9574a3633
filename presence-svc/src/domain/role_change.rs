//! Changes of librarians' roles, as the administrators of a library can read them (R21).
//!
//! Each library has a list of its own. Each entry carries a hash over itself and the one before, as in the audit of
//! sessions, so that removing, altering or reordering an entry shows (I25).

use std::collections::BTreeMap;

use carrel_platform::{auth::Role, chain};
use serde::{Deserialize, Serialize};

use super::directory::{Directory, Event, Librarian};

/// What an operator changes the directory with. Who the operator is, Carrel does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A directory file was loaded.
    DirectoryFile,
    /// One account was added or removed with a command.
    Command,
}

/// A change of one librarian's role in one library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChange {
    /// The librarian's id.
    pub librarian_id: String,
    /// The name with which they log in.
    pub log_in_name: String,
    /// The name that others see, as it was after the change, or before it if they left the library.
    pub librarian_name: String,
    /// The role that they had in this library. `None`: they were not one of its librarians.
    pub before: Option<Role>,
    /// The role that they have in this library from now on. `None`: they are not one of its librarians any more.
    pub after: Option<Role>,
    /// What the change was made with.
    pub means: Means,
}

/// A change with its link in the chain, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleEntry {
    /// What changed.
    #[serde(flatten)]
    pub change: RoleChange,
    /// The hash over the entry before and this one.
    pub chain_hash: String,
}

impl RoleEntry {
    /// Chains a change to the entry with the hash `before`.
    #[must_use]
    pub fn chain(change: RoleChange, at_ms: i64, before: &str) -> Self {
        let chain_hash = chain_hash(&change, at_ms, before);
        Self { change, chain_hash }
    }

    /// Returns whether this entry follows the one with the hash `before`, unaltered.
    #[must_use]
    pub fn follows(&self, at_ms: i64, before: &str) -> bool {
        self.chain_hash == chain_hash(&self.change, at_ms, before)
    }
}

fn chain_hash(change: &RoleChange, at_ms: i64, before: &str) -> String {
    let means = match change.means {
        Means::DirectoryFile => "directory_file",
        Means::Command => "command",
    };
    let parts = [
        &change.librarian_id,
        &change.log_in_name,
        &change.librarian_name,
        word(change.before),
        word(change.after),
        means,
    ];
    chain::link(at_ms, before, &parts)
}

/// Returns the word for a role under the hash, which must never change.
fn word(role: Option<Role>) -> &'static str {
    match role {
        None => "",
        Some(Role::Librarian) => "librarian",
        Some(Role::AskAdministrator) => "ask_administrator",
        Some(Role::Administrator) => "administrator",
    }
}

/// Returns what these events change in the roles of each library, by its id, in the order of the events.
///
/// An account that moves to another library loses its role in the one and gets one in the other. An account is told
/// from others by its id: one that replaces another of the same log-in name is a different one.
#[must_use]
pub fn role_changes(
    directory: &Directory,
    events: &[Event],
    means: Means,
) -> BTreeMap<String, Vec<RoleChange>> {
    let mut now: BTreeMap<&str, Option<&Librarian>> = BTreeMap::new();
    let mut changes: BTreeMap<String, Vec<RoleChange>> = BTreeMap::new();
    for event in events {
        let (log_in_name, after) = match event {
            Event::LibrarianSet(librarian) => (&librarian.log_in_name, Some(librarian)),
            Event::LibrarianRemoved { log_in_name } => (log_in_name, None),
            Event::InstitutionSet(_)
            | Event::InstitutionRemoved { .. }
            | Event::QueueSet(_)
            | Event::QueueRemoved { .. } => continue,
        };
        let stored = || directory.librarians.get(log_in_name);
        let before = now.get(&**log_in_name).copied().unwrap_or_else(stored);
        now.insert(log_in_name, after);
        for (of, before, after) in in_each_library(before, after) {
            let library = changes.entry(of.institution_id.clone()).or_default();
            library.push(RoleChange {
                librarian_id: of.id.clone(),
                log_in_name: of.log_in_name.clone(),
                librarian_name: of.screen_name.clone(),
                before,
                after,
                means,
            });
        }
    }
    changes
}

/// Returns whose role changes in their library, and from what to what.
fn in_each_library<'a>(
    before: Option<&'a Librarian>,
    after: Option<&'a Librarian>,
) -> impl Iterator<Item = (&'a Librarian, Option<Role>, Option<Role>)> {
    let stays = before.zip(after).is_some_and(|(before, after)| {
        before.id == after.id && before.institution_id == after.institution_id
    });
    let left = before
        .filter(|_| !stays)
        .map(|before| (before, Some(before.role), None));
    let role_before = before.filter(|_| stays).map(|before| before.role);
    let is_or_came = after
        .filter(|after| role_before != Some(after.role))
        .map(|after| (after, role_before, Some(after.role)));
    left.into_iter().chain(is_or_came)
}

#[cfg(test)]
mod tests {
    use super::{
        super::sample::{directory, institution, librarian},
        *,
    };

    const FILE: Means = Means::DirectoryFile;

    fn lee(institution_id: &str, role: Role) -> Librarian {
        Librarian {
            institution_id: institution_id.into(),
            role,
            ..librarian()
        }
    }

    fn gone() -> Event {
        Event::LibrarianRemoved {
            log_in_name: librarian().log_in_name,
        }
    }

    /// The changes after these events: library, role before, role after.
    fn after(
        known: impl IntoIterator<Item = Librarian>,
        events: &[Event],
    ) -> Vec<(String, Option<Role>, Option<Role>)> {
        let known = directory([institution("maple")], [], known);
        let changes = role_changes(&known, events, FILE);
        let of_each = changes.into_iter().flat_map(|(library, changes)| {
            changes
                .into_iter()
                .map(move |change| (library.clone(), change.before, change.after))
        });
        of_each.collect()
    }

    /// R21: every way in which a role can change is told to the library that it concerns.
    #[test]
    fn each_change_of_a_role_is_told_to_its_library() {
        use Role::{Administrator, Librarian as Plain};
        let maple = || "maple".to_owned();
        let set = |librarian| Event::LibrarianSet(librarian);
        let plain = || lee("maple", Plain);
        let leads = || lee("maple", Administrator);
        assert_eq!(
            after([], &[set(leads())]),
            [(maple(), None, Some(Administrator))]
        );
        assert_eq!(
            after([plain()], &[set(leads())]),
            [(maple(), Some(Plain), Some(Administrator))]
        );
        assert_eq!(
            after([leads()], &[gone()]),
            [(maple(), Some(Administrator), None)]
        );
        assert_eq!(
            after([plain()], &[set(lee("harbor", Administrator))]),
            [
                ("harbor".to_owned(), None, Some(Administrator)),
                (maple(), Some(Plain), None),
            ]
        );
        // Removed and added again at once is another account, even with the same role.
        let another = Librarian {
            id: "2".into(),
            ..plain()
        };
        let both = [(maple(), Some(Plain), None), (maple(), None, Some(Plain))];
        assert_eq!(after([plain()], &[set(another.clone())]), both);
        assert_eq!(after([plain()], &[gone(), set(another)]), both);
    }

    #[test]
    fn what_is_no_role_is_not_told() {
        let renamed = Librarian {
            screen_name: "Ms Lee".into(),
            password_hash: "new".into(),
            ..librarian()
        };
        let events = [
            Event::LibrarianSet(renamed),
            Event::InstitutionSet(institution("maple").into()),
        ];
        assert_eq!(after([librarian()], &events), []);
        assert_eq!(after([], &[gone()]), []);
    }

    /// I25: an entry that was altered, removed or moved breaks the chain.
    #[test]
    fn a_changed_chain_shows() {
        let change = |after| RoleChange {
            librarian_id: "1".into(),
            log_in_name: "lee@maple".into(),
            librarian_name: "Mr Lee".into(),
            before: Some(Role::Librarian),
            after,
            means: FILE,
        };
        let first = RoleEntry::chain(change(Some(Role::Administrator)), 1, chain::START);
        let second = RoleEntry::chain(change(None), 2, &first.chain_hash);
        assert!(first.follows(1, chain::START) && second.follows(2, &first.chain_hash));
        assert!(!second.follows(2, chain::START), "the first was removed");
        assert!(
            !second.follows(3, &first.chain_hash),
            "the time was altered"
        );
        let altered = RoleEntry {
            change: RoleChange {
                means: Means::Command,
                ..change(None)
            },
            ..second
        };
        assert!(
            !altered.follows(2, &first.chain_hash),
            "the change was altered"
        );
    }
}
