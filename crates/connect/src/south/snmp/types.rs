//! Types: from what an agent answers to values and back. Pure.

use crate::south::tags::{Precision, Scaling, agrees, to_bool, to_double, to_whole};
use async_snmp::{Oid, Value as Wire};
use model::{Status, Value, ValueType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// What an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// TruthValue: 1 is true, 2 is false (RFC 2579).
    Bool,
    /// INTEGER, Integer32, enumerations.
    Integer,
    /// Gauge32, Unsigned32.
    Unsigned,
    /// Counter32 or Counter64: always a 64-bit number here; it wraps where the device's wraps.
    Counter,
    /// TimeTicks: hundredths of a second.
    Ticks,
    /// A float (Opaque), or a number that the device sends as text.
    Float,
    /// OCTET STRING as text.
    Text,
    /// OCTET STRING as bytes.
    Bytes,
    /// A physical address, as text.
    Mac,
    /// IpAddress, as text.
    Ip,
    /// OBJECT IDENTIFIER, as text.
    Oid,
}

impl Type {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Unsigned => "unsigned",
            Self::Counter => "counter",
            Self::Ticks => "ticks",
            Self::Float => "float",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Mac => "mac",
            Self::Ip => "ip",
            Self::Oid => "oid",
        }
    }

    /// The type of its values.
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Bool => ValueType::Bool,
            Self::Integer => ValueType::I64,
            Self::Unsigned | Self::Counter | Self::Ticks => ValueType::U64,
            Self::Float => ValueType::F64,
            Self::Text | Self::Mac | Self::Ip | Self::Oid => ValueType::Text,
            Self::Bytes => ValueType::Bytes,
        }
    }

    /// Whether a SET makes sense. Counters are counted, and a float has no one form on the wire.
    pub const fn is_writable(self) -> bool {
        !matches!(self, Self::Counter | Self::Float)
    }

    /// The value that an agent sent.
    ///
    /// # Errors
    /// What it sent instead, in words.
    pub fn decode(self, wire: &Wire, scaling: Option<&Scaling>) -> Result<(Value, Status), String> {
        let other = || format!("the device answers with {}, not with {}", words(wire), self.name());
        let value = match self {
            Self::Bool => Value::Bool(wire.as_truth_value().ok_or_else(other)?),
            Self::Integer => {
                Value::I64(wire.as_i32().map(i64::from).or_else(|| wide(wire)).ok_or_else(other)?)
            }
            Self::Unsigned | Self::Counter | Self::Ticks => Value::U64(unsigned(wire).ok_or_else(other)?),
            Self::Float => Value::F64(float(wire).ok_or_else(other)?),
            Self::Text => Value::Text(text(octets(wire).ok_or_else(other)?).into()),
            Self::Bytes => Value::Bytes(octets(wire).ok_or_else(other)?.into()),
            Self::Mac => {
                let pairs: Vec<String> =
                    octets(wire).ok_or_else(other)?.iter().map(|byte| format!("{byte:02x}")).collect();
                Value::Text(pairs.join(":").into())
            }
            Self::Ip => Value::Text(wire.as_ip().ok_or_else(other)?.to_string().into()),
            Self::Oid => Value::Text(wire.as_oid().ok_or_else(other)?.to_string().into()),
        };
        Ok(match scaling {
            Some(scaling) => scaling.apply(value),
            None => (value, Status::GOOD),
        })
    }

    /// What a SET carries for `value`.
    ///
    /// # Errors
    /// Why the type cannot hold it.
    pub fn encode(self, value: &Value, scaling: Option<&Scaling>) -> Result<Wire, String> {
        let whole = |low: i128, high: i128| to_whole(value, scaling, low..=high, self.name());
        let text = || value.as_text().ok_or_else(|| format!("{value} is no text"));
        Ok(match self {
            Self::Bool => Wire::Integer(if to_bool(value)? { 1 } else { 2 }),
            Self::Integer => Wire::Integer(whole(i32::MIN.into(), i32::MAX.into())? as i32),
            Self::Unsigned => Wire::Gauge32(whole(0, u32::MAX.into())? as u32),
            Self::Ticks => Wire::TimeTicks(whole(0, u32::MAX.into())? as u32),
            Self::Counter => Wire::Counter64(whole(0, u64::MAX.into())? as u64),
            Self::Float => Wire::OctetString(to_double(value, scaling)?.to_string().into_bytes().into()),
            Self::Text => Wire::OctetString(text()?.as_bytes().to_vec().into()),
            Self::Bytes => match value {
                Value::Bytes(bytes) => Wire::OctetString(bytes.to_vec().into()),
                other => return Err(format!("{other} are no bytes")),
            },
            Self::Mac => {
                let bytes: Result<Vec<u8>, _> =
                    text()?.split([':', '-']).map(|pair| u8::from_str_radix(pair, 16)).collect();
                Wire::OctetString(bytes.map_err(|_| format!("{value} is no physical address"))?.into())
            }
            Self::Ip => {
                let address =
                    text()?.parse::<Ipv4Addr>().map_err(|_| format!("{value} is no IPv4 address"))?;
                Wire::IpAddress(address.octets())
            }
            Self::Oid => Wire::ObjectIdentifier(
                Oid::parse(text()?).map_err(|_| format!("{value} is no object identifier"))?,
            ),
        })
    }

    /// Whether what was read back is what was written.
    pub fn agrees(self, written: &Value, read: &Value, scaling: Option<&Scaling>) -> bool {
        agrees(written, read, scaling, Precision::Whole)
    }
}

