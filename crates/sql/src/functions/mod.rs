//! Functions for time series, and what all functions of ours are made of.

mod bucket;
mod history;
mod rowwise;
mod timed;

pub(crate) use rowwise::{batchwise, rowwise};

use crate::samples::Scope;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// A function as help pages and the catalogue list it.
pub(crate) struct Listed {
    pub name: &'static str,
    /// Makes one value of a group.
    pub aggregate: bool,
    /// What is given to it: names and PostgreSQL's numbers of types.
    pub arguments: &'static [(&'static str, u32)],
    /// PostgreSQL's number of the type of its result.
    pub result: u32,
    /// Columns, where it gives rows.
    pub rows: Option<&'static str>,
    /// How it is written.
    pub usage: &'static str,
    /// What it gives.
    pub text: &'static str,
}

/// Numbers of types: `text`, `double precision`, `timestamp with time zone`, `record`.
const TEXT: u32 = 25;
const DOUBLE: u32 = 701;
const TIME: u32 = 1_184;
const RECORD: u32 = 2_249;

const fn scalar(
    name: &'static str,
    arguments: &'static [(&'static str, u32)],
    result: u32,
    usage: &'static str,
    text: &'static str,
) -> Listed {
    Listed { name, aggregate: false, arguments, result, rows: None, usage, text }
}

const fn aggregate(
    name: &'static str,
    arguments: &'static [(&'static str, u32)],
    usage: &'static str,
    text: &'static str,
) -> Listed {
    Listed { name, aggregate: true, arguments, result: DOUBLE, rows: None, usage, text }
}

const VALUES: &[(&str, u32)] = &[("value", DOUBLE), ("time", TIME)];

/// Ours.
pub(crate) const LISTED: [Listed; 9] = [
    scalar(
        "time_bucket",
        &[("width", TEXT), ("time", TIME)],
        TIME,
        "time_bucket('1 minute', time)",
        "start of the bucket that holds a time",
    ),
    aggregate("first", VALUES, "first(value, time)", "the first value of a group, by time"),
    aggregate("last", VALUES, "last(value, time)", "the last value of a group, by time"),
    aggregate(
        "time_average",
        VALUES,
        "time_average(value, time)",
        "mean of a group, each value weighted by its time",
    ),
    aggregate(
        "counted",
        VALUES,
        "counted(value, time)",
        "what a counter counted, also where it began anew at zero",
    ),
    aggregate(
        "counted_with_top",
        &[("value", DOUBLE), ("time", TIME), ("top", DOUBLE)],
        "counted_with_top(value, time, 99999)",
        "the same of a counter that begins anew after its largest value",
    ),
    scalar("asset_of", &[("path", TEXT)], TEXT, "asset_of(path)", "the path without its last part"),
    scalar("point_of", &[("path", TEXT)], TEXT, "point_of(path)", "the last part of the path"),
    Listed {
        name: "history",
        aggregate: false,
        arguments: &[("points", TEXT), ("aggregate", TEXT), ("start", TIME), ("end", TIME), ("width", TEXT)],
        result: RECORD,
        rows: Some(
            "path text, \"time\" timestamp with time zone, value double precision, good boolean, quality text, status bigint",
        ),
        usage: "select * from history('acme/leeds/%/speed', 'time_average', now() - interval '1 hour', now(), '1 minute')",
        text: "a row for each point and interval, also without samples, by the rules of OPC UA Part 13",
    },
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
