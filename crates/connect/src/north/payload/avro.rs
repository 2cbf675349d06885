//! Avro (specification 1.12): one record a sample, in single-object encoding, so that each message names its schema.
//!
//! ```text
//! C3 01 | fingerprint of the schema, CRC-64-AVRO, 8 bytes little-endian | the record
//! ```

use super::render::Sample;
use model::{Declaration, Value};
use serde_json::Value as Json;
use std::sync::LazyLock;

/// The schema of a record, as it is published.
pub(super) const SCHEMA: &str = include_str!("sample.avsc");
/// Begins every message ("Single object encoding specification").
const MARK: [u8; 2] = [0xC3, 0x01];
/// Bytes of [`SCHEMA`]'s fixed type for whole numbers that a `long` cannot hold.
const WIDE: usize = 9;

/// Mark and fingerprint.
static HEAD: LazyLock<[u8; 10]> = LazyLock::new(|| {
    let mut head = [0; 10];
    let all = MARK.into_iter().chain(fingerprint(SCHEMA).to_le_bytes());
    head.iter_mut().zip(all).for_each(|(to, from)| *to = from);
    head
});

/// The fingerprint of [`SCHEMA`] as it stands in messages, in hexadecimal.
pub(super) fn head() -> String {
    HEAD.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One sample.
pub(super) fn sample(out: &mut Vec<u8>, sample: &Sample<'_>, point: &Declaration) {
    out.extend_from_slice(&*HEAD);
    bytes(out, point.path.as_str().as_bytes());
    long(out, sample.time.0);
    long(out, sample.position.as_i64());
    value(out, sample.value);
    bytes(out, sample.status.name().as_bytes());
    long(out, i64::from(sample.status.0));
    bytes(out, point.unit.as_bytes());
    out.push(u8::from(sample.historical));
}

/// A branch of the union, then the value.
fn value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::None => long(out, 0),
        Value::Bool(flag) => {
            long(out, 1);
            out.push(u8::from(*flag));
        }
        Value::I64(number) => {
            long(out, 2);
            long(out, *number);
        }
        Value::U64(number) => match i64::try_from(*number) {
            Ok(small) => {
                long(out, 2);
                long(out, small);
            }
            Err(_) => {
                long(out, 6);
                out.resize(out.len() + WIDE - size_of::<u64>(), 0);
                out.extend_from_slice(&number.to_be_bytes());
            }
        },
        Value::F64(number) => {
            long(out, 3);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Text(text) => {
            long(out, 4);
            bytes(out, text.as_bytes());
        }
        Value::Bytes(all) => {
            long(out, 5);
            bytes(out, all);
        }
    }
}

/// Zig-zag, seven bits a byte, the lowest first.
fn long(out: &mut Vec<u8>, number: i64) {
    let zigzag = (number << 1) ^ (number >> 63);
    prost::encoding::encode_varint(zigzag.cast_unsigned(), out);
}

/// Texts and bytes: length, content.
fn bytes(out: &mut Vec<u8>, content: &[u8]) {
    long(out, i64::try_from(content.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(content);
}

/// CRC-64-AVRO ("Schema fingerprints") of a schema's canonical form.
fn fingerprint(schema: &str) -> u64 {
    const EMPTY: u64 = 0xC15D_213A_A4D7_A795;
    let mut text = String::new();
    canonical(&mut text, &serde_json::from_str(schema).unwrap_or_default());
    text.bytes().fold(EMPTY, |crc, byte| {
        let mut low = (crc ^ u64::from(byte)) & 0xFF;
        for _ in 0..8 {
            low = (low >> 1) ^ (EMPTY & 0_u64.wrapping_sub(low & 1));
        }
        (crc >> 8) ^ low
    })
}

/// The parsing canonical form of a schema whose names are whole: nothing but what a reader needs, in one order.
fn canonical(out: &mut String, schema: &Json) {
    const KEYS: [&str; 7] = ["name", "type", "fields", "symbols", "items", "values", "size"];
    match schema {
        Json::Object(keys) => {
            let kept: Vec<_> = KEYS.iter().filter_map(|key| Some((key, keys.get(*key)?))).collect();
            if let [(_, Json::String(_))] = kept.as_slice() {
                kept.iter().for_each(|(_, only)| canonical(out, only));
                return;
            }
            out.push('{');
            for (n, (key, value)) in kept.into_iter().enumerate() {
                out.push_str(if n == 0 { "\"" } else { ",\"" });
                out.push_str(key);
                out.push_str("\":");
                canonical(out, value);
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                canonical(out, item);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Path, Position, Status, Time, ValueType};

    /// The fingerprints of the specification's own test data (`schema-tests.txt`: `"null"`, `"int"`).
    #[test]
    fn fingerprints_are_those_of_the_specification() {
        for (schema, expected) in
            [("\"null\"", 7_195_948_357_588_979_594), ("\"int\"", 8_247_732_601_305_521_295_u64)]
        {
            assert_eq!(fingerprint(schema), expected, "{schema}");
            assert_eq!(fingerprint(&format!("{{\"type\":{schema},\"doc\":\"x\"}}")), expected);
        }
    }

    #[test]
    fn a_record_is_as_the_specification_says() {
        let mut point = Declaration::new(Path::new("a/b").unwrap(), ValueType::U64);
        point.unit = "kg".into();
        let of = |value: Value| {
            let sample = Sample {
                value: &value,
                status: Status::GOOD,
                time: Time(-1),
                position: Position(64),
                historical: true,
            };
            let mut out = Vec::new();
            super::sample(&mut out, &sample, &point);
            let (head, record) = out.split_at(10);
            assert_eq!(head, *HEAD);
            let before = b"\x06a/b\x01\x80\x01";
            let behind = b"\x08Good\x00\x04kg\x01";
            record.strip_prefix(before).unwrap().strip_suffix(behind).unwrap().to_vec()
        };
        let wide = [12, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        for (value, expected) in [
            (Value::None, &[0][..]),
            (Value::Bool(true), &[2, 1]),
            (Value::I64(-2), &[4, 3]),
            (Value::U64(300), &[4, 0xD8, 0x04]),
            (Value::U64(u64::MAX), &wide),
            (Value::F64(1.5), &[6, 0, 0, 0, 0, 0, 0, 0xF8, 0x3F]),
            (Value::from("\u{e9}"), &[8, 4, 0xC3, 0xA9]),
            (Value::Bytes(vec![7].into()), &[10, 2, 7]),
        ] {
            assert_eq!(of(value.clone()), expected, "{value:?}");
        }
    }
}
