//! Keeps a user's commands in order when a stream is over and can't be opened again.

use std::collections::VecDeque;

/// How many commands are refused because others must be sent again before them.
const REFUSED: usize = 64;

/// The commands of a stream that is over whose outcome is not known. They must be sent again, in order, before any
/// other.
#[derive(Debug, Default)]
pub(super) struct InDoubt {
    commands: VecDeque<String>,
    /// Other commands that were refused because these come first.
    refused: Vec<String>,
}

impl InDoubt {
    pub(super) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether a command may go on: the next of these, or any command when none is left. Any other is refused once. A
    /// client that sends such a command again, and not what was before it, has given that up or knows its outcome from
    /// elsewhere.
    pub(super) fn lets_through(&mut self, command_id: &str) -> bool {
        match self.commands.front() {
            None => return true,
            Some(next) if next == command_id => {
                self.commands.pop_front();
                return true;
            }
            Some(_) => {}
        }
        let is_given_up = self.refused.iter().any(|refused| refused == command_id);
        if is_given_up || self.refused.len() == REFUSED {
            *self = Self::default();
            return true;
        }
        self.refused.push(command_id.to_owned());
        false
    }
}

impl FromIterator<String> for InDoubt {
    fn from_iter<I: IntoIterator<Item = String>>(all: I) -> Self {
        let mut in_doubt = Self::default();
        for command_id in all {
            // A command that was sent twice is in doubt once.
            if !in_doubt.commands.contains(&command_id) {
                in_doubt.commands.push_back(command_id);
            }
        }
        in_doubt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_doubt(commands: &[&str]) -> InDoubt {
        commands.iter().copied().map(str::to_owned).collect()
    }

    #[test]
    fn those_in_doubt_go_first_and_in_their_order() {
        let mut in_doubt = in_doubt(&["1", "2", "1"]);
        let order = ["3", "2", "1", "4", "2", "3", "4"];
        let goes = order.map(|command_id| in_doubt.lets_through(command_id));
        assert_eq!(goes, [false, false, true, false, true, true, true]);
    }

    #[test]
    fn what_is_sent_a_second_time_gives_up_what_was_before_it() {
        let mut in_doubt = in_doubt(&["1", "2"]);
        let order = ["2", "3", "2", "4", "1"];
        let goes = order.map(|command_id| in_doubt.lets_through(command_id));
        assert_eq!(goes, [false, false, true, true, true]);
        assert!(in_doubt.is_empty());
    }

    #[test]
    fn not_many_are_remembered() {
        let mut in_doubt = in_doubt(&["1"]);
        let refused =
            (0..1_000).take_while(|number| !in_doubt.lets_through(&format!("new {number}")));
        assert_eq!(refused.count(), REFUSED);
        assert!(in_doubt.is_empty());
    }
}
