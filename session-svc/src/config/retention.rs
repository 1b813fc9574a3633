//! For how long what was said in a session is kept, at the site and at single libraries (R20).

use std::str::FromStr;

use carrel_platform::config::{HumanDuration, Problems};
use serde::{Deserialize, Serialize};

use super::{Config, in_ms};

/// How long after its end something of a session is erased (R20).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EraseAfter {
    /// After this time.
    Time(HumanDuration),
    /// Not by itself.
    Never,
}

/// What a library sets for the sessions of its own patrons. What it leaves out is as for the site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibraryRetention {
    /// How long after a session's end its patron's name and e-mail address are erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase_identity_after: Option<EraseAfter>,
    /// How long after its end a session is erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase_after: Option<EraseAfter>,
}

impl Config {
    /// Returns how long after its end a session of a library's patrons is erased; of any library that sets nothing, if
    /// none is named.
    pub(crate) fn erase_after(&self, institution_id: Option<&str>) -> EraseAfter {
        self.own(institution_id)
            .and_then(|own| own.erase_after)
            .unwrap_or(self.erase_after)
    }

    /// Does the same for how long after its end the patron's name and e-mail address are erased. A session that is
    /// erased before has neither any more.
    pub(crate) fn erase_identity_after(&self, institution_id: Option<&str>) -> EraseAfter {
        self.own(institution_id)
            .and_then(|own| own.erase_identity_after)
            .unwrap_or(self.erase_identity_after)
    }

    /// Checks that no time that is set for names comes after the session is erased: it would have no effect. Who sets
    /// only when sessions are erased, for the site or for a library, need not set the other as well: the usual time for
    /// names is not held against them.
    pub(super) fn check_order(&self, problems: &mut Problems) {
        let usual = Self::default().erase_identity_after;
        let site = (
            "session.erase_identity_after".to_owned(),
            Some(self.erase_identity_after).filter(|set| *set != usual),
            self.erase_after,
        );
        let libraries = self.retention.iter().map(|(id, own)| {
            (
                format!("session.retention.{id}.erase_identity_after"),
                own.erase_identity_after,
                self.erase_after(Some(id)),
            )
        });
        for (key, identity, session) in std::iter::once(site).chain(libraries) {
            if let (Some(EraseAfter::Time(identity)), EraseAfter::Time(whole)) = (identity, session)
                && identity > whole
            {
                problems.add(
                    key,
                    format_args!(
                        "is {identity}, but the whole session is erased before that, after {whole}; write {whole} or \
                         less, or set erase_after to more"
                    ),
                );
            }
        }
    }

    fn own(&self, institution_id: Option<&str>) -> Option<&LibraryRetention> {
        self.retention.get(institution_id?)
    }
}

/// The spelling of [`EraseAfter::Never`].
const NEVER: &str = "never";

impl EraseAfter {
    /// Returns the moment at or before which a session must have ended for this to be due now, in Unix milliseconds;
    /// `None` if it is due for none.
    pub(crate) fn due_by(self, now_ms: i64) -> Option<i64> {
        match self {
            Self::Time(time) => Some(now_ms.saturating_sub(in_ms(time))),
            Self::Never => None,
        }
    }
}

impl FromStr for EraseAfter {
    type Err = EraseAfterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim() == NEVER {
            return Ok(Self::Never);
        }
        match text.parse() {
            Ok(time) => Ok(Self::Time(time)),
            Err(_) => Err(EraseAfterError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for EraseAfter {
    type Error = EraseAfterError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EraseAfter> for String {
    fn from(after: EraseAfter) -> Self {
        after.to_string()
    }
}

impl std::fmt::Display for EraseAfter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Time(time) => time.fmt(f),
            Self::Never => f.write_str(NEVER),
        }
    }
}

/// The error for a text that is not a valid [`EraseAfter`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it can't be {0:?}; write a length of time, for example 90d, or {NEVER}")]
pub struct EraseAfterError(String);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{ffi::OsString, fs};

    use carrel_platform::config;

    use super::*;

