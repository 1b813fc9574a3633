//! The languages that a patron's page can be in (D84).

/// The codes of the languages of which the patron's page has all its words. `gateway/web/src/texts` has the words.
pub const LANGUAGES: [&str; 4] = ["en", "es", "fr", "de"];

/// The languages of a library that says nothing of them. A page in a patron's own language promises an answer in it, so
/// no library gets one that it did not ask for.
#[must_use]
pub fn only_english() -> Vec<String> {
    vec!["en".to_owned()]
}
