//! Sessions: statements that are prepared once and run often, and rows that come as fast as their reader takes them.

use crate::error::SqlError;
use crate::postgres::{SearchPath, Statement, Text};
use crate::schema::Table;
use crate::session;
use crate::worker::{Limits, Registered, Sql};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{self, Expr, Value, VisitMut, VisitorMut};
use futures_util::StreamExt;
use model::Principal;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Batches that wait for their reader.
const AHEAD: usize = 2;
/// A reader that takes nothing for this long loses its query.
const PATIENCE: Duration = Duration::from_secs(600);
/// Most parameters of a statement.
const MOST_PARAMS: usize = 1_000;

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// NULL.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text, or any value as text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A time, nanoseconds since 1970 UTC.
    Time(i64),
    /// A date, days since 1970.
    Date(i32),
    /// A list of texts.
    List(Vec<Option<String>>),
}

/// A session of one principal. Its tables show the present at each run.
pub struct Session {
    sql: Sql,
    context: Arc<SessionContext>,
    who: Principal,
    limits: Limits,
    /// What the role allows.
    longest: Duration,
    path: SearchPath,
}

/// A statement that was understood.
#[derive(Clone)]
pub struct Prepared {
    plan: LogicalPlan,
    /// Columns of its answer.
    pub schema: SchemaRef,
    /// Their names as the client is told.
    pub names: Vec<String>,
    /// Types of its parameters, `$1` first.
    pub params: Vec<DataType>,
    /// `SELECT` or `EXPLAIN`.
    pub tag: &'static str,
}

/// Rows of a query that runs.
pub struct Rows {
    batches: mpsc::Receiver<Result<RecordBatch, SqlError>>,
    place: Registered,
}

/// Parameters get the types that the client declared.
struct Declare<'a> {
    types: &'a [Option<DataType>],
    highest: usize,
    /// Those that can only be lists: `$1::text[]`, `= any($1)`.
    lists: HashMap<usize, DataType>,
}

/// The type of a list of which the statement says what is in it.
fn list_type(item: &ast::DataType) -> Option<DataType> {
    let ast::DataType::Array(ast::ArrayElemTypeDef::SquareBracket(item, _)) = item else { return None };
    let name = item.to_string().to_lowercase();
    let kind = match name.as_str() {
        name if name.starts_with("int") || name.ends_with("int") => DataType::Int64,
        "real" | "double precision" | "float4" | "float8" | "numeric" => DataType::Float64,
        _ => DataType::Utf8,
    };
    Some(DataType::List(Arc::new(Field::new_list_field(kind, true))))
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::Placeholder(name) => name.strip_prefix('$')?.parse().ok(),
        _ => None,
    }
}

/// The number of a parameter that stands alone, in parentheses or not.
fn placeholder(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Nested(inner) => placeholder(inner),
        Expr::Value(value) => number(&value.value),
        _ => None,
    }
}

fn sql_type(kind: &DataType) -> Option<ast::DataType> {
    use ast::TimezoneInfo::{None as Without, WithTimeZone};
    Some(match kind {
        DataType::Boolean => ast::DataType::Boolean,
        DataType::Int16 => ast::DataType::SmallInt(None),
        DataType::Int32 => ast::DataType::Int(None),
        DataType::UInt32 => ast::DataType::IntUnsigned(None),
        DataType::Int64 => ast::DataType::BigInt(None),
        DataType::Float32 => ast::DataType::Real,
        DataType::Float64 => ast::DataType::DoublePrecision,
        DataType::Date32 => ast::DataType::Date,
        DataType::Timestamp(_, None) => ast::DataType::Timestamp(None, Without),
        DataType::Timestamp(_, Some(_)) => ast::DataType::Timestamp(None, WithTimeZone),
        _ => return None,
    })
}

