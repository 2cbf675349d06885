//! `time_bucket`.

use arrow::array::{Array, ArrayRef, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// `time_bucket('15 minutes', time [, origin])`: the start of the bucket in which `time` lies. Buckets begin at
/// multiples of the width since 1970 UTC, or since the origin.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeBucket {
    signature: Signature,
}

pub(crate) fn stamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// The function, for registration.
pub(crate) fn time_bucket() -> ScalarUDF {
    ScalarUDF::from(TimeBucket { signature: Signature::user_defined(Volatility::Immutable) })
}

/// Nanoseconds of a width such as `1 minute`, `15m`, `250 ms`, `1 day`.
pub(crate) fn width_ns(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: f64 = if number.is_empty() { 1.0 } else { number.parse().ok()? };
    let unit = match unit.trim().to_lowercase().as_str() {
        "ms" | "millisecond" | "milliseconds" => 1e6,
        "s" | "sec" | "second" | "seconds" => 1e9,
        "m" | "min" | "minute" | "minutes" => 60e9,
        "h" | "hour" | "hours" => 3600e9,
        "d" | "day" | "days" => 86_400e9,
        "w" | "week" | "weeks" => 7.0 * 86_400e9,
        _ => return None,
    };
    let ns = (number * unit).round();
    (1.0..9e18).contains(&ns).then_some(ns as i64)
}

fn width_of(value: &ColumnarValue) -> Result<i64> {
    let wrong = || {
        DataFusionError::Plan(
            "time_bucket needs a width such as '1 minute', '15m', '250 ms' or '1 day' as its first value"
                .into(),
        )
    };
    let ColumnarValue::Scalar(value) = value else { return Err(wrong()) };
    match value {
        ScalarValue::Utf8(Some(t)) | ScalarValue::Utf8View(Some(t)) | ScalarValue::LargeUtf8(Some(t)) => {
            width_ns(t).ok_or_else(wrong)
        }
        ScalarValue::IntervalMonthDayNano(Some(i)) if i.months == 0 => {
            Some(i64::from(i.days) * 86_400_000_000_000 + i.nanoseconds)
                .filter(|ns| *ns > 0)
                .ok_or_else(wrong)
        }
        ScalarValue::IntervalDayTime(Some(i)) => {
            Some(i64::from(i.days) * 86_400_000_000_000 + i64::from(i.milliseconds) * 1_000_000)
                .filter(|ns| *ns > 0)
                .ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

impl ScalarUDFImpl for TimeBucket {
    fn name(&self) -> &str {
        "time_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [width, _] => Ok(vec![width.clone(), stamp_type()]),
            [width, _, _] => Ok(vec![width.clone(), stamp_type(), stamp_type()]),
            _ => Err(DataFusionError::Plan(
                "write time_bucket('1 minute', time) or time_bucket('1 minute', time, origin)".into(),
            )),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(stamp_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let mut given = args.args.into_iter();
        let (Some(width), Some(time)) = (given.next(), given.next()) else {
            return Err(DataFusionError::Plan("write time_bucket('1 minute', time)".into()));
        };
        let width = width_of(&width)?;
        let origin = match given.next() {
            Some(ColumnarValue::Scalar(ScalarValue::TimestampNanosecond(Some(t), _))) => t,
            None => 0,
            Some(_) => {
                return Err(DataFusionError::Plan("the origin of time_bucket must be one time".into()));
            }
        };
        let times: ArrayRef = cast(&time.into_array(rows)?, &stamp_type())?;
        let Some(times) = times.as_any().downcast_ref::<TimestampNanosecondArray>() else {
            return Err(DataFusionError::Plan("time_bucket needs a time".into()));
        };
        let floor = |t: i64| t.saturating_sub(t.saturating_sub(origin).rem_euclid(width));
        let out: TimestampNanosecondArray = times.iter().map(|t| t.map(floor)).collect();
        Ok(ColumnarValue::Array(Arc::new(out.with_timezone("UTC"))))
    }
}

#[cfg(test)]
mod tests {
    use super::width_ns;

    #[test]
    fn widths() {
        assert_eq!(width_ns("1 minute"), Some(60_000_000_000));
        assert_eq!(width_ns("15m"), Some(900_000_000_000));
        assert_eq!(width_ns("hour"), Some(3_600_000_000_000));
        assert_eq!(width_ns("0 s"), None);
        assert_eq!(width_ns("3 fortnights"), None);
    }
}
