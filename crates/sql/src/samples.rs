//! Tables `samples`, `rollup_1m` and `rollup_1h`: read from the store while the query runs, part by part.

use crate::catalog::Catalog;
use crate::cells::Rows;
use crate::error::{CANCELLED, SqlError};
use crate::filter::{Wanted, pushdown};
use crate::memory::{Pool, Share};
use crate::worker::Limits;
use arrow::array::{ArrayRef, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures_util::stream;
use model::{Principal, Time};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use store::{Bucket, Part, Store};

/// Rows of a batch.
const BATCH: usize = 8_192;

/// What all tables of one session share.
pub(crate) struct Scope {
    pub store: Store,
    pub catalog: Arc<dyn Catalog>,
    pub who: Principal,
    /// Memory of all queries.
    pub memory: Arc<Pool>,
}

/// One query under way; its scans find it in their context.
pub(crate) struct Running {
    pub cancelled: AtomicBool,
    pub scanned: AtomicU64,
    started: Instant,
    /// Longest run from the start, us.
    allowed: AtomicU64,
    /// The share of memory that it takes from.
    pub memory: OnceLock<Arc<dyn MemoryPool>>,
}

impl Running {
    pub fn new(time: Duration) -> Arc<Self> {
        let allowed = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Arc::new(Self {
            cancelled: AtomicBool::new(false),
            scanned: AtomicU64::new(0),
            started: Instant::now(),
            allowed: AtomicU64::new(allowed),
            memory: OnceLock::new(),
        })
    }

    /// Its time is over.
    pub fn is_over(&self) -> bool {
        self.started.elapsed().as_micros() > u128::from(self.allowed.load(Ordering::Relaxed))
    }

    /// What is left of its time.
    pub fn left(&self) -> Duration {
        Duration::from_micros(self.allowed.load(Ordering::Relaxed)).saturating_sub(self.started.elapsed())
    }

    /// Time in which it waited for its reader does not count.
    pub fn waited(&self, time: Duration) {
        self.allowed.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX >> 1), Ordering::Relaxed);
    }

    /// An engine's error in words.
    pub fn error(&self, error: DataFusionError, limits: &Limits) -> SqlError {
        match SqlError::from_engine(error, limits.memory) {
            SqlError::Cancelled if self.is_over() => SqlError::Time(limits.time),
            SqlError::Memory(own) => {
                let share = self.memory.get().and_then(|pool| pool.downcast_ref::<Share>());
                share.and_then(Share::crowd).map_or(SqlError::Memory(own), SqlError::Crowd)
            }
            other => other,
        }
    }

    /// # Errors
    /// It was cancelled, or its time is over.
    pub fn check(&self) -> Result<()> {
        let stop = self.cancelled.load(Ordering::Relaxed) || self.is_over();
        if stop { Err(DataFusionError::Execution(CANCELLED.into())) } else { Ok(()) }
    }
}

impl Scope {
    /// Numbers and paths of the points of history, also of those that exist no more, that the principal sees and the query
    /// wants.
    fn points(&self, wanted: &Wanted) -> HashMap<u32, Arc<str>> {
        let all = self.store.points().into_iter().map(|one| (one.point, one.declaration.path.clone()));
        let seen = all.filter(|(_, path)| self.who.sees(path) && wanted.holds(path));
        seen.map(|(id, path)| (id.0, Arc::from(path.as_str()))).collect()
    }
}

fn stamp() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Samples,
    /// Buckets of this many ns.
    Rollup(i64),
}

impl Kind {
    pub fn schema(self) -> SchemaRef {
        let field = |name: &str, kind: DataType, null: bool| Field::new(name, kind, null);
        let fields = match self {
            Self::Samples => vec![
                field("path", DataType::Utf8View, false),
                field("time", stamp(), false),
                field("received", stamp(), false),
                field("seq", DataType::Int64, false),
                field("value", DataType::Float64, true),
                field("value_int", DataType::Int64, true),
                field("value_text", DataType::Utf8View, true),
                field("good", DataType::Boolean, false),
                field("quality", DataType::Utf8View, false),
                field("status", DataType::Int64, false),
                field("historical", DataType::Boolean, false),
            ],
            Self::Rollup(_) => vec![
                field("path", DataType::Utf8View, false),
                field("time", stamp(), false),
                field("count", DataType::Int64, false),
                field("good", DataType::Int64, false),
                field("avg", DataType::Float64, true),
                field("sum", DataType::Float64, false),
                field("min", DataType::Float64, true),
                field("max", DataType::Float64, true),
                field("first", DataType::Float64, true),
                field("last", DataType::Float64, true),
                field("good_seconds", DataType::Float64, false),
            ],
        };
        Arc::new(Schema::new(fields))
    }
}

/// The table.
pub(crate) struct History {
    pub kind: Kind,
    pub scope: Arc<Scope>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

#[async_trait]
impl TableProvider for History {
    fn schema(&self) -> SchemaRef {
        self.kind.schema()
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
        let whole = self.kind.schema();
        let columns: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..whole.fields().len()).collect());
        let schema = Arc::new(whole.project(&columns)?);
        let scan = Scan {
            kind: self.kind,
            scope: Arc::clone(&self.scope),
            running: Running::new(Duration::ZERO),
            wanted: Wanted::of(filters),
            schema: Arc::clone(&schema),
            columns,
        };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(scan)], None, None, false, limit)?))
    }
}

