//! Values of OPC UA as ours, and ours as the server wants them. Pure.

use model::value::MAX_BYTES;
use model::{Status, Time, Value, ValueType};
use opcua::types::{DataValue, DateTime, Variant, VariantScalarTypeId, VariantTypeId};

/// 100 ns from 1601, where OPC UA counts from (OPC 10000-6, 5.2.2.5), to 1970.
const TICKS_TO_1970: i64 = 116_444_736_000_000_000;
/// Whole numbers up to here are exact in a double.
const EXACT: u64 = 1 << 53;

/// A stamp of the server; `None` where it gives none.
pub(super) fn time(stamp: Option<&DateTime>) -> Option<Time> {
    let ticks = stamp.filter(|stamp| !stamp.is_null())?.ticks();
    ticks.checked_sub(TICKS_TO_1970)?.checked_mul(100).filter(|nanos| *nanos > 0).map(Time)
}

/// A time as the server writes it.
pub(super) fn stamp(time: Time) -> DateTime {
    DateTime::from((time.0 / 100).saturating_add(TICKS_TO_1970))
}

/// What a notification or a read says of a point: value, quality.
///
/// The server's status is carried through. A value that does not fit the declared type is no value: the quality says so.
pub(super) fn read(data: &DataValue, wanted: ValueType, element: Option<u32>) -> (Value, Status) {
    let status = super::status::quality(data.status.map_or(0, |status| status.bits()));
    if status.is_bad() {
        return (Value::None, status);
    }
    match data.value.as_ref().map_or(Err(Status::BAD_NO_DATA), |variant| convert(variant, wanted, element)) {
        Ok(value) => (value, status),
        Err(why) => (Value::None, why),
    }
}

/// The value as the declared type.
///
/// # Errors
/// The quality that says why not.
pub(super) fn convert(variant: &Variant, wanted: ValueType, element: Option<u32>) -> Result<Value, Status> {
    let scalar = match (variant, element) {
        (Variant::Array(array), Some(element)) => {
            array.values.get(element as usize).ok_or(Status::BAD_INDEX_RANGE_NO_DATA)?
        }
        (Variant::Array(_), None) | (_, Some(_)) => return Err(Status::BAD_TYPE_MISMATCH),
        (scalar, None) => scalar,
    };
    let found = match wanted {
        ValueType::Bool => match scalar {
            Variant::Boolean(v) => Some(Value::Bool(*v)),
            _ => None,
        },
        ValueType::I64 => match whole(scalar) {
            Some(v) => Some(Value::I64(i64::try_from(v).map_err(|_| Status::BAD_OUT_OF_RANGE)?)),
            None => None,
        },
        ValueType::U64 => match whole(scalar) {
            Some(v) => Some(Value::U64(u64::try_from(v).map_err(|_| Status::BAD_OUT_OF_RANGE)?)),
            None => None,
        },
        ValueType::F64 => match (scalar, whole(scalar)) {
            (Variant::Float(v), _) => Some(Value::F64(f64::from(*v))),
            (Variant::Double(v), _) => Some(Value::F64(*v)),
            (_, Some(v)) if v.unsigned_abs() <= u128::from(EXACT) => Some(Value::F64(v as f64)),
            (_, Some(_)) => return Err(Status::BAD_OUT_OF_RANGE),
            _ => None,
        },
        ValueType::Text => text(scalar).map(|text| Value::Text(text.into())),
        ValueType::Bytes => match scalar {
            Variant::ByteString(bytes) => Some(Value::Bytes(bytes.as_ref().into())),
            _ => None,
        },
    };
    let long = match &found {
        Some(Value::Text(text)) => text.len() > MAX_BYTES,
        Some(Value::Bytes(bytes)) => bytes.len() > MAX_BYTES,
        _ => false,
    };
    match found {
        Some(_) if long => Err(Status::BAD_OUT_OF_RANGE),
        Some(value) => Ok(value),
        None if scalar.is_empty() => Err(Status::BAD_NO_DATA),
        None => Err(Status::BAD_TYPE_MISMATCH),
    }
}

fn whole(scalar: &Variant) -> Option<i128> {
    Some(match scalar {
        Variant::SByte(v) => (*v).into(),
        Variant::Byte(v) => (*v).into(),
        Variant::Int16(v) => (*v).into(),
        Variant::UInt16(v) => (*v).into(),
        Variant::Int32(v) => (*v).into(),
        Variant::UInt32(v) => (*v).into(),
        Variant::Int64(v) => (*v).into(),
        Variant::UInt64(v) => (*v).into(),
        Variant::StatusCode(v) => v.bits().into(),
        _ => return None,
    })
}