impl VisitorMut for Declare<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let list = match &*expr {
            Expr::Cast { expr, data_type, .. } => list_type(data_type).map(|kind| (&**expr, kind)),
            Expr::AnyOp { right, .. } => {
                Some((&**right, DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))))
            }
            _ => None,
        };
        if let Some((inner, kind)) = list
            && let Some(at) = placeholder(inner)
        {
            self.lists.insert(at, kind);
        }
        let Expr::Value(value) = &*expr else { return ControlFlow::Continue(()) };
        let Some(at) = number(&value.value) else { return ControlFlow::Continue(()) };
        self.highest = self.highest.max(at);
        let declared = at.checked_sub(1).and_then(|at| self.types.get(at)).and_then(Option::as_ref);
        if let Some(data_type) = declared.and_then(sql_type) {
            let inner = Box::new(expr.clone());
            *expr =
                Expr::Cast { kind: ast::CastKind::Cast, expr: inner, data_type, array: false, format: None };
        }
        ControlFlow::Continue(())
    }
}

impl Param {
    fn scalar(&self) -> ScalarValue {
        match self {
            Self::Null => ScalarValue::Null,
            Self::Bool(v) => ScalarValue::Boolean(Some(*v)),
            Self::Int(v) => ScalarValue::Int64(Some(*v)),
            Self::Float(v) => ScalarValue::Float64(Some(*v)),
            Self::Text(v) => ScalarValue::Utf8(Some(v.clone())),
            Self::Bytes(v) => ScalarValue::Binary(Some(v.clone())),
            Self::Time(v) => ScalarValue::TimestampNanosecond(Some(*v), Some("UTC".into())),
            Self::Date(v) => ScalarValue::Date32(Some(*v)),
            Self::List(all) => {
                let items: Vec<ScalarValue> = all.iter().map(|v| ScalarValue::Utf8(v.clone())).collect();
                ScalarValue::List(ScalarValue::new_list_nullable(&items, &DataType::Utf8))
            }
        }
    }
}

impl Session {
    pub(crate) fn new(
        sql: Sql,
        context: SessionContext,
        who: Principal,
        limits: Limits,
        path: SearchPath,
    ) -> Self {
        Self { sql, context: Arc::new(context), who, limits, longest: limits.time, path }
    }

    /// Where names without a schema are looked for.
    pub const fn path(&self) -> &SearchPath {
        &self.path
    }

    /// Bounds the time of the next queries below the limit; `None`: the limit itself.
    pub fn shorten(&mut self, time: Option<Duration>) {
        self.limits.time = time.map_or(self.longest, |time| time.min(self.longest));
    }

    /// Reads all statements of a text on the thread of queries, which has the stack for it and whose work nobody waits for.
    ///
    /// # Errors
    /// As [`read`](crate::postgres::read).
    pub async fn read(&self, text: &str) -> Result<Vec<Statement>, SqlError> {
        let text = text.to_owned();
        self.sql.on_thread(async move { crate::postgres::read(&text) }).await?
    }

    /// Understands a statement. `types` are those that the client declared for its parameters.
    ///
    /// # Errors
    /// [`SqlError::Query`] says what is wrong with it.
    pub async fn prepare(&self, text: &Text, types: &[Option<DataType>]) -> Result<Prepared, SqlError> {
        let mut statement = text.ast.clone();
        let mut declare = Declare { types, highest: 0, lists: HashMap::new() };
        let _ = statement.visit(&mut declare);
        let count = declare.highest.max(types.len());
        if count > MOST_PARAMS {
            return Err(SqlError::Query(format!("a statement has at most {MOST_PARAMS} parameters")));
        }
        let (context, memory) = (Arc::clone(&self.context), self.limits.memory);
        let plan = self.sql.on_thread(async move { session::plan(&context, *statement).await }).await?;
        let plan = plan.map_err(|e| SqlError::from_engine(e, memory))?;
        let found = plan.get_parameter_types().map_err(|e| SqlError::from_engine(e, memory))?;
        let param = |at: usize| {
            let declared = types.get(at).cloned().flatten();
            let found = found.get(&format!("${}", at + 1)).cloned().flatten();
            declared.or(declare.lists.get(&(at + 1)).cloned()).or(found).unwrap_or(DataType::Utf8)
        };
        let schema: SchemaRef = Arc::new(plan.schema().as_arrow().clone());
        let named = |at: usize, own: &str| {
            let asked = text.names.get(at).cloned().flatten();
            asked.unwrap_or_else(|| crate::postgres::told(own).to_owned())
        };
        let names = schema.fields().iter().enumerate().map(|(at, f)| named(at, f.name())).collect();
        Ok(Prepared { schema, names, params: (0..count).map(param).collect(), tag: text.tag, plan })
    }

