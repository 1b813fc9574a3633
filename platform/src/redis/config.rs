//! The settings of the section `redis`.

use std::path::PathBuf;

use redis::{ConnectionAddr, IntoConnectionInfo as _, TlsCertificates};
use serde::{Deserialize, Serialize};

use super::{
    RedisError,
    dial::{Credentials, Dialer},
    slots::Address,
};
use crate::{
    config::{HumanDuration, Problems, Secret},
    seal::{Key, Keyring},
};

/// How Redis is reached, and the key that seals what is stored in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// What kind of servers `urls` are the addresses of.
    pub topology: RedisTopology,
    /// One address of a single server, those of the Sentinels, or those of some cluster nodes, from which the others
    /// are learned. Each is `redis://host:port` or, with TLS, `rediss://host:port`.
    pub urls: Vec<Secret<String>>,
    /// The name by which the Sentinels know the master.
    pub sentinel_master: String,
    /// The user, if Redis has users (ACL): one that may do everything with the keys and channels `carrel:*`, and may
    /// use `CLUSTER SLOTS` or `ROLE`. Empty for the default user.
    pub username: String,
    /// The user's password, or the one that the server requires. Empty for none.
    pub password: Secret<String>,
    /// The user at the Sentinels, if they require one.
    pub sentinel_username: String,
    /// The password that the Sentinels require. Empty for none.
    pub sentinel_password: Secret<String>,
    /// Whether all connections use TLS, including those to addresses learned from a Sentinel or a cluster node. A
    /// `rediss` address has the same effect.
    pub tls: bool,
    /// A PEM file with the authority that signed the servers' certificates. If unset, the system's authorities are
    /// used.
    pub ca_file: Option<PathBuf>,
    /// The key that seals everything sent to Redis: 32 random bytes in base64 or hexadecimal digits, the same for all
    /// servers of a desk.
    pub key: Secret<String>,
    /// Other keys: messages and leases sealed by them are read, and everything is also published and stored under them.
    /// To replace the key, set the new one as `key` and the old one here, server by server, and remove the old one when
    /// all servers have the new one. Until then a message may be received twice.
    pub previous_keys: Vec<Secret<String>>,
    /// How long a lease store that is new, was emptied or was away reports that it does not know who is present,
    /// instead of reporting that nobody is. Must be longer than the interval at which every lease is renewed.
    pub settle: HumanDuration,
}

/// The kinds of Redis deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedisTopology {
    /// One server, which is a master. Its name may come to stand for another server.
    #[default]
    Single,
    /// A master with replicas, watched by Sentinels.
    Sentinel,
    /// A Redis Cluster.
    Cluster,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            topology: RedisTopology::Single,
            urls: vec![Secret::new("redis://127.0.0.1:6379".to_owned())],
            sentinel_master: "mymaster".to_owned(),
            username: String::new(),
            password: Secret::default(),
            sentinel_username: String::new(),
            sentinel_password: Secret::default(),
            tls: false,
            ca_file: None,
            key: Secret::default(),
            previous_keys: Vec::new(),
            settle: HumanDuration::from_secs(20),
        }
    }
}

/// Checked settings.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) topology: RedisTopology,
    /// Never empty.
    pub(crate) addresses: Vec<Address>,
    pub(crate) sentinel_master: String,
    /// Connects to the servers that hold data.
    pub(crate) dialer: Dialer,
    /// Connects to the Sentinels.
    pub(crate) sentinel_dialer: Dialer,
    pub(crate) keyring: Keyring,
}

/// What the addresses say.
struct Addresses {
    addresses: Vec<Address>,
    tls: bool,
    credentials: Option<Credentials>,
}

