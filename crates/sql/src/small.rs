//! Tables `latest`, `points`, `assets`, `events`: small, made when the query asks for them.

use crate::filter::{Wanted, pushdown};
use crate::samples::Scope;
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringViewArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use model::{Access, Path, Time, Value};
use std::fmt;
use std::sync::Arc;
use store::EventFilter;

/// Most events that a query sees.
const MOST_EVENTS: usize = 1_000_000;

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Small {
    Latest,
    Points,
    Assets,
    Events,
}

pub(crate) struct SmallTable {
    pub which: Small,
    pub scope: Arc<Scope>,
}

impl fmt::Debug for SmallTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.which)
    }
}

impl Small {
    pub fn schema(self) -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8View, true);
        let float = |name: &str| Field::new(name, DataType::Float64, true);
        let int = |name: &str| Field::new(name, DataType::Int64, true);
        let flag = |name: &str| Field::new(name, DataType::Boolean, true);
        let stamp = |name: &str| {
            Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), true)
        };
        Arc::new(Schema::new(match self {
            Self::Latest => vec![
                text("path"),
                stamp("time"),
                stamp("received"),
                int("seq"),
                float("value"),
                int("value_int"),
                text("value_text"),
                flag("good"),
                text("quality"),
                int("status"),
                float("last_good"),
                text("last_good_text"),
                stamp("last_good_time"),
                float("age_seconds"),
            ],
            Self::Points => vec![
                text("path"),
                text("name"),
                text("type"),
                text("unit"),
                text("description"),
                float("range_low"),
                float("range_high"),
                text("connection"),
                text("device"),
                text("source"),
                float("scan_seconds"),
                flag("writable"),
                int("number"),
            ],
            Self::Assets => ["path", "type", "name", "level", "zone", "owner_ot", "owner_it"]
                .into_iter()
                .map(text)
                .collect(),
            Self::Events => vec![
                text("id"),
                int("revision"),
                text("kind"),
                text("source"),
                stamp("start"),
                stamp("end"),
                int("severity"),
                text("state"),
                text("title"),
                text("text"),
                text("next"),
                text("refs"),
            ],
        }))
    }
}

fn texts<T: AsRef<str>>(rows: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(rows.collect::<StringViewArray>())
}

fn floats(rows: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(rows.collect::<Float64Array>())
}

fn ints(rows: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(rows.collect::<Int64Array>())
}

fn flags(rows: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::from(rows.collect::<Vec<bool>>()))
}