    #[derive(Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        session: Config,
    }

    fn days(days: u64) -> EraseAfter {
        EraseAfter::Time(HumanDuration::from_secs(days * 86_400))
    }

    /// The settings as they are with a file and variables.
    fn load(file: &str, variables: &[(&str, &str)]) -> Result<File, config::ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("carrel.toml");
        fs::write(&path, file).unwrap();
        let environment = variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let defaults = crate::DEFAULT_SETTINGS;
        config::load_with(defaults, Some(&path), "CARREL_", environment, ())
    }

    #[test]
    fn something_is_erased_after_a_time_or_never() {
        for (text, after) in [("1d", days(1)), ("never", EraseAfter::Never)] {
            assert_eq!(text.parse::<EraseAfter>().unwrap(), after);
            assert_eq!(String::from(after), text);
        }
        assert_eq!(days(1).due_by(86_400_007), Some(7));
        assert_eq!(EraseAfter::Never.due_by(i64::MAX), None);
        for wrong in ["0", "soon", ""] {
            let error = wrong.parse::<EraseAfter>().unwrap_err().to_string();
            assert!(error.contains("90d, or never"), "{error}");
        }
    }

    /// R20: a library's own time holds for it and for nobody else, wherever it is set; and it is shown.
    #[test]
    fn a_library_sets_its_own_time() {
        let file = "[session.retention.maple]\nerase_after = \"7d\"\n[session.retention.new-town]";
        let variable = ("CARREL_SESSION__RETENTION__PINE__ERASE_AFTER", "never");
        let table = (
            "CARREL_SESSION__RETENTION",
            "{ new-town = { erase_after = \"8d\" } }",
        );
        for (variables, of_pine, of_new_town) in [
            (&[variable], EraseAfter::Never, days(90)),
            (&[table], days(90), days(8)),
        ] {
            let settings = load(file, variables).unwrap().session;
            settings.check().unwrap();
            let of = |library| settings.erase_after(Some(library));
            assert_eq!((of("maple"), of("harbor")), (days(7), days(90)));
            assert_eq!((of("pine"), of("new-town")), (of_pine, of_new_town));
            assert_eq!(settings.erase_after(None), days(90));
            let shown = config::render(&File {
                session: settings.clone(),
            });
            let again: File = toml::from_str(&shown.unwrap()).unwrap();
            assert_eq!(again.session, settings);
        }
    }

    /// R20: names are never set to stay longer than the sessions in which they are.
    #[test]
    fn names_go_before_the_session_or_with_it() {
        for (file, wrong) in [
            ("erase_after = \"30d\"", None),
            ("erase_after = \"0s\"", None),
            (
                "erase_after = \"30d\"\nerase_identity_after = \"31d\"",
                Some("session.erase_identity_after: is 31d"),
            ),
            (
                "erase_after = \"29d\"\nerase_identity_after = \"never\"",
                None,
            ),
            (
                "erase_after = \"never\"\nerase_identity_after = \"900d\"",
                None,
            ),
            ("retention.maple.erase_after = \"7d\"", None),
            (
                "retention.maple = { erase_after = \"7d\", erase_identity_after = \"8d\" }",
                Some("session.retention.maple.erase_identity_after: is 8d"),
            ),
            (
                "retention.maple.erase_identity_after = \"91d\"",
                Some("session.retention.maple.erase_identity_after: is 91d"),
            ),
        ] {
            let settings = load(&format!("[session]\n{file}"), &[]).unwrap().session;
            match (settings.check(), wrong) {
                (Err(error), Some(wrong)) => assert!(error.to_string().contains(wrong), "{error}"),
                (checked, wrong) => assert_eq!((checked, wrong), (Ok(()), None), "{file}"),
            }
        }
    }

    #[test]
    fn an_error_names_the_library_and_the_key() {
        for (file, named) in [
            (
                "[session.retention.maple]\nerase_after = \"soon\"",
                "session.retention.maple.erase_after: ",
            ),
            (
                "[session.retention.maple]\nerase_affter = \"7d\"",
                "no setting session.retention.maple.erase_affter",
            ),
            ("[session]\nerase_after = 90", "session.erase_after: "),
        ] {
            let error = load(file, &[]).err().unwrap().to_string();
            assert!(error.contains(named), "{error}");
        }
        let settings = load("[session.retention.\"Maple Town\"]", &[]).unwrap();
        let error = settings.session.check().unwrap_err().to_string();
        assert!(
            error.contains("session.retention.\"Maple Town\""),
            "{error}"
        );
    }
}
