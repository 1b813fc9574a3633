//! The end of a run: compares the log with what everybody saw and was told.

use std::collections::BTreeMap;

use carrel_platform::log::RecordedEvent;
use serde_json::Value;

use crate::{
    commands::{Answer, Kind},
    shared_state::SharedState,
};

/// Checks a finished world.
pub(crate) fn judge(shared: &SharedState) {
    check_commands(shared);
    check_order(shared);
    check_views(shared);
    check_desk(shared);
    check_talk(shared);
    for (session_id, events) in shared.database.streams("session") {
        check_session(shared, &session_id, &events);
    }
}

/// I1, I3: what was acknowledged is in the log, what was refused for good is not.
fn check_commands(shared: &SharedState) {
    for known in shared.commands.all() {
        let logged = shared.database.has_command(&known.given.key);
        let key = &known.given.key;
        match known.answer {
            Some(Answer::Accepted) if known.given.kind != Kind::Change && !logged => shared
                .observations
                .violation("I1", &format!("{key} was acknowledged and is gone")),
            // A try whose outcome is unknown may have been carried out after the one that was refused.
            Some(Answer::Refused(reason)) if logged && known.unsettled_tries == 0 => shared
                .observations
                .violation("I3", &format!("{key} was refused ({reason}) and happened")),
            _ => {}
        }
    }
}

/// I5: what one person said in one session is in the order in which it was said, however often it was sent again.
fn check_order(shared: &SharedState) {
    for ((who, session_id), keys) in shared.said() {
        let events = shared.database.events_after("session", &session_id, 0);
        let versions: BTreeMap<&str, u64> = events
            .iter()
            .filter_map(|event| Some((event.command.as_ref()?.key.as_str(), event.version)))
            .collect();
        let mut last = 0;
        for key in &keys {
            let Some(version) = versions.get(key.as_str()) else {
                continue;
            };
            if *version < last {
                shared.observations.violation(
                    "I5",
                    &format!("{who} said {key} later than what is before it in {session_id}"),
                );
            }
            last = *version;
        }
    }
}

/// I8: everybody who attends knows everything that happened until ten seconds ago.
fn check_views(shared: &SharedState) {
    for (who, session_id, view) in shared.views() {
        let head = shared.noted_head(&session_id, view.audience);
        if view.attends && view.position < head {
            shared.observations.violation(
                "I8",
                &format!(
                    "{who} was shown {} of {head} in {session_id}",
                    view.position
                ),
            );
        }
    }
}

/// I15: everybody sees who is there, and nobody else.
fn check_desk(shared: &SharedState) {
    let present = shared.present();
    // Librarians who monitor no queue are shown nobody.
    let desks = shared.desks().into_iter();
    for (who, shown) in desks.filter(|(who, _)| present.contains(who)) {
        let others = |id: &&String| **id != who;
        let expected: Vec<_> = present.iter().filter(others).collect();
        let shown: Vec<_> = shown.iter().filter(others).collect();
        if shown != expected {
            shared.observations.violation(
                "I15",
                &format!("{who} is shown {shown:?} at the desk, where {expected:?} are"),
            );
        }
    }
}

/// I8 for librarians' conversations.
fn check_talk(shared: &SharedState) {
    for ((who, conversation_id), expected) in shared.talk_due() {
        let heard = shared.heard(&who, &conversation_id);
        if heard < expected {
            shared.observations.violation(
                "I8",
                &format!("{who} has {heard} of {expected} messages of {conversation_id}"),
            );
        }
    }
}

/// A session's state, followed by the rules that no service may break.
#[derive(Default)]
struct Followed {
    opened: bool,
    ended: bool,
    owner: Option<String>,
    /// The offer that is open.
    offer: Option<String>,
}

/// I10-I13: at each moment a session has one owner or waits; nobody writes as its owner without being it; the end is
/// final, and somebody asked for it.
fn check_session(shared: &SharedState, session_id: &str, events: &[RecordedEvent]) {
    let mut followed = Followed::default();
    for event in events {
        let json: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
        if let Err((invariant, why)) = followed.follow(&json) {
            let what = format!("event {} of {session_id} {why}: {json}", event.version);
            shared.observations.violation(invariant, &what);
            return;
        }
        let command = event
            .command
            .as_ref()
            .and_then(|command| shared.commands.get(&command.key));
        let is_end = json.get("kind").and_then(Value::as_str) == Some("ended");
        if is_end && command.is_none_or(|known| known.given.kind != Kind::End) {
            let what = format!(
                "event {} of {session_id} ends what nobody ended",
                event.version
            );
            shared.observations.violation("I14", &what);
        }
    }
}

impl Followed {
    fn follow(&mut self, event: &Value) -> Result<(), (&'static str, &'static str)> {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = |name: &str| {
            let member = event
                .get(name)
                .and_then(|member| member.get("librarian_id"));
            member
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let kind = text("kind");
        if !self.opened && kind != "opened" {
            return Err(("I13", "comes before the session was opened"));
        }
        let after_end = ["note_written"];
        if self.ended && !after_end.contains(&kind) {
            return Err(("I10", "comes after the end"));
        }
        if let Some(speaker) = owner_speaking(event)
            && self.owner.as_deref() != Some(speaker)
        {
            return Err(("I12", "is of somebody who does not own the session"));
        }
        match kind {
            "opened" if self.opened => return Err(("I13", "opens it again")),
            "opened" => self.opened = true,
            "picked_up" if self.owner.is_some() => return Err(("I11", "takes it from its owner")),
            "picked_up" => self.owner = Some(id("by")),
            "returned" => {
                if self.owner != Some(id("from")) {
                    return Err(("I13", "returns it from somebody who does not own it"));
                }
                self.owner = None;
                self.offer = None;
            }
            "transfer_offered" => {
                if self.owner != Some(id("by")) {
                    return Err(("I12", "offers what is not theirs"));
                }
                self.offer = Some(text("id").to_owned());
            }
            "transfer_closed" if self.offer.take().as_deref() != Some(text("offer_id")) => {
                return Err(("I11", "closes an offer that does not stand"));
            }
            "transferred" => {
                if self.offer.take().as_deref() != Some(text("offer_id")) {
                    return Err(("I11", "accepts an offer that does not stand"));
                }
                if self.owner != Some(id("from")) {
                    return Err(("I11", "takes it from somebody who does not own it"));
                }
                self.owner = Some(id("by"));
            }
            "ended" => self.ended = true,
            _ => {}
        }
        Ok(())
    }
}

/// Returns who speaks in an event as the owner, if anyone does.
fn owner_speaking(event: &Value) -> Option<&str> {
    let by = event.get("by")?;
    let is_owner = by.get("part").and_then(Value::as_str) == Some("owner");
    let id = by.get("who")?.get("librarian_id")?.as_str()?;
    // The owner may add notes for a while after the end; the author is then the last owner.
    is_owner.then_some(id)
}
