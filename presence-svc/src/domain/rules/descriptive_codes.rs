//! The rules for what a library counts its sessions by (D65).

use std::collections::BTreeSet;

use carrel_platform::text::without_case;

use super::{
    MAX_CODE, MAX_CODES,
    entry::{Entry, deceives},
};

/// Checks a library's descriptive codes. Each is named once, whatever is wrong with it.
pub(super) fn check(codes: &[String], entry: &mut Entry<'_>) {
    const FIELD: &str = "descriptive_codes";
    if codes.len() > MAX_CODES {
        entry.wrong(
            FIELD,
            format!("there are {}; {MAX_CODES} is the most", codes.len()),
        );
        return;
    }
    let mut known = BTreeSet::new();
    for code in codes {
        let what = if code.trim().is_empty() {
            "one is empty; leave it out".to_owned()
        } else if code.trim() != code {
            format!("\"{}\": remove the blanks at its ends", code.escape_debug())
        } else if code.chars().any(deceives) {
            format!(
                "\"{}\": remove the control characters and line breaks",
                code.escape_debug()
            )
        } else if code.chars().count() > MAX_CODE {
            format!("\"{code}\": {MAX_CODE} characters are the most")
        } else if !known.insert(without_case(code)) {
            format!("\"{code}\" is there already, perhaps in other case; name each code once")
        } else {
            continue;
        };
        entry.wrong(FIELD, what);
    }
}