fn stamps(rows: impl Iterator<Item = Option<Time>>) -> ArrayRef {
    Arc::new(rows.map(|t| t.map(|t| t.0)).collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

fn words(value: &Value) -> Option<String> {
    matches!(value, Value::Text(_) | Value::Bytes(_)).then(|| value.to_string())
}

impl SmallTable {
    fn rows(&self, wanted: &Wanted) -> Result<Vec<ArrayRef>> {
        Ok(match self.which {
            Small::Latest => self.latest(wanted),
            Small::Points => self.points(wanted),
            Small::Assets => self.assets(),
            Small::Events => self.events()?,
        })
    }

    fn latest(&self, wanted: &Wanted) -> Vec<ArrayRef> {
        let who = &self.scope.who;
        let mut rows = self.scope.catalog.latest();
        rows.retain(|r| who.sees(&r.path) && wanted.holds(&r.path));
        let now = self.scope.catalog.now();
        let age = |t: Time| now.0.saturating_sub(t.0).max(0) as f64 / 1e9;
        vec![
            texts(rows.iter().map(|r| Some(r.path.as_str()))),
            stamps(rows.iter().map(|r| Some(r.time))),
            stamps(rows.iter().map(|r| Some(r.received))),
            ints(rows.iter().map(|r| Some(r.seq.as_i64()))),
            floats(rows.iter().map(|r| r.value.as_f64().filter(|_| !r.status.is_bad()))),
            ints(rows.iter().map(|r| r.value.as_i64())),
            texts(rows.iter().map(|r| words(&r.value))),
            flags(rows.iter().map(|r| r.status.is_good())),
            texts(rows.iter().map(|r| Some(r.status.name()))),
            ints(rows.iter().map(|r| Some(i64::from(r.status.0)))),
            floats(rows.iter().map(|r| r.good.as_ref()?.0.as_f64())),
            texts(rows.iter().map(|r| words(&r.good.as_ref()?.0))),
            stamps(rows.iter().map(|r| r.good.as_ref().map(|g| g.1))),
            floats(rows.iter().map(|r| r.good.as_ref().map(|g| age(g.1)))),
        ]
    }

    fn points(&self, wanted: &Wanted) -> Vec<ArrayRef> {
        let who = &self.scope.who;
        let mut rows = self.scope.catalog.points();
        rows.retain(|(_, d)| who.sees(&d.path) && wanted.holds(&d.path));
        rows.sort_by(|a, b| a.1.path.cmp(&b.1.path));
        let text = |f: fn(&model::Declaration) -> &str| texts(rows.iter().map(|(_, d)| Some(f(d))));
        vec![
            text(|d| d.path.as_str()),
            text(|d| d.display_name()),
            text(|d| d.value_type.name()),
            text(|d| &d.unit),
            text(|d| &d.description),
            floats(rows.iter().map(|(_, d)| d.range.map(|r| r.0))),
            floats(rows.iter().map(|(_, d)| d.range.map(|r| r.1))),
            text(|d| &d.connection),
            text(|d| &d.device),
            text(|d| &d.source),
            floats(rows.iter().map(|(_, d)| (!d.scan.is_zero()).then_some(d.scan.as_secs_f64()))),
            flags(rows.iter().map(|(_, d)| matches!(d.access, Access::Write(_)))),
            ints(rows.iter().map(|(id, _)| Some(i64::from(id.0)))),
        ]
    }

    fn assets(&self) -> Vec<ArrayRef> {
        let who = &self.scope.who;
        let mut rows = self.scope.catalog.assets();
        rows.retain(|r| who.prefix.is_none() || Path::new(&r.path).is_ok_and(|p| who.sees(&p)));
        let text = |f: fn(&crate::AssetRow) -> &str| texts(rows.iter().map(|r| Some(f(r))));
        vec![
            text(|r| &r.path),
            text(|r| &r.type_name),
            text(|r| &r.name),
            text(|r| &r.level),
            text(|r| &r.zone),
            text(|r| &r.owner_ot),
            text(|r| &r.owner_it),
        ]
    }

    fn events(&self) -> Result<Vec<ArrayRef>> {
        let found = self.scope.store.events(&EventFilter::default(), MOST_EVENTS);
        let mut rows = found.map_err(|e| DataFusionError::External(Box::new(e)))?;
        // Someone who sees only a part of the plant sees only events about that part.
        let about = |text: &String| Path::new(text).is_ok_and(|p| self.scope.who.sees(&p));
        if self.scope.who.prefix.is_some() {
            rows.retain(|e| about(&e.source) || (!e.refs.is_empty() && e.refs.iter().all(about)));
        }
        let word =
            |v: serde_json::Result<serde_json::Value>| v.ok().and_then(|v| v.as_str().map(str::to_string));
        Ok(vec![
            texts(rows.iter().map(|e| Some(e.id.as_str()))),
            ints(rows.iter().map(|e| Some(i64::from(e.revision)))),
            texts(rows.iter().map(|e| word(serde_json::to_value(e.kind)))),
            texts(rows.iter().map(|e| Some(e.source.as_str()))),
            stamps(rows.iter().map(|e| Some(e.start))),
            stamps(rows.iter().map(|e| e.end)),
            ints(rows.iter().map(|e| Some(i64::from(e.severity)))),
            texts(rows.iter().map(|e| word(serde_json::to_value(e.state)))),
            texts(rows.iter().map(|e| Some(e.title.as_str()))),
            texts(rows.iter().map(|e| Some(e.text.as_str()))),
            texts(rows.iter().map(|e| Some(e.next.as_str()))),
            texts(rows.iter().map(|e| Some(e.refs.join(", ")))),
        ])
    }
}

#[async_trait]
impl TableProvider for SmallTable {
    fn schema(&self) -> SchemaRef {
        self.which.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|f| pushdown(f)).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch = RecordBatch::try_new(self.schema(), self.rows(&Wanted::of(filters))?)?;
        let table = MemTable::try_new(self.schema(), vec![vec![batch]])?;
        table.scan(state, projection, &[], limit).await
    }
}
