//! Types: from what a device answers to values and back. Pure.

use super::moment;
use crate::south::tags::{Precision, Scaling, agrees, to_bool, to_double, to_single, to_whole};
use model::{Status, Value, ValueType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::bacnet::Value as Wire;
use wire::bacnet::table::property;

/// What a property holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// True or false.
    Bool,
    /// An enumeration of inactive and active: false and true.
    Binary,
    /// Whole number from 0.
    Unsigned,
    /// Whole number.
    Signed,
    /// One of an enumeration.
    Enumerated,
    /// IEEE 754 single.
    Real,
    /// IEEE 754 double.
    Double,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// Bits as a text, the first is bit 0: "0100".
    Bits,
    /// A date as a text: 2026-11-22; * stands for any.
    Date,
    /// A time of day as a text: 17:35:45.17.
    Time,
    /// A date and a time as a text: 2026-11-22T17:35:45.17.
    DateTime,
    /// An object as a text: "analog-input 1".
    Object,
}

impl Type {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Binary => "binary",
            Self::Unsigned => "unsigned",
            Self::Signed => "signed",
            Self::Enumerated => "enumerated",
            Self::Real => "real",
            Self::Double => "double",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Bits => "bits",
            Self::Date => "date",
            Self::Time => "time",
            Self::DateTime => "datetime",
            Self::Object => "object",
        }
    }

    /// The type of its values.
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Bool | Self::Binary => ValueType::Bool,
            Self::Unsigned | Self::Enumerated => ValueType::U64,
            Self::Signed => ValueType::I64,
            Self::Real | Self::Double => ValueType::F64,
            Self::Bytes => ValueType::Bytes,
            Self::Text | Self::Bits | Self::Date | Self::Time | Self::DateTime | Self::Object => {
                ValueType::Text
            }
        }
    }

    /// What a property of an object holds, as far as the standard says (12).
    pub const fn of(object: u16, number: u32) -> Option<Self> {
        Some(match number {
            property::PRESENT_VALUE | property::RELINQUISH_DEFAULT | property::PRIORITY_ARRAY => {
                return Self::of_value(object);
            }
            // alarm-value, high and low limits, their like
            property::MAX_PRES_VALUE | property::MIN_PRES_VALUE | 22 | 25 | 45 | 59 | 61 | 68 | 106 | 108 => {
                match object {
                    46 => Self::Double,
                    45 => Self::Signed,
                    23 | 48 => Self::Unsigned,
                    _ => Self::Real,
                }
            }
            6 | 40 if object >= 3 && object <= 5 => Self::Binary,
            // change-of-state-count, elapsed-active-time, max-apdu, minimum off and on, number of states, versions ...
            15 | 33 | 62 | 66 | 67 | 74 | 98 | 118 | 120 | 139 | 141 | 155 => Self::Unsigned,
            24 | 81 | 133 => Self::Bool,
            4 | 12 | 28 | 44 | 46 | 58 | 70 | 77 | 110 | 121 | 168 | 372 => Self::Text,
            36 | 79 | 84 | 103 | 107 | 112 | 117 | 158 | 164 => Self::Enumerated,
            56 => Self::Date,
            57 => Self::Time,
            75 => Self::Object,
            0 | 97 | 111 => Self::Bits,
            119 => Self::Signed,
            379 => Self::Real,
            _ => return None,
        })
    }

    const fn of_value(object: u16) -> Option<Self> {
        Some(match object {
            0..=2 | 12 | 24 | 54 => Self::Real,
            3..=5 => Self::Binary,
            7 | 13 | 14 | 19 | 23 | 48 => Self::Unsigned,
            21 | 22 | 28 | 30 | 55 => Self::Enumerated,
            6 => Self::Bool,
            39 => Self::Bits,
            40 => Self::Text,
            41 | 42 => Self::Date,
            43 | 44 => Self::DateTime,
            45 => Self::Signed,
            46 => Self::Double,
            47 => Self::Bytes,
            49 | 50 => Self::Time,
            _ => return None,
        })
    }
}

/// How one tag's values travel.
#[derive(Clone, Debug)]
pub(super) struct Codec {
    pub(super) kind: Type,
    pub(super) scaling: Option<Box<Scaling>>,
}