impl RedisConfig {
    /// Checks all that can be checked without reaching Redis, whether `ca_file` can be read, too.
    ///
    /// # Errors
    /// When settings can't be used. All of them are told, and no secret.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let addresses = self.addresses();
        if let Ok(found) = &addresses {
            problems.take_named(self.certificates(self.tls || found.tls));
        }
        problems.take_named(addresses);
        problems.take_named(self.master());
        problems.take_named(self.sealing_key());
        problems.take_named(self.other_keys());
        problems.checked()
    }

    /// Returns the checked settings.
    pub(crate) fn settings(&self) -> Result<Settings, RedisError> {
        let Addresses {
            addresses,
            tls,
            credentials: in_url,
        } = self.addresses()?;
        let certificates = self.certificates(self.tls || tls)?;
        let given = Credentials::new(&self.username, &self.password);
        // Credentials in the address of a Sentinel are for the Sentinel.
        let (servers, sentinels) = match self.topology {
            RedisTopology::Sentinel => {
                let sentinels = Credentials::new(&self.sentinel_username, &self.sentinel_password);
                (given, sentinels.or(in_url))
            }
            RedisTopology::Single | RedisTopology::Cluster => (given.or(in_url), None),
        };
        Ok(Settings {
            topology: self.topology,
            addresses,
            sentinel_master: self.master()?.to_owned(),
            dialer: Dialer::new(servers, certificates.clone()),
            sentinel_dialer: Dialer::new(sentinels, certificates),
            keyring: Keyring::new(self.sealing_key()?, self.other_keys()?),
        })
    }

    fn addresses(&self) -> Result<Addresses, RedisError> {
        let mut found = Addresses {
            addresses: Vec::new(),
            tls: false,
            credentials: None,
        };
        for url in &self.urls {
            let parsed = parse_url(url.reveal())?;
            found.tls |= parsed.tls;
            found.addresses.push(parsed.address);
            found.credentials = found.credentials.or(parsed.credentials);
        }
        let how_many = found.addresses.len();
        if how_many == 0 || (self.topology == RedisTopology::Single && how_many > 1) {
            return Err(setting(
                "urls",
                match self.topology {
                    RedisTopology::Single => "a single Redis has exactly one address",
                    RedisTopology::Sentinel => "write the address of at least one Sentinel",
                    RedisTopology::Cluster => "write the address of at least one node",
                },
            ));
        }
        Ok(found)
    }

    fn master(&self) -> Result<&str, RedisError> {
        if self.topology == RedisTopology::Sentinel && self.sentinel_master.is_empty() {
            let problem = "write the name of the master, as the Sentinels know it";
            return Err(setting("sentinel_master", problem));
        }
        Ok(&self.sentinel_master)
    }

    fn certificates(&self, tls: bool) -> Result<Option<TlsCertificates>, RedisError> {
        if !tls {
            return match self.ca_file {
                Some(_) => Err(setting("ca_file", "it is for TLS; set redis.tls to true")),
                None => Ok(None),
            };
        }
        let root_cert = match &self.ca_file {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                let problem = format!("{} can't be read: {error}", path.display());
                setting("ca_file", &problem)
            })?),
            None => None,
        };
        Ok(Some(TlsCertificates {
            client_tls: None,
            root_cert,
        }))
    }

    fn sealing_key(&self) -> Result<Key, RedisError> {
        key("key", &self.key)
    }

    fn other_keys(&self) -> Result<Vec<Key>, RedisError> {
        let others = self.previous_keys.iter();
        others.map(|text| key("previous_keys", text)).collect()
    }
}

fn key(name: &'static str, text: &Secret<String>) -> Result<Key, RedisError> {
    Key::parse(text.reveal()).map_err(|problem| setting(name, &problem.to_string()))
}

fn setting(setting: &'static str, problem: &str) -> RedisError {
    RedisError::Setting {
        setting,
        problem: problem.to_owned(),
    }
}

struct ParsedUrl {
    address: Address,
    tls: bool,
    credentials: Option<Credentials>,
}

