//! How well a ring follows its file, for operators: in the log, in `/ready` and in the metrics.

use std::sync::Arc;

use super::{Key, KeyError, KeyRing, Keys};
use crate::{
    clock::Clock,
    condition::Condition,
    telemetry::metric::{KEYS, KEYS_NEWEST_AGE},
};

/// Whether the file could be followed when it was last looked at. Each change is logged once: the file is looked at
/// every second, and a line each time would hide all others.
#[derive(Default)]
pub(super) struct Following {
    problem: Option<String>,
}

impl Following {
    /// Notes what came of a look at the file.
    pub(super) fn note(&mut self, followed: Result<(), KeyError>) {
        match followed {
            Ok(()) => {
                if self.problem.take().is_some() {
                    tracing::info!("keys: the file is followed again");
                }
            }
            Err(error) => {
                if self.problem.is_none() {
                    tracing::error!(%error, "keys: the file is not followed, the keys read before stay in force");
                }
                self.problem = Some(error.to_string());
            }
        }
    }

    /// Returns the condition that this is for the process.
    pub(super) fn condition(&self) -> Condition {
        match &self.problem {
            None => Condition::Well,
            Some(problem) => {
                Condition::Degraded(format!("{problem}; the keys read before stay in force"))
            }
        }
    }
}

/// Logs which keys came and which went. Their ids are no secret: each token names the one that signed it.
pub(super) fn tell_changes(before: &Keys, after: &Keys) {
    let lacks = |keys: &Keys, key: &Key| keys.0.iter().all(|other| other.id != key.id);
    let keys = after.0.len();
    for key in after.0.iter().filter(|key| lacks(before, key)) {
        let signs_from_ms = key.signs_from_ms;
        tracing::info!(key.id, signs_from_ms, keys, "keys: a new key has arrived");
    }
    for key in before.0.iter().filter(|key| lacks(after, key)) {
        tracing::info!(key.id, keys, "keys: a key is gone");
    }
}

impl KeyRing {
    /// Reports in the metrics how many keys verify, and how old the newest one is, for as long as the ring is in use.
    pub fn observe(&self, clock: Clock) {
        let ring = Arc::downgrade(&self.0);
        let keys = move || Some(Arc::clone(&ring.upgrade()?.looked_at().keys));
        let (counted, now) = (keys.clone(), clock.clone());
        KEYS.observe(move |tell| {
            if let Some(keys) = counted() {
                tell(keys.in_force(now.unix_ms()).count() as f64, []);
            }
        });
        KEYS_NEWEST_AGE.observe(move |tell| {
            let keys = keys();
            if let Some(newest) = keys.as_deref().and_then(Keys::newest) {
                let age_ms = clock.unix_ms().saturating_sub(newest.created_at_ms);
                tell(age_ms.max(0) as f64 / 1_000.0, []);
            }
        });
    }
}