impl Codec {
    /// The value that a device gave. A reading that is none (NULL, not a number) is BadNoData, another type than the
    /// tag's BadTypeMismatch.
    pub(super) fn decode(&self, wire: &[Wire]) -> (Value, Status) {
        let [one] = wire else {
            return match (self.kind, wire) {
                (Type::DateTime, [Wire::Date(date), Wire::Time(time)]) => {
                    let text = format!("{}T{}", moment::date(*date), moment::time(*time));
                    (Value::Text(text.into()), Status::GOOD)
                }
                (_, []) => (Value::None, Status::BAD_NO_DATA),
                _ => (Value::None, Status::BAD_TYPE_MISMATCH),
            };
        };
        if matches!(one, Wire::Null) {
            return (Value::None, Status::BAD_NO_DATA);
        }
        match self.raw(one) {
            Some(Value::F64(number)) if !number.is_finite() => (Value::None, Status::BAD_NO_DATA),
            Some(value) => match &self.scaling {
                Some(scaling) => scaling.apply(value),
                None => (value, Status::GOOD),
            },
            None if matches!(one, Wire::Raw(_)) => (Value::None, Status::BAD_DECODING_ERROR),
            None => (Value::None, Status::BAD_TYPE_MISMATCH),
        }
    }

    /// A number fits a wider type of number, nothing else fits another.
    fn raw(&self, wire: &Wire) -> Option<Value> {
        let text = |text: String| Some(Value::Text(text.into()));
        match (self.kind, wire) {
            (Type::Bool, Wire::Boolean(value)) => Some(Value::Bool(*value)),
            (Type::Bool | Type::Binary, Wire::Enumerated(value @ 0..=1)) => Some(Value::Bool(*value == 1)),
            (Type::Unsigned | Type::Enumerated, Wire::Unsigned(value)) => Some(Value::U64(*value)),
            (Type::Unsigned | Type::Enumerated, Wire::Enumerated(value)) => Some(Value::U64((*value).into())),
            (Type::Signed, Wire::Signed(value)) => Some(Value::I64(*value)),
            (Type::Signed, Wire::Unsigned(value)) => i64::try_from(*value).ok().map(Value::I64),
            (Type::Real | Type::Double, Wire::Real(value)) => Some(Value::F64((*value).into())),
            (Type::Real | Type::Double, Wire::Double(value)) => Some(Value::F64(*value)),
            (Type::Real | Type::Double, Wire::Unsigned(value)) => Some(Value::F64(*value as f64)),
            (Type::Real | Type::Double, Wire::Signed(value)) => Some(Value::F64(*value as f64)),
            (Type::Text, Wire::Text(value)) => text(value.clone()),
            (Type::Bytes, Wire::Octets(bytes)) => Some(Value::Bytes(bytes.as_slice().into())),
            (Type::Bits, Wire::Bits(bits)) => {
                text(bits.iter().map(|bit| if *bit { '1' } else { '0' }).collect())
            }
            (Type::Date, Wire::Date(date)) => text(moment::date(*date)),
            (Type::Time, Wire::Time(time)) => text(moment::time(*time)),
            (Type::Object, Wire::Object(object)) => text(super::object::object_words(*object)),
            _ => None,
        }
    }

    /// What is written for a value.
    ///
    /// # Errors
    /// Why the type cannot hold it.
    pub(super) fn encode(&self, value: &Value) -> Result<Vec<Wire>, String> {
        let scaling = self.scaling.as_deref();
        let whole = |low: i128, high: i128| to_whole(value, scaling, low..=high, self.kind.name());
        let text = || value.as_text().ok_or_else(|| format!("{value} is no text"));
        let one = match self.kind {
            Type::Bool => Wire::Boolean(to_bool(value)?),
            Type::Binary => Wire::Enumerated(to_bool(value)?.into()),
            Type::Unsigned => Wire::Unsigned(whole(0, u32::MAX.into())? as u64),
            Type::Enumerated => Wire::Enumerated(whole(0, u32::MAX.into())? as u32),
            Type::Signed => Wire::Signed(whole(i32::MIN.into(), i32::MAX.into())? as i64),
            Type::Real => Wire::Real(to_single(value, scaling)?),
            Type::Double => Wire::Double(to_double(value, scaling)?),
            Type::Text => Wire::Text(text()?.to_owned()),
            Type::Bytes => match value {
                Value::Bytes(bytes) => Wire::Octets(bytes.to_vec()),
                other => return Err(format!("{other} are no bytes")),
            },
            Type::Bits => {
                let bit = |c| match c {
                    '0' => Ok(false),
                    '1' => Ok(true),
                    _ => Err(format!("{value} is no row of 0 and 1")),
                };
                Wire::Bits(text()?.chars().map(bit).collect::<Result<_, _>>()?)
            }
            Type::Date => Wire::Date(moment::parse_date(text()?)?),
            Type::Time => Wire::Time(moment::parse_time(text()?)?),
            Type::DateTime => {
                let (date, time) = moment::split(text()?)?;
                return Ok(vec![
                    Wire::Date(moment::parse_date(date)?),
                    Wire::Time(moment::parse_time(time)?),
                ]);
            }
            Type::Object => match super::object::parse(&format!("{} object-name", text()?), 0) {
                Ok(address) => Wire::Object(address.object()),
                Err(wrong) => return Err(wrong.message),
            },
        };
        Ok(vec![one])
    }

