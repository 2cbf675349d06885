//! Types that configuration of every kind uses.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// A length of time as people write it: `250ms`, `1s`, `1.5s`, `10min`, `2h`, `90d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Period(pub Duration);

const UNITS: &[(&str, f64)] =
    &[("ms", 1e-3), ("us", 1e-6), ("min", 60.0), ("s", 1.0), ("h", 3600.0), ("d", 86_400.0)];

impl Period {
    /// From milliseconds.
    pub const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// Reads the text; `None` if it is not a number with one of the units.
    pub fn parse(text: &str) -> Option<Self> {
        let split = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at_checked(split)?;
        let number: f64 = number.trim().parse().ok()?;
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
        Duration::try_from_secs_f64(number * scale).ok().map(Self)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            _ if !self.0.subsec_nanos().is_multiple_of(1_000_000) => write!(f, "{}us", self.0.as_micros()),
            0 => f.write_str("0s"),
            _ if ms.is_multiple_of(86_400_000) => write!(f, "{}d", ms / 86_400_000),
            _ if ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(60_000) => write!(f, "{}min", ms / 60_000),
            _ if ms.is_multiple_of(1000) => write!(f, "{}s", ms / 1000),
            _ => write!(f, "{ms}ms"),
        }
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no length of time; write it like \"250ms\", \"1s\", \"10min\""
            ))
        })
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "period", "description": "a length of time like \"250ms\", \"1s\", \"10min\", \"2h\", \"90d\"" })
    }
}

/// The name of a secret in the secret store: `{ secret = "hq-db" }`. Literals are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// Name given to `ironbridge secret set NAME`.
    pub secret: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for (text, ms, shown) in [
            ("250ms", 250, "250ms"),
            ("1s", 1000, "1s"),
            ("1.5s", 1500, "1500ms"),
            ("2 h", 7_200_000, "2h"),
            ("10min", 600_000, "10min"),
        ] {
            let period = Period::parse(text).unwrap();
            assert_eq!(period, Period::millis(ms));
            assert_eq!(period.to_string(), shown);
        }
        for bad in ["", "5", "s", "-1s", "1 week", "1e400s", "nans"] {
            assert_eq!(Period::parse(bad), None, "{bad}");
        }
    }
}
