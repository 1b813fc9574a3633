//! What a patron adds to their question while they wait, as far as lists show it.

use std::sync::Arc;

/// How many characters of it are kept: a librarian reads it before picking the patron up, and the rest afterwards.
pub const ADDITIONS_SHOWN: usize = 1_000;

/// Returns what was added so far with one more message below it, up to [`ADDITIONS_SHOWN`]. Once that is full it stays
/// the same, so that lists are not told anew of each further message.
#[must_use]
pub fn with_addition(before: Option<Arc<str>>, text: &str) -> Arc<str> {
    let room = match &before {
        None => ADDITIONS_SHOWN,
        Some(before) => ADDITIONS_SHOWN.saturating_sub(before.chars().count()),
    };
    let Some(before) = before else {
        return text.chars().take(room).collect::<String>().into();
    };
    // A line break with nothing below it would say nothing.
    if room < 2 {
        return before;
    }
    let more: String = text.chars().take(room - 1).collect();
    [&*before, "\n", &more].concat().into()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            audience::Audience,
            event::{Event, Speaker},
            people::StaffMember,
            samples::opened,
            session::Session,
        },
        *,
    };

    #[test]
    fn additions_stand_below_each_other_up_to_the_limit() {
        let first = with_addition(None, "The one of 1890");
        assert_eq!(&*first, "The one of 1890");
        let second = with_addition(Some(first), "or of 1891?");
        assert_eq!(&*second, "The one of 1890\nor of 1891?");
        let long = "\u{1f5fa}".repeat(ADDITIONS_SHOWN + 1);
        let full = with_addition(None, &long);
        assert_eq!(full.chars().count(), ADDITIONS_SHOWN);
        let still = with_addition(Some(Arc::clone(&full)), "more");
        assert!(Arc::ptr_eq(&full, &still));
        let full = with_addition(Some(second), &long);
        assert_eq!(full.chars().count(), ADDITIONS_SHOWN);
        let nearly = "x".repeat(ADDITIONS_SHOWN - 1);
        assert_eq!(*with_addition(Some(nearly.clone().into()), "y"), *nearly);
    }

    fn map() -> StaffMember {
        StaffMember {
            librarian_id: "map".to_owned(),
            screen_name: "Ms Map".to_owned(),
            institution_id: "harbor".to_owned(),
            institution_name: "Harbor".to_owned(),
        }
    }

    /// D30: it belongs to the wait in which it was written, and is the patron's alone.
    #[test]
    fn a_wait_has_what_the_patron_wrote_in_it() {
        let says = |by, text: &str| Event::MessagePosted {
            by,
            text: text.to_owned(),
        };
        let told = [
            (Event::Opened(opened()), None),
            (says(Speaker::Patron, "a"), Some("a")),
            (says(Speaker::Patron, "b"), Some("a\nb")),
            (Event::PickedUp { by: map() }, None),
            (says(Speaker::Patron, "c"), None),
            (Event::Returned { from: map() }, None),
            (says(Speaker::Colleague(map()), "d"), None),
            (says(Speaker::Patron, "e"), Some("e")),
            (
                Event::Ended {
                    by: Some(Speaker::Patron),
                },
                None,
            ),
        ];
        let mut session = None;
        for (event, added) in told {
            session = Session::apply(session, Audience::Staff, &event, 0);
            let known = session
                .as_ref()
                .and_then(|session| session.added.as_deref());
            assert_eq!(known, added, "{event:?}");
        }
    }
}