fn text(scalar: &Variant) -> Option<String> {
    Some(match scalar {
        Variant::String(v) if !v.is_null() => v.as_ref().to_owned(),
        Variant::LocalizedText(v) => v.text.as_ref().to_owned(),
        Variant::QualifiedName(v) => v.name.as_ref().to_owned(),
        Variant::DateTime(v) => time(Some(v))?.rfc3339(),
        Variant::Guid(v) => v.to_string(),
        Variant::NodeId(v) => v.to_string(),
        Variant::StatusCode(v) => v.sub_code().name().to_owned(),
        _ => return None,
    })
}

/// The built-in type of a value, or of the elements of an array; `None` for a null.
pub(super) fn type_of(variant: &Variant) -> Option<VariantScalarTypeId> {
    match variant.type_id() {
        VariantTypeId::Empty => None,
        VariantTypeId::Scalar(scalar) | VariantTypeId::Array(scalar, _) => Some(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua::types::StatusCode;

    #[test]
    fn each_type_fits_or_says_why_not() {
        let list = Variant::from(vec![1.5f64, 2.5]);
        for (variant, wanted, element, expected) in [
            (Variant::Boolean(true), ValueType::Bool, None, Ok(Value::Bool(true))),
            (Variant::Int32(1), ValueType::Bool, None, Err(Status::BAD_TYPE_MISMATCH)),
            (Variant::SByte(-3), ValueType::I64, None, Ok(Value::I64(-3))),
            (Variant::UInt64(u64::MAX), ValueType::I64, None, Err(Status::BAD_OUT_OF_RANGE)),
            (Variant::UInt64(u64::MAX), ValueType::U64, None, Ok(Value::U64(u64::MAX))),
            (Variant::Int16(-1), ValueType::U64, None, Err(Status::BAD_OUT_OF_RANGE)),
            (Variant::Int64(i64::MAX), ValueType::F64, None, Err(Status::BAD_OUT_OF_RANGE)),
            (Variant::UInt16(7), ValueType::F64, None, Ok(Value::F64(7.0))),
            (Variant::Float(1.5), ValueType::F64, None, Ok(Value::F64(1.5))),
            (Variant::Double(1.5), ValueType::I64, None, Err(Status::BAD_TYPE_MISMATCH)),
            (Variant::String("x".into()), ValueType::Text, None, Ok(Value::from("x"))),
            (Variant::Int32(5), ValueType::Text, None, Err(Status::BAD_TYPE_MISMATCH)),
            (Variant::Empty, ValueType::F64, None, Err(Status::BAD_NO_DATA)),
            (list.clone(), ValueType::F64, Some(1), Ok(Value::F64(2.5))),
            (list.clone(), ValueType::F64, Some(2), Err(Status::BAD_INDEX_RANGE_NO_DATA)),
            (list, ValueType::F64, None, Err(Status::BAD_TYPE_MISMATCH)),
            (Variant::Double(1.0), ValueType::F64, Some(0), Err(Status::BAD_TYPE_MISMATCH)),
        ] {
            assert_eq!(convert(&variant, wanted, element), expected, "{variant:?} as {wanted:?}");
        }
        let long = Variant::String("x".repeat(MAX_BYTES + 1).into());
        assert_eq!(convert(&long, ValueType::Text, None), Err(Status::BAD_OUT_OF_RANGE));
    }

    #[test]
    fn a_status_is_carried_through() {
        let of = |status: u32| DataValue {
            value: Some(Variant::Double(2.0)),
            status: Some(StatusCode::from(status)),
            ..DataValue::default()
        };
        assert_eq!(read(&of(0x4093_0000), ValueType::F64, None), (Value::F64(2.0), Status(0x4093_0000)));
        assert_eq!(read(&of(0x808C_0000), ValueType::F64, None), (Value::None, Status::BAD_SENSOR_FAILURE));
        // Good, with the flag that the server's queue overflowed.
        assert_eq!(read(&of(0x0000_0480), ValueType::F64, None), (Value::F64(2.0), Status(0x0000_0480)));
    }

    #[test]
    fn stamps() {
        let stamp = DateTime::parse_from_rfc3339("2026-11-22T09:00:00.1234567Z").unwrap();
        assert_eq!(time(Some(&stamp)).unwrap().rfc3339(), "2026-11-22T09:00:00.1234567Z");
        assert_eq!(super::stamp(time(Some(&stamp)).unwrap()), stamp);
        assert_eq!(time(Some(&DateTime::null())), None);
        assert_eq!(time(None), None);
    }
}
