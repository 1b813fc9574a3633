//! The settings.

use std::time::Duration;

use carrel_platform::{auth::token::Lifetimes, config::HumanDuration};
use serde::{Deserialize, Serialize};

use crate::error::Error;

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
    /// Refuses settings that make no sense, such as those under which nobody could stay logged in.
    ///
    /// # Errors
    /// [`Error::Setting`], with the first that is refused.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |setting, what| Err(Error::Setting { setting, what });
        if self.token_lifetime < HumanDuration::from_secs(1) {
            return wrong("token_lifetime", "must be 1s or more");
        }
        for (setting, renewal) in [
            ("patron_renewal", self.patron_renewal),
            ("librarian_renewal", self.librarian_renewal),
        ] {
            if renewal < self.token_lifetime {
                return wrong(setting, "must not be shorter than token_lifetime");
            }
        }
        for (setting, time) in [
            ("lease", self.lease),
            ("sweep", self.sweep),
            ("heartbeat", self.heartbeat),
        ] {
            if time.get().is_zero() {
                return wrong(setting, "must not be 0; give a length of time, such as 5s");
            }
        }
        if self.introduction_lifetime < HumanDuration::from_secs(60) {
            return wrong("introduction_lifetime", "must be 60s or more");
        }
        Ok(())
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

    #[test]
    fn a_key_must_outlive_the_longest_renewal() {
        let mut config = Config::default();
        assert_eq!(config.longest_renewal(), Duration::from_secs(24 * 3600));
        config.librarian_renewal = Duration::from_secs(48 * 3600).into();
        assert_eq!(config.longest_renewal(), Duration::from_secs(48 * 3600));
    }
}
