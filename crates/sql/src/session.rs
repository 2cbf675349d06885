//! One DataFusion session: tables as the principal sees them, bounds as the caller sets them.

use crate::functions;
use crate::lake;
use crate::postgres::{Identity, rewrite};
use crate::samples::{History, Kind, Running, Scope};
use crate::schema::{self, PublicSchema};
use crate::small::Small;
use crate::worker::Limits;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use std::sync::Arc;

pub(crate) const MINUTE: i64 = 60_000_000_000;
/// The one database.
pub(crate) const DATABASE: &str = "ironbridge";

/// Tables with a word about each.
pub(crate) const TABLES: [(&str, &str); 7] = [
    ("samples", "every sample of every point; `value` is NULL when the quality is Bad"),
    ("latest", "the newest sample of each point, its last good value and the age of that"),
    ("points", "what is declared about each point"),
    ("assets", "machines and lines, with their owners"),
    ("events", "alarms, findings, faults, intervals, changes; the newest revision of each"),
    ("rollup_1m", "one row for each point and minute"),
    ("rollup_1h", "one row for each point and hour, read from kept rollups"),
];

pub(crate) fn schema_of(table: &str) -> SchemaRef {
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
pub fn type_name(kind: &DataType) -> &'static str {
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

/// Reading only.
fn options() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

/// A session.
pub(crate) fn open(scope: &Arc<Scope>, limits: &Limits, identity: &Identity) -> Result<SessionContext> {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(scope.memory.share(limits.memory))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled))
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(DATABASE, schema::SEARCHED);
    // Without room to spill, a sort must not set memory aside for merging.
    config.options_mut().execution.sort_spill_reservation_bytes = 0;
    config.options_mut().execution.time_zone = Some("UTC".into());
    let mut context = SessionContext::new_with_config_rt(config, runtime);
    functions::register(&context, scope);
    crate::postgres::register(&mut context, scope, identity)?;
    let mut schemas: Vec<(&'static str, Arc<dyn SchemaProvider>)> = vec![
        ("public", Arc::new(PublicSchema { scope: Arc::clone(scope) })),
        (lake::NAME, Arc::new(lake::LakeSchema { scope: Arc::clone(scope) })),
    ];
    for name in schema::SYSTEM {
        schemas.push((name, Arc::new(schema::SystemSchema::new(name, scope, identity))));
    }
    let catalog = MemoryCatalogProvider::new();
    for (name, one) in &schemas {
        catalog.register_schema(name, Arc::clone(one))?;
    }
    let searched = schema::Searched { path: identity.path.clone(), schemas };
    catalog.register_schema(schema::SEARCHED, Arc::new(searched))?;
    context.register_catalog(DATABASE, Arc::new(catalog));
    Ok(context)
}

/// From the words of one statement to a plan that only reads.
pub(crate) async fn plan(context: &SessionContext, mut statement: ast::Statement) -> Result<LogicalPlan> {
    rewrite(&mut statement)?;
    let plan = context.state().statement_to_plan(Statement::Statement(Box::new(statement))).await?;
    options().verify_plan(&plan)?;
    Ok(plan)
}

/// Begins a plan for one run.
pub(crate) async fn execute(
    context: &SessionContext,
    plan: &LogicalPlan,
    running: &Arc<Running>,
) -> Result<SendableRecordBatchStream> {
    let mut state = context.state();
    state.config_mut().set_extension(Arc::clone(running));
    // The same for all queries of a session.
    let _ = running.memory.set(Arc::clone(&context.runtime_env().memory_pool));
    let physical = state.create_physical_plan(plan).await?;
    execute_stream(physical, state.task_ctx())
}

/// One of the tables above.
pub(crate) fn table(name: &str, scope: &Arc<Scope>) -> Option<Arc<dyn datafusion::catalog::TableProvider>> {
    let history = |kind| -> Arc<dyn datafusion::catalog::TableProvider> {
        Arc::new(History { kind, scope: Arc::clone(scope) })
    };
    let small = |which| -> Arc<dyn datafusion::catalog::TableProvider> {
        Arc::new(crate::small::SmallTable { which, scope: Arc::clone(scope) })
    };
    Some(match name {
        "samples" => history(Kind::Samples),
        "rollup_1m" => history(Kind::Rollup(MINUTE)),
        "rollup_1h" => history(Kind::Rollup(60 * MINUTE)),
        "latest" => small(Small::Latest),
        "points" => small(Small::Points),
        "assets" => small(Small::Assets),
        "events" => small(Small::Events),
        _ => return None,
    })
}
