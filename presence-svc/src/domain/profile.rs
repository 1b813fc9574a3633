//! What the directory says about one librarian.

use std::collections::BTreeSet;

use super::directory::{Directory, Institution, Librarian, Policy, Script};

/// What the directory says about one librarian. None of it is for patrons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The account.
    pub librarian: Librarian,
    /// Their library.
    pub institution: Institution,
    /// The queues that they may monitor: their library's primary queue first, the others by name.
    pub queues: Vec<MonitoredQueue>,
}

/// A queue as a librarian who may monitor it sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitoredQueue {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is the primary queue of the librarian's own library.
    pub primary: bool,
    /// The names of the libraries whose patrons wait in it, sorted.
    pub institution_names: Vec<String>,
    /// Whether it is for practice.
    pub practice: bool,
}

/// What staff should know about a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryPolicy {
    /// Its id.
    pub institution_id: String,
    /// Its name.
    pub institution_name: String,
    /// Its policy.
    pub policy: Policy,
    /// Texts that are ready to be sent to its patrons.
    pub scripts: Vec<Script>,
    /// Its descriptive codes (D65).
    pub descriptive_codes: Vec<String>,
}

impl Directory {
    /// Returns what the directory says about a librarian. `None` if the account or its library is gone.
    #[must_use]
    pub fn profile(&self, librarian_id: &str) -> Option<Profile> {
        let librarian = self.librarian(librarian_id)?;
        let institution = self.institutions.get(&librarian.institution_id)?;
        let mut queues: Vec<_> = self
            .queues_staffed_by(&institution.id)
            .map(|queue| MonitoredQueue {
                id: queue.id.clone(),
                name: queue.name.clone(),
                primary: queue.id == institution.primary_queue,
                institution_names: self.names(&self.libraries_reaching(queue)),
                practice: queue.practice,
            })
            .collect();
        queues.sort_by(|a, b| (!a.primary, &a.name, &a.id).cmp(&(!b.primary, &b.name, &b.id)));
        Some(Profile {
            librarian: librarian.clone(),
            institution: institution.clone(),
            queues,
        })
    }

    /// Returns what the librarians of a library should know about each library whose patrons they may answer, and about
    /// their own, by name. It may be long, so it is made only on request.
    #[must_use]
    pub fn policies_for(&self, institution_id: &str) -> Vec<LibraryPolicy> {
        let mut answered = BTreeSet::from([institution_id]);
        for queue in self.queues_staffed_by(institution_id) {
            answered.extend(self.libraries_reaching(queue));
        }
        self.policies(&answered)
    }

    fn names(&self, institution_ids: &BTreeSet<&str>) -> Vec<String> {
        let mut names: Vec<String> = institution_ids
            .iter()
            .filter_map(|id| self.institutions.get(*id))
            .map(|institution| institution.name.clone())
            .collect();
        names.sort();
        names
    }

    fn policies(&self, institution_ids: &BTreeSet<&str>) -> Vec<LibraryPolicy> {
        let mut policies: Vec<LibraryPolicy> = institution_ids
            .iter()
            .filter_map(|id| self.institutions.get(*id))
            .map(|institution| LibraryPolicy {
                institution_id: institution.id.clone(),
                institution_name: institution.name.clone(),
                policy: institution.policy.clone(),
                scripts: institution.scripts.clone(),
                descriptive_codes: institution.descriptive_codes.clone(),
            })
            .collect();
        policies.sort_by(|a, b| {
            (&a.institution_name, &a.institution_id).cmp(&(&b.institution_name, &b.institution_id))
        });
        policies
    }
}

#[cfg(test)]
mod tests;
