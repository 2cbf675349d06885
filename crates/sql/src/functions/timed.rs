//! Aggregates over the samples of a group: what they give depends on the order of time.

use super::bucket::stamp_type;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, AggregateUDF, Volatility, create_udaf};
use insight::processed::{Aggregate, Raw, Rules, Series, counted};
use model::Status;
use std::sync::Arc;

/// What is made of a group.
#[derive(Clone, Copy, Debug)]
enum Kind {
    First,
    Last,
    TimeAverage,
    Counted,
}

/// Times and values of a group.
#[derive(Debug)]
struct Timed {
    kind: Kind,
    samples: Vec<(i64, f64)>,
    /// Largest value of a counter.
    top: Option<f64>,
}

/// The functions, for registration.
pub(super) fn all() -> [AggregateUDF; 5] {
    let make = |name: &str, kind: Kind, top: bool| {
        let mut arguments = vec![DataType::Float64, stamp_type()];
        if top {
            arguments.push(DataType::Float64);
        }
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        let state = vec![list(DataType::Int64), list(DataType::Float64), DataType::Float64];
        create_udaf(
            name,
            arguments,
            Arc::new(DataType::Float64),
            Volatility::Immutable,
            Arc::new(move |_| Ok(Box::new(Timed { kind, samples: Vec::new(), top: None }))),
            Arc::new(state),
        )
    };
    [
        make("first", Kind::First, false),
        make("last", Kind::Last, false),
        make("time_average", Kind::TimeAverage, false),
        make("counted", Kind::Counted, false),
        make("counted_with_top", Kind::Counted, true),
    ]
}

impl Timed {
    fn result(&self) -> Option<f64> {
        let mut samples = self.samples.clone();
        samples.sort_by_key(|sample| sample.0);
        let (first, last) = (samples.first()?, samples.last()?);
        match self.kind {
            Kind::First => Some(first.1),
            Kind::Last => Some(last.1),
            Kind::Counted => counted(samples.iter().map(|s| s.1), self.top),
            Kind::TimeAverage if first.0 == last.0 => Some(first.1),
            Kind::TimeAverage => {
                let (from, to) = (first.0, last.0);
                let raw: Vec<Raw> = samples
                    .iter()
                    .map(|(time, value)| Raw { time: *time, value: *value, status: Status::GOOD })
                    .collect();
                let rules = Rules { stepped: false, uncertain_is_bad: true };
                Series::new(&raw, rules).process(Aggregate::TimeAverage, from, to).value
            }
        }
    }
}

impl Accumulator for Timed {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [value, time, rest @ ..] = values else { return Ok(()) };
        let value = value.as_primitive::<Float64Type>();
        let time = arrow::compute::cast(time, &DataType::Int64)?;
        let time = time.as_primitive::<Int64Type>();
        if let Some(top) = rest.first() {
            self.top = self.top.or_else(|| top.as_primitive::<Float64Type>().iter().flatten().next());
        }
        self.samples.extend(time.iter().zip(value.iter()).filter_map(|(t, v)| Some((t?, v?))));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.result()))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.samples.capacity() * size_of::<(i64, f64)>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let times: Vec<ScalarValue> = self.samples.iter().map(|s| ScalarValue::Int64(Some(s.0))).collect();
        let values: Vec<ScalarValue> = self.samples.iter().map(|s| ScalarValue::Float64(Some(s.1))).collect();
        Ok(vec![
            ScalarValue::List(ScalarValue::new_list_nullable(&times, &DataType::Int64)),
            ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Float64)),
            ScalarValue::Float64(self.top),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [times, values, tops] = states else { return Ok(()) };
        for row in 0..times.len() {
            let time: Int64Array = times.as_list::<i32>().value(row).as_primitive::<Int64Type>().clone();
            let value: Float64Array =
                values.as_list::<i32>().value(row).as_primitive::<Float64Type>().clone();
            self.samples.extend(time.iter().zip(value.iter()).filter_map(|(t, v)| Some((t?, v?))));
        }
        self.top = self.top.or_else(|| tops.as_primitive::<Float64Type>().iter().flatten().next());
        Ok(())
    }
}
