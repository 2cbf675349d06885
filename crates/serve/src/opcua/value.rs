//! Values, qualities and times as OPC UA has them, both ways. Pure.

use model::{Last, Status, Time, Value, ValueType};
use opcua::types::{ByteString, DataTypeId, DataValue, DateTime, StatusCode, Variant};

/// From 1601 to 1970 in units of 100 ns (OPC 10000-6, 5.2.2.5).
const EPOCH_TICKS: i64 = 116_444_736_000_000_000;

/// A time as OPC UA counts it.
pub(super) fn stamp(time: Time) -> DateTime {
    DateTime::from(time.0.div_euclid(100).saturating_add(EPOCH_TICKS))
}

/// A time of OPC UA; nothing for one that says "none".
pub(super) fn time(stamp: &DateTime) -> Option<Time> {
    let ticks = stamp.checked_ticks();
    (ticks > 0).then(|| Time(ticks.saturating_sub(EPOCH_TICKS).saturating_mul(100)))
}

/// A value; nothing where there is none.
pub(super) fn variant(value: &Value) -> Option<Variant> {
    Some(match value {
        Value::None => return None,
        Value::Bool(v) => Variant::from(*v),
        Value::I64(v) => Variant::from(*v),
        Value::U64(v) => Variant::from(*v),
        Value::F64(v) => Variant::from(*v),
        Value::Text(v) => Variant::from(v.as_ref()),
        Value::Bytes(v) => Variant::from(ByteString::from(v.to_vec())),
    })
}

/// The data type of a point's values.
pub(super) const fn data_type(value_type: ValueType) -> DataTypeId {
    match value_type {
        ValueType::Bool => DataTypeId::Boolean,
        ValueType::I64 => DataTypeId::Int64,
        ValueType::U64 => DataTypeId::UInt64,
        ValueType::F64 => DataTypeId::Double,
        ValueType::Text => DataTypeId::String,
        ValueType::Bytes => DataTypeId::ByteString,
    }
}

/// A sample. A bad one has no value (OPC 10000-4, 7.11): clients that do not look at the quality must not take an old one
/// for a present one.
pub(super) fn sample(value: &Value, status: Status, at: Time, received: Time) -> DataValue {
    DataValue {
        value: variant(value).filter(|_| !status.is_bad()),
        status: Some(StatusCode::from(status.0)),
        source_timestamp: Some(stamp(at)),
        source_picoseconds: None,
        server_timestamp: Some(stamp(received)),
        server_picoseconds: None,
    }
}

/// The newest sample of a point.
pub(super) fn newest(last: &Last, now: Time) -> DataValue {
    let at = if last.time == Time::ZERO { now } else { last.time };
    sample(&last.value, last.status, at, now)
}

/// What a client writes, as the point's type; nothing if it does not fit exactly.
pub(super) fn written(variant: &Variant, wanted: ValueType) -> Option<Value> {
    let whole = |number: i128| match wanted {
        ValueType::I64 => i64::try_from(number).ok().map(Value::I64),
        ValueType::U64 => u64::try_from(number).ok().map(Value::U64),
        ValueType::F64 => Some(Value::F64(number as f64)),
        _ => None,
    };
    match (variant, wanted) {
        (Variant::Boolean(v), ValueType::Bool) => Some(Value::Bool(*v)),
        (Variant::SByte(v), _) => whole((*v).into()),
        (Variant::Byte(v), _) => whole((*v).into()),
        (Variant::Int16(v), _) => whole((*v).into()),
        (Variant::UInt16(v), _) => whole((*v).into()),
        (Variant::Int32(v), _) => whole((*v).into()),
        (Variant::UInt32(v), _) => whole((*v).into()),
        (Variant::Int64(v), _) => whole((*v).into()),
        (Variant::UInt64(v), _) => whole((*v).into()),
        (Variant::Float(v), ValueType::F64) => Some(Value::F64((*v).into())),
        (Variant::Double(v), ValueType::F64) => Some(Value::F64(*v)),
        (Variant::String(v), ValueType::Text) => Some(Value::from(v.as_ref())),
        (Variant::ByteString(v), ValueType::Bytes) => Some(Value::Bytes(v.as_ref().into())),
        _ => None,
    }
    .filter(|value| !matches!(value, Value::F64(v) if !v.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_both_ways() {
        let at = Time(1_795_363_347_123_456_700);
        assert_eq!(time(&stamp(at)), Some(at));
        assert_eq!(stamp(at).to_rfc3339(), "2026-11-22T16:02:27.123Z");
        assert_eq!(time(&DateTime::null()), None);
    }

    #[test]
    fn what_is_written_must_fit() {
        for (given, wanted, expected) in [
            (Variant::from(7i16), ValueType::F64, Some(Value::F64(7.0))),
            (Variant::from(7u8), ValueType::I64, Some(Value::I64(7))),
            (Variant::from(-1i32), ValueType::U64, None),
            (Variant::from(1.5f64), ValueType::I64, None),
            (Variant::from(f64::NAN), ValueType::F64, None),
            (Variant::from(1.5f32), ValueType::F64, Some(Value::F64(1.5))),
            (Variant::from(true), ValueType::Bool, Some(Value::Bool(true))),
            (Variant::from(1u8), ValueType::Bool, None),
            (Variant::from("on"), ValueType::Text, Some(Value::from("on"))),
        ] {
            assert_eq!(written(&given, wanted), expected, "{given:?} as {wanted:?}");
        }
    }

    #[test]
    fn a_bad_sample_has_no_value() {
        let bad = sample(&Value::F64(1.0), Status::BAD_COMMUNICATION_ERROR, Time(1), Time(2));
        assert_eq!((bad.value, bad.status.map(|s| s.bits())), (None, Some(0x8005_0000)));
        let good = sample(&Value::F64(1.0), Status::GOOD, Time(1), Time(2));
        assert_eq!(good.value, Some(Variant::from(1.0)));
    }
}
