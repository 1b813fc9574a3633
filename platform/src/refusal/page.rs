//! Refusals of every service that has lists in pages (AIP-158).

use super::Refusal;

/// INVALID_ARGUMENT for a page size that is negative.
#[must_use]
pub fn bad_size() -> Refusal {
    Refusal::invalid(
        "BAD_PAGE_SIZE",
        "page_size",
        "give how many the page may have at most, or 0 for the default",
    )
}

/// INVALID_ARGUMENT for a page token that this list never gave.
#[must_use]
pub fn bad_token() -> Refusal {
    Refusal::invalid(
        "BAD_PAGE_TOKEN",
        "page_token",
        "give the next_page_token of the page before, unchanged, or none for the first page",
    )
}
