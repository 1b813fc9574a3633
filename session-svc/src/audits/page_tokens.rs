//! Page tokens of an audit that tell nothing of it.
//!
//! Whoever sees only their own entries must not learn from a token how many others there are (S11). An entry's number
//! would tell that at once. Its hash would, too: who did something twice knows all that goes into the second hash but
//! the hash before, and so can try whether that is the first one, which it is only if nobody did anything in between.
//! So the number is sealed, for this library and this librarian. The key lies in the log, where every server finds it.
//! What was not sealed by it is refused without a look at the audit, however long that is.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carrel_platform::{
    log::{Batch, EventLog, LogError, StreamName, Write},
    seal::Key,
};
use serde::{Deserialize, Serialize};

use super::{Audit, Audits};
use crate::{
    domain::people::StaffMember,
    error::Error,
    storage::{self, encode, read_after},
};

/// What tells the seals of these tokens from others.
const PURPOSE: &[u8] = b"audit page";

/// The key by which page tokens of a library's audit are sealed, as the log keeps it.
#[derive(Serialize, Deserialize)]
struct PageKey {
    key: String,
}

impl Audits {
    /// The token by which a librarian, and nobody else, asks for what is below this number in their library's audit.
    ///
    /// # Errors
    /// As the log does when the key is read or, the first time, written; and without entropy.
    pub(crate) async fn page_token(
        &self,
        log: &dyn EventLog,
        member: &StaffMember,
        below: u64,
        now_ms: i64,
    ) -> Result<String, Error> {
        let audit = self.of(&member.institution_id);
        let key = audit.page_key.get_or_try_init(|| async {
            match audit.read_page_key(log).await? {
                Some(key) => Ok(key),
                None => audit.make_page_key(log, now_ms).await,
            }
        });
        let sealed = key.await?.seal(&place(member), &below.to_be_bytes())?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The number in a token of this librarian's. `None` for all else.
    ///
    /// # Errors
    /// As the log does when the key is read, once.
    pub(crate) async fn open_page_token(
        &self,
        log: &dyn EventLog,
        member: &StaffMember,
        token: &str,
    ) -> Result<Option<u64>, LogError> {
        let Ok(sealed) = URL_SAFE_NO_PAD.decode(token) else {
            return Ok(None);
        };
        let audit = self.of(&member.institution_id);
        if !audit.page_key.initialized() {
            let Some(key) = audit.read_page_key(log).await? else {
                return Ok(None);
            };
            // Another call may have been faster, with the same key.
            let _ = audit.page_key.set(key);
        }
        let key = audit.page_key.get();
        let number = key.and_then(|key| key.open(&place(member), &sealed));
        Ok(number
            .and_then(|number| number.try_into().ok())
            .map(u64::from_be_bytes))
    }
}

impl Audit {
    fn page_key_stream(&self) -> StreamName {
        StreamName::new(storage::PAGE_KEY, self.stream.id.clone())
    }

    async fn read_page_key(&self, log: &dyn EventLog) -> Result<Option<Key>, LogError> {
        let stream = self.page_key_stream();
        let stored = read_after::<PageKey>(log, &stream, 0).await?.pop();
        let parse = |key: &str| {
            Key::parse(key).map_err(|error| LogError::Damaged(format!("{stream}: {error}")))
        };
        stored.map(|stored| parse(&stored.event.key)).transpose()
    }

    /// Makes the key that all servers go by from now on. Of two that do so at once, the log takes one.
    async fn make_page_key(&self, log: &dyn EventLog, now_ms: i64) -> Result<Key, Error> {
        let key = Key::generate()?;
        let writes = vec![Write {
            stream: self.page_key_stream(),
            expected: 0,
            events: vec![encode(&PageKey { key }, now_ms, None)?],
            standing: None,
        }];
        match log.append(Batch { writes }).await {
            Ok(()) | Err(LogError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let written = self.read_page_key(log).await?;
        written.ok_or_else(|| LogError::Unknown("the page key".to_owned()).into())
    }
}

/// For whom a token is.
fn place(member: &StaffMember) -> [&[u8]; 3] {
    [
        PURPOSE,
        member.institution_id.as_bytes(),
        member.librarian_id.as_bytes(),
    ]
}
