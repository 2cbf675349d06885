//! One view for each asset type: a row for each asset and time, a column for each point.
//!
//! A row stands at each time at which a point of the asset has a sample that is not Bad; points that have none at that
//! time are NULL. Numbers and flags come from `value`, texts from `value_text`. Conditions on `time` and `asset` reach
//! the store, so a view costs what its points and hours cost.

use crate::samples::{History, Kind, Scope};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::Result;
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, case};
use datafusion::prelude::{col, ident, lit};
use model::ValueType;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

/// Most columns of a view.
const MOST_COLUMNS: usize = 500;
/// Most assets of a type in one view.
const MOST_ASSETS: usize = 10_000;

/// A view.
pub(crate) struct Wide {
    /// Letters, digits and `_`.
    pub name: String,
    /// Of the assets.
    pub type_name: String,
    /// Column to the last parts of the paths, and whether it is text.
    columns: BTreeMap<String, (String, bool)>,
    /// Paths of the points.
    paths: Vec<String>,
    assets: BTreeSet<String>,
}

/// Letters of SQL that need no quotes.
fn plain(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = name.chars().map(letter).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

impl Wide {
    fn new(type_name: &str) -> Self {
        let name = plain(type_name);
        let taken = crate::session::TABLES.iter().any(|(table, _)| *table == name);
        Self {
            name: if taken { format!("{name}_assets") } else { name },
            type_name: type_name.to_owned(),
            columns: BTreeMap::new(),
            paths: Vec::new(),
            assets: BTreeSet::new(),
        }
    }

    /// Its columns.
    pub fn schema(&self) -> SchemaRef {
        let mut fields = vec![
            Field::new("asset", DataType::Utf8View, false),
            Field::new("time", DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), false),
        ];
        for (name, (_, text)) in &self.columns {
            let kind = if *text { DataType::Utf8View } else { DataType::Float64 };
            fields.push(Field::new(name, kind, true));
        }
        Arc::new(Schema::new(fields))
    }

    /// The same in SQL, for who wants to know what it is made of.
    pub fn definition(&self) -> String {
        let mut text = " SELECT asset_of(path) AS asset,\n    time".to_owned();
        for (name, (tail, is_text)) in &self.columns {
            let from = if *is_text { "value_text" } else { "value" };
            // Writing into memory does not fail.
            let _ = write!(text, ",\n    max(CASE WHEN point_of(path) = '{tail}' THEN {from} END) AS {name}");
        }
        let type_name = self.type_name.replace('\'', "''");
        let _ = write!(
            text,
            "\n   FROM samples\n  WHERE asset_of(path) IN (SELECT assets.path FROM assets WHERE assets.type = '{type_name}')\n    \
             AND (value IS NOT NULL OR value_text IS NOT NULL)\n  GROUP BY 1, 2;"
        );
        text
    }

    fn plan(&self, scope: &Arc<Scope>) -> Result<LogicalPlan> {
        let samples = Arc::new(History { kind: Kind::Samples, scope: Arc::clone(scope) });
        let parent = crate::functions::parent();
        let paths = self.paths.iter().map(|p| lit(p.as_str())).collect();
        let not_bad = col("value").is_not_null().or(col("value_text").is_not_null());
        let mut rows = Vec::new();
        for (name, (tail, text)) in &self.columns {
            let from = if *text { col("value_text") } else { col("value") };
            let is_it = crate::functions::tail().call(vec![col("path")]).eq(lit(tail.as_str()));
            rows.push(max(case(lit(true)).when(is_it, from).end()?).alias(name));
        }
        let keys = vec![parent.call(vec![col("path")]).alias("asset"), col("time")];
        let names = ["asset", "time"].into_iter().map(ident).chain(self.columns.keys().map(ident));
        LogicalPlanBuilder::scan("samples", provider_as_source(samples), None)?
            .filter(col("path").in_list(paths, false).and(not_bad))?
            .aggregate(keys, rows)?
            .project(names.collect::<Vec<_>>())?
            .build()
    }
}

/// The views that the principal sees, by name.
pub(crate) fn views(scope: &Arc<Scope>) -> Vec<Wide> {
    let assets = scope.catalog.assets();
    let types: BTreeMap<&str, &str> = assets
        .iter()
        .map(|a| (a.path.as_str(), a.type_name.as_str()))
        .filter(|(_, kind)| !kind.is_empty())
        .collect();
    let mut found: BTreeMap<&str, Wide> = BTreeMap::new();
    if types.is_empty() {
        return Vec::new();
    }
    for (_, declared) in scope.catalog.points() {
        let path = declared.path.as_str();
        let Some((asset, point)) = path.rsplit_once('/') else { continue };
        let Some(kind) = types.get(asset).filter(|_| scope.who.sees(&declared.path)) else { continue };
        let view = found.entry(kind).or_insert_with(|| Wide::new(kind));
        let text = matches!(declared.value_type, ValueType::Text | ValueType::Bytes);
        let known = view.columns.contains_key(&plain(point));
        if (view.columns.len() < MOST_COLUMNS || known)
            && (view.assets.len() < MOST_ASSETS || view.assets.contains(asset))
        {
            view.columns.entry(plain(point)).or_insert_with(|| (point.to_owned(), text));
            view.paths.push(path.to_owned());
            view.assets.insert(asset.to_owned());
        }
    }
    found.into_values().collect()
}

/// The view of that name.
pub(crate) fn view(scope: &Arc<Scope>, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
    let Some(found) = views(scope).into_iter().find(|v| v.name == name) else { return Ok(None) };
    Ok(Some(Arc::new(ViewTable::new(found.plan(scope)?, None))))
}