    /// Tables and views as the principal sees them now.
    pub fn tables(&self) -> Vec<Table> {
        self.sql.tables(&self.who)
    }

    /// Runs a statement with values for its parameters.
    ///
    /// # Errors
    /// [`SqlError`]; more can come with the rows.
    pub async fn rows(&self, prepared: &Prepared, values: &[Param]) -> Result<Rows, SqlError> {
        self.rows_as(None, prepared, values).await
    }

    /// The same; [`Sql::cancel`] with the same `id` by the same principal stops it.
    ///
    /// # Errors
    /// As [`Session::rows`], or a query with this id runs already.
    pub async fn rows_as(
        &self,
        id: Option<&str>,
        prepared: &Prepared,
        values: &[Param],
    ) -> Result<Rows, SqlError> {
        let (limits, memory) = (self.limits, self.limits.memory);
        let mut plan = prepared.plan.clone();
        if !prepared.params.is_empty() {
            let scalars: Result<Vec<_>, _> = prepared
                .params
                .iter()
                .enumerate()
                .map(|(at, kind)| values.get(at).unwrap_or(&Param::Null).scalar().cast_to(kind))
                .collect();
            let scalars = scalars.map_err(|e| SqlError::from_engine(e, memory))?;
            let bound = plan.with_param_values(ParamValues::from(scalars));
            plan = bound.map_err(|e| SqlError::from_engine(e, memory))?;
        }
        let place = self.sql.register(&self.who, id, &limits)?;
        let (sender, batches) = mpsc::channel(AHEAD);
        let (context, running) = (Arc::clone(&self.context), Arc::clone(&place.running));
        self.sql.spawn(&place, async move {
            let begun = tokio::time::timeout(limits.time, session::execute(&context, &plan, &running)).await;
            let begun = begun.map_err(|_| SqlError::Time(limits.time));
            let step = match begun.and_then(|b| b.map_err(|e| running.error(e, &limits))) {
                Ok(stream) => send(stream, &sender, &running, &limits).await,
                Err(e) => Err(e),
            };
            if let Err(e) = step {
                // The reader may have gone away.
                let _ = sender.send(Err(e)).await;
            }
        })?;
        Ok(Rows { batches, place })
    }
}

async fn send(
    mut stream: SendableRecordBatchStream,
    sender: &mpsc::Sender<Result<RecordBatch, SqlError>>,
    running: &crate::samples::Running,
    limits: &Limits,
) -> Result<(), SqlError> {
    let mut rows = 0usize;
    loop {
        let next = tokio::time::timeout(running.left(), stream.next()).await;
        let batch = match next.map_err(|_| SqlError::Time(limits.time))? {
            None => return Ok(()),
            Some(batch) => batch.map_err(|e| running.error(e, limits))?,
        };
        if running.is_over() {
            return Err(SqlError::Time(limits.time));
        }
        rows = rows.saturating_add(batch.num_rows());
        if rows > limits.rows {
            return Err(SqlError::Rows(limits.rows));
        }
        let waiting = Instant::now();
        if !matches!(tokio::time::timeout(PATIENCE, sender.send(Ok(batch))).await, Ok(Ok(()))) {
            return Err(SqlError::Cancelled);
        }
        running.waited(waiting.elapsed());
        tokio::task::yield_now().await;
    }
}

impl Rows {
    /// The next rows; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, SqlError>> {
        let next = self.batches.recv().await;
        if next.is_none() && self.place.running.cancelled.load(Ordering::Relaxed) {
            return Some(Err(SqlError::Cancelled));
        }
        next
    }

    /// A handle with which another task stops it.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let (sql, key) = (self.place.weak(), self.place.key());
        move || {
            if let Some(sql) = &sql.upgrade() {
                Sql::stop(sql, &key);
            }
        }
    }
}
