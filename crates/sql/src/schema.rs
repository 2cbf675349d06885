//! Schemas: `public` with our tables and the wide views, `lake` with what destinations keep in Iceberg, and the system's
//! beside them.

use crate::lake;
use crate::postgres::{Identity, SearchPath, tables};
use crate::samples::Scope;
use crate::session::{self, TABLES};
use crate::wide;
use arrow::datatypes::{Field, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use std::fmt;
use std::sync::Arc;

/// Schemas that describe the others.
pub(crate) const SYSTEM: [&str; 2] = ["pg_catalog", "information_schema"];
/// First numbers of tables of ours, of views, and of tables in the lake.
const FIRST: u32 = 16_384;
const FIRST_VIEW: u32 = FIRST + 100;
const FIRST_LAKE: u32 = 60_000;

/// A table or view as somebody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// `public`, or `lake`.
    pub schema: &'static str,
    /// Its name in there.
    pub name: String,
    /// What it holds.
    pub text: String,
    /// Its columns.
    pub columns: SchemaRef,
    /// Made of others, for an asset type.
    pub is_view: bool,
}

/// A table or view with its number.
pub(crate) struct Relation {
    pub oid: u32,
    pub schema: &'static str,
    pub name: String,
    /// A word about it.
    pub text: String,
    pub columns: SchemaRef,
    /// What a view is made of, in SQL.
    pub definition: Option<String>,
}

/// What schema `public` holds: tables in their order, then a view for each asset type.
pub(crate) fn public(scope: &Arc<Scope>) -> Vec<Relation> {
    let mut all: Vec<Relation> = Vec::new();
    for (name, text) in TABLES {
        all.push(Relation {
            oid: FIRST + all.len() as u32,
            schema: "public",
            name: name.to_owned(),
            text: text.to_owned(),
            columns: session::schema_of(name),
            definition: None,
        });
    }
    for (at, view) in wide::views(scope).into_iter().enumerate() {
        all.push(Relation {
            oid: FIRST_VIEW + at as u32,
            schema: "public",
            text: format!("one row for each time at which an asset of type {} has a value", view.type_name),
            columns: view.schema(),
            definition: Some(view.definition()),
            name: view.name,
        });
    }
    all
}

/// What schema `lake` holds: a table for each destination that fills one.
fn in_lake(scope: &Arc<Scope>) -> Vec<Relation> {
    let table = |(at, name): (usize, String)| Relation {
        oid: FIRST_LAKE + at as u32,
        schema: lake::NAME,
        text: format!(
            "samples that destination {name} keeps in an Iceberg table, of every gateway that fills it"
        ),
        columns: lake::columns(),
        definition: None,
        name,
    };
    lake::names(scope).into_iter().enumerate().map(table).collect()
}

/// All that is not the system's.
pub(crate) fn ours(scope: &Arc<Scope>) -> Vec<Relation> {
    let mut all = public(scope);
    all.extend(in_lake(scope));
    all
}

impl Relation {
    /// Made of others.
    pub const fn is_view(&self) -> bool {
        self.definition.is_some()
    }

    /// What PostgreSQL knows of tables only: of a view it promises nothing.
    pub fn never_null(&self, field: &Field) -> bool {
        !field.is_nullable() && !self.is_view()
    }

    /// As other rooms are told.
    pub fn told(self) -> Table {
        let is_view = self.is_view();
        Table { schema: self.schema, name: self.name, text: self.text, columns: self.columns, is_view }
    }
}

pub(crate) struct PublicSchema {
    pub scope: Arc<Scope>,
}

impl fmt::Debug for PublicSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("public")
    }
}

#[async_trait]
impl SchemaProvider for PublicSchema {
    fn table_names(&self) -> Vec<String> {
        public(&self.scope).into_iter().map(|one| one.name).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if let Some(table) = session::table(name, &self.scope) {
            return Ok(Some(table));
        }
        wide::view(&self.scope, name)
    }

    fn table_exist(&self, name: &str) -> bool {
        TABLES.iter().any(|(known, _)| *known == name)
            || wide::views(&self.scope).iter().any(|v| v.name == name)
    }
}

/// The schema in which names are looked for that stand without one.
pub(crate) const SEARCHED: &str = "search_path";

/// The schemas of the search path, one after the other.
pub(crate) struct Searched {
    pub path: SearchPath,
    pub schemas: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
}

impl Searched {
    fn all(&self) -> impl Iterator<Item = &Arc<dyn SchemaProvider>> {
        let schema = |name| self.schemas.iter().find(|(known, _)| *known == name).map(|(_, schema)| schema);
        self.path.schemas().into_iter().filter_map(schema)
    }
}

impl fmt::Debug for Searched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SEARCHED)
    }
}

#[async_trait]
impl SchemaProvider for Searched {
    fn table_names(&self) -> Vec<String> {
        self.all().flat_map(|schema| schema.table_names()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        for schema in self.all() {
            if let Some(table) = schema.table(name).await? {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.all().any(|schema| schema.table_exist(name))
    }
}

/// `pg_catalog` or `information_schema`.
pub(crate) struct SystemSchema {
    name: &'static str,
    scope: Arc<Scope>,
    identity: Identity,
}

impl SystemSchema {
    pub fn new(name: &'static str, scope: &Arc<Scope>, identity: &Identity) -> Self {
        Self { name, scope: Arc::clone(scope), identity: identity.clone() }
    }

    fn full(&self, table: &str) -> String {
        if self.name == "pg_catalog" { table.to_owned() } else { format!("{}.{table}", self.name) }
    }
}

impl fmt::Debug for SystemSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        tables::names(self.name).map(str::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let full = self.full(name);
        let Some(definition) = tables::definition(&full) else { return Ok(None) };
        let table = SystemTable {
            name: definition.name,
            schema: Arc::clone(&definition.schema),
            scope: Arc::clone(&self.scope),
            identity: self.identity.clone(),
        };
        Ok(Some(Arc::new(table)))
    }

    fn table_exist(&self, name: &str) -> bool {
        tables::definition(&self.full(name)).is_some()
    }
}

/// A table of the catalogue; its rows are made when it is read.
struct SystemTable {
    name: &'static str,
    schema: SchemaRef,
    scope: Arc<Scope>,
    identity: Identity,
}

impl fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch = tables::batch(self.name, &self.scope, &self.identity)?;
        let table = MemTable::try_new(self.schema(), vec![vec![batch]])?;
        table.scan(state, projection, &[], limit).await
    }
}
