//! A value: one of six types.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest text or byte string that a sample may carry, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// What a point holds. Fixed when it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// True or false.
    Bool,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 64-bit integer.
    U64,
    /// IEEE 754 double.
    F64,
    /// UTF-8 text.
    Text,
    /// Raw bytes.
    Bytes,
}

impl ValueType {
    /// The name used in configuration, API and SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F64 => "f64",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }
}

/// One value. `None` is for a sample that has only a bad quality and never had a value.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Nothing is known. Never stands for zero.
    #[default]
    None,
    /// True or false.
    Bool(bool),
    /// Signed integer.
    I64(i64),
    /// Unsigned integer.
    U64(u64),
    /// Double; NaN and infinities are legal readings of a device and kept.
    F64(f64),
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
}

impl Value {
    /// The type; `None` of [`Value::None`].
    pub const fn value_type(&self) -> Option<ValueType> {
        Some(match self {
            Self::None => return None,
            Self::Bool(_) => ValueType::Bool,
            Self::I64(_) => ValueType::I64,
            Self::U64(_) => ValueType::U64,
            Self::F64(_) => ValueType::F64,
            Self::Text(_) => ValueType::Text,
            Self::Bytes(_) => ValueType::Bytes,
        })
    }

    /// As a double for arithmetic and charts: booleans are 0 and 1; text and bytes have none.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Bool(v) => Some(f64::from(u8::from(v))),
            Self::I64(v) => Some(v as f64),
            Self::U64(v) => Some(v as f64),
            Self::F64(v) => Some(v),
            _ => None,
        }
    }

    /// As an integer without loss: booleans, integers, and doubles that are whole.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Bool(v) => Some(i64::from(v)),
            Self::I64(v) => Some(v),
            Self::U64(v) => i64::try_from(v).ok(),
            Self::F64(v) if v.fract() == 0.0 && v.abs() <= 9_007_199_254_740_992.0 => Some(v as i64),
            _ => None,
        }
    }

    /// Text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(v) => Some(v),
            _ => None,
        }
    }

    /// Same type and same bits: unlike `==`, a NaN is the same as itself and `0.0` differs from `-0.0`.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::F64(a), Self::F64(b)) => a.to_bits() == b.to_bits(),
            _ => self == other,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::I64(v) => write!(f, "{v}i"),
            Self::U64(v) => write!(f, "{v}u"),
            Self::F64(v) => write!(f, "{v:?}"),
            Self::Text(v) => write!(f, "{v:?}"),
            Self::Bytes(v) => write!(f, "0x{}", hex(v)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Bool(v) => write!(f, "{v}"),
            Self::I64(v) => write!(f, "{v}"),
            Self::U64(v) => write!(f, "{v}"),
            Self::F64(v) => write!(f, "{v}"),
            Self::Text(v) => f.write_str(v),
            Self::Bytes(v) => f.write_str(&hex(v)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}
impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::I64(v)
    }
}
impl From<u64> for Value {
    fn from(v: u64) -> Self {
        Self::U64(v)
    }
}
impl From<f64> for Value {
    fn from(v: f64) -> Self {
        Self::F64(v)
    }
}
impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn sameness_is_bitwise() {
        assert!(Value::F64(f64::NAN).same(&Value::F64(f64::NAN)));
        assert!(!Value::F64(0.0).same(&Value::F64(-0.0)));
        assert!(!Value::I64(1).same(&Value::U64(1)));
    }

    #[test]
    fn integers_only_without_loss() {
        assert_eq!(Value::F64(2.5).as_i64(), None);
        assert_eq!(Value::U64(u64::MAX).as_i64(), None);
        assert_eq!(Value::F64(-3.0).as_i64(), Some(-3));
    }
}
