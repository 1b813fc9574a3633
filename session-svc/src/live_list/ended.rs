//! Sessions that have ended lately.

use std::collections::{HashSet, VecDeque};

/// How many are remembered: far more than end during one look at the log, or while a message is on its way.
const REMEMBERED: usize = 10_000;

/// The sessions that ended last. An outdated entry of one of them does not bring it back: an end is final.
#[derive(Debug, Default)]
pub(super) struct Ended {
    ids: HashSet<String>,
    in_order: VecDeque<String>,
}

impl Ended {
    pub(super) fn remember(&mut self, session_id: &str) {
        if self.ids.insert(session_id.to_owned()) {
            self.in_order.push_back(session_id.to_owned());
        }
        if self.in_order.len() > REMEMBERED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    pub(super) fn forget(&mut self, session_id: &str) {
        if self.ids.remove(session_id) {
            self.in_order.retain(|id| id != session_id);
        }
    }

    pub(super) fn remembers(&self, session_id: &str) -> bool {
        self.ids.contains(session_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_no_more() {
        let mut ended = Ended::default();
        for n in 0..2 * REMEMBERED {
            ended.remember(&n.to_string());
            ended.remember(&n.to_string());
        }
        assert_eq!(ended.ids.len(), REMEMBERED);
        assert!(!ended.remembers("0"));
        let middle = (2 * REMEMBERED - 2).to_string();
        ended.forget(&middle);
        ended.forget(&middle);
        assert!(!ended.remembers(&middle));
        assert_eq!(ended.in_order.len(), REMEMBERED - 1);
        assert!(ended.remembers(&(2 * REMEMBERED - 1).to_string()));
    }
}
