//! The handle, and the one thread on which queries run.

use crate::catalog::{Catalog, StoreCatalog};
use crate::error::SqlError;
use crate::export::{Format, Output};
use crate::samples::Shared;
use crate::session;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures_util::StreamExt;
use model::{Principal, SystemClock};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::{mpsc, oneshot};

/// Queries that may wait or run at once.
const MOST_QUERIES: usize = 32;

/// Bounds of a query.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest run.
    pub time: Duration,
    /// Most rows of the answer; more are cut off and `truncated` is set.
    pub rows: usize,
    /// Most memory for sorting, grouping and joining, in bytes.
    pub memory: usize,
}

impl Default for Limits {
    /// 30 s, 10,000 rows, 256 MiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(30), rows: 10_000, memory: 256 << 20 }
    }
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// `boolean`, `bigint`, `double`, `timestamp`, `interval`, `text` or `null`.
    pub type_name: &'static str,
}

/// A table for help pages.
#[derive(Clone, Debug)]
pub struct TableInfo {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub text: &'static str,
    /// Name and type of each column.
    pub columns: Vec<(String, &'static str)>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct QueryResult {
    /// Columns.
    pub columns: Vec<Column>,
    /// Its Arrow schema.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// There were more rows than the limit.
    pub truncated: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// Rows read from history.
    pub rows_scanned: u64,
}

impl QueryResult {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// One array per row; times in milliseconds since 1970 UTC.
    pub fn json_rows(&self) -> Vec<Vec<Value>> {
        crate::json::rows(&self.batches)
    }
}

struct Job {
    sql: String,
    limits: Limits,
    who: Principal,
    id: Option<String>,
    output: Option<(Format, PathBuf)>,
    stop: oneshot::Receiver<()>,
    shared: Arc<Shared>,
    answer: oneshot::Sender<Result<QueryResult, SqlError>>,
}

struct Running {
    stop: Option<oneshot::Sender<()>>,
    shared: Arc<Shared>,
}

struct Inner {
    store: Store,
    catalog: Arc<dyn Catalog>,
    sender: OnceLock<mpsc::Sender<Job>>,
    start: Mutex<()>,
    running: Mutex<HashMap<String, Running>>,
    next: AtomicU64,
}

/// SQL over a store. A cheap handle.
#[derive(Clone)]
pub struct Sql {
    inner: Arc<Inner>,
}

/// Takes the query out of the list of running ones, whatever becomes of its caller.
struct Registered<'a> {
    inner: &'a Inner,
    key: String,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.inner.running.lock().remove(&self.key) {
            // A caller that went away takes its query along.
            running.shared.cancelled.store(true, Ordering::Relaxed);
        }
    }
}

