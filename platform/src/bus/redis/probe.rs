//! A private channel on which a connection hears its own probes.

use super::topics::{Channel, channel};
use crate::{
    redis::{Address, Map, slot_of},
    seal::Key,
};

/// A channel that nobody else listens to, held by a given master.
#[derive(Debug)]
pub(super) struct ProbeChannel(Channel);

impl ProbeChannel {
    /// Makes a new one.
    pub(super) fn held_by(master: &Address, map: &Map) -> Result<Self, String> {
        let mut name = [0; 32];
        getrandom::fill(&mut name).map_err(|error| error.to_string())?;
        // Every slot has hundreds of these names, so a channel is found for any master that holds a slot.
        for number in 0..u32::from(u16::MAX) * 16 {
            if let Some(end) = name.last_chunk_mut() {
                *end = number.to_be_bytes();
            }
            let channel = channel(&name);
            if map.master_of(slot_of(channel.as_bytes())) == Some(master) {
                return Ok(Self(channel));
            }
        }
        Err(format!("{master} holds nothing"))
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.0
    }

    /// Seals the probe with a number.
    pub(super) fn seal(&self, key: &Key, number: u64) -> Option<Vec<u8>> {
        key.seal(&self.place(), &number.to_be_bytes()).ok()
    }

    /// Returns the number of a probe. `None` for anything else.
    pub(super) fn open(&self, key: &Key, sealed: &[u8]) -> Option<u64> {
        let number = key.open(&self.place(), sealed)?;
        Some(u64::from_be_bytes(number.try_into().ok()?))
    }

    fn place(&self) -> [&[u8]; 2] {
        [b"probe", self.0.as_bytes()]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use redis::Value;

    use super::*;

    fn address(port: u16) -> Address {
        Address {
            host: "h".to_owned(),
            port,
        }
    }

    #[test]
    fn each_master_has_a_channel_even_of_a_single_slot() {
        let shard = |first, last, port| {
            let node = Value::Array(vec![Value::BulkString("h".into()), Value::Int(port)]);
            Value::Array(vec![Value::Int(first), Value::Int(last), node])
        };
        let answer = Value::Array(vec![shard(0, 0, 1), shard(1, 16_000, 2)]);
        let map = Map::from_cluster_slots(&answer, &address(9)).unwrap();
        for port in [1, 2] {
            let probe = ProbeChannel::held_by(&address(port), &map).unwrap();
            let slot = slot_of(probe.channel().as_bytes());
            assert_eq!(map.master_of(slot), Some(&address(port)));
        }
        assert!(ProbeChannel::held_by(&address(3), &Map::default()).is_err());
    }

    #[test]
    fn a_probe_is_ours_and_of_its_channel() {
        let key = Key::parse(&"01".repeat(32)).unwrap();
        let map = Map::whole(address(1));
        let probe = ProbeChannel::held_by(&address(1), &map).unwrap();
        let other = ProbeChannel::held_by(&address(1), &map).unwrap();
        let sealed = probe.seal(&key, 7).unwrap();
        assert_eq!(probe.open(&key, &sealed), Some(7));
        assert_eq!(other.open(&key, &sealed), None);
    }
}
