//! Protocol Buffers: one message a sample, as `sample.proto` says.

use super::render::Sample;
use model::{Declaration, Value};
use prost::encoding::{WireType, encode_key, encode_varint};

/// The messages, as they are published.
pub(super) const SCHEMA: &str = include_str!("sample.proto");

/// One sample. Fields of a `oneof` are written whatever they hold, others where they are not empty.
pub(super) fn sample(out: &mut Vec<u8>, sample: &Sample<'_>, point: &Declaration) {
    text(out, 1, point.path.as_str());
    fixed(out, 2, &sample.time.0.to_le_bytes());
    number(out, 3, sample.position.0);
    match sample.value {
        Value::None => {}
        Value::Bool(flag) => number(out, 4, u64::from(*flag)),
        Value::I64(value) => number(out, 5, ((value << 1) ^ (value >> 63)).cast_unsigned()),
        Value::U64(value) => number(out, 6, *value),
        Value::F64(value) => fixed(out, 7, &value.to_le_bytes()),
        Value::Text(value) => bytes(out, 8, value.as_bytes()),
        Value::Bytes(value) => bytes(out, 9, value),
    }
    text(out, 10, sample.status.name());
    encode_key(11, WireType::ThirtyTwoBit, out);
    out.extend_from_slice(&sample.status.0.to_le_bytes());
    text(out, 12, &point.unit);
    if sample.historical {
        number(out, 13, 1);
    }
}

fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(value, out);
}

fn fixed(out: &mut Vec<u8>, field: u32, value: &[u8; 8]) {
    encode_key(field, WireType::SixtyFourBit, out);
    out.extend_from_slice(value);
}

fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn text(out: &mut Vec<u8>, field: u32, value: &str) {
    if !value.is_empty() {
        bytes(out, field, value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Path, Position, Status, Time, ValueType};
    use prost::Message as _;

    /// `sample.proto` once more, by another encoder.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Told {
        #[prost(string, tag = "1")]
        path: String,
        #[prost(sfixed64, tag = "2")]
        time: i64,
        #[prost(uint64, tag = "3")]
        seq: u64,
        #[prost(oneof = "Which", tags = "4, 5, 6, 7, 8, 9")]
        value: Option<Which>,
        #[prost(string, tag = "10")]
        quality: String,
        #[prost(fixed32, tag = "11")]
        status: u32,
        #[prost(string, tag = "12")]
        unit: String,
        #[prost(bool, tag = "13")]
        historical: bool,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    enum Which {
        #[prost(bool, tag = "4")]
        Flag(bool),
        #[prost(sint64, tag = "5")]
        Whole(i64),
        #[prost(uint64, tag = "6")]
        Unsigned(u64),
        #[prost(double, tag = "7")]
        Double(f64),
        #[prost(string, tag = "8")]
        Text(String),
        #[prost(bytes = "vec", tag = "9")]
        Bytes(Vec<u8>),
    }

    #[test]
    fn another_decoder_reads_every_kind_of_value() {
        let mut point = Declaration::new(Path::new("a/b").unwrap(), ValueType::F64);
        point.unit = "kg".into();
        for (value, expected) in [
            (Value::None, None),
            (Value::Bool(false), Some(Which::Flag(false))),
            (Value::I64(i64::MIN), Some(Which::Whole(i64::MIN))),
            (Value::U64(u64::MAX), Some(Which::Unsigned(u64::MAX))),
            (Value::F64(0.0), Some(Which::Double(0.0))),
            (Value::from(""), Some(Which::Text(String::new()))),
            (Value::Bytes(vec![7].into()), Some(Which::Bytes(vec![7]))),
        ] {
            let status = Status::BAD_SENSOR_FAILURE;
            let given =
                Sample { value: &value, status, time: Time(-1), position: Position(64), historical: true };
            let mut out = Vec::new();
            sample(&mut out, &given, &point);
            let told = Told::decode(out.as_slice()).unwrap();
            let expected = Told {
                path: "a/b".into(),
                time: -1,
                seq: 64,
                value: expected,
                quality: "BadSensorFailure".into(),
                status: status.0,
                unit: "kg".into(),
                historical: true,
            };
            assert_eq!(told, expected);
        }
    }
}