    /// Whether what was read back is what was written.
    pub(super) fn agrees(&self, written: &Value, read: &Value) -> bool {
        let precision = match self.kind {
            Type::Real => Precision::Single,
            Type::Double => Precision::Double,
            _ => Precision::Whole,
        };
        agrees(written, read, self.scaling.as_deref(), precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::bacnet::ObjectId;

    fn codec(kind: Type) -> Codec {
        Codec { kind, scaling: None }
    }

    #[test]
    fn every_type_both_ways() {
        for (kind, wire, value) in [
            (Type::Bool, Wire::Boolean(true), Value::Bool(true)),
            (Type::Binary, Wire::Enumerated(1), Value::Bool(true)),
            (Type::Unsigned, Wire::Unsigned(7), Value::U64(7)),
            (Type::Signed, Wire::Signed(-7), Value::I64(-7)),
            (Type::Enumerated, Wire::Enumerated(3), Value::U64(3)),
            (Type::Real, Wire::Real(21.5), Value::F64(21.5)),
            (Type::Double, Wire::Double(-0.1), Value::F64(-0.1)),
            (Type::Text, Wire::Text("Lüfter".into()), Value::from("Lüfter")),
            (Type::Bytes, Wire::Octets(vec![0, 255]), Value::Bytes(vec![0, 255].into())),
            (Type::Bits, Wire::Bits(vec![false, true, false]), Value::from("010")),
            (Type::Date, Wire::Date([126, 11, 22, 7]), Value::from("2026-11-22")),
            (Type::Time, Wire::Time([17, 35, 45, 17]), Value::from("17:35:45.17")),
            (Type::Object, Wire::Object(ObjectId::new(0, 12)), Value::from("analog-input 12")),
        ] {
            let codec = codec(kind);
            assert_eq!(codec.decode(std::slice::from_ref(&wire)), (value.clone(), Status::GOOD), "{kind:?}");
            assert_eq!(codec.encode(&value), Ok(vec![wire]), "{kind:?}");
            assert_eq!(value.value_type(), Some(kind.value_type()), "{kind:?}");
            assert!(codec.agrees(&value, &value), "{kind:?}");
        }
        let both = vec![Wire::Date([126, 11, 22, 7]), Wire::Time([6, 5, 4, 3])];
        let value = Value::from("2026-11-22T06:05:04.03");
        assert_eq!(codec(Type::DateTime).decode(&both), (value.clone(), Status::GOOD));
        assert_eq!(codec(Type::DateTime).encode(&value), Ok(both));
    }

    #[test]
    fn what_is_no_value_of_the_type_is_bad_and_never_converted() {
        for (kind, wire, status) in [
            (Type::Real, Wire::Null, Status::BAD_NO_DATA),
            (Type::Real, Wire::Real(f32::NAN), Status::BAD_NO_DATA),
            (Type::Real, Wire::Text("21".into()), Status::BAD_TYPE_MISMATCH),
            (Type::Binary, Wire::Enumerated(2), Status::BAD_TYPE_MISMATCH),
            (Type::Unsigned, Wire::Real(2.0), Status::BAD_TYPE_MISMATCH),
            (Type::Signed, Wire::Unsigned(u64::MAX), Status::BAD_TYPE_MISMATCH),
            (Type::Text, Wire::Raw(vec![0x75, 2, 1, 3]), Status::BAD_DECODING_ERROR),
        ] {
            assert_eq!(codec(kind).decode(std::slice::from_ref(&wire)), (Value::None, status), "{wire:?}");
        }
        assert_eq!(codec(Type::Real).decode(&[]).1, Status::BAD_NO_DATA);
        assert_eq!(
            codec(Type::Real).decode(&[Wire::Real(1.0), Wire::Real(2.0)]).1,
            Status::BAD_TYPE_MISMATCH
        );
        assert!(codec(Type::Unsigned).encode(&Value::F64(1.5)).is_err());
        assert!(codec(Type::Real).encode(&Value::F64(1e39)).is_err());
        assert!(codec(Type::Bits).encode(&Value::from("012")).is_err());
        assert!(codec(Type::Date).encode(&Value::from("2026-02-30")).is_err());
    }
}
