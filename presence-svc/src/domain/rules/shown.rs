//! How much the librarians of one library are shown of other libraries.

use std::collections::{BTreeMap, BTreeSet};

use super::{MAX_QUEUES_NAMES, MAX_SHOWN, Place, Problem, entry::Entry};
use crate::domain::directory::{Directory, Institution};

/// What a descriptive code adds to what is read beside its text: its part of the signed list.
const CODE: usize = 40;

/// What there is to show, for all queues and libraries: made once, since it is the same for many.
pub(super) struct Shown<'d> {
    /// The libraries whose patrons can wait in each queue.
    reaching: BTreeMap<&'d str, BTreeSet<&'d str>>,
    /// How long each library's policy, scripts and descriptive codes are.
    written: BTreeMap<&'d str, usize>,
}

impl<'d> Shown<'d> {
    /// Collects it from a directory.
    pub(super) fn of(directory: &'d Directory) -> Self {
        let queues = directory.queues.values();
        let institutions = directory.institutions.values();
        Self {
            reaching: queues
                .map(|queue| (queue.id.as_str(), directory.libraries_reaching(queue)))
                .collect(),
            written: institutions
                .map(|it| (it.id.as_str(), written(it)))
                .collect(),
        }
    }

    /// Checks that a library's librarians can be shown everything that they should know.
    pub(super) fn check(
        &self,
        it: &Institution,
        directory: &Directory,
        problems: &mut Vec<Problem>,
    ) {
        let mut answered = BTreeSet::from([it.id.as_str()]);
        let mut names = 0;
        for queue in directory.queues_staffed_by(&it.id) {
            let reaching = self.reaching.get(queue.id.as_str()).into_iter().flatten();
            for id in reaching.copied() {
                let library = directory.institutions.get(id);
                names += library.map_or(0, |library| library.name.len());
                answered.insert(id);
            }
        }
        let of_each = answered.iter().filter_map(|id| self.written.get(id));
        let written: usize = of_each.sum();
        let mut entry = Entry::new(Place::Institution(it.id.clone()), problems);
        if written > MAX_SHOWN {
            entry.wrong(
                "",
                format!(
                    "its librarians may answer the patrons of {} libraries, whose policies, scripts and descriptive codes have {written} bytes together; {MAX_SHOWN} is the most. Shorten scripts, or let it staff fewer queues",
                    answered.len()
                ),
            );
        }
        if names > MAX_QUEUES_NAMES {
            entry.wrong(
                "",
                format!(
                    "the names of the libraries in the queues that its librarians may monitor have {names} bytes together; {MAX_QUEUES_NAMES} is the most. Let it staff fewer queues"
                ),
            );
        }
    }
}

/// Returns how long a library's policy, scripts, with their names, and descriptive codes are.
fn written(it: &Institution) -> usize {
    let policy = [
        &it.name,
        &it.policy.text,
        &it.policy.address,
        &it.policy.contact,
    ];
    let scripts = it.scripts.iter();
    let scripts = scripts.flat_map(|script| [&script.name, &script.text]);
    let texts: usize = policy.into_iter().chain(scripts).map(String::len).sum();
    let codes = it.descriptive_codes.iter();
    texts + codes.map(|code| code.len() + CODE).sum::<usize>()
}
