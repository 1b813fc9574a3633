//! Where patrons wait: in their library's queue, and in the further queues that it escalates to.

use std::collections::BTreeSet;

use super::directory::{Directory, EscalationStep, Institution, Queue};

/// Where a patron waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The queue in which the wait begins.
    pub queue_id: String,
    /// The further queues that it reaches if nobody picks up, soonest first.
    pub steps: Vec<EscalationStep>,
}

impl Directory {
    /// Returns where a library's patrons wait.
    #[must_use]
    pub fn wait(&self, institution: &Institution) -> Wait {
        let primary = self.queues.get(&institution.primary_queue);
        Wait {
            queue_id: institution.primary_queue.clone(),
            steps: primary
                .map(|queue| queue.escalate.clone())
                .unwrap_or_default(),
        }
    }

    /// Returns where they wait for practice, which goes no further than the practice queue. `None` if there is no such
    /// queue.
    #[must_use]
    pub fn practice_wait(&self, institution: &Institution) -> Option<Wait> {
        Some(Wait {
            queue_id: institution.practice_queue.clone()?,
            steps: Vec::new(),
        })
    }

    /// Returns the queues that the wait of a library's patrons can reach, in the order in which it does. Without
    /// practice.
    pub fn reachable_queues(&self, institution: &Institution) -> impl Iterator<Item = &Queue> {
        let Wait { queue_id, steps } = self.wait(institution);
        std::iter::once(queue_id)
            .chain(steps.into_iter().map(|step| step.to))
            .filter_map(|queue_id| self.queues.get(&queue_id))
    }

    /// Returns the libraries whose patrons can wait in a queue: those that it names, and those whose wait reaches it.
    #[must_use]
    pub fn libraries_reaching<'a>(&'a self, queue: &'a Queue) -> BTreeSet<&'a str> {
        let by_reach = self.institutions.values().filter(|institution| {
            institution.practice_queue.as_ref() == Some(&queue.id)
                || self
                    .reachable_queues(institution)
                    .any(|reached| reached.id == queue.id)
        });
        queue
            .patrons_of
            .iter()
            .map(String::as_str)
            .chain(by_reach.map(|institution| institution.id.as_str()))
            .collect()
    }
}

#[cfg(test)]
mod tests;
