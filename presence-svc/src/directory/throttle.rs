//! Limits on how often log-in and patron entry may be tried.
//!
//! Attempts to log in are counted three times over. An attacker who guesses at one account uses up what that account is
//! allowed from the attacker's own address, and so does not keep out its owner, who is elsewhere. What an account is
//! allowed from everywhere is far more, and limits attackers with many addresses.
//!
//! Memory is bounded in any case: an account or address is known only as one of a fixed number of buckets, by a hash
//! that is keyed anew in each process. Two that fall into the same bucket share its allowance, which no outsider can
//! bring about on purpose; names and addresses are not kept. Callers without an address, such as other parts of the
//! same process, count as one.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    time::Duration,
};

use carrel_platform::network::network_of;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

use crate::config::{Config, Rate};

/// The most allowances that one limit keeps.
const BUCKETS: u64 = 1 << 17;

/// The limits.
#[derive(Debug)]
pub struct Throttle {
    log_in_per_account_and_address: Option<Limit>,
    log_in_per_account: Option<Limit>,
    log_in_per_address: Option<Limit>,
    admit_per_address: Option<Limit>,
}

/// Too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// When the caller may come back.
    pub wait: Duration,
    /// Whose allowance is used up, for operators: callers are not told, since it would show whom others try to be.
    pub whose: Allowance,
}

/// Whose attempts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// All from one address.
    Address,
    /// Those for one account from one address.
    AccountAndAddress,
    /// Those for one account from everywhere.
    Account,
}

#[derive(Debug)]
struct Limit {
    limiter: DefaultKeyedRateLimiter<u64>,
    clock: DefaultClock,
    hashes: RandomState,
}

impl Throttle {
    /// Creates the limits of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            log_in_per_account_and_address: Limit::new(config.log_in_per_account_and_address),
            log_in_per_account: Limit::new(config.log_in_per_account),
            log_in_per_address: Limit::new(config.log_in_per_address),
            admit_per_address: Limit::new(config.admit_per_address),
        }
    }

    /// Counts an attempt to log in, right or wrong.
    ///
    /// # Errors
    /// [`TooOften`]. Limits per address are checked first, so that no address can use up the allowances of many
    /// accounts, nor that of one account.
    pub fn log_in(&self, account: &str, address: Option<IpAddr>) -> Result<(), TooOften> {
        let network = address.map(network_of);
        check(
            self.log_in_per_address.as_ref(),
            Allowance::Address,
            &network,
        )?;
        check(
            self.log_in_per_account_and_address.as_ref(),
            Allowance::AccountAndAddress,
            &(account, network),
        )?;
        check(
            self.log_in_per_account.as_ref(),
            Allowance::Account,
            &account,
        )
    }

    /// Counts the entry of a patron.
    ///
    /// # Errors
    /// [`TooOften`].
    pub fn admit(&self, address: Option<IpAddr>) -> Result<(), TooOften> {
        check(
            self.admit_per_address.as_ref(),
            Allowance::Address,
            &address.map(network_of),
        )
    }
}

impl Limit {
    fn new(rate: Rate) -> Option<Self> {
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        // A zero period gives no quota: that is how a limit is switched off.
        let quota = Quota::with_period(rate.every.into())?.allow_burst(burst);
        Some(Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
            hashes: RandomState::new(),
        })
    }
}

fn check(limit: Option<&Limit>, whose: Allowance, key: &impl Hash) -> Result<(), TooOften> {
    let Some(limit) = limit else { return Ok(()) };
    let bucket = limit.hashes.hash_one(key) % BUCKETS;
    limit
        .limiter
        .check_key(&bucket)
        .map_err(|not_until| TooOften {
            wait: not_until.wait_time_from(limit.clock.now()),
            whose,
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn throttle(both: u32, account: u32, address: u32) -> Throttle {
        let rate = |burst| Rate {
            burst,
            every: Duration::from_secs(3600).into(),
        };
        Throttle::new(&Config {
            log_in_per_account_and_address: rate(both),
            log_in_per_account: rate(account),
            log_in_per_address: rate(address),
            admit_per_address: rate(address),
            ..Config::default()
        })
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_account_has_its_allowance_from_everywhere() {
        let throttle = throttle(100, 2, 100);
        assert!(throttle.log_in("map@harbor", address("192.0.2.1")).is_ok());
        assert!(throttle.log_in("map@harbor", address("192.0.2.2")).is_ok());
        let TooOften { wait, whose } = throttle
            .log_in("map@harbor", address("192.0.2.3"))
            .unwrap_err();
        assert_eq!(whose, Allowance::Account);
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(3600));
        assert!(throttle.log_in("lee@maple", address("192.0.2.3")).is_ok());
    }

    #[test]
    fn an_account_has_its_allowance_from_each_address() {
        let throttle = throttle(1, 100, 100);
        assert!(
            throttle
                .log_in("map@harbor", address("2001:db8::1"))
                .is_ok()
        );
        let refused = throttle.log_in("map@harbor", address("2001:db8::2"));
        assert_eq!(refused.unwrap_err().whose, Allowance::AccountAndAddress);
        assert!(throttle.log_in("lee@maple", address("2001:db8::2")).is_ok());
        assert!(throttle.log_in("map@harbor", address("192.0.2.1")).is_ok());
        assert!(throttle.log_in("map@harbor", None).is_ok());
        assert!(throttle.log_in("map@harbor", None).is_err());
    }

    // T14
    #[test]
    fn nobody_keeps_a_librarian_out_from_one_address() {
        let throttle = Throttle::new(&Config::default());
        while throttle
            .log_in("map@harbor", address("203.0.113.66"))
            .is_ok()
        {}
        assert!(throttle.log_in("map@harbor", address("192.0.2.1")).is_ok());
    }

    #[test]
    fn an_address_has_its_allowance_for_all_accounts() {
        let throttle = throttle(100, 100, 2);
        assert!(throttle.log_in("a", address("192.0.2.1")).is_ok());
        assert!(throttle.log_in("b", address("192.0.2.1")).is_ok());
        let refused = throttle.log_in("c", address("192.0.2.1"));
        assert_eq!(refused.unwrap_err().whose, Allowance::Address);
        assert!(throttle.log_in("c", address("::ffff:192.0.2.1")).is_err());
        assert!(throttle.log_in("c", address("192.0.2.9")).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let throttle = throttle(1, 1, 1);
        assert!(throttle.admit(address("2001:db8::1")).is_ok());
        assert!(throttle.admit(address("2001:db8::2")).is_err());
        assert!(throttle.admit(address("2001:db8:0:1::1")).is_ok());
        assert!(throttle.admit(None).is_ok());
        assert!(throttle.admit(None).is_err());
    }

    #[test]
    fn a_limit_can_be_switched_off() {
        let throttle = Throttle::new(&Config {
            admit_per_address: Rate {
                burst: 1,
                every: Duration::ZERO.into(),
            },
            ..Config::default()
        });
        for _ in 0..1000 {
            assert!(throttle.admit(None).is_ok());
        }
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = throttle(1, 1, 1);
        for n in 0..400_000u32 {
            let _ = throttle.admit(Some(IpAddr::from(n.to_be_bytes())));
        }
        let limit = throttle.admit_per_address.unwrap();
        assert!(limit.limiter.len() <= usize::try_from(BUCKETS).unwrap());
    }
}
