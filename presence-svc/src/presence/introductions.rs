//! Signed introductions, each signed once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use carrel_platform::auth::{
    keys::KeyRing,
    statement::{Introduction, introduce},
};

use crate::domain::roster::People;

/// Signs introductions when they are first shown, and remembers them for as long as their librarian is there.
pub(crate) struct Introductions {
    keys: KeyRing,
    lasts: Duration,
    signed: Mutex<HashMap<String, Signed>>,
}

struct Signed {
    introduction: Introduction,
    introduced_at_ms: i64,
    text: String,
}

impl Introductions {
    /// Creates introductions that are signed with a key ring and hold for `lasts`.
    pub(crate) fn new(keys: KeyRing, lasts: Duration) -> Self {
        Self {
            keys,
            lasts,
            signed: Mutex::default(),
        }
    }

    /// Returns the introduction, signed. Empty if it can't be signed.
    pub(crate) fn sign(&self, introduction: &Introduction, introduced_at_ms: i64) -> String {
        let mut all = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signed) = all.get(&introduction.librarian_id)
            && signed.introduced_at_ms == introduced_at_ms
            && signed.introduction == *introduction
        {
            return signed.text.clone();
        }
        let text = match introduce(&self.keys, introduction, introduced_at_ms, self.lasts) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "an introduction could not be signed");
                return String::new();
            }
        };
        let signed = Signed {
            introduction: introduction.clone(),
            introduced_at_ms,
            text: text.clone(),
        };
        all.insert(introduction.librarian_id.clone(), signed);
        text
    }

    /// Forgets the introductions of librarians who are no longer there.
    pub(crate) fn keep_only(&self, people: &People) {
        let mut all = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|librarian_id, _| people.contains_key(librarian_id));
    }
}
