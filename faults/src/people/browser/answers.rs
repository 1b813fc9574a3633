//! What a page does with each frame that arrives.

use std::{sync::atomic::Ordering, time::Duration};

use carrel_proto::{
    gateway::v1::{client_frame::Frame as Request, server_frame::Frame},
    refusal::v1::Refusal,
};
use tokio::time::Instant;

use super::{
    super::words::{self, CANARY},
    Browser,
};
use crate::history::{Action, Role, What};

/// How soon a request that the service gave up is sent again.
const ASK_AGAIN: Duration = Duration::from_millis(500);

const RESOURCE_EXHAUSTED: i32 = 8;
pub(super) const UNAUTHENTICATED: i32 = 16;

impl Browser {
    /// Searches the bytes of a frame for what no patron may be sent.
    pub(super) fn guard(&self, bytes: &[u8]) {
        let canary = CANARY.as_bytes();
        if self.role == Role::Patron && bytes.windows(canary.len()).any(|bytes| bytes == canary) {
            self.record(What::Leak {
                canary: CANARY.to_owned(),
            });
        }
    }

    /// Handles a frame as a page does. Returns it unless it must be treated as not received.
    pub(super) async fn take(&mut self, frame: Frame) -> Option<Frame> {
        match &frame {
            Frame::Attending(attending) => {
                let joined = attending.joined.clone().unwrap_or_default();
                self.joined(&attending.session_id, &joined);
            }
            Frame::Event(event) => {
                let shown = event.event.clone().unwrap_or_default();
                if !self.event(&event.session_id, &shown) {
                    return None;
                }
            }
            Frame::Head(head) => {
                let missing = self.attended.get(&head.session_id);
                let missing = missing.is_some_and(|view| view.joined && view.last < head.number);
                if missing {
                    self.join(&head.session_id).await;
                }
            }
            Frame::Accepted(accepted) => {
                self.record(What::Ok {
                    session: accepted.session_id.clone(),
                    command: accepted.command_id.clone(),
                    position: accepted.position,
                    replayed: accepted.replayed,
                });
                let settled = self.outbox.settle(&accepted.command_id);
                if let Some(Action::Message(text) | Action::Note(text)) = settled {
                    self.shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                    if let (Role::Patron, Some(sent)) = (self.role, words::sent_at(&text)) {
                        self.shared.pulse.acknowledged(&accepted.session_id, sent);
                    }
                }
            }
            Frame::Refused(refused) => {
                let refusal = refused.refusal.clone().unwrap_or_default();
                self.refused(&refused.command_id, &refused.session_id, &refusal);
            }
            Frame::Detached(detached) => {
                let refusal = detached.refusal.clone().unwrap_or_default();
                self.detached(&detached.session_id, &refusal);
            }
            Frame::Renewed(renewed) => {
                if let Some(token) = &renewed.token {
                    self.token.clone_from(&token.access_token);
                    self.renewed = Instant::now();
                    self.renew_first = false;
                }
            }
            _ => {}
        }
        Some(frame)
    }

    pub(super) fn refused(&mut self, command: &str, session: &str, refusal: &Refusal) {
        let code = refusal.code;
        let reason = refusal.reason.clone();
        self.renew_first |= code == UNAUTHENTICATED;
        if command.is_empty() {
            let request = refusal.metadata.get("request").map_or("", String::as_str);
            if !is_definite(code) || code == UNAUTHENTICATED {
                let retry = Duration::from_millis(refusal.retry_after_ms.into()).max(ASK_AGAIN);
                let places = self.greeting.iter().enumerate();
                let given_up = places.filter(|(_, frame)| name_of(frame) == request);
                let again = given_up.map(|(place, _)| (place, Instant::now() + retry));
                self.again.extend(again);
            }
            return;
        }
        let command = command.to_owned();
        // These two definite refusals are temporary: one passes by waiting, the other with a fresh token.
        if is_definite(code) && !matches!(code, RESOURCE_EXHAUSTED | UNAUTHENTICATED) {
            if self.outbox.settle(&command).is_some() {
                self.record(What::Fail {
                    session: session.to_owned(),
                    command,
                    code,
                    reason,
                });
            }
            return;
        }
        let retry = Duration::from_millis(refusal.retry_after_ms.into());
        let retry = (!retry.is_zero()).then_some(retry);
        self.outbox.wait(&command, retry, Instant::now());
        self.record(What::Unknown {
            command,
            code,
            reason,
        });
    }
}

/// Returns whether a code says that the command did not happen and never will.
pub(super) fn is_definite(code: i32) -> bool {
    matches!(
        code,
        3 | 5 | 6 | 7 | RESOURCE_EXHAUSTED | 9 | UNAUTHENTICATED
    )
}

/// Returns the name that a refusal gives to a request that is not a command.
fn name_of(frame: &Request) -> &'static str {
    match frame {
        Request::Watch(_) => "watch",
        Request::WatchDesk(_) => "watch_desk",
        Request::Announce(_) => "announce",
        _ => "",
    }
}
