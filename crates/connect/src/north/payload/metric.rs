//! Metrics of Sparkplug payloads: of the edge node, and of messages that only have the payload.

use crate::mqtt::sparkplug::{MetricValue, Property, PropertySet, PropertyValue, datatype};
use model::{Status, Value, ValueType};

/// Whether the quality says that the device does not answer (or was never asked).
pub(in crate::north) fn is_lost(status: Status) -> bool {
    matches!(
        status,
        Status::BAD_COMMUNICATION_ERROR
            | Status::BAD_NO_COMMUNICATION
            | Status::BAD_WAITING_FOR_INITIAL_DATA
            | Status::BAD_OUT_OF_SERVICE
    )
}

/// The data type of a point's values.
pub(in crate::north) fn type_of(value_type: ValueType) -> u32 {
    match value_type {
        ValueType::Bool => datatype::BOOLEAN,
        ValueType::I64 => datatype::INT64,
        ValueType::U64 => datatype::UINT64,
        ValueType::F64 => datatype::DOUBLE,
        ValueType::Text => datatype::STRING,
        ValueType::Bytes => datatype::BYTES,
    }
}

/// A value of a point of that type; `None` for what has none.
pub(in crate::north) fn encode(value: &Value, value_type: ValueType) -> Option<MetricValue> {
    Some(match (value_type, value) {
        (ValueType::Bool, Value::Bool(v)) => MetricValue::Boolean(*v),
        (ValueType::I64, value) => MetricValue::Long(value.as_i64()?.cast_unsigned()),
        (ValueType::U64, Value::U64(v)) => MetricValue::Long(*v),
        (ValueType::U64, value) => MetricValue::Long(u64::try_from(value.as_i64()?).ok()?),
        (ValueType::F64, value) => MetricValue::Double(value.as_f64()?),
        (ValueType::Text, Value::Text(v)) => MetricValue::Text(v.to_string()),
        (ValueType::Bytes, Value::Bytes(v)) => MetricValue::Bytes(v.to_vec()),
        _ => return None,
    })
}

/// Property `Quality` (section 6.4.10): 192 good, 500 stale, 0 bad. `Status` beside it has the exact quality.
pub(in crate::north) fn quality_set(status: Status) -> PropertySet {
    let code: u32 = match status {
        status if status.is_good() => 192,
        status if is_lost(status) || status == Status::UNCERTAIN_LAST_USABLE_VALUE => 500,
        _ => 0,
    };
    let mut set = PropertySet::default();
    add(&mut set, "Quality", datatype::INT32, Property::Int(code));
    if !status.is_good() {
        add(&mut set, "Status", datatype::STRING, Property::Text(status.name().into()));
    }
    set
}

/// Adds a property.
pub(in crate::north) fn add(set: &mut PropertySet, key: &str, datatype: u32, value: Property) {
    set.keys.push(key.into());
    set.values.push(PropertyValue { datatype: Some(datatype), is_null: None, value: Some(value) });
}

/// Unit and quality, where there is something to say.
pub(super) fn properties(unit: &str, status: Status) -> Option<PropertySet> {
    let mut set = if status.is_good() { PropertySet::default() } else { quality_set(status) };
    if !unit.is_empty() {
        add(&mut set, "engUnit", datatype::STRING, Property::Text(unit.into()));
    }
    (!set.keys.is_empty()).then_some(set)
}
