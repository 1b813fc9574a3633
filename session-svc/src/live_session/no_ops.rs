//! Commands that found nothing to do.

use std::collections::VecDeque;

use carrel_platform::log::Command;

/// How many of them a session remembers.
const REMEMBERED: usize = 256;

/// The last commands that found nothing to do. They are not in the log, since nothing happened, so they are known only
/// here and for as long as the session is in memory. Their number is bounded; the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct NoOps(VecDeque<Command>);

impl NoOps {
    /// Remembers one.
    pub(super) fn remember(&mut self, command: Command) {
        if self.fingerprint(&command.key).is_some() {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(command);
    }

    /// Returns the digest of the content of a command that is remembered.
    pub(super) fn fingerprint(&self, key: &str) -> Option<u64> {
        let command = self.0.iter().find(|command| command.key == key)?;
        Some(command.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(number: usize) -> Command {
        Command::of(format!("lee:{number}"), b"leave")
    }

    #[test]
    fn the_last_ones_are_remembered_once_each_and_no_more() {
        let mut no_ops = NoOps::default();
        for number in 0..REMEMBERED {
            no_ops.remember(command(number));
            no_ops.remember(command(number));
        }
        let known = |no_ops: &NoOps, number: usize| {
            let Command { key, fingerprint } = command(number);
            no_ops.fingerprint(&key) == Some(fingerprint)
        };
        assert!((0..REMEMBERED).all(|number| known(&no_ops, number)));
        no_ops.remember(command(REMEMBERED));
        assert!(!known(&no_ops, 0));
        assert!((1..=REMEMBERED).all(|number| known(&no_ops, number)));
        assert_eq!(no_ops.0.len(), REMEMBERED);
    }
}
