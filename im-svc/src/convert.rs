//! Conversions from the domain to the wire.

use carrel_platform::auth::Librarian;
use carrel_proto::im::v1 as wire;
use pbjson_types::Timestamp;

use crate::domain::{
    conversation::{Conversation, Message},
    event::{Member, Participants},
};

/// Converts a time.
fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp {
        seconds: unix_ms.div_euclid(1_000),
        // Less than a billion, which fits.
        nanos: i32::try_from(unix_ms.rem_euclid(1_000) * 1_000_000).unwrap_or(0),
    }
}

/// Returns a caller as the others in a conversation see them.
#[must_use]
pub fn member(librarian: &Librarian) -> Member {
    Member {
        librarian_id: librarian.librarian_id.clone(),
        screen_name: librarian.screen_name.clone(),
        institution_name: librarian.institution_name.clone(),
    }
}

/// Converts a member.
#[must_use]
pub fn member_to_wire(member: &Member) -> wire::Member {
    wire::Member {
        librarian_id: member.librarian_id.clone(),
        screen_name: member.screen_name.clone(),
        institution_name: member.institution_name.clone(),
    }
}

/// Converts a message.
#[must_use]
pub fn message_to_wire(message: &Message) -> wire::Message {
    wire::Message {
        position: message.position,
        time: Some(timestamp(message.at_ms)),
        author: Some(member_to_wire(&message.by)),
        text: message.text.clone(),
    }
}

/// Converts a conversation as one of its members sees it, with its messages up to `head`. `None` if there is nothing to
/// show.
#[must_use]
pub fn conversation_to_wire(
    conversation_id: &str,
    conversation: &Conversation,
    viewer: &str,
    head: u64,
) -> Option<wire::Conversation> {
    let place = conversation.place(viewer);
    let with = match conversation.between() {
        Participants::Librarians { .. } => {
            let other = conversation.between().other(viewer)?;
            wire::conversation::With::Librarian(member_to_wire(other))
        }
        Participants::Staff { queue_id } => wire::conversation::With::QueueId(queue_id.clone()),
    };
    let last = conversation.messages(head.saturating_sub(1), head).last();
    place.shown.then(|| wire::Conversation {
        conversation_id: conversation_id.to_owned(),
        with: Some(with),
        head,
        last_message: last.map(|message| message_to_wire(message)),
        read: place.own.read,
        unread: conversation.unread(viewer, head),
        delivered_to_other: place.other.delivered,
        read_by_other: place.other.read,
        first_kept: place.first_kept,
    })
}
