//! Which ended sessions somebody is looking for (D71).

use carrel_platform::text::without_case;

use super::{resolution::Resolution, session::Session};

/// How long the text of a filter may be, in Unicode scalar values.
pub const TEXT_LIMIT: usize = 200;

/// What an ended session must match: everything that is not `None`. The default matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedFilter {
    /// The resolution; `Some(None)` stands for sessions that are not coded yet.
    pub resolution: Option<Option<Resolution>>,
    /// The end is at this time or later, in Unix milliseconds.
    pub from_ms: Option<i64>,
    /// The end is before this time, in Unix milliseconds.
    pub before_ms: Option<i64>,
    /// The librarian with this id owned the session last.
    pub owner_id: Option<String>,
    descriptive_code: Option<String>,
    text: Option<String>,
}

impl EndedFilter {
    /// Returns the filter for sessions that also have a text in what is known of the patron, the question or an owner,
    /// whatever the case. Space around the text does not count, and an empty text is in every session.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        let text = without_case(text.trim());
        self.text = Some(text).filter(|text| !text.is_empty());
        self
    }

    /// Returns the filter for sessions that also have a descriptive code, whatever the case, or for those without any
    /// if it is empty.
    #[must_use]
    pub fn with_descriptive_code(mut self, code: &str) -> Self {
        self.descriptive_code = Some(without_case(code));
        self
    }

    /// Returns whether only the session itself, and not just the time of its end, tells whether it matches.
    #[must_use]
    pub fn depends_on_content(&self) -> bool {
        self.resolution.is_some()
            || self.descriptive_code.is_some()
            || self.owner_id.is_some()
            || self.text.is_some()
    }

    /// Returns whether a session matches, as staff know it.
    #[must_use]
    pub fn matches(&self, session: &Session) -> bool {
        let ended_at_ms = session.end.as_ref().map(|end| end.at_ms);
        let resolution = (session.resolved.as_ref()).map(|resolved| resolved.resolution);
        self.from_ms
            .is_none_or(|from_ms| ended_at_ms >= Some(from_ms))
            && (self.before_ms).is_none_or(|before_ms| ended_at_ms < Some(before_ms))
            && self.resolution.is_none_or(|wanted| wanted == resolution)
            && (self.owner_id.as_ref()).is_none_or(|owner_id| session.is_owned_by(owner_id))
            && (self.descriptive_code.as_ref()).is_none_or(|code| is_about(session, code))
            && (self.text.as_ref()).is_none_or(|text| has(session, text))
    }
}

/// Returns whether a session has a descriptive code, which is [`without_case`], or none if that is empty.
fn is_about(session: &Session, code: &str) -> bool {
    let mut codes = session.descriptive_codes.iter();
    match code {
        "" => codes.len() == 0,
        code => codes.any(|one| without_case(one) == code),
    }
}

