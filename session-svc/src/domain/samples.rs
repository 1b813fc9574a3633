//! Samples for tests.

use super::{event::Opened, people::StaffNaming};

/// The opening of a session at a test library, by a patron who gives no name.
pub(crate) fn opened() -> Opened {
    Opened {
        institution_id: "maple".to_owned(),
        institution_name: "Maple".to_owned(),
        queue_id: "maple".to_owned(),
        staff_naming: StaffNaming::ScreenName,
        patron_name: String::new(),
        patron_email: String::new(),
        language: String::new(),
        question: "Where?".to_owned(),
        practice: false,
        route: Vec::new(),
    }
}
