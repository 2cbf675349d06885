//! `history(points, aggregate, start, end, width)`: a row for each point and interval, made by the rules of OPC UA
//! Part 13. Unlike `GROUP BY time_bucket(...)` it knows the samples before and behind the times asked for, gives a row
//! for each interval, also for one without samples, and says how good it is.

use super::bucket::{stamp_type, width_ns};
use crate::filter::{Wanted, pushdown};
use crate::samples::{Running, Scope};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringViewArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures_util::stream;
use insight::processed::{AGGREGATES, Aggregate, Processed, Raw, Rules, Series};
use model::{PointId, Time, ValueType};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::Order;

/// Most intervals of a point.
const MOST_INTERVALS: i64 = 1_000_000;
/// Most samples of a point that are looked at.
const MOST_SAMPLES: usize = 5_000_000;
/// How many samples before and behind are looked at for one that counts.
const AROUND: usize = 100;
/// Rows of a batch.
const BATCH: usize = 8_192;

const USAGE: &str =
    "write history('acme/leeds/%/speed', 'time_average', now() - interval '1 hour', now(), '1 minute')";

pub(super) struct History(pub Arc<Scope>);

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("history")
    }
}

/// What is asked for.
#[derive(Clone)]
struct Ask {
    scope: Arc<Scope>,
    points: String,
    aggregate: Aggregate,
    from: i64,
    to: i64,
    width: i64,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} from {} to {}", self.aggregate, self.points, Time(self.from), Time(self.to))
    }
}

fn literal(expr: Option<&Expr>) -> Result<&ScalarValue> {
    match expr {
        Some(Expr::Literal(value, _)) => Ok(value),
        _ => plan_err!("the values of history must be known before it runs: {USAGE}"),
    }
}

fn text(expr: Option<&Expr>) -> Result<&str> {
    literal(expr)?.try_as_str().flatten().map_or_else(|| plan_err!("{USAGE}"), Ok)
}

fn stamp(expr: Option<&Expr>) -> Result<i64> {
    match literal(expr)?.cast_to(&stamp_type())? {
        ScalarValue::TimestampNanosecond(Some(time), _) => Ok(time),
        _ => plan_err!("start and end of history are times: {USAGE}"),
    }
}

fn width(expr: Option<&Expr>) -> Result<i64> {
    let value = literal(expr)?;
    let ns = match value {
        ScalarValue::IntervalMonthDayNano(Some(i)) if i.months == 0 => {
            Some(i64::from(i.days) * 86_400_000_000_000 + i.nanoseconds)
        }
        other => other.try_as_str().flatten().and_then(width_ns),
    };
    ns.filter(|ns| *ns > 0)
        .map_or_else(|| plan_err!("the width is a time such as '1 minute' or '15m': {USAGE}"), Ok)
}

fn aggregate(name: &str) -> Result<Aggregate> {
    let wanted = name.to_lowercase();
    if let Some((_, found)) = AGGREGATES.iter().find(|(known, _)| *known == wanted) {
        return Ok(*found);
    }
    let all: Vec<&str> = AGGREGATES.iter().map(|(name, _)| *name).collect();
    plan_err!("there is no aggregate `{name}`; there are {}", all.join(", "))
}

impl TableFunctionImpl for History {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let of = args.exprs();
        if of.len() != 5 {
            return plan_err!("{USAGE}");
        }
        let ask = Ask {
            scope: Arc::clone(&self.0),
            points: text(of.first())?.to_owned(),
            aggregate: aggregate(text(of.get(1))?)?,
            from: stamp(of.get(2))?,
            to: stamp(of.get(3))?,
            width: width(of.get(4))?,
        };
        let span = ask.to.saturating_sub(ask.from);
        if span <= 0 {
            return plan_err!("the end of history must lie behind its start");
        }
        if span / ask.width > MOST_INTERVALS {
            return plan_err!("that is more than {MOST_INTERVALS} intervals; take a larger width");
        }
        Ok(Arc::new(ask))
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8View, false),
        Field::new("time", stamp_type(), false),
        Field::new("value", DataType::Float64, true),
        Field::new("good", DataType::Boolean, false),
        Field::new("quality", DataType::Utf8View, false),
        Field::new("status", DataType::Int64, false),
    ]))
}

#[async_trait]
impl TableProvider for Ask {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|f| pushdown(f)).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = Scan { ask: self.clone(), wanted: Wanted::of(filters), schema: schema() };
        Ok(Arc::new(StreamingTableExec::try_new(
            schema(),
            vec![Arc::new(scan)],
            projection,
            None,
            false,
            limit,
        )?))
    }
}

