//! Which master holds which slots.

use std::{collections::BTreeSet, fmt};

use redis::Value;

/// The number of slots into which a cluster divides keys and channels.
const SLOTS: u16 = 16_384;

/// The address of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Returns the slot of a key or a channel: that of the text in its first braces, if there is any.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let tag = key
        .iter()
        .position(|&byte| byte == b'{')
        .and_then(|open| {
            let rest = key.get(open + 1..)?;
            let length = rest.iter().position(|&byte| byte == b'}')?;
            rest.get(..length).filter(|tag| !tag.is_empty())
        })
        .unwrap_or(key);
    crc16(tag) % SLOTS
}

/// CRC-16/XMODEM, as used by Redis.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        let mut crc = crc ^ (u16::from(byte) << 8);
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
        }
        crc
    })
}

/// The masters and the slots that each holds. Some slots may have no master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map {
    /// First slot, last slot and master of each range.
    ranges: Vec<(u16, u16, Address)>,
    /// Whether pub/sub channels are divided by slots, too.
    pub(crate) sharded: bool,
}

impl Map {
    /// Creates the map of one master that holds everything.
    pub(crate) fn whole(master: Address) -> Self {
        Self {
            ranges: vec![(0, SLOTS - 1, master)],
            sharded: false,
        }
    }

    /// Parses a cluster node's answer to CLUSTER SLOTS. `None` if it is not a valid answer, or no slot has a master.
    pub(crate) fn from_cluster_slots(answer: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(shards) = answer else {
            return None;
        };
        let ranges: Vec<_> = shards
            .iter()
            .map(|shard| range(shard, asked))
            .collect::<Option<_>>()?;
        (!ranges.is_empty()).then_some(Self {
            ranges,
            sharded: true,
        })
    }

    /// Returns the master that holds a slot.
    pub(crate) fn master_of(&self, slot: u16) -> Option<&Address> {
        let range = self
            .ranges
            .iter()
            .find(|(first, last, _)| (*first..=*last).contains(&slot));
        range.map(|(_, _, master)| master)
    }

    /// Returns all masters.
    pub(crate) fn masters(&self) -> BTreeSet<&Address> {
        self.ranges.iter().map(|(_, _, master)| master).collect()
    }
}

fn range(shard: &Value, asked: &Address) -> Option<(u16, u16, Address)> {
    let Value::Array(shard) = shard else {
        return None;
    };
    let number = |value: &Value| match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    };
    let Value::Array(master) = shard.get(2)? else {
        return None;
    };
    let host = match master.first()? {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    // A node that does not know its own name means the host at which it was asked.
    let host = if matches!(host, "" | "?") {
        &asked.host
    } else {
        host
    };
    let address = Address {
        host: host.to_owned(),
        port: number(master.get(1)?)?,
    };
    Some((number(shard.first()?)?, number(shard.get(1)?)?, address))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn address(host: &str, port: u16) -> Address {
        Address {
            host: host.to_owned(),
            port,
        }
    }

    fn shard(first: i64, last: i64, host: &str, port: i64) -> Value {
        let node = vec![
            Value::BulkString(host.into()),
            Value::Int(port),
            Value::BulkString("id".into()),
        ];
        Value::Array(vec![
            Value::Int(first),
            Value::Int(last),
            Value::Array(node),
        ])
    }

    #[test]
    fn slots_are_those_that_redis_computes() {
        // The answers of CLUSTER KEYSLOT.
        for (key, slot) in [
            ("123456789", 12_739),
            ("foo", 12_182),
            ("{foo}.bar", 12_182),
            ("a{foo}b{bar}", 12_182),
            ("{}foo", 9_500),
            ("", 0),
        ] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn a_cluster_says_who_holds_what() {
        let answer = Value::Array(vec![
            shard(0, 100, "10.0.0.1", 1),
            shard(200, 16_383, "", 2),
        ]);
        let map = Map::from_cluster_slots(&answer, &address("asked", 9)).unwrap();
        assert_eq!(map.master_of(100), Some(&address("10.0.0.1", 1)));
        assert_eq!(map.master_of(150), None);
        assert_eq!(map.master_of(16_383), Some(&address("asked", 2)));
        assert_eq!(map.masters().len(), 2);
    }

    #[test]
    fn what_is_no_such_answer_is_no_map() {
        let asked = address("asked", 9);
        for answer in [
            Value::Nil,
            Value::Array(vec![]),
            Value::Array(vec![Value::Int(3)]),
            Value::Array(vec![shard(0, 70_000, "h", 1)]),
            Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(1)])]),
        ] {
            assert_eq!(Map::from_cluster_slots(&answer, &asked), None);
        }
    }

    #[test]
    fn an_address_is_shown_as_one_writes_it() {
        assert_eq!(address("redis", 6379).to_string(), "redis:6379");
        assert_eq!(address("::1", 6379).to_string(), "[::1]:6379");
    }
}
