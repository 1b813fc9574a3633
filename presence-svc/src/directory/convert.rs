//! Conversions from the domain to the wire.

use carrel_platform::{
    auth::{self, token::Issued},
    log::stored::Stored,
};
use carrel_proto::directory::v1 as wire;
use pbjson_types::{Duration, Timestamp};

use crate::domain::{
    directory::{ConferenceWarning, Institution, Policy, Script, Translation, WaitingMessage},
    profile::{LibraryPolicy, MonitoredQueue, Profile},
    role_change::{Means, RoleChange, RoleEntry},
};

/// A token.
#[must_use]
pub(crate) fn token(issued: Issued) -> wire::Token {
    wire::Token {
        access_token: issued.access_token,
        expire_time: Some(timestamp(issued.expires_at_ms)),
        renew_until_time: Some(timestamp(issued.renew_until_ms)),
    }
}

/// A library, as anyone may know it.
#[must_use]
pub(crate) fn library(institution: Institution) -> wire::Library {
    let first = institution.languages.first().cloned().unwrap_or_default();
    wire::Library {
        institution_id: institution.id,
        name: institution.name,
        welcome: institution.welcome,
        privacy_notice: institution.privacy_notice,
        privacy_address: institution.privacy_address,
        practice: institution.practice_queue.is_some(),
        remember_chats: institution.remember_chats,
        survey_address: institution.survey_address,
        waiting_messages: institution
            .waiting_messages
            .into_iter()
            .map(|message| waiting_message(message, &first))
            .collect(),
        languages: institution.languages,
        translations: institution
            .translations
            .into_iter()
            .map(translation)
            .collect(),
    }
}

/// A library in a list of them, which has only what it says in its first language: all its languages would make the
/// list long, and a library's own page asks for the library itself.
#[must_use]
pub(crate) fn listed_library(institution: Institution) -> wire::Library {
    let mut listed = library(institution);
    let first = listed.languages.first();
    listed
        .waiting_messages
        .retain(|message| Some(&message.language) == first);
    listed.translations.clear();
    listed
}

fn waiting_message(message: WaitingMessage, first: &str) -> wire::WaitingMessage {
    let WaitingMessage {
        language,
        after_ms,
        text,
    } = message;
    wire::WaitingMessage {
        after: Some(duration(after_ms)),
        text,
        language: language.unwrap_or_else(|| first.to_owned()),
    }
}

fn translation(translation: Translation) -> wire::Translation {
    let Translation {
        language,
        welcome,
        privacy_notice,
        privacy_address,
    } = translation;
    wire::Translation {
        language,
        welcome,
        privacy_notice,
        privacy_address,
    }
}

/// A librarian, as they see themselves, with these policies, each with its library's signed list of descriptive codes.
#[must_use]
pub(crate) fn profile(profile: Profile, policies: Vec<(LibraryPolicy, String)>) -> wire::Profile {
    let Profile {
        librarian,
        institution,
        queues,
    } = profile;
    let conference_warning = (librarian.role >= auth::Role::AskAdministrator)
        .then(|| warning(institution.conference_warning));
    wire::Profile {
        librarian_id: librarian.id,
        screen_name: librarian.screen_name,
        institution_id: institution.id,
        institution_name: institution.name,
        role: role(librarian.role).into(),
        queues: queues.into_iter().map(queue).collect(),
        conference_warning,
        policies: policies.into_iter().map(policy).collect(),
        language: institution.languages.into_iter().next().unwrap_or_default(),
    }
}

fn role(role: auth::Role) -> wire::Role {
    match role {
        auth::Role::Librarian => wire::Role::Librarian,
        auth::Role::AskAdministrator => wire::Role::AskAdministrator,
        auth::Role::Administrator => wire::Role::Administrator,
    }
}

fn queue(queue: MonitoredQueue) -> wire::Queue {
    wire::Queue {
        queue_id: queue.id,
        name: queue.name,
        primary: queue.primary,
        institution_names: queue.institution_names,
        practice: queue.practice,
    }
}

/// What staff should know about a library, with its signed list of descriptive codes.
fn policy((library, code_list): (LibraryPolicy, String)) -> wire::LibraryPolicy {
    let Policy {
        text,
        address,
        contact,
    } = library.policy;
    wire::LibraryPolicy {
        institution_id: library.institution_id,
        institution_name: library.institution_name,
        text,
        address,
        contact,
        scripts: library.scripts.into_iter().map(script).collect(),
        descriptive_codes: library.descriptive_codes,
        code_list,
    }
}

fn script(Script { name, text }: Script) -> wire::Script {
    wire::Script { name, text }
}

fn warning(warning: ConferenceWarning) -> wire::ConferenceWarning {
    wire::ConferenceWarning {
        version: warning.version(),
        text: warning.text,
        rule_address: warning.rule_address,
    }
}

/// A change of a role.
#[must_use]
pub(crate) fn role_change(entry: Stored<RoleEntry>) -> wire::RoleChange {
    let RoleEntry { change, chain_hash } = entry.event;
    let RoleChange {
        librarian_id,
        log_in_name,
        librarian_name,
        before,
        after,
        means,
    } = change;
    let role_in = |had: Option<auth::Role>| had.map_or(wire::Role::Unspecified, role);
    let means = match means {
        Means::DirectoryFile => wire::RoleChangeMeans::DirectoryFile,
        Means::Command => wire::RoleChangeMeans::Command,
    };
    wire::RoleChange {
        number: entry.version,
        time: Some(timestamp(entry.at_ms)),
        librarian_id,
        log_in_name,
        librarian_name,
        role_before: role_in(before).into(),
        role_after: role_in(after).into(),
        means: means.into(),
        chain_hash,
    }
}

/// A time of at most a day, as the rules of the directory have it.
fn duration(ms: u64) -> Duration {
    Duration {
        seconds: i64::try_from(ms / 1_000).unwrap_or(i64::MAX),
        // The remainder of a division by 1000 is below 1000.
        nanos: i32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000,
    }
}

pub(crate) fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp {
        seconds: unix_ms.div_euclid(1000),
        // The remainder of a division by 1000 is below 1000.
        nanos: i32::try_from(unix_ms.rem_euclid(1000)).unwrap_or(0) * 1_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_are_times_too() {
        let parts = |unix_ms| {
            let timestamp = timestamp(unix_ms);
            (timestamp.seconds, timestamp.nanos)
        };
        assert_eq!(parts(0), (0, 0));
        assert_eq!(parts(1_500), (1, 500_000_000));
        assert_eq!(parts(-1), (-1, 999_000_000));
    }
}
