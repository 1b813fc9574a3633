//! An event in the few words that the history uses, the same for one that comes on a socket and one in a transcript.

use carrel_proto::session::v1::{SessionEvent, session_event::Payload};

use crate::history::Seen;

/// Returns an event as it was shown.
#[must_use]
pub fn seen(event: &SessionEvent) -> Seen {
    let (kind, text) = match &event.payload {
        Some(Payload::Opened(opened)) => ("opened", opened.question.clone()),
        Some(Payload::PickedUp(_)) => ("picked_up", String::new()),
        Some(Payload::Message(message)) => ("message", message.text.clone()),
        Some(Payload::Page(page)) => ("page", page.address.clone()),
        Some(Payload::Note(note)) => ("note", note.text.clone()),
        Some(Payload::ColleagueLeft(_)) => ("colleague_left", String::new()),
        Some(Payload::Ended(_)) => ("ended", String::new()),
        Some(Payload::IdentityErased(_)) => ("identity_erased", String::new()),
        Some(Payload::Erased(_)) => ("erased", String::new()),
        Some(Payload::Returned(_)) => ("returned", String::new()),
        Some(Payload::TransferOffered(offered)) => {
            let offer = offered.offer.as_ref();
            let id = offer.map(|offer| offer.offer_id.clone());
            ("transfer_offered", id.unwrap_or_default())
        }
        Some(Payload::TransferClosed(closed)) => ("transfer_closed", closed.offer_id.clone()),
        Some(Payload::Transferred(_)) => ("transferred", String::new()),
        Some(Payload::Escalated(escalated)) => ("escalated", escalated.queue_id.clone()),
        Some(Payload::PatronConnection(change)) => {
            ("patron_connection", change.connection.to_string())
        }
        Some(Payload::ResolutionSet(set)) => ("resolution_set", set.resolution.to_string()),
        Some(Payload::DescriptiveCodesSet(set)) => ("descriptive_codes_set", set.codes.join(", ")),
        None => ("unknown", String::new()),
    };
    let author = event.author.as_ref();
    Seen {
        kind: kind.to_owned(),
        text,
        author: author
            .map(|author| author.librarian_id.clone())
            .unwrap_or_default(),
    }
}
