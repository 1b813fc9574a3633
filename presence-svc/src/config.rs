//! What can be set.

use std::time::Duration;

use carrel_platform::{auth::token::Lifetimes, config::HumanDuration};
use serde::{Deserialize, Serialize};

/// The settings of presence-svc, with their reasons in `default.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How long a token lets its owner in before it must be renewed.
    pub token_lifetime: HumanDuration,
    /// How long a patron's token may be renewed.
    pub patron_renewal: HumanDuration,
    /// How long a librarian's token may be renewed.
    pub librarian_renewal: HumanDuration,
    /// Whether the caller's address is taken from `x-forwarded-for`.
    pub trust_forwarded_for: bool,
    /// How often one account may try to log in.
    pub log_in_per_account: Rate,
    /// How often one address may try to log in.
    pub log_in_per_address: Rate,
    /// How often patrons may be admitted from one address.
    pub admit_per_address: Rate,
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
    /// The longest time that any token may be renewed: so long must a key verify after its last signature.
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
            trust_forwarded_for: true,
            log_in_per_account: rate(10, 20),
            log_in_per_address: rate(30, 2),
            admit_per_address: rate(30, 2),
        }
    }
}
