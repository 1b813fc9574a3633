//! Durations as settings are written: "250ms", "5s", "10m", "2h".

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format!("{}ms", value.as_millis()))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let millis = number
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(unit_ms));
    match millis {
        Some(millis) if unit_ms > 0 => Ok(Duration::from_millis(millis)),
        _ => Err(D::Error::custom(format!(
            "{text:?} is no duration; write for example \"250ms\", \"5s\" or \"10m\""
        ))),
    }
}
