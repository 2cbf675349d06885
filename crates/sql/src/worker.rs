//! The handle, and the one thread on which queries run.

use crate::catalog::{Catalog, StoreCatalog};
use crate::error::SqlError;
use crate::export::{Format, Output};
use crate::memory::Pool;
use crate::postgres::{Identity, Statement};
use crate::rows::Session;
use crate::samples::{Running, Scope};
use crate::schema::{Relation, Table};
use crate::session;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures_util::StreamExt;
use model::{Principal, SystemClock};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};
use store::Store;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Queries that may wait or run at once.
const MOST_QUERIES: usize = 32;

/// Stack of the thread of queries, bytes: what reads and plans a query goes as deep as it nests. Only what is used takes memory.
const STACK: usize = 64 << 20;

/// Memory of all queries together, where nobody says otherwise: 1 GiB.
pub const MEMORY: usize = 1 << 30;

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

/// A query that waits or runs.
struct Known {
    running: Arc<Running>,
    task: Option<AbortHandle>,
}

/// The thread of queries; it ends when this is dropped.
struct Thread {
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

pub(crate) struct Inner {
    store: Store,
    catalog: Arc<dyn Catalog>,
    memory: Arc<Pool>,
    thread: OnceLock<Thread>,
    start: Mutex<()>,
    queries: Mutex<HashMap<String, Known>>,
    next: AtomicU64,
}

/// SQL over a store. A cheap handle.
#[derive(Clone)]
pub struct Sql {
    inner: Arc<Inner>,
}

/// Takes the query out of the list of running ones, whatever becomes of its caller, and takes its work along.
pub(crate) struct Registered {
    sql: Sql,
    key: String,
    pub running: Arc<Running>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(known) = self.sql.inner.queries.lock().remove(&self.key) {
            known.end();
        }
    }
}

impl Registered {
    pub fn key(&self) -> String {
        self.key.clone()
    }

    pub fn weak(&self) -> Weak<Inner> {
        Arc::downgrade(&self.sql.inner)
    }
}

