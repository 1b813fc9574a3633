//! The directory of a run: two libraries that answer each other's patrons, with any number of librarians.

use std::fmt::Write as _;

/// The libraries' ids.
pub const LIBRARIES: [&str; 2] = ["maple", "harbor"];

/// The queue for patrons who must not be picked up.
const PRACTICE: &str = r#"
[[queue]]
id = "practice"
name = "Practice"
patrons_of = ["maple", "harbor"]
staffed_by = ["maple", "harbor"]
practice = true
"#;

/// Everybody's password.
pub const PASSWORD: &str = "faults";

/// A person who works at a library.
#[derive(Clone, Debug)]
pub struct Staff {
    /// The name to log in with.
    pub log_in_name: String,
    /// The library.
    pub institution: &'static str,
    /// Whether they supervise rather than answer.
    pub supervises: bool,
}

/// Returns the people who work at the libraries: `librarians` at each, and one supervisor.
#[must_use]
pub fn staff(librarians: usize) -> Vec<Staff> {
    let of = |institution: &'static str| {
        (0..=librarians).map(move |number| Staff {
            log_in_name: format!("l{number}@{institution}"),
            institution,
            supervises: number == 0,
        })
    };
    LIBRARIES.into_iter().flat_map(of).collect()
}

/// Returns the directory as a file's text.
#[must_use]
pub fn file(staff: &[Staff]) -> String {
    let mut file = String::from("weak_passwords = true\n");
    for library in LIBRARIES {
        // Writing to a string can't fail.
        let _ = write!(
            file,
            r#"
[[institution]]
id = "{library}"
name = "Library {library}"
welcome = "Welcome."
privacy_notice = "A test."
staff_naming = "screen_name"
primary_queue = "{library}"
practice_queue = "practice"

[[queue]]
id = "{library}"
name = "Queue {library}"
patrons_of = ["{library}"]
staffed_by = ["maple", "harbor"]
"#
        );
    }
    file.push_str(PRACTICE);
    for one in staff {
        let role = if one.supervises {
            "administrator"
        } else {
            "librarian"
        };
        let _ = write!(
            file,
            r#"
[[librarian]]
log_in_name = "{name}"
screen_name = "Screen {name}"
real_name = "Real {name}"
institution = "{institution}"
role = "{role}"
password = "{PASSWORD}"
"#,
            name = one.log_in_name,
            institution = one.institution,
        );
    }
    file
}
