//! SQL for pages and command line; the engine is made on first use.

use super::House;
use super::parquet::ParquetSheet;
use super::serve::Way;
use crate::cli::{Format, complain, exit, print, print_rows};
use futures_util::future::BoxFuture;
use model::{Declaration, PointId, Principal, Role, Time};
use serde_json::json;
use sql::{AssetRow, Catalog, LatestRow, Limits, Sql, SqlError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use web::shapes::{
    FileFormat, QueryAsk, QueryColumn, QueryColumnText, QueryExample, QueryFunction, QueryResult, QueryTable,
    QueryTables,
};
use web::{Column, Problem, ProblemKind, Query, Sheet};

/// Most rows of an answer on a page.
const MOST_ROWS: usize = 100_000;
/// Longest run of an export, and its most rows.
const EXPORT: Limits = Limits { time: Duration::from_secs(300), rows: usize::MAX, memory: 256 << 20 };

/// Live values and metadata for SQL.
struct Live(Weak<House>);

impl Catalog for Live {
    fn points(&self) -> Vec<(PointId, Arc<Declaration>)> {
        let Some(house) = self.0.upgrade() else { return Vec::new() };
        let tree = house.namespace.points();
        let mut found = Vec::with_capacity(tree.len());
        let ids = tree.ids();
        house.namespace.visit(ids, |row, declaration, _| {
            found.extend(ids.get(row).map(|id| (*id, declaration.clone())));
        });
        found
    }

    fn latest(&self) -> Vec<LatestRow> {
        let Some(house) = self.0.upgrade() else { return Vec::new() };
        let tree = house.namespace.points();
        let mut found = Vec::with_capacity(tree.len());
        house.namespace.visit(tree.ids(), |_, declaration, last| {
            found.push(LatestRow {
                path: declaration.path.clone(),
                time: last.time,
                received: last.received,
                seq: last.position,
                value: last.value.clone(),
                status: last.status,
                good: (last.good != Time::ZERO).then(|| (last.value.clone(), last.good)),
            });
        });
        found
    }

    fn assets(&self) -> Vec<AssetRow> {
        let row = |asset: &web::Asset| AssetRow {
            path: asset.path.to_string(),
            type_name: asset.asset_type.clone(),
            name: asset.name.clone(),
            level: asset.level.clone(),
            zone: asset.zone.clone(),
            owner_ot: asset.owner_ot.clone(),
            owner_it: asset.owner_it.clone(),
        };
        let Some(house) = self.0.upgrade() else { return Vec::new() };
        house.facts.load().assets.iter().map(row).collect()
    }

    fn lakes(&self) -> sql::Lakes {
        let Some(house) = self.0.upgrade() else { return sql::Lakes::new() };
        let running = house.destinations.lock();
        running.iter().filter_map(|(name, one)| Some((name.clone(), one.handle.lake()?))).collect()
    }

    fn now(&self) -> Time {
        self.0.upgrade().map_or(Time::ZERO, |house| house.clock.now())
    }
}

/// SQL over the house.
pub struct Queries {
    house: Arc<House>,
    sql: Sql,
}

impl Queries {
    /// Nothing is started yet.
    pub fn new(house: &Arc<House>) -> Self {
        Self { house: house.clone(), sql: engine(house) }
    }
}

/// The one engine of all queries. It holds the house weakly: the house holds it.
pub(super) fn engine(house: &Arc<House>) -> Sql {
    let make = || {
        let memory = house.facts.load().settings.serve.sql_memory_mb.saturating_mul(1 << 20);
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        Sql::bounded(house.store.clone(), Arc::new(Live(Arc::downgrade(house))), memory)
    };
    house.sql.get_or_init(make).clone()
}

fn problem(error: &SqlError) -> Problem {
    let (kind, meaning, next) = match error {
        SqlError::Query(_) | SqlError::ReadOnly(_) => {
            (ProblemKind::Invalid, "Nothing was read.", "Look at the tables and examples beside the editor.")
        }
        SqlError::Time(_) | SqlError::Memory(_) | SqlError::Rows(_) => (
            ProblemKind::TooMuch,
            "Recording was not disturbed.",
            "Ask for fewer points or a shorter time, or aggregate first.",
        ),
        SqlError::Cancelled | SqlError::Busy(_) | SqlError::Crowd(_) | SqlError::TooMany(_) => {
            (ProblemKind::Refused, "Recording was not disturbed.", "Try again.")
        }
        SqlError::Store(_) => {
            (ProblemKind::Unavailable, "Live values go on.", "Look at the events for a fault of the disk.")
        }
    };
    Problem::new(kind, error.to_string(), meaning, next)
}

impl Query for Queries {
    fn tables(&self, who: &Principal) -> QueryTables {
        let column = |field: &Arc<sql::Field>| QueryColumnText {
            name: field.name().clone(),
            column_type: sql::type_name(field.data_type()).into(),
            text: String::new(),
        };
        let table = |table: sql::Table| QueryTable {
            name: if table.schema == "public" {
                table.name
            } else {
                format!("{}.{}", table.schema, table.name)
            },
            text: table.text,
            columns: table.columns.fields().iter().map(column).collect(),
        };
        let site = self.house.facts.load().site.clone();
        let example = |title: &str, sql: String| QueryExample { title: title.into(), sql };
        QueryTables {
            tables: self.sql.tables(who).into_iter().map(table).collect(),
            functions: sql::functions()
                .into_iter()
                .map(|(name, text)| QueryFunction { name: name.into(), text: text.into() })
                .collect(),
            address: self.house.sql_address(Way::Postgres),
            flight: self.house.sql_address(Way::Flight),
            examples: vec![
                example(
                    "Everything that is not good now",
                    "select path, quality, time from latest where not good order by path".into(),
                ),
                example(
                    "One-minute averages of the last hour",
                    format!(
                        "select time_bucket('1 minute', time) as minute, path, avg(value) as mean\nfrom samples\n\
                         where path like '{site}/%speed' and time > now() - interval '1 hour'\ngroup by 1, 2 order by 1"
                    ),
                ),
                example(
                    "The newest events",
                    "select start, kind, severity, title from events order by start desc limit 50".into(),
                ),
            ],
        }
    }

    fn run<'a>(&'a self, ask: QueryAsk, who: &'a Principal) -> BoxFuture<'a, Result<QueryResult, Problem>> {
        Box::pin(async move {
            let limits = Limits { rows: ask.limit.unwrap_or(10_000).min(MOST_ROWS), ..Limits::default() };
            let answer = match &ask.id {
                Some(id) => self.sql.query_as(id, &ask.sql, limits, who).await,
                None => self.sql.query(&ask.sql, limits, who).await,
            };
            let answer = answer.map_err(|error| problem(&error))?;
            let column = |column: &sql::Column| QueryColumn {
                name: column.name.clone(),
                column_type: column.type_name.into(),
            };
            Ok(QueryResult {
                columns: answer.columns.iter().map(column).collect(),
                rows: answer.json_rows(),
                truncated: answer.truncated,
                elapsed_ms: answer.elapsed.as_secs_f64() * 1e3,
                rows_scanned: Some(answer.rows_scanned),
            })
        })
    }

    fn cancel(&self, id: &str, who: &Principal) -> bool {
        self.sql.cancel(id, who)
    }

    fn export<'a>(
        &'a self,
        text: &'a str,
        format: FileFormat,
        who: &'a Principal,
    ) -> BoxFuture<'a, Result<PathBuf, Problem>> {
        Box::pin(async move {
            let (format, end) = match format {
                FileFormat::Csv => (sql::Format::Csv, "csv"),
                FileFormat::Parquet => (sql::Format::Parquet, "parquet"),
            };
            let folder = self.house.data.join("exports");
            crate::backup::private_folder(&folder).map_err(Problem::internal)?;
            let path = folder.join(format!("{}.{end}", self.house.clock.now().0));
            self.sql.export(text, format, &path, EXPORT, who).await.map_err(|error| problem(&error))?;
            Ok(path)
        })
    }

    fn parquet(&self, columns: &'static [Column]) -> Result<Box<dyn Sheet>, Problem> {
        Ok(Box::new(ParquetSheet::new(columns)?))
    }
}

/// `query --offline`.
pub fn offline(dir: &Path, text: &str, format: Format, limit: usize) -> u8 {
    let store = if dir.join("store").is_dir() { dir.join("store") } else { dir.to_owned() };
    let who = Principal { name: "local".into(), role: Role::Viewer, prefix: None };
    let limits = Limits { rows: limit, time: Duration::from_secs(600), ..Limits::default() };
    let answer = Sql::offline(store).and_then(|sql| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|why| SqlError::Store(why.to_string()))?;
        runtime.block_on(sql.query(text, limits, &who))
    });
    match answer {
        Ok(answer) => {
            let columns: Vec<_> =
                answer.columns.iter().map(|c| json!({"name": c.name, "type": c.type_name})).collect();
            let whole =
                json!({"columns": columns, "rows": answer.json_rows(), "truncated": answer.truncated});
            print(&print_rows(&whole, format));
            exit::OK
        }
        Err(why) => {
            complain(&why.to_string());
            exit::FAILED
        }
    }
}