/// Whole numbers that some agents send in another whole type.
fn wide(wire: &Wire) -> Option<i64> {
    unsigned(wire).and_then(|number| i64::try_from(number).ok())
}

fn unsigned(wire: &Wire) -> Option<u64> {
    match wire {
        Wire::Integer(number) => u64::try_from(*number).ok(),
        Wire::Counter32(n) | Wire::Gauge32(n) | Wire::UInteger32(n) | Wire::TimeTicks(n) => Some((*n).into()),
        Wire::Counter64(number) => Some(*number),
        other => other.as_opaque_counter64().or_else(|| other.as_opaque_u64()),
    }
}

fn float(wire: &Wire) -> Option<f64> {
    let opaque = || wire.as_opaque_float().map(f64::from).or_else(|| wire.as_opaque_double());
    let number = || wire.as_i32().map(f64::from).or_else(|| unsigned(wire).map(|number| number as f64));
    let written = || text(octets(wire)?).trim().parse::<f64>().ok().filter(|number| number.is_finite());
    opaque().or_else(number).or_else(written)
}

fn octets(wire: &Wire) -> Option<&[u8]> {
    match wire {
        Wire::OctetString(bytes) | Wire::Nsap(bytes) => Some(bytes),
        _ => None,
    }
}

/// What is not UTF-8 is an older device's Latin-1; what follows a NUL is not text.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end).unwrap_or_default().to_vec();
    String::from_utf8(bytes).unwrap_or_else(|wrong| wrong.into_bytes().into_iter().map(char::from).collect())
}