/// Parses an address. The error does not repeat it, since it may contain a password.
fn parse_url(url: &str) -> Result<ParsedUrl, RedisError> {
    let wrong = |problem: &str| setting("urls", problem);
    let form = "write each address as redis://host:port or rediss://host:port";
    let info = url.into_connection_info().map_err(|_| wrong(form))?;
    let (host, port, tls) = match info.addr() {
        ConnectionAddr::Tcp(host, port) => (host, port, false),
        ConnectionAddr::TcpTls { host, port, .. } => (host, port, true),
        _ => return Err(wrong(form)),
    };
    let redis = info.redis_settings();
    if redis.db() != 0 {
        return Err(wrong(
            "Carrel uses database 0, since a cluster has no other; leave the number out",
        ));
    }
    Ok(ParsedUrl {
        address: Address {
            host: host.clone(),
            port: *port,
        },
        tls,
        credentials: redis.password().map(|password| Credentials {
            username: redis.username().map(str::to_owned),
            password: password.to_owned(),
        }),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn config(urls: &[&str]) -> RedisConfig {
        RedisConfig {
            urls: urls
                .iter()
                .map(|url| Secret::new((*url).to_owned()))
                .collect(),
            key: Secret::new("ab".repeat(32)),
            ..RedisConfig::default()
        }
    }

    fn problem(config: &RedisConfig) -> String {
        config.settings().map(drop).unwrap_err().to_string()
    }

    #[test]
    fn an_address_is_read_with_what_stands_in_it() {
        let settings = config(&["rediss://:sesame@redis.example:7000"])
            .settings()
            .unwrap();
        assert_eq!(settings.addresses[0].to_string(), "redis.example:7000");
        assert!(!format!("{settings:?}").contains("sesame"));
        let settings = config(&["redis://[::1]"]).settings().unwrap();
        assert_eq!(settings.addresses[0].to_string(), "[::1]:6379");
    }

    #[test]
    fn what_can_not_be_used_is_named_and_not_repeated() {
        for url in ["sesame", "http://sesame:1", "unix:///sesame", "redis://h/3"] {
            let problem = problem(&config(&[url]));
            assert!(problem.starts_with("redis.urls: "), "{problem}");
            assert!(!problem.contains("sesame"), "{problem}");
        }
        assert!(problem(&config(&[])).starts_with("redis.urls: "));
        assert!(problem(&config(&["redis://a", "redis://b"])).starts_with("redis.urls: "));
        let with_key = |key: &str| RedisConfig {
            key: Secret::new(key.to_owned()),
            ..config(&["redis://h"])
        };
        for key in ["", "sesame"] {
            let problem = problem(&with_key(key));
            assert!(problem.starts_with("redis.key: "), "{problem}");
            assert!(!problem.contains("sesame"), "{problem}");
        }
        let without_tls = RedisConfig {
            ca_file: Some("/nowhere".into()),
            ..config(&["redis://h"])
        };
        assert!(problem(&without_tls).starts_with("redis.ca_file: "));
        let without_file = RedisConfig {
            tls: true,
            ..without_tls
        };
        assert!(problem(&without_file).contains("/nowhere"));
    }

    // What stops a start is told before, and all of it at once.
    #[test]
    fn all_that_can_not_be_used_is_told_before_anything_is_reached() {
        assert_eq!(config(&["redis://h"]).check(), Ok(()));
        let wrong = RedisConfig {
            topology: RedisTopology::Sentinel,
            sentinel_master: String::new(),
            tls: true,
            ca_file: Some("/nowhere".into()),
            key: Secret::new("sesame".to_owned()),
            previous_keys: vec![Secret::new("sesame".to_owned())],
            ..config(&["redis://h"])
        };
        let told = wrong.check().unwrap_err().to_string();
        for key in ["sentinel_master", "ca_file", "key", "previous_keys"] {
            assert!(told.contains(&format!("\n  redis.{key}: ")), "{told}");
        }
        assert!(!told.contains("sesame"), "{told}");
        let nowhere = config(&["http://h"]).check().unwrap_err().to_string();
        assert!(nowhere.starts_with("redis.urls: "), "{nowhere}");
    }

    #[test]
    fn the_section_is_read_from_toml() {
        let text =
            "topology = \"cluster\"\nurls = [\"redis://a:1\", \"redis://b:2\"]\nsettle = \"5s\"\n";
        let config: RedisConfig = toml::from_str(text).unwrap();
        assert_eq!(config.topology, RedisTopology::Cluster);
        assert_eq!(config.settle, HumanDuration::from_secs(5));
        assert!(toml::from_str::<RedisConfig>("url = \"redis://a\"").is_err());
    }
}
