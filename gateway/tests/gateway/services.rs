//! Services that do as a test tells them.

use std::{pin::Pin, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carrel_platform::refusal::Refusal;
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tonic::{Code, Response, Status, metadata::MetadataMap};

mod directory;
mod im;
mod presence;
mod sessions;
mod transfers;

pub use self::{
    directory::Directory,
    im::Im,
    presence::Presence,
    sessions::{Sessions, event},
    transfers::Transfers,
};

type Answer<T> = Result<Response<T>, Status>;
type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What a test sends down a stream.
type Down<T> = mpsc::Sender<Result<T, Status>>;

/// The requests that the services got, one line each, in order.
#[derive(Clone)]
pub struct Seen(Arc<watch::Sender<Vec<String>>>);

impl Default for Seen {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }
}

impl Seen {
    fn saw(&self, line: impl Into<String>) {
        self.0.send_modify(|seen| seen.push(line.into()));
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// How many times a line was seen.
    pub fn count(&self, line: &str) -> usize {
        count(&self.0.borrow(), line)
    }

    /// Waits until a line was seen at least `times` times.
    pub async fn wait_for(&self, line: &str, times: usize) {
        let mut seen = self.0.subscribe();
        seen.wait_for(|seen| count(seen, line) >= times)
            .await
            .unwrap();
    }
}

fn count(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|seen| *seen == line).count()
}

/// A token for this subject, as the gateway reads it. Nobody checks its signature here.
pub fn token(subject: &str, expires_at_s: i64) -> String {
    let payload = serde_json::json!({ "sub": subject, "exp": expires_at_s });
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    format!("header.{payload}.signature")
}

/// Returns the caller.
fn subject(metadata: &MetadataMap) -> Result<String, Status> {
    let bad = || Status::from(Refusal::new(Code::Unauthenticated, "BAD_TOKEN", "no"));
    let bearer = metadata.get("authorization").ok_or_else(bad)?;
    let token = bearer.to_str().unwrap().strip_prefix("Bearer ").unwrap();
    subject_of(token).ok_or_else(bad)
}

/// Returns the caller, if they are a librarian.
fn librarian(metadata: &MetadataMap) -> Result<String, Status> {
    let caller = subject(metadata)?;
    if caller.starts_with("patron") {
        let refusal = Refusal::new(Code::PermissionDenied, "ROLE_NOT_ALLOWED", "no");
        return Err(refusal.into());
    }
    Ok(caller)
}

fn subject_of(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    let subject = payload["sub"].as_str()?;
    (subject != "nobody").then(|| subject.to_owned())
}