impl Known {
    fn end(&self) {
        self.running.cancelled.store(true, Ordering::Relaxed);
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Sql {
    /// Over `store`; live values and metadata come from `catalog`. Nothing is started before the first query.
    pub fn new(store: Store, catalog: Arc<dyn Catalog>) -> Self {
        Self::bounded(store, catalog, MEMORY)
    }

    /// The same; all queries together take at most `memory` bytes for sorting, grouping and joining.
    pub fn bounded(store: Store, catalog: Arc<dyn Catalog>, memory: usize) -> Self {
        let inner = Inner {
            store,
            catalog,
            memory: Pool::new(memory),
            thread: OnceLock::new(),
            start: Mutex::new(()),
            queries: Mutex::default(),
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
        let queries = self.inner.queries.lock();
        let Some(found) = queries.get(&key(who, id)) else { return false };
        found.end();
        true
    }

    /// Stops a query by its key, if it still runs.
    pub(crate) fn stop(inner: &Inner, key: &str) {
        if let Some(known) = inner.queries.lock().get(key) {
            known.end();
        }
    }

    /// A session as `who`, for several queries one after the other.
    ///
    /// # Errors
    /// [`SqlError::Store`] when the thread of queries cannot be started.
    pub async fn session(
        &self,
        who: &Principal,
        limits: Limits,
        identity: &Identity,
    ) -> Result<Session, SqlError> {
        let scope = self.scope(who);
        let (identity, path) = (identity.clone(), identity.path.clone());
        let opened = self.on_thread(async move { session::open(&scope, &limits, &identity) }).await?;
        let context = opened.map_err(|e| SqlError::from_engine(e, limits.memory))?;
        Ok(Session::new(self.clone(), context, who.clone(), limits, path))
    }

    /// Tables and views as `who` sees them now.
    pub fn tables(&self, who: &Principal) -> Vec<Table> {
        crate::schema::ours(&self.scope(who)).into_iter().map(Relation::told).collect()
    }

    pub(crate) fn scope(&self, who: &Principal) -> Arc<Scope> {
        let inner = &self.inner;
        Arc::new(Scope {
            store: inner.store.clone(),
            catalog: Arc::clone(&inner.catalog),
            who: who.clone(),
            memory: Arc::clone(&inner.memory),
        })
    }

    /// Takes a place among the queries that may run.
    pub(crate) fn register(
        &self,
        who: &Principal,
        id: Option<&str>,
        limits: &Limits,
    ) -> Result<Registered, SqlError> {
        let own = format!("#{}", self.inner.next.fetch_add(1, Ordering::Relaxed));
        let key = key(who, id.unwrap_or(&own));
        let mut queries = self.inner.queries.lock();
        if queries.contains_key(&key) {
            return Err(SqlError::Busy(id.unwrap_or_default().to_string()));
        }
        if queries.len() >= MOST_QUERIES {
            return Err(SqlError::TooMany(MOST_QUERIES));
        }
        let running = Running::new(limits.time);
        queries.insert(key.clone(), Known { running: Arc::clone(&running), task: None });
        drop(queries);
        Ok(Registered { sql: self.clone(), key, running })
    }

    /// Runs `work` on the thread of queries under a place that was taken.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        place: &Registered,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<tokio::task::JoinHandle<T>, SqlError> {
        let task = self.thread()?.spawn(work);
        if let Some(known) = self.inner.queries.lock().get_mut(&place.key) {
            known.task = Some(task.abort_handle());
            // Stopped before it had a task to be stopped.
            if known.running.cancelled.load(Ordering::Relaxed) {
                known.end();
            }
        }
        Ok(task)
    }

    /// Runs `work` that is no query on the thread of queries.
    pub(crate) async fn on_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, SqlError> {
        self.thread()?.spawn(work).await.map_err(|_| ended())
    }

    async fn run(
        &self,
        sql: &str,
        limits: Limits,
        who: &Principal,
        id: Option<&str>,
        output: Option<(Format, PathBuf)>,
    ) -> Result<QueryResult, SqlError> {
        let place = self.register(who, id, &limits)?;
        let (scope, running, sql) = (self.scope(who), Arc::clone(&place.running), sql.to_owned());
        let start = Instant::now();
        let task = self.spawn(&place, async move {
            tokio::time::timeout(limits.time, execute(&sql, &limits, output, &scope, &running))
                .await
                .unwrap_or(Err(SqlError::Time(limits.time)))
        })?;
        let result =
            task.await.unwrap_or_else(|e| Err(if e.is_cancelled() { SqlError::Cancelled } else { ended() }));
        tracing::debug!(
            who = who.name,
            id,
            elapsed_ms = start.elapsed().as_millis() as u64,
            ok = result.is_ok(),
            "query"
        );
        result.map(|mut r| {
            r.elapsed = start.elapsed();
            r.rows_scanned = place.running.scanned.load(Ordering::Relaxed);
            r
        })
    }

    fn thread(&self) -> Result<Handle, SqlError> {
        let _guard = self.inner.start.lock();
        if let Some(thread) = self.inner.thread.get() {
            return Ok(thread.handle.clone());
        }
        let failed = |e: std::io::Error| SqlError::Store(format!("the query thread cannot be started: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let thread = Thread { handle: runtime.handle().clone(), _stop: stop };
        std::thread::Builder::new()
            .name("sql".into())
            .stack_size(STACK)
            .spawn(move || {
                // On Linux this concerns the calling thread alone: everything else of the process goes first.
                if let Err(e) = rustix::process::nice(19) {
                    tracing::warn!(error = %e, "the query thread could not take the lowest priority");
                }
                // The sender is never used: it goes away with the last handle.
                let _ = runtime.block_on(stopped);
            })
            .map_err(failed)?;
        Ok(self.inner.thread.get_or_init(|| thread).handle.clone())
    }
}

fn ended() -> SqlError {
    SqlError::Store("the query failed inside Ironbridge; please report this".into())
}

fn key(who: &Principal, id: &str) -> String {
    format!("{}\u{0}{id}", who.name)
}

async fn execute(
    sql: &str,
    limits: &Limits,
    output: Option<(Format, PathBuf)>,
    scope: &Arc<Scope>,
    running: &Arc<Running>,
) -> Result<QueryResult, SqlError> {
    let engine = |e| running.error(e, limits);
    let text = match crate::postgres::read(sql)?.as_slice() {
        [Statement::Query(text)] => text.clone(),
        [_] => return Err(SqlError::ReadOnly("write a SELECT".into())),
        _ => return Err(SqlError::Query("write one statement".into())),
    };
    let context = session::open(scope, limits, &Identity::default()).map_err(engine)?;
    let plan = session::plan(&context, *text.ast).await.map_err(engine)?;
    let mut stream = session::execute(&context, &plan, running).await.map_err(engine)?;
    let schema = stream.schema();
    let column = |f: &Arc<arrow::datatypes::Field>| Column {
        name: crate::postgres::told(f.name()).to_owned(),
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
            Ok(_) if running.is_over() => Err(SqlError::Time(limits.time)),
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
