//! The settings.

use std::time::Duration;

use carrel_platform::{
    auth::token::Lifetimes,
    config::{HumanDuration, Problems},
};
use serde::{Deserialize, Serialize};

/// The settings of presence-svc. `default.toml` gives their reasons.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How long a token lets its owner in before it must be renewed.
    pub token_lifetime: HumanDuration,
    /// How long a patron's token may be renewed.
    pub patron_renewal: HumanDuration,
    /// How long a librarian's token may be renewed.
    pub librarian_renewal: HumanDuration,
    /// Whether the address that a caller from another process names in `x-forwarded-for` is believed.
    pub trust_forwarded_for: bool,
    /// How often log-in to one account may be tried from one address.
    pub log_in_per_account_and_address: Rate,
    /// How often log-in to one account may be tried from everywhere.
    pub log_in_per_account: Rate,
    /// How often log-in may be tried from one address.
    pub log_in_per_address: Rate,
    /// How often patrons may be admitted from one address.
    pub admit_per_address: Rate,
    /// How long a monitor counts as open after its last sign of life.
    pub lease: HumanDuration,
    /// How long after its start the server does not say that somebody is not here.
    pub settle: HumanDuration,
    /// How often the server looks for monitors that are gone, and for queues whose hours begin or end.
    pub sweep: HumanDuration,
    /// How often an open stream says that it is alive.
    pub heartbeat: HumanDuration,
    /// How long an introduction holds.
    pub introduction_lifetime: HumanDuration,
    /// How many changes of the desk may wait for one slow reader before the watch ends.
    pub backlog: usize,
}

/// How often something may be done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many times in a row. At least once.
    pub burst: u32,
    /// How long until it may be done once more. Zero switches the limit off.
    pub every: HumanDuration,
}

impl Config {
    /// Checks what the types of the settings do not express.
    ///
    /// # Errors
    /// When settings make no sense, such as those under which nobody could stay logged in or be seen at the desk.
    pub fn check(&self) -> Result<(), Problems> {
        let usual = Self::default();
        let mut problems = Problems::default();
        if self.token_lifetime < HumanDuration::from_secs(1) {
            problems.add("presence.token_lifetime", "must be 1s or more");
        }
        for (setting, renewal) in [
            ("presence.patron_renewal", self.patron_renewal),
            ("presence.librarian_renewal", self.librarian_renewal),
        ] {
            if renewal < self.token_lifetime {
                problems.add(setting, "must not be shorter than token_lifetime");
            }
        }
        for (setting, rate) in [
            (
                "presence.log_in_per_account_and_address",
                self.log_in_per_account_and_address,
            ),
            ("presence.log_in_per_account", self.log_in_per_account),
            ("presence.log_in_per_address", self.log_in_per_address),
            ("presence.admit_per_address", self.admit_per_address),
        ] {
            if rate.burst == 0 {
                let problem = "must be 1 or more; for no limit, write every = \"0s\"";
                problems.add(format_args!("{setting}.burst"), problem);
            }
        }
        problems.add_zero_times(
            "presence",
            [
                ("lease", self.lease, usual.lease),
                ("sweep", self.sweep, usual.sweep),
                ("heartbeat", self.heartbeat, usual.heartbeat),
            ],
        );
        if self.introduction_lifetime < HumanDuration::from_secs(60) {
            problems.add("presence.introduction_lifetime", "must be 60s or more");
        }
        problems.add_zero_counts("presence", [("backlog", self.backlog, usual.backlog)]);
        problems.checked()
    }

    /// Returns the longest time that any token may be renewed: a key must verify for so long after its last signature.
    #[must_use]
    pub fn longest_renewal(&self) -> Duration {
        Duration::from(self.patron_renewal).max(self.librarian_renewal.into())
    }

    pub(crate) fn patron_lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: self.token_lifetime.into(),
            renewal: self.patron_renewal.into(),
        }
    }

    pub(crate) fn librarian_lifetimes(&self) -> Lifetimes {
        Lifetimes {
            access: self.token_lifetime.into(),
            renewal: self.librarian_renewal.into(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let rate = |burst, seconds| Rate {
            burst,
            every: Duration::from_secs(seconds).into(),
        };
        Self {
            token_lifetime: Duration::from_secs(10 * 60).into(),
            patron_renewal: Duration::from_secs(24 * 3600).into(),
            librarian_renewal: Duration::from_secs(12 * 3600).into(),
            trust_forwarded_for: false,
            log_in_per_account_and_address: rate(10, 20),
            log_in_per_account: rate(100, 2),
            log_in_per_address: rate(30, 2),
            admit_per_address: rate(30, 2),
            lease: HumanDuration::from_secs(15),
            settle: HumanDuration::from_secs(15),
            sweep: HumanDuration::from_secs(1),
            heartbeat: HumanDuration::from_secs(5),
            introduction_lifetime: HumanDuration::from_secs(10 * 60),
            backlog: 256,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[derive(Deserialize)]
    struct File {
        presence: Config,
    }

    #[test]
    fn the_commented_settings_are_the_defaults() {
        let file: File = toml::from_str(crate::DEFAULT_SETTINGS).unwrap();
        assert_eq!(
            format!("{:?}", file.presence),
            format!("{:?}", Config::default())
        );
    }

    #[test]
    fn settings_that_log_everybody_out_are_refused() {
        let told = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert!(Config::default().check().is_ok());
        assert_eq!(
            told(|config| config.token_lifetime = HumanDuration::from_secs(0)),
            "presence.token_lifetime: must be 1s or more"
        );
        assert_eq!(
            told(|config| config.librarian_renewal = HumanDuration::from_secs(60)),
            "presence.librarian_renewal: must not be shorter than token_lifetime"
        );
    }

    // R18: who is there counts as there.
    #[test]
    fn settings_under_which_nobody_is_seen_are_refused() {
        let told = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            told(|config| config.lease = HumanDuration::from_secs(0)),
            "presence.lease: must not be 0; write a length of time, such as 15s"
        );
        assert_eq!(
            told(|config| config.backlog = 0),
            "presence.backlog: must not be 0; write a number, such as 256"
        );
        let burst = told(|config| config.admit_per_address.burst = 0);
        assert!(
            burst.starts_with("presence.admit_per_address.burst: must be 1 or more"),
            "{burst}"
        );
    }

    #[test]
    fn a_key_must_outlive_the_longest_renewal() {
        let mut config = Config::default();
        assert_eq!(config.longest_renewal(), Duration::from_secs(24 * 3600));
        config.librarian_renewal = Duration::from_secs(48 * 3600).into();
        assert_eq!(config.longest_renewal(), Duration::from_secs(48 * 3600));
    }
}