#[derive(Clone)]
struct Scan {
    kind: Kind,
    scope: Arc<Scope>,
    /// Of the query that reads.
    running: Arc<Running>,
    wanted: Wanted,
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} from {} to {}", self.kind, Time(self.wanted.from), Time(self.wanted.to))
    }
}

fn external(e: store::StoreError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut scan = self.clone();
        if let Some(running) = context.session_config().get_extension::<Running>() {
            scan.running = running;
        }
        let begin = Progress { scan, state: State::Begin, ready: VecDeque::new() };
        let batches = stream::try_unfold(begin, |mut progress| async move {
            Ok(progress.next()?.map(|batch| (batch, progress)))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

enum State {
    Begin,
    Samples { paths: HashMap<u32, Arc<str>>, parts: VecDeque<Part> },
    Rollup { width: i64, points: VecDeque<(u32, Arc<str>)> },
}

struct Progress {
    scan: Scan,
    state: State,
    ready: VecDeque<RecordBatch>,
}

impl Progress {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.scan.running.check()?;
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if !self.step()? {
                return Ok(None);
            }
        }
    }

    /// Makes some batches ready; false at the end.
    fn step(&mut self) -> Result<bool> {
        let scan = &self.scan;
        let (from, to) = (Time(scan.wanted.from), Time(scan.wanted.to));
        match &mut self.state {
            State::Begin => {
                let paths = scan.scope.points(&scan.wanted);
                let mut numbers: Vec<u32> = paths.keys().copied().collect();
                numbers.sort_unstable();
                self.state = match scan.kind {
                    Kind::Samples => {
                        let parts = scan.scope.store.scan(Some(&numbers), from, to).map_err(external)?;
                        State::Samples { paths, parts: parts.into() }
                    }
                    Kind::Rollup(width) => {
                        let points =
                            numbers.iter().filter_map(|n| Some((*n, Arc::clone(paths.get(n)?)))).collect();
                        State::Rollup { width, points }
                    }
                };
                Ok(true)
            }
            State::Samples { paths, parts } => {
                let Some(part) = parts.pop_front() else { return Ok(false) };
                let mut rows = Rows::new(&scan.schema, &scan.columns);
                for run in scan.scope.store.read_part(&part).map_err(external)? {
                    let Some(path) = paths.get(&run.point) else { continue };
                    let (first, last) = (run.stamps.lower(from.0), run.stamps.lower(to.0));
                    scan.running.scanned.fetch_add((last - first) as u64, Ordering::Relaxed);
                    let mut at = first;
                    while at < last {
                        let end = last.min(at + BATCH - rows.len());
                        rows.add(&run, path, at, end);
                        at = end;
                        if rows.len() >= BATCH {
                            self.ready.push_back(rows.take()?);
                        }
                    }
                }
                if rows.len() > 0 {
                    self.ready.push_back(rows.take()?);
                }
                Ok(true)
            }
            State::Rollup { width, points } => {
                let take = points.len().min(256);
                if take == 0 {
                    return Ok(false);
                }
                let some: Vec<(u32, Arc<str>)> = points.drain(..take).collect();
                let numbers: Vec<model::PointId> = some.iter().map(|p| model::PointId(p.0)).collect();
                // Whole buckets, whatever part of them is wanted: DataFusion drops the rest by the bucket's start.
                let from = Time(from.0.saturating_sub(*width));
                let to = Time(to.0.saturating_add(*width));
                let span = Duration::from_nanos(*width as u64);
                let all = scan.scope.store.aggregate(&numbers, from, to, span).map_err(external)?;
                self.ready.extend(rollup_batch(scan, &some, &all)?);
                Ok(true)
            }
        }
    }
}

fn rollup_batch(scan: &Scan, points: &[(u32, Arc<str>)], all: &[Vec<Bucket>]) -> Result<Option<RecordBatch>> {
    let rows: Vec<(&str, &Bucket)> =
        points.iter().zip(all).flat_map(|(p, buckets)| buckets.iter().map(|b| (&*p.1, b))).collect();
    scan.running.scanned.fetch_add(rows.len() as u64, Ordering::Relaxed);
    if rows.is_empty() {
        return Ok(None);
    }
    let float = |f: fn(&Bucket) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|r| f(r.1)).collect::<arrow::array::Float64Array>())
    };
    let int = |f: fn(&Bucket) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(|r| Some(f(r.1) as i64)).collect::<arrow::array::Int64Array>())
    };
    let column = |at: &usize| -> ArrayRef {
        match at {
            0 => Arc::new(rows.iter().map(|r| Some(r.0)).collect::<arrow::array::StringViewArray>()),
            1 => Arc::new(
                rows.iter()
                    .map(|r| Some(r.1.start))
                    .collect::<TimestampNanosecondArray>()
                    .with_timezone("UTC"),
            ),
            2 => int(|b| b.count),
            3 => int(|b| b.good),
            4 => float(Bucket::mean),
            5 => float(|b| Some(b.sum)),
            6 => float(|b| Some(b.min).filter(|_| b.good > 0)),
            7 => float(|b| Some(b.max).filter(|_| b.good > 0)),
            8 => float(|b| Some(b.first).filter(|_| b.good > 0)),
            9 => float(|b| Some(b.last).filter(|_| b.good > 0)),
            _ => float(|b| Some(b.good_ns as f64 / 1e9)),
        }
    };
    let arrays: Vec<ArrayRef> = scan.columns.iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&scan.schema), arrays, &options)?))
}