fn words(wire: &Wire) -> &'static str {
    match wire {
        Wire::Integer(_) => "an integer",
        Wire::OctetString(_) => "a text or bytes",
        Wire::Null => "nothing",
        Wire::ObjectIdentifier(_) => "an object identifier",
        Wire::IpAddress(_) => "an address",
        Wire::Counter32(_) | Wire::Counter64(_) => "a counter",
        Wire::Gauge32(_) | Wire::UInteger32(_) => "an unsigned number",
        Wire::TimeTicks(_) => "a time",
        Wire::Opaque(_) => "something opaque",
        _ => "an unknown type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::tags::Linear;
    use crate::south::testing::a_million;
    use async_snmp::DecodeConfig;
    use async_snmp::message::Message;

    /// Tag, length, content (X.690).
    fn tlv(tag: u8, content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        let length = u8::try_from(content.len()).unwrap();
        let head: &[u8] = if length < 0x80 { &[tag, length] } else { &[tag, 0x81, length] };
        [head, content.as_slice()].concat()
    }

    fn answer(pdu: u8) -> Vec<u8> {
        const OID: [u8; 10] = [6, 8, 0x2B, 6, 1, 2, 1, 1, 3, 0];
        let values: [&[u8]; 6] = [
            &[2, 1, 0xF9],
            &[4, 5, b'L', b'a', b'g', b'e', b'r'],
            &[0x46, 4, 0x7F, 0, 0, 1],
            &[0x43, 2, 0x12, 0x67],
            &[0x40, 4, 10, 20, 1, 9],
            &[0x80, 0],
        ];
        let binds: Vec<Vec<u8>> = values.iter().map(|value| tlv(0x30, &[&OID, value])).collect();
        let binds = tlv(0x30, &binds.iter().map(Vec::as_slice).collect::<Vec<_>>());
        tlv(pdu, &[&[2, 1, 7, 2, 1, 0, 2, 1, 0], &binds])
    }

    /// What agents send, as the library decodes it: a value of the point's type, bad, or told in words.
    #[test]
    fn a_million_hostile_messages() {
        const ALL: [Type; 11] = [
            Type::Bool,
            Type::Integer,
            Type::Unsigned,
            Type::Counter,
            Type::Ticks,
            Type::Float,
            Type::Text,
            Type::Bytes,
            Type::Mac,
            Type::Ip,
            Type::Oid,
        ];
        let community = |pdu| tlv(0x30, &[&[2, 1, 1, 4, 6], b"public", &answer(pdu)]);
        // Version 3 without authentication: engine, boots, time, user.
        let head = tlv(0x30, &[&[2, 1, 9, 2, 2, 0x05, 0xDC, 4, 1, 0, 2, 1, 3]]);
        let user = tlv(0x30, &[&[4, 5, 0x80, 0, 0, 0, 1, 2, 1, 3, 2, 1, 9, 4, 4], b"demo", &[4, 0, 4, 0]]);
        let scoped = tlv(0x30, &[&[4, 5, 0x80, 0, 0, 0, 1, 4, 0], &answer(0xA2)]);
        let secured = tlv(0x30, &[&[2, 1, 3], &head, &tlv(4, &[&user]), &scoped]);
        let sound = [community(0xA2), community(0xA7), secured];
        for bytes in &sound {
            assert!(Message::decode(bytes.clone().into(), DecodeConfig::default()).is_ok(), "{bytes:02x?}");
        }
        a_million(0x5A1, &sound.each_ref().map(Vec::as_slice), |bytes, choice| {
            let Ok(message) = Message::decode(bytes.to_vec().into(), DecodeConfig::default()) else {
                return false;
            };
            let kind = ALL[choice as usize % ALL.len()];
            let mut read = 0;
            for bind in message.value.pdu().into_iter().flat_map(|pdu| pdu.varbinds().iter()) {
                match kind.decode(&bind.value, None) {
                    Ok((value, status)) => {
                        let fits = value.value_type() == Some(kind.value_type());
                        assert!(fits && !status.is_bad(), "{:?} as {kind:?}: {value:?}", bind.value);
                        read += 1;
                    }
                    Err(why) => assert!(!why.is_empty()),
                }
            }
            read > 0
        });
    }

    #[test]
    fn every_type_both_ways() {
        for (kind, wire, value) in [
            (Type::Bool, Wire::Integer(2), Value::Bool(false)),
            (Type::Integer, Wire::Integer(-7), Value::I64(-7)),
            (Type::Unsigned, Wire::Gauge32(u32::MAX), Value::U64(u32::MAX.into())),
            (Type::Counter, Wire::Counter64(u64::MAX), Value::U64(u64::MAX)),
            (Type::Ticks, Wire::TimeTicks(4_711), Value::U64(4_711)),
            (Type::Text, Wire::OctetString("Füller".as_bytes().to_vec().into()), Value::from("Füller")),
            (Type::Bytes, Wire::OctetString(vec![0, 255].into()), Value::Bytes(vec![0, 255].into())),
            (
                Type::Mac,
                Wire::OctetString(vec![0, 27, 31, 1, 2, 255].into()),
                Value::from("00:1b:1f:01:02:ff"),
            ),
            (Type::Ip, Wire::IpAddress([10, 20, 1, 2]), Value::from("10.20.1.2")),
            (Type::Oid, Wire::ObjectIdentifier(Oid::new([1, 3, 6, 1])), Value::from("1.3.6.1")),
            (Type::Float, Wire::OctetString(b"23.5".to_vec().into()), Value::F64(23.5)),
        ] {
            assert_eq!(kind.decode(&wire, None), Ok((value.clone(), Status::GOOD)), "{kind:?}");
            assert_eq!(kind.encode(&value, None).unwrap(), wire, "{kind:?}");
            assert_eq!(value.value_type(), Some(kind.value_type()), "{kind:?}");
        }
        assert_eq!(Type::Counter.decode(&Wire::Counter32(7), None).unwrap().0, Value::U64(7));
        // Net-SNMP's float: 9F 78, length, IEEE 754 single.
        let opaque = Wire::Opaque(vec![0x9F, 0x78, 4, 0x3F, 0xC0, 0, 0].into());
        assert_eq!(Type::Float.decode(&opaque, None).unwrap().0, Value::F64(1.5));
        assert_eq!(
            Type::Text.decode(&Wire::OctetString(b"B\xE4r\0x".to_vec().into()), None).unwrap().0,
            Value::from("Bär")
        );
    }

    #[test]
    fn another_type_is_told_and_never_converted() {
        let why = Type::Integer.decode(&Wire::OctetString(b"7".to_vec().into()), None).unwrap_err();
        assert_eq!(why, "the device answers with a text or bytes, not with integer");
        assert!(Type::Counter.decode(&Wire::Integer(-1), None).is_err());
        assert!(Type::Bool.decode(&Wire::Integer(3), None).is_err());
        assert!(Type::Float.decode(&Wire::OctetString(b"n/a".to_vec().into()), None).is_err());
    }

    #[test]
    fn scales_and_refuses_what_does_not_fit() {
        let tenths = Scaling { linear: Some(Linear::new(0.1, 0.0)), ..Scaling::default() };
        assert_eq!(
            Type::Integer.decode(&Wire::Integer(235), Some(&tenths)),
            Ok((Value::F64(23.5), Status::GOOD))
        );
        assert_eq!(Type::Integer.encode(&Value::F64(23.5), Some(&tenths)), Ok(Wire::Integer(235)));
        assert!(Type::Integer.encode(&Value::I64(1 << 40), None).unwrap_err().contains("holds -2147483648"));
        assert!(Type::Ip.encode(&Value::from("10.0.0"), None).is_err());
        assert!(Type::Mac.encode(&Value::from("00:1b:zz"), None).is_err());
    }
}