/// Returns whether a session has a text, which is [`without_case`].
fn has(session: &Session, text: &str) -> bool {
    let opened = &session.opened;
    let owner = session.owner.as_ref().map(|owner| &owner.member);
    let owners = session.former_owners.iter().chain(owner);
    let of_patron = [&opened.patron_name, &opened.patron_email, &opened.question];
    let of_owners = owners.flat_map(|owner| [&owner.screen_name, &owner.institution_name]);
    of_patron
        .into_iter()
        .chain(of_owners)
        .any(|written| without_case(written).contains(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::{
        audience::Audience,
        event::{Event, Opened, Speaker},
        people::StaffMember,
        samples::opened,
    };

    const ENDED_AT_MS: i64 = 5_000;

    fn map() -> StaffMember {
        StaffMember {
            librarian_id: "map".to_owned(),
            screen_name: "Ms Map".to_owned(),
            institution_id: "harbor".to_owned(),
            institution_name: "Harbor Library".to_owned(),
        }
    }

    /// A session that Ms Map has ended, with this resolution.
    fn ended(resolution: Option<Resolution>) -> Session {
        let opened = Opened {
            patron_name: "Ricky".to_owned(),
            patron_email: "ricky@example.org".to_owned(),
            question: "Is the STRASSE map yours?".to_owned(),
            ..opened()
        };
        let by = Speaker::Owner(map());
        let mut events = vec![
            Event::Opened(opened),
            Event::PickedUp { by: map() },
            Event::Ended {
                by: Some(by.clone()),
            },
        ];
        events.extend(resolution.map(|resolution| Event::ResolutionSet { by, resolution }));
        let apply =
            |session, event: &Event| Session::apply(session, Audience::Staff, event, ENDED_AT_MS);
        events.iter().fold(None, apply).unwrap()
    }

    #[test]
    fn the_default_matches_all_without_a_look_at_the_session() {
        let filter = EndedFilter::default().with_text(" \t");
        assert_eq!(filter, EndedFilter::default());
        assert!(!filter.depends_on_content());
        assert!(filter.matches(&ended(None)));
    }

    #[test]
    fn what_is_not_coded_yet_can_be_asked_for_like_a_resolution() {
        let only = |resolution| EndedFilter {
            resolution: Some(resolution),
            ..EndedFilter::default()
        };
        let answered = ended(Some(Resolution::Answered));
        assert!(only(None).depends_on_content());
        assert!(only(None).matches(&ended(None)));
        assert!(!only(None).matches(&answered));
        assert!(only(Some(Resolution::Answered)).matches(&answered));
        assert!(!only(Some(Resolution::Practice)).matches(&answered));
        assert!(!only(Some(Resolution::Practice)).matches(&ended(None)));
    }

    /// D65, D71
    #[test]
    fn sessions_are_found_by_what_they_were_about_or_that_nobody_said() {
        let mut session = ended(None);
        let about = |code| EndedFilter::default().with_descriptive_code(code);
        assert!(about("").depends_on_content());
        assert!(about("").matches(&session));
        assert!(!about("Maps").matches(&session));
        session.descriptive_codes = vec!["Opening hours".to_owned(), "Maps".to_owned()];
        assert!(!about("").matches(&session));
        assert!(about("MAPS").matches(&session));
        assert!(!about("Map").matches(&session), "the whole code");
    }

    #[test]
    fn an_owner_is_who_owned_the_session_last() {
        let of = |owner_id: &str| EndedFilter {
            owner_id: Some(owner_id.to_owned()),
            ..EndedFilter::default()
        };
        assert!(of("map").depends_on_content());
        assert!(of("map").matches(&ended(None)));
        assert!(!of("lee").matches(&ended(None)));
    }

    #[test]
    fn the_first_moment_belongs_to_the_time_and_the_last_does_not() {
        let between = |from_ms, before_ms| EndedFilter {
            from_ms,
            before_ms,
            ..EndedFilter::default()
        };
        let session = ended(None);
        assert!(between(Some(ENDED_AT_MS), Some(ENDED_AT_MS + 1)).matches(&session));
        assert!(!between(Some(ENDED_AT_MS + 1), None).matches(&session));
        assert!(!between(None, Some(ENDED_AT_MS)).matches(&session));
    }

    #[test]
    fn a_text_is_looked_for_in_what_is_known_of_patron_question_and_owner() {
        let session = ended(None);
        for text in [
            "ricky",
            " RICKY ",
            "@example",
            "straße map",
            "ms map",
            "harbor",
        ] {
            let is_there = !text.contains('ß');
            let filter = EndedFilter::default().with_text(text);
            assert_eq!(filter.matches(&session), is_there, "{text}");
        }
        assert!(!EndedFilter::default().with_text("maple").matches(&session));
    }

    /// D49: who handed the session over is found like who ended it.
    #[test]
    fn a_text_is_looked_for_in_all_who_owned_the_session() {
        let lee = StaffMember {
            librarian_id: "lee".to_owned(),
            screen_name: "Mr Lee".to_owned(),
            institution_id: "pine".to_owned(),
            institution_name: "Pine Library".to_owned(),
        };
        let by = Speaker::Owner(lee.clone());
        let events = [
            Event::Opened(opened()),
            Event::PickedUp { by: map() },
            Event::Transferred {
                offer_id: String::new(),
                from: map(),
                by: lee,
            },
            Event::Ended { by: Some(by) },
        ];
        let apply =
            |session, event: &Event| Session::apply(session, Audience::Staff, event, ENDED_AT_MS);
        let session = events.iter().fold(None, apply).unwrap();
        for text in ["ms map", "harbor", "mr lee", "pine"] {
            let filter = EndedFilter::default().with_text(text);
            assert!(filter.matches(&session), "{text}");
        }
    }
}