#[derive(Debug)]
struct Scan {
    ask: Ask,
    wanted: Wanted,
    schema: SchemaRef,
}

/// The points that are still to come.
struct Progress {
    ask: Ask,
    running: Option<Arc<Running>>,
    points: VecDeque<(PointId, Arc<str>, ValueType)>,
    /// Rows of the present point.
    rows: VecDeque<(i64, Processed)>,
    path: Arc<str>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let scope = &self.ask.scope;
        let pattern = crate::filter::Pattern::new(&self.ask.points);
        let mut points: Vec<_> = scope
            .catalog
            .points()
            .into_iter()
            .filter(|(_, d)| {
                pattern.fits(d.path.as_str()) && scope.who.sees(&d.path) && self.wanted.holds(&d.path)
            })
            .map(|(id, d)| (id, Arc::from(d.path.as_str()), d.value_type))
            .collect();
        points.sort_by(|a: &(PointId, Arc<str>, ValueType), b| a.1.cmp(&b.1));
        let begin = Progress {
            ask: self.ask.clone(),
            running: context.session_config().get_extension::<Running>(),
            points: points.into(),
            rows: VecDeque::new(),
            path: Arc::from(""),
        };
        let batches = stream::try_unfold(begin, |mut progress| async move {
            Ok(progress.next()?.map(|batch| (batch, progress)))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema(), batches))
    }
}

impl Progress {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(running) = &self.running {
                running.check()?;
            }
            if !self.rows.is_empty() {
                return self.batch().map(Some);
            }
            let Some((point, path, kind)) = self.points.pop_front() else { return Ok(None) };
            self.path = path;
            self.rows = self.process(point, kind)?;
        }
    }

    fn process(&self, point: PointId, kind: ValueType) -> Result<VecDeque<(i64, Processed)>> {
        let ask = &self.ask;
        let raw = self.raw(point)?;
        let stepped = !matches!(kind, ValueType::F64);
        let series = Series::new(&raw, Rules { stepped, uncertain_is_bad: true });
        let mut rows = VecDeque::new();
        let mut from = ask.from;
        while from < ask.to {
            let to = from.saturating_add(ask.width).min(ask.to);
            rows.push_back((from, series.process(ask.aggregate, from, to)));
            from = to;
        }
        Ok(rows)
    }

    /// The samples of the time asked for, and those around it up to one that counts.
    fn raw(&self, point: PointId) -> Result<Vec<Raw>> {
        let (store, ask) = (&self.ask.scope.store, &self.ask);
        let read = |from: i64, to: i64, most: usize, order: Order| {
            let found = store.range(point, Time(from), Time(to), most, order);
            let found = found.map_err(|e| DataFusionError::External(Box::new(e)))?;
            if found.more && most == MOST_SAMPLES {
                return plan_err!(
                    "a point has more than {MOST_SAMPLES} samples there; ask for a shorter time"
                );
            }
            if let Some(running) = &self.running {
                running.scanned.fetch_add(found.len() as u64, Ordering::Relaxed);
            }
            let one = |row: usize| -> Option<Raw> {
                let value = found.values.as_f64(row).unwrap_or(f64::NAN);
                Some(Raw { time: found.time.get(row)?.0, value, status: *found.status.get(row)? })
            };
            Ok((0..found.len()).filter_map(one).collect::<Vec<Raw>>())
        };
        let until = |all: Vec<Raw>| {
            let skipped = all.iter().take_while(|raw| !raw.status.is_good()).count();
            all.into_iter().take(skipped + 1)
        };
        let mut raw: Vec<Raw> = until(read(i64::MIN, ask.from, AROUND, Order::Descending)?).collect();
        raw.sort_by_key(|one| one.time);
        raw.extend(read(ask.from, ask.to, MOST_SAMPLES, Order::Ascending)?);
        raw.extend(until(read(ask.to, i64::MAX, AROUND, Order::Ascending)?));
        Ok(raw)
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        let count = self.rows.len().min(BATCH);
        let rows: Vec<(i64, Processed)> = self.rows.drain(..count).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|_| Some(&*self.path)).collect::<StringViewArray>()),
            Arc::new(
                rows.iter().map(|r| Some(r.0)).collect::<TimestampNanosecondArray>().with_timezone("UTC"),
            ),
            Arc::new(rows.iter().map(|r| r.1.value).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|r| Some(r.1.status.is_good())).collect::<BooleanArray>()),
            Arc::new(rows.iter().map(|r| Some(r.1.status.name())).collect::<StringViewArray>()),
            Arc::new(rows.iter().map(|r| Some(i64::from(r.1.status.0))).collect::<Int64Array>()),
        ];
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(schema(), columns, &options)?)
    }
}
