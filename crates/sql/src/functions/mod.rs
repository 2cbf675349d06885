//! Functions for time series, and what all functions of ours are made of.

mod bucket;
mod history;
mod rowwise;
mod timed;

pub(crate) use rowwise::rowwise;

use crate::samples::Scope;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// A function as help pages and the catalogue list it.
pub(crate) struct Listed {
    pub name: &'static str,
    /// PostgreSQL's number of the type of its result.
    pub result: u32,
    /// How it is written.
    pub usage: &'static str,
    /// What it gives.
    pub text: &'static str,
}

const fn listed(name: &'static str, result: u32, usage: &'static str, text: &'static str) -> Listed {
    Listed { name, result, usage, text }
}

/// Ours.
pub(crate) const LISTED: [Listed; 9] = [
    listed("time_bucket", 1184, "time_bucket('1 minute', time)", "start of the bucket that holds a time"),
    listed("first", 701, "first(value, time)", "the first value of a group, by time"),
    listed("last", 701, "last(value, time)", "the last value of a group, by time"),
    listed(
        "time_average",
        701,
        "time_average(value, time)",
        "mean of a group, each value weighted by its time",
    ),
    listed(
        "counted",
        701,
        "counted(value, time)",
        "what a counter counted, also where it began anew at zero",
    ),
    listed(
        "counted_with_top",
        701,
        "counted_with_top(value, time, 99999)",
        "the same of a counter that begins anew after its largest value",
    ),
    listed("asset_of", 25, "asset_of(path)", "the path without its last part"),
    listed("point_of", 25, "point_of(path)", "the last part of the path"),
    listed(
        "history",
        2249,
        "select * from history('acme/leeds/%/speed', 'time_average', now() - interval '1 hour', now(), '1 minute')",
        "a row for each point and interval, also without samples, by the rules of OPC UA Part 13",
    ),
];

/// Makes them known to a session.
pub(crate) fn register(context: &SessionContext, scope: &Arc<Scope>) {
    context.register_udf(bucket::time_bucket());
    context.register_udf(parent());
    context.register_udf(tail());
    for one in timed::all() {
        context.register_udaf(one);
    }
    context.register_udtf("history", Arc::new(history::History(Arc::clone(scope))));
}

/// Functions for time series: how each is written, and what it gives.
pub fn functions() -> Vec<(&'static str, &'static str)> {
    LISTED.iter().map(|one| (one.usage, one.text)).collect()
}

fn text(value: Option<&ScalarValue>) -> Option<&str> {
    value.and_then(|v| v.try_as_str().flatten())
}

fn view(text: Option<&str>) -> ScalarValue {
    ScalarValue::Utf8View(text.map(str::to_owned))
}

/// `asset_of(path)`: the path without its last part, where an asset's points live.
pub(crate) fn parent() -> ScalarUDF {
    rowwise("asset_of", DataType::Utf8View, |args| {
        view(text(args.first()).and_then(|path| path.rsplit_once('/')).map(|(asset, _)| asset))
    })
}

/// `point_of(path)`: the last part of the path.
pub(crate) fn tail() -> ScalarUDF {
    rowwise("point_of", DataType::Utf8View, |args| {
        view(text(args.first()).map(|path| path.rsplit_once('/').map_or(path, |(_, point)| point)))
    })
}