impl Sql {
    /// Over `store`; live values and metadata come from `catalog`. Nothing is started before the first query.
    pub fn new(store: Store, catalog: Arc<dyn Catalog>) -> Self {
        let inner = Inner {
            store,
            catalog,
            sender: OnceLock::new(),
            start: Mutex::new(()),
            running: Mutex::default(),
            next: AtomicU64::new(1),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Over the history in `dir`, without a running Ironbridge; changes nothing on disk.
    ///
    /// # Errors
    /// The folder cannot be read or was written by a newer Ironbridge.
    pub fn offline(dir: impl Into<PathBuf>) -> Result<Self, SqlError> {
        let clock = SystemClock::shared();
        let now = clock.now();
        let store = Store::offline(dir, clock).map_err(|e| SqlError::Store(e.to_string()))?;
        Ok(Self::new(store.clone(), Arc::new(StoreCatalog::new(store, now))))
    }

    /// Runs `sql` as `who`, with what the store and the catalog hold.
    ///
    /// # Errors
    /// [`SqlError`] says what to write or to ask for instead.
    pub async fn query(&self, sql: &str, limits: Limits, who: &Principal) -> Result<QueryResult, SqlError> {
        self.run(sql, limits, who, None, None).await
    }

    /// As [`Sql::query`]; [`Sql::cancel`] with the same `id` by the same principal stops it.
    ///
    /// # Errors
    /// As [`Sql::query`], or a query with this id runs already.
    pub async fn query_as(
        &self,
        id: &str,
        sql: &str,
        limits: Limits,
        who: &Principal,
    ) -> Result<QueryResult, SqlError> {
        self.run(sql, limits, who, Some(id), None).await
    }

    /// Writes the whole answer into `path` (the limit of rows holds too; take `usize::MAX` for none). The result has
    /// no rows, only the figures.
    ///
    /// # Errors
    /// As [`Sql::query`], or the disk refuses; then there is no file.
    pub async fn export(
        &self,
        sql: &str,
        format: Format,
        path: &Path,
        limits: Limits,
        who: &Principal,
    ) -> Result<QueryResult, SqlError> {
        self.run(sql, limits, who, None, Some((format, path.to_path_buf()))).await
    }

    /// Stops the query that `who` started with `id`; whether there was one.
    pub fn cancel(&self, id: &str, who: &Principal) -> bool {
        let mut running = self.inner.running.lock();
        let Some(found) = running.get_mut(&key(who, id)) else { return false };
        found.shared.cancelled.store(true, Ordering::Relaxed);
        if let Some(stop) = found.stop.take() {
            // The receiver is gone when the query has just ended: nothing to stop then.
            let _ = stop.send(());
        }
        true
    }

    async fn run(
        &self,
        sql: &str,
        limits: Limits,
        who: &Principal,
        id: Option<&str>,
        output: Option<(Format, PathBuf)>,
    ) -> Result<QueryResult, SqlError> {
        let inner = &self.inner;
        let (stop, stopped) = oneshot::channel();
        let (answer, wait) = oneshot::channel();
        let shared = Arc::new(Shared {
            store: inner.store.clone(),
            catalog: Arc::clone(&inner.catalog),
            who: who.clone(),
            cancelled: AtomicBool::new(false),
            deadline: Instant::now() + limits.time,
            scanned: AtomicU64::new(0),
        });
        let own = format!("#{}", inner.next.fetch_add(1, Ordering::Relaxed));
        let key = key(who, id.unwrap_or(&own));
        {
            let mut running = inner.running.lock();
            if running.contains_key(&key) {
                return Err(SqlError::Busy(id.unwrap_or_default().to_string()));
            }
            if running.len() >= MOST_QUERIES {
                return Err(SqlError::TooMany(MOST_QUERIES));
            }
            running.insert(key.clone(), Running { stop: Some(stop), shared: Arc::clone(&shared) });
        }
        let _registered = Registered { inner, key };
        let job = Job {
            sql: sql.into(),
            limits,
            who: who.clone(),
            id: id.map(str::to_string),
            output,
            stop: stopped,
            shared,
            answer,
        };
        let sender = self.sender()?;
        sender.send(job).await.map_err(|_| SqlError::Store("the query thread has ended".into()))?;
        wait.await.map_err(|_| SqlError::Store("the query thread has ended".into()))?
    }

    fn sender(&self) -> Result<mpsc::Sender<Job>, SqlError> {
        let _guard = self.inner.start.lock();
        if let Some(sender) = self.inner.sender.get() {
            return Ok(sender.clone());
        }
        let (sender, receiver) = mpsc::channel(MOST_QUERIES);
        let failed = |e: std::io::Error| SqlError::Store(format!("the query thread cannot be started: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
        std::thread::Builder::new()
            .name("sql".into())
            .spawn(move || serve(&runtime, receiver))
            .map_err(failed)?;
        Ok(self.inner.sender.get_or_init(|| sender).clone())
    }
}

fn key(who: &Principal, id: &str) -> String {
    format!("{}\u{0}{id}", who.name)
}

fn serve(runtime: &tokio::runtime::Runtime, mut jobs: mpsc::Receiver<Job>) {
    // On Linux this concerns the calling thread alone: everything else of the process goes first.
    if let Err(e) = rustix::process::nice(19) {
        tracing::warn!(error = %e, "the query thread could not take the lowest priority");
    }
    runtime.block_on(async move {
        while let Some(job) = jobs.recv().await {
            tokio::spawn(answer(job));
        }
    });
}

async fn answer(job: Job) {
    let Job { sql, limits, who, id, output, stop, shared, answer } = job;
    let start = Instant::now();
    let result = tokio::select! {
        biased;
        _ = stop => Err(SqlError::Cancelled),
        () = tokio::time::sleep(limits.time) => Err(SqlError::Time(limits.time)),
        done = execute(&sql, &limits, output, &shared) => done,
    };
    shared.cancelled.store(true, Ordering::Relaxed);
    let result = result.map(|mut r| {
        r.elapsed = start.elapsed();
        r.rows_scanned = shared.scanned.load(Ordering::Relaxed);
        r
    });
    tracing::debug!(
        who = who.name,
        id,
        elapsed_ms = start.elapsed().as_millis() as u64,
        ok = result.is_ok(),
        "query"
    );
    // Nobody waits any more if the caller went away.
    let _ = answer.send(result);
}

async fn execute(
    sql: &str,
    limits: &Limits,
    output: Option<(Format, PathBuf)>,
    shared: &Arc<Shared>,
) -> Result<QueryResult, SqlError> {
    let deadline = shared.deadline;
    let engine = |e| match SqlError::from_engine(e, limits.memory) {
        SqlError::Cancelled if Instant::now() > deadline => SqlError::Time(limits.time),
        other => other,
    };
    let context = session::open(shared, limits).map_err(engine)?;
    let frame = context.sql_with_options(sql, session::options()).await.map_err(engine)?;
    let mut stream = frame.execute_stream().await.map_err(engine)?;
    let schema = stream.schema();
    let column = |f: &Arc<arrow::datatypes::Field>| Column {
        name: f.name().clone(),
        type_name: session::type_name(f.data_type()),
    };
    let mut result = QueryResult {
        columns: schema.fields().iter().map(column).collect(),
        schema: Arc::clone(&schema),
        batches: Vec::new(),
        truncated: false,
        elapsed: Duration::ZERO,
        rows_scanned: 0,
    };
    let mut output = output.map(|(format, path)| Output::create(&path, format, schema)).transpose()?;
    let mut rows = 0usize;
    while let Some(batch) = stream.next().await {
        // Timers are served between batches only; a stream that is always ready must look at the clock itself.
        let step = match batch {
            Err(e) => Err(engine(e)),
            Ok(_) if Instant::now() > deadline => Err(SqlError::Time(limits.time)),
            Ok(batch) => take(batch, limits.rows, &mut rows, &mut output, &mut result),
        };
        if let Err(e) = step {
            if let Some(output) = output {
                output.abandon();
            }
            return Err(e);
        }
        if result.truncated {
            break;
        }
        tokio::task::yield_now().await;
    }
    if let Some(output) = output {
        output.finish()?;
    }
    Ok(result)
}

fn take(
    batch: RecordBatch,
    limit: usize,
    rows: &mut usize,
    output: &mut Option<Output>,
    result: &mut QueryResult,
) -> Result<(), SqlError> {
    let left = limit - *rows;
    result.truncated = batch.num_rows() > left;
    let batch = if result.truncated { batch.slice(0, left) } else { batch };
    *rows += batch.num_rows();
    match output {
        Some(output) => output.write(&batch),
        None => {
            if batch.num_rows() > 0 {
                result.batches.push(batch);
            }
            Ok(())
        }
    }
}
