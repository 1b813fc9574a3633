//! The settings that differ from the defaults: only limits that one machine playing hundreds of people would run into.
//! How anything is written, sent or kept is as by default.

use super::Subject;

/// Settings as environment variables.
pub(super) type Settings = Vec<(String, String)>;

/// Returns raised limits: all people come from one address, and scripts send faster than people type.
pub(super) fn limits() -> Settings {
    [
        ("GATEWAY__CONNECTIONS", "40000"),
        ("GATEWAY__SOCKET__FRAMES_PER_SECOND", "1000000"),
        ("GATEWAY__SOCKET__FRAMES_BURST", "1000000"),
        ("GATEWAY__SOCKET__PER_ADDRESS", "40000"),
        ("GATEWAY__SOCKET__PER_PERSON", "40000"),
        (
            "PRESENCE__LOG_IN_PER_ACCOUNT_AND_ADDRESS",
            "{burst=1,every=\"0s\"}",
        ),
        ("PRESENCE__LOG_IN_PER_ACCOUNT", "{burst=1,every=\"0s\"}"),
        ("PRESENCE__LOG_IN_PER_ADDRESS", "{burst=1,every=\"0s\"}"),
        ("PRESENCE__ADMIT_PER_ADDRESS", "{burst=1,every=\"0s\"}"),
    ]
    .map(|(name, value)| setting(name, value))
    .into()
}

pub(super) fn setting(name: &str, value: &str) -> (String, String) {
    (format!("CARREL_{name}"), value.to_owned())
}

/// Returns settings that make a process's sync calls do nothing, if that is wanted: from outside, so that no program
/// has such a mode.
pub(super) fn unsynced(subject: &Subject) -> Settings {
    if subject.synced {
        Vec::new()
    } else {
        vec![("LD_PRELOAD".to_owned(), "libeatmydata.so".to_owned())]
    }
}
