//! Schema `lake`: samples in Iceberg tables, one table for each destination that fills one. They look like `samples`, and
//! are read file by file: only days and points that can matter.

use crate::catalog::Lakes;
use crate::filter::{Wanted, pushdown};
use crate::samples::{Kind, Running, Scope};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, TimestampNanosecondArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{Int32Type, SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use lake::{Found, LakeError, Opener, Reader};
use model::{Path, Principal};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The schema's name.
pub(crate) const NAME: &str = "lake";
/// Places of columns in the tables, as in `samples`; `nanos` only there.
const PATH: usize = 0;
const TIME: usize = 1;
const NANOS: usize = 11;

/// Schema `lake`.
pub(crate) struct LakeSchema {
    pub scope: Arc<Scope>,
}

/// The tables as they are called in SQL.
fn all(scope: &Scope) -> Lakes {
    let plain = |(name, opener): (String, Opener)| (name.replace('-', "_"), opener);
    scope.catalog.lakes().into_iter().map(plain).collect()
}

/// Their names.
pub(crate) fn names(scope: &Scope) -> Vec<String> {
    all(scope).into_iter().map(|(name, _)| name).collect()
}

/// Their columns: those of `samples`.
pub(crate) fn columns() -> SchemaRef {
    Kind::Samples.schema()
}

impl fmt::Debug for LakeSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

#[async_trait]
impl SchemaProvider for LakeSchema {
    fn table_names(&self) -> Vec<String> {
        names(&self.scope)
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let found = all(&self.scope).into_iter().find(|(known, _)| known == name);
        Ok(found.map(|(name, opener)| -> Arc<dyn TableProvider> {
            Arc::new(LakeTable { name, opener, scope: Arc::clone(&self.scope) })
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        all(&self.scope).iter().any(|(known, _)| known == name)
    }
}

struct LakeTable {
    name: String,
    opener: Opener,
    scope: Arc<Scope>,
}

impl fmt::Debug for LakeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}.{}", self.name)
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        columns()
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
        let whole = columns();
        let read: Vec<usize> = projection.cloned().unwrap_or_else(|| (0..whole.fields().len()).collect());
        let schema = Arc::new(whole.project(&read)?);
        let wanted = Wanted::of(filters);
        let scan = Scan {
            name: self.name.clone(),
            opener: Arc::clone(&self.opener),
            who: self.scope.who.clone(),
            running: Running::new(Duration::ZERO),
            wanted: lake::Wanted { from: wanted.from, to: wanted.to, paths: wanted.named() },
            schema: Arc::clone(&schema),
            columns: read,
        };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(scan)], None, None, false, limit)?))
    }
}

#[derive(Clone)]
struct Scan {
    name: String,
    opener: Opener,
    who: Principal,
    running: Arc<Running>,
    wanted: lake::Wanted,
    schema: SchemaRef,
    columns: Vec<usize>,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}.{} from {} to {}", self.name, self.wanted.from, self.wanted.to)
    }
}

fn external(why: LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(why))
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
        let batches = stream::once(scan.begin()).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// Files that are still to be read.
struct Progress {
    scan: Scan,
    reader: Reader,
    files: VecDeque<Found>,
    open: Option<BoxStream<'static, Result<RecordBatch, LakeError>>>,
    /// What is read of each file: the query's columns, and what else is needed to make them.
    read: Vec<usize>,
}

impl Scan {
    async fn begin(self) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let place = (self.opener)().map_err(external)?;
        let Some(reader) = Reader::open(&place, lake::Kind::Samples).await.map_err(external)? else {
            let none = format!("there is no table at {} yet: nothing was committed", place.location());
            return Err(external(LakeError::Unfit(none)));
        };
        let (files, all) = reader.files(&self.wanted).await.map_err(external)?;
        tracing::debug!(table = self.name, files = files.len(), all, "reading a table in the lake");
        let mut read = self.columns.clone();
        for (needed, wanted) in [(NANOS, read.contains(&TIME)), (PATH, self.who.prefix.is_some())] {
            if wanted && !read.contains(&needed) {
                read.push(needed);
            }
        }
        let progress = Progress { scan: self, reader, files: files.into(), open: None, read };
        let batches = stream::try_unfold(progress, |mut progress| async move {
            Ok(progress.next().await?.map(|batch| (batch, progress)))
        });
        Ok(batches.boxed())
    }
}

impl Progress {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.scan.running.check()?;
            if let Some(rows) = &mut self.open {
                match rows.next().await {
                    Some(batch) => return self.made(&batch.map_err(external)?).map(Some),
                    None => self.open = None,
                }
            }
            let Some(file) = self.files.pop_front() else { return Ok(None) };
            let rows = self.reader.rows(&file, &self.scan.wanted, &self.read).await;
            self.open = Some(rows.map_err(external)?);
        }
    }

    /// Rows as `samples` has them: full nanoseconds, and only points that the principal sees.
    fn made(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        self.scan.running.scanned.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        let column = |which: usize| {
            let at = self.read.iter().position(|one| *one == which);
            at.and_then(|at| batch.columns().get(at))
        };
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.scan.columns.len());
        for (which, field) in self.scan.columns.iter().zip(self.scan.schema.fields()) {
            let Some(values) = column(*which) else {
                return Err(DataFusionError::Internal(format!("no column {which}")));
            };
            columns.push(match (*which, column(NANOS)) {
                (TIME, Some(nanos)) => whole(values, nanos),
                _ => cast(values, field.data_type())?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let made = RecordBatch::try_new_with_options(Arc::clone(&self.scan.schema), columns, &options)?;
        match (&self.scan.who.prefix, column(PATH)) {
            (Some(_), Some(paths)) => Ok(filter_record_batch(&made, &seen(&self.scan.who, paths))?),
            _ => Ok(made),
        }
    }
}

/// Microseconds and what is beyond them.
fn whole(micros: &ArrayRef, nanos: &ArrayRef) -> ArrayRef {
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    let nanos = nanos.as_primitive::<Int32Type>();
    let both = micros.iter().zip(nanos.iter());
    let time = |(micros, nanos): (Option<i64>, Option<i32>)| {
        Some(micros?.saturating_mul(1_000).saturating_add(i64::from(nanos.unwrap_or(0))))
    };
    Arc::new(both.map(time).collect::<TimestampNanosecondArray>().with_timezone("UTC"))
}

/// Which rows are of points that the principal sees. Rows of one point stand together.
fn seen(who: &Principal, paths: &ArrayRef) -> BooleanArray {
    let mut last: (Option<&str>, bool) = (None, false);
    let paths = paths.as_string::<i32>();
    let sees = |path: Option<&'_ str>| Path::new(path?).ok().map(|path| who.sees(&path));
    (0..paths.len())
        .map(|row| {
            let path = paths.is_valid(row).then(|| paths.value(row));
            if last.0 != path || path.is_none() {
                last = (path, sees(path).unwrap_or(false));
            }
            Some(last.1)
        })
        .collect()
}
