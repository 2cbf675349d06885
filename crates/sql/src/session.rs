//! One DataFusion session per query: tables as the principal sees them, bounds as the caller sets them.

use crate::functions;
use crate::samples::{History, Kind, Shared};
use crate::small::{Small, SmallTable};
use crate::worker::{Limits, TableInfo};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use std::sync::Arc;

const MINUTE: i64 = 60_000_000_000;

/// Tables with a word about each.
const TABLES: [(&str, &str); 7] = [
    ("samples", "every sample of every point; `value` is NULL when the quality is Bad"),
    ("latest", "the newest sample of each point, its last good value and the age of that"),
    ("points", "what is declared about each point"),
    ("assets", "machines and lines, with their owners"),
    ("events", "alarms, findings, faults, intervals, changes; the newest revision of each"),
    ("rollup_1m", "one row for each point and minute"),
    ("rollup_1h", "one row for each point and hour, read from kept rollups"),
];

fn schema_of(table: &str) -> SchemaRef {
    match table {
        "samples" => Kind::Samples.schema(),
        "rollup_1m" => Kind::Rollup(MINUTE).schema(),
        "rollup_1h" => Kind::Rollup(60 * MINUTE).schema(),
        "latest" => Small::Latest.schema(),
        "points" => Small::Points.schema(),
        "assets" => Small::Assets.schema(),
        _ => Small::Events.schema(),
    }
}

/// The name of a column's type in the interface and in JSON.
pub(crate) fn type_name(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "boolean",
        DataType::Int64 | DataType::Int32 | DataType::Int16 | DataType::Int8 => "bigint",
        DataType::UInt64 | DataType::UInt32 | DataType::UInt16 | DataType::UInt8 => "bigint",
        DataType::Float64 | DataType::Float32 | DataType::Float16 => "double",
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => "timestamp",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Null => "null",
        _ => "text",
    }
}

/// The tables and their columns, for the query page and `psql`-like help.
pub fn describe() -> Vec<TableInfo> {
    TABLES
        .iter()
        .map(|(name, text)| TableInfo {
            name,
            text,
            columns: schema_of(name)
                .fields()
                .iter()
                .map(|f| (f.name().clone(), type_name(f.data_type())))
                .collect(),
        })
        .collect()
}

/// Reading only.
pub(crate) fn options() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

/// A session for one query.
pub(crate) fn open(shared: &Arc<Shared>, limits: &Limits) -> Result<SessionContext> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(limits.memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_information_schema(true)
        .with_default_catalog_and_schema("ironbridge", "public");
    // Without room to spill, a sort must not set memory aside for merging.
    config.options_mut().execution.sort_spill_reservation_bytes = 0;
    config.options_mut().execution.time_zone = Some("UTC".into());
    let context = SessionContext::new_with_config_rt(config, runtime);
    context.register_udf(functions::time_bucket());
    for (name, _) in TABLES {
        let history =
            |kind| -> Arc<dyn TableProvider> { Arc::new(History { kind, shared: Arc::clone(shared) }) };
        let small =
            |which| -> Arc<dyn TableProvider> { Arc::new(SmallTable { which, shared: Arc::clone(shared) }) };
        let table = match name {
            "samples" => history(Kind::Samples),
            "rollup_1m" => history(Kind::Rollup(MINUTE)),
            "rollup_1h" => history(Kind::Rollup(60 * MINUTE)),
            "latest" => small(Small::Latest),
            "points" => small(Small::Points),
            "assets" => small(Small::Assets),
            _ => small(Small::Events),
        };
        context.register_table(name, table)?;
    }
    Ok(context)
}
