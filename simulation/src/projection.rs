//! What each audience must be shown of a session, worked out from the log alone.
//!
//! This is deliberately a second implementation: it shares no line with session-svc's own rule, so that a mistake there
//! is not repeated.

use std::collections::BTreeMap;

use carrel_platform::log::RecordedEvent;
use carrel_proto::session::v1::{self as wire, session_event::Payload};
use serde_json::Value;

use crate::database::Database;

/// What a viewer is shown of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) kind: &'static str,
    pub(crate) text: String,
}

/// The events of a session, as they must be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Projection {
    version: u64,
    pub(crate) staff: Vec<Shown>,
    pub(crate) patron: Vec<Shown>,
}

/// The projections of the sessions that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Projections(BTreeMap<String, Projection>);

impl Projections {
    /// Returns how a session must be shown now.
    pub(crate) fn of(&mut self, session_id: &str, database: &Database) -> &Projection {
        let projection = self.0.entry(session_id.to_owned()).or_default();
        for event in database.events_after("session", session_id, projection.version) {
            projection.version = event.version;
            let (shown, for_patron) = show(&event);
            if for_patron {
                projection.patron.push(shown.clone());
            }
            projection.staff.push(shown);
        }
        projection
    }
}

impl Projection {
    /// Returns what an audience must have been shown.
    pub(crate) fn to(&self, audience: wire::Audience) -> &[Shown] {
        match audience {
            wire::Audience::Staff => &self.staff,
            _ => &self.patron,
        }
    }
}

/// Returns how an event in the log must be shown, and whether the patron may see it.
fn show(event: &RecordedEvent) -> (Shown, bool) {
    let json: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default();
    let (kind, text, for_patron) = match text("kind") {
        "opened" => ("opened", text("question"), true),
        "picked_up" => ("picked up", "", true),
        "message_posted" => ("message", text("text"), true),
        "page_pushed" => ("page", text("address"), true),
        "returned" => ("returned", "", true),
        "transferred" => ("transferred", "", true),
        "ended" => ("ended", "", true),
        "identity_erased" => ("identity erased", "", true),
        "erased" => ("erased", "", true),
        "note_written" => ("note", text("text"), false),
        "colleague_left" => ("colleague left", "", false),
        "transfer_offered" => ("offered", text("id"), false),
        "transfer_closed" => ("offer closed", text("offer_id"), false),
        "escalated" => ("escalated", text("queue_id"), false),
        "patron_connection_changed" => ("connection", text("connection"), false),
        "resolution_set" => ("resolution", text("resolution"), false),
        "descriptive_codes_set" => ("descriptive codes", "", false),
        _ => ("unknown to the referee", "", false),
    };
    let shown = Shown {
        kind,
        text: text.to_owned(),
    };
    (shown, for_patron)
}

/// Returns what a client was shown.
pub(crate) fn shown(event: &wire::SessionEvent) -> Shown {
    let (kind, text) = match &event.payload {
        Some(Payload::Opened(opened)) => ("opened", opened.question.clone()),
        Some(Payload::PickedUp(_)) => ("picked up", String::new()),
        Some(Payload::Message(message)) => ("message", message.text.clone()),
        Some(Payload::Page(page)) => ("page", page.address.clone()),
        Some(Payload::Returned(_)) => ("returned", String::new()),
        Some(Payload::Transferred(_)) => ("transferred", String::new()),
        Some(Payload::Ended(_)) => ("ended", String::new()),
        Some(Payload::IdentityErased(_)) => ("identity erased", String::new()),
        Some(Payload::Erased(_)) => ("erased", String::new()),
        Some(Payload::Note(note)) => ("note", note.text.clone()),
        Some(Payload::ColleagueLeft(_)) => ("colleague left", String::new()),
        Some(Payload::TransferOffered(offered)) => {
            let offer = offered.offer.as_ref();
            let id = offer.map(|offer| offer.offer_id.clone());
            ("offered", id.unwrap_or_default())
        }
        Some(Payload::TransferClosed(closed)) => ("offer closed", closed.offer_id.clone()),
        Some(Payload::Escalated(escalated)) => ("escalated", escalated.queue_id.clone()),
        Some(Payload::PatronConnection(changed)) => {
            let connection = match changed.connection() {
                wire::PatronConnection::Connected => "connected",
                wire::PatronConnection::Away => "away",
                wire::PatronConnection::Lost => "lost",
                wire::PatronConnection::Unspecified => "",
            };
            ("connection", connection.to_owned())
        }
        Some(Payload::ResolutionSet(set)) => {
            let resolution = match set.resolution() {
                wire::Resolution::Answered => "answered",
                wire::Resolution::FollowUpByMe => "follow_up_by_me",
                wire::Resolution::FollowUpByLibrary => "follow_up_by_library",
                wire::Resolution::LostCall => "lost_call",
                wire::Resolution::Practice => "practice",
                wire::Resolution::Unspecified => "",
            };
            ("resolution", resolution.to_owned())
        }
        // Codes are a list, and nobody in the simulation sets any: that they were set is all that is compared.
        Some(Payload::DescriptiveCodesSet(_)) => ("descriptive codes", String::new()),
        None => ("nothing", String::new()),
    };
    Shown { kind, text }
}

/// A conversation of librarians, from the log.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    /// The messages' texts, in order.
    pub(crate) texts: Vec<String>,
    /// The conversation's two members; empty for a staff room.
    members: Vec<String>,
}

impl Conversation {
    /// Returns whether a librarian must receive its messages.
    pub(crate) fn reaches(&self, librarian_id: &str) -> bool {
        self.members.is_empty() || self.members.iter().any(|member| member == librarian_id)
    }
}

/// Returns all conversations.
pub(crate) fn conversations(database: &Database) -> Vec<Conversation> {
    let streams = database.streams("im");
    let read = |(id, events): (String, Vec<RecordedEvent>)| {
        let mut conversation = Conversation {
            id,
            texts: Vec::new(),
            members: Vec::new(),
        };
        for event in events {
            let json: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
            if let Some(text) = json.get("text").and_then(Value::as_str) {
                conversation.texts.push(text.to_owned());
            }
            let between = json
                .get("between")
                .and_then(|between| between.get("members"));
            for member in between.and_then(Value::as_array).into_iter().flatten() {
                let id = member.get("librarian_id").and_then(Value::as_str);
                conversation.members.extend(id.map(str::to_owned));
            }
        }
        conversation
    };
    streams.into_iter().map(read).collect()
}
