//! Schema `information_schema`: the same in the words of the SQL standard.

use super::kind::{PgType, by_oid, oid_of};
use super::tables::{Row, i, n, row, schemas};
use super::{privileges, routines};
use crate::schema::Relation;
use crate::session::DATABASE;
use datafusion::common::ScalarValue;

fn columns(one: &Relation, rows: &mut Vec<Row>) {
    for (at, field) in one.columns.fields().iter().enumerate() {
        let kind = by_oid(oid_of(field.data_type()));
        rows.push(row([
            ("table_catalog", n(DATABASE)),
            ("table_schema", n(one.schema)),
            ("table_name", n(&one.name)),
            ("column_name", n(field.name())),
            ("ordinal_position", i(at as i32 + 1)),
            ("is_nullable", n(if one.never_null(field) { "NO" } else { "YES" })),
            ("data_type", n(kind.map_or("ARRAY", |kind| kind.sql))),
            ("numeric_precision", kind.map_or(ScalarValue::Int32(None), precision)),
            (
                "datetime_precision",
                kind.filter(|kind| kind.category == 'D').map_or(ScalarValue::Int32(None), |_| i(6)),
            ),
            ("udt_catalog", n(DATABASE)),
            ("udt_schema", n("pg_catalog")),
            ("udt_name", n(kind.map_or("_text", |kind| kind.name))),
            ("is_identity", n("NO")),
            ("is_generated", n("NEVER")),
            ("is_updatable", n("NO")),
        ]));
    }
}

/// Binary digits of a number.
fn precision(kind: &PgType) -> ScalarValue {
    match kind.name {
        "int2" => i(16),
        "int4" => i(32),
        "int8" => i(64),
        "float4" => i(24),
        "float8" => i(53),
        _ => ScalarValue::Int32(None),
    }
}

/// The rows of a table, from all relations.
pub(super) fn rows_of(name: &str, all: &[Relation]) -> Vec<Row> {
    let kind = |one: &Relation| if one.is_view() { "VIEW" } else { "BASE TABLE" };
    match name {
        "information_schema.tables" => all
            .iter()
            .map(|one| {
                row([
                    ("table_catalog", n(DATABASE)),
                    ("table_schema", n(one.schema)),
                    ("table_name", n(&one.name)),
                    ("table_type", n(kind(one))),
                    ("is_insertable_into", n("NO")),
                    ("is_typed", n("NO")),
                ])
            })
            .collect(),
        "information_schema.columns" => {
            let mut rows = Vec::new();
            all.iter().for_each(|one| columns(one, &mut rows));
            rows
        }
        "information_schema.schemata" => schemas(all)
            .map(|(_, name)| {
                row([
                    ("catalog_name", n(DATABASE)),
                    ("schema_name", n(name)),
                    ("schema_owner", n("ironbridge")),
                ])
            })
            .collect(),
        "information_schema.views" => all
            .iter()
            .filter(|one| one.is_view())
            .map(|one| {
                row([
                    ("table_catalog", n(DATABASE)),
                    ("table_schema", n(one.schema)),
                    ("table_name", n(&one.name)),
                    ("view_definition", n(one.definition.as_deref().unwrap_or_default())),
                    ("check_option", n("NONE")),
                    ("is_updatable", n("NO")),
                ])
            })
            .collect(),
        "information_schema.table_privileges" => privileges::rows(all, false),
        "information_schema.column_privileges" => privileges::rows(all, true),
        "information_schema.routines" => routines::information(),
        "information_schema.information_schema_catalog_name" => vec![row([("catalog_name", n(DATABASE))])],
        _ => Vec::new(),
    }
}
