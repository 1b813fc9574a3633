//! Whether the log can be written.

use std::cell::Cell;

use tokio::sync::watch;

use crate::{condition::Condition, log::LogError};

/// Whether the log can be written, as its last group or probe showed. Each change is logged once: while a disk is full,
/// the pages send again and again, and a line for each attempt would fill it further.
#[derive(Debug)]
pub(super) struct Writable {
    condition: watch::Sender<Condition>,
    /// How many groups were refused since the last one that was written.
    refused: Cell<u64>,
}

impl Writable {
    pub(super) fn new() -> Self {
        Self {
            condition: watch::Sender::new(Condition::Well),
            refused: Cell::new(0),
        }
    }

    /// Returns the condition, as it is from now on. The receiver does not keep the log open.
    pub(super) fn watch(&self) -> watch::Receiver<Condition> {
        self.condition.subscribe()
    }

    /// Whether nothing was written since something was refused.
    pub(super) fn is_refused(&self) -> bool {
        self.refused.get() > 0
    }

    /// Notes that a group, or a probe, was written.
    pub(super) fn written(&self) {
        let refused = self.refused.take();
        if refused > 0 {
            tracing::info!(refused, "log: it can be written again");
            self.condition.send_replace(Condition::Well);
        }
    }

    /// Notes that nothing of a group was written, and that the next one is tried all the same.
    pub(super) fn refused(&self, error: &LogError) {
        let before = self.refused.replace(self.refused.get() + 1);
        if before == 0 {
            tracing::error!(%error, "log: it can't be written; what follows is refused, and tried anew each time");
        }
        let problem = format!("it can't be written: {error}");
        self.condition.send_replace(Condition::Degraded(problem));
    }

    /// Notes that nothing can be written any more.
    pub(super) fn broken(&self) {
        let problem = "it can't be written any more".to_owned();
        self.condition.send_replace(Condition::Degraded(problem));
    }
}
