//! Metrics become values and qualities.

use super::Sample;
use crate::mqtt::sparkplug::{Metric, MetricValue, PropertySet};
use model::value::MAX_BYTES;
use model::{Status, Time, Value, ValueType};

/// The number that pairs a birth with its death.
pub fn bd_seq(metric: &Metric) -> Option<u64> {
    match metric.value.as_ref()? {
        MetricValue::Long(v) => Some(*v),
        MetricValue::Int(v) => Some(u64::from(*v)),
        _ => None,
    }
}

/// The value of a metric whose birth gave it the data type `code`; `at` is the time of the whole message.
pub fn sample(id: u32, metric: &Metric, code: u32, value_type: ValueType, at: Option<u64>) -> Sample {
    let time = metric.timestamp.or(at).and_then(|ms| i64::try_from(ms).ok()).map(Time::from_millis);
    let quality = metric.properties.as_ref().map_or(Status::GOOD, quality);
    let (value, status) = match metric.value_as(metric.datatype.unwrap_or(code), value_type) {
        // Without a value it cannot be Good.
        None => (Value::None, if quality.is_bad() { quality } else { Status::BAD }),
        Some(value) => match fit(value, value_type) {
            // A Bad one is no value.
            Ok(_) if quality.is_bad() => (Value::None, quality),
            Ok(value) => (value, quality),
            Err(status) => (Value::None, status),
        },
    };
    Sample { metric: id, value, status, time, historical: metric.is_historical == Some(true) }
}

/// The value in the type of its point, if that is possible without loss.
fn fit(value: Value, wanted: ValueType) -> Result<Value, Status> {
    match (&value, wanted) {
        (Value::Text(text), ValueType::Text) if text.len() > MAX_BYTES => Err(Status::BAD_OUT_OF_RANGE),
        (Value::Bytes(bytes), ValueType::Bytes) if bytes.len() > MAX_BYTES => Err(Status::BAD_OUT_OF_RANGE),
        (_, wanted) if value.value_type() == Some(wanted) => Ok(value),
        (Value::I64(v), ValueType::U64) => {
            u64::try_from(*v).map(Value::U64).map_err(|_| Status::BAD_OUT_OF_RANGE)
        }
        (Value::U64(v), ValueType::I64) => {
            i64::try_from(*v).map(Value::I64).map_err(|_| Status::BAD_OUT_OF_RANGE)
        }
        _ => Err(Status::BAD_DECODING_ERROR),
    }
}

/// Property `Quality` (section 6.4.10): 192 good, 500 stale, 0 bad; others as OPC Classic has them. `Status` beside it
/// names the exact one where an Ironbridge is the node.
fn quality(properties: &PropertySet) -> Status {
    let Some(code) = properties.number("Quality") else { return Status::GOOD };
    let named = properties.text("Status").and_then(Status::from_name);
    let plain = match code {
        500.0 => Status::UNCERTAIN_LAST_USABLE_VALUE,
        code if (192.0..256.0).contains(&code) => return Status::GOOD,
        code if (64.0..128.0).contains(&code) => Status::UNCERTAIN,
        _ => Status::BAD,
    };
    named.filter(|status| !status.is_good()).unwrap_or(plain)
}
