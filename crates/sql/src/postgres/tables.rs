//! The catalogue tables: their columns as data, their rows from what there is.

use super::kind::{PgType, TEXT, TRIGGER, TYPES, by_oid, oid_of};
use super::routines::{self, ARRAY_RECV, receiver};
use super::{Identity, SETTINGS, privileges};
use crate::samples::Scope;
use crate::schema::Relation;
use crate::session::DATABASE;
use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{Result, ScalarValue};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Numbers of schemas, as everywhere; of ours, the first free one.
const NAMESPACES: [(u32, &str); 4] =
    [(11, "pg_catalog"), (2_200, "public"), (13_000, "information_schema"), (16_385, crate::lake::NAME)];
/// The one role that owns everything.
pub(super) const OWNER: u32 = 10;
/// Number of the database: below 16384 tools take it for one of PostgreSQL's own.
const BASE: u32 = 16_384;
/// `pg_class` as a class of things with a description.
const CLASS: u32 = 1_259;

/// What a table looks like.
pub(crate) struct Definition {
    /// With its schema.
    pub name: &'static str,
    pub schema: SchemaRef,
    /// Never has rows.
    pub empty: bool,
}

fn column(letter: &str) -> DataType {
    let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
    match letter {
        "o" => DataType::UInt32,
        "b" => DataType::Boolean,
        "i" => DataType::Int32,
        "s" => DataType::Int16,
        "l" => DataType::Int64,
        "f" => DataType::Float32,
        "t" => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        "S" => list(DataType::Int16),
        "O" => list(DataType::UInt32),
        "N" => list(DataType::Utf8),
        _ => DataType::Utf8,
    }
}

static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let (name, columns) = line.split_once(' ')?;
        let field = |one: &str| {
            let (name, letter) = one.split_once(':').unwrap_or((one, "n"));
            Field::new(name, column(letter), true)
        };
        let fields: Vec<Field> = columns.split_whitespace().map(field).collect();
        let empty = !name.ends_with('*');
        Some(Definition { name: name.trim_end_matches('*'), schema: Arc::new(Schema::new(fields)), empty })
    };
    include_str!("tables.txt").lines().filter(|l| !l.starts_with('#')).filter_map(line).collect()
});

/// The table of that name with its schema.
pub(crate) fn definition(full: &str) -> Option<&'static Definition> {
    let name = full.strip_prefix("pg_catalog.").unwrap_or(full);
    DEFINITIONS.iter().find(|one| one.name == name)
}

/// Whether it never has rows.
pub(crate) fn is_empty(full: &str) -> bool {
    definition(full).is_some_and(|one| one.empty)
}

/// Names of the tables of a schema.
pub(crate) fn names(schema: &str) -> impl Iterator<Item = &'static str> {
    let prefix = format!("{schema}.");
    DEFINITIONS.iter().filter_map(move |one| match one.name.split_once('.') {
        None if prefix == "pg_catalog." => Some(one.name),
        Some((_, table)) if one.name.starts_with(&prefix) => Some(table),
        _ => None,
    })
}

/// First number of system tables whose own number nobody knows by heart.
const FIRST_SYSTEM: u32 = 11_000;

/// Number of a system table: of those that stand for a class of things, PostgreSQL's own.
fn system_oid(at: usize, name: &str) -> u32 {
    match name {
        "pg_type" => 1_247,
        "pg_attribute" => 1_249,
        "pg_proc" => routines::CLASS,
        "pg_class" => CLASS,
        "pg_database" => 1_262,
        "pg_constraint" => 2_606,
        "pg_index" => 2_610,
        "pg_language" => 2_612,
        "pg_namespace" => 2_615,
        _ => FIRST_SYSTEM + at as u32,
    }
}

/// One row: column to value; what is not named is NULL.
pub(super) type Row = HashMap<&'static str, ScalarValue>;

pub(super) fn row<const N: usize>(cells: [(&'static str, ScalarValue); N]) -> Row {
    cells.into_iter().collect()
}

pub(super) fn n(text: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8(Some(text.into()))
}

fn o(oid: u32) -> ScalarValue {
    ScalarValue::UInt32(Some(oid))
}

fn b(flag: bool) -> ScalarValue {
    ScalarValue::Boolean(Some(flag))
}

pub(super) fn i(number: i32) -> ScalarValue {
    ScalarValue::Int32(Some(number))
}

fn s(number: i16) -> ScalarValue {
    ScalarValue::Int16(Some(number))
}

/// All relations with number, schema and what they are.
pub(crate) fn relations(scope: &Arc<Scope>) -> Vec<Relation> {
    let mut all = crate::schema::ours(scope);
    for (at, definition) in DEFINITIONS.iter().enumerate() {
        let (schema, name) = definition.name.split_once('.').unwrap_or(("pg_catalog", definition.name));
        all.push(Relation {
            oid: system_oid(at, name),
            schema,
            name: name.to_owned(),
            text: String::new(),
            columns: Arc::clone(&definition.schema),
            definition: (schema == "information_schema").then(String::new),
        });
    }
    all
}

fn namespace(name: &str) -> u32 {
    NAMESPACES.iter().find(|(_, known)| *known == name).map_or(0, |(oid, _)| *oid)
}

/// Schemas that hold something.
pub(super) fn schemas(all: &[Relation]) -> impl Iterator<Item = (u32, &'static str)> {
    NAMESPACES.into_iter().filter(|(_, name)| all.iter().any(|one| one.schema == *name))
}

/// The schema's number, for `to_regnamespace`.
pub(crate) fn namespace_oid(name: &str) -> Option<u32> {
    NAMESPACES.iter().find(|(_, known)| *known == name).map(|(oid, _)| *oid)
}

fn class(one: &Relation) -> Row {
    row([
        ("oid", o(one.oid)),
        ("relname", n(&one.name)),
        ("relnamespace", o(namespace(one.schema))),
        ("reltype", o(0)),
        ("reloftype", o(0)),
        ("relowner", o(OWNER)),
        ("relam", o(if one.is_view() { 0 } else { 2 })),
        ("relfilenode", o(one.oid)),
        ("reltablespace", o(0)),
        ("relpages", i(0)),
        ("reltuples", ScalarValue::Float32(Some(-1.0))),
        ("relallvisible", i(0)),
        ("reltoastrelid", o(0)),
        ("relhasindex", b(false)),
        ("relisshared", b(false)),
        ("relpersistence", n("p")),
        ("relkind", n(if one.is_view() { "v" } else { "r" })),
        ("relnatts", s(one.columns.fields().len() as i16)),
        ("relchecks", s(0)),
        ("relhasrules", b(false)),
        ("relhastriggers", b(false)),
        ("relhassubclass", b(false)),
        ("relrowsecurity", b(false)),
        ("relforcerowsecurity", b(false)),
        ("relispopulated", b(true)),
        ("relreplident", n("d")),
        ("relispartition", b(false)),
        ("relrewrite", o(0)),
        ("relacl", privileges::public('r')),
    ])
}

fn attributes(one: &Relation, rows: &mut Vec<Row>) {
    for (at, field) in one.columns.fields().iter().enumerate() {
        let kind = by_oid(oid_of(field.data_type()));
        rows.push(row([
            ("attrelid", o(one.oid)),
            ("attname", n(field.name())),
            ("atttypid", o(oid_of(field.data_type()))),
            ("attstattarget", i(-1)),
            ("attlen", s(kind.map_or(-1, |kind| kind.len))),
            ("attnum", s(at as i16 + 1)),
            ("attndims", i(0)),
            ("attcacheoff", i(-1)),
            ("atttypmod", i(-1)),
            ("attbyval", b(kind.is_some_and(|kind| (1..=8).contains(&kind.len)))),
            ("attalign", n("d")),
            ("attstorage", n("p")),
            ("attcompression", n("")),
            ("attnotnull", b(one.never_null(field))),
            ("atthasdef", b(false)),
            ("atthasmissing", b(false)),
            ("attidentity", n("")),
            ("attgenerated", n("")),
            ("attisdropped", b(false)),
            ("attislocal", b(true)),
            ("attinhcount", i(0)),
            ("attcollation", o(0)),
        ]));
    }
}

/// A type and the type of its arrays.
fn types() -> Vec<Row> {
    let one = |kind: &PgType, array: bool| {
        row([
            ("oid", o(if array { kind.array } else { kind.oid })),
            ("typname", n(if array { format!("_{}", kind.name) } else { kind.name.to_owned() })),
            ("typnamespace", o(namespace("pg_catalog"))),
            ("typowner", o(OWNER)),
            ("typlen", s(if array { -1 } else { kind.len })),
            ("typbyval", b(!array && (1..=8).contains(&kind.len))),
            ("typtype", n(if matches!(kind.oid, 705 | 2249 | 2278 | TRIGGER) { "p" } else { "b" })),
            ("typcategory", n(if array { 'A' } else { kind.category })),
            ("typispreferred", b(!array && matches!(kind.oid, 16 | 25 | 26 | 701 | 1184 | 1186))),
            ("typisdefined", b(true)),
            ("typdelim", n(",")),
            ("typrelid", o(0)),
            ("typsubscript", n(if array { "array_subscript_handler" } else { "-" })),
            ("typelem", o(if array { kind.oid } else { 0 })),
            ("typarray", o(if array { 0 } else { kind.array })),
            ("typinput", n(if array { "array_in".to_owned() } else { format!("{}in", kind.name) })),
            ("typoutput", n(if array { "array_out".to_owned() } else { format!("{}out", kind.name) })),
            ("typreceive", o(if array { ARRAY_RECV } else { receiver(kind) })),
            ("typsend", o(0)),
            ("typmodin", n("-")),
            ("typmodout", n("-")),
            ("typanalyze", n("-")),
            ("typalign", n("d")),
            ("typstorage", n("p")),
            ("typnotnull", b(false)),
            ("typbasetype", o(0)),
            ("typtypmod", i(-1)),
            ("typndims", i(0)),
            ("typcollation", o(0)),
        ])
    };
    let plain = TYPES.iter().map(|kind| one(kind, false));
    plain.chain(TYPES.iter().filter(|kind| kind.array != 0).map(|kind| one(kind, true))).collect()
}

fn roles(identity: &Identity, user: bool) -> Vec<Row> {
    let one = |oid: u32, name: &str| {
        if user {
            return row([
                ("usename", n(name)),
                ("usesysid", o(oid)),
                ("usecreatedb", b(false)),
                ("usesuper", b(false)),
                ("userepl", b(false)),
                ("usebypassrls", b(false)),
            ]);
        }
        row([
            ("oid", o(oid)),
            ("rolname", n(name)),
            ("rolsuper", b(false)),
            ("rolinherit", b(true)),
            ("rolcreaterole", b(false)),
            ("rolcreatedb", b(false)),
            ("rolcanlogin", b(true)),
            ("rolreplication", b(false)),
            ("rolbypassrls", b(false)),
            ("rolconnlimit", i(-1)),
        ])
    };
    let mut rows = vec![one(OWNER, "ironbridge")];
    if identity.user != "ironbridge" {
        rows.push(one(OWNER + 1, &identity.user));
    }
    rows
}

fn setting_rows(identity: &Identity) -> Vec<Row> {
    let value = |one: &super::Setting| match one.name {
        "session_authorization" => identity.user.clone(),
        "search_path" => identity.path.text(),
        _ => one.value.to_owned(),
    };
    SETTINGS
        .iter()
        .map(|one| {
            row([
                ("name", n(one.name)),
                ("setting", n(value(one))),
                ("category", n("Client Connection Defaults")),
                ("context", n("user")),
                ("vartype", n("string")),
                ("source", n("default")),
                ("boot_val", n(one.value)),
                ("reset_val", n(value(one))),
                ("pending_restart", b(false)),
            ])
        })
        .collect()
}

fn database() -> Row {
    row([
        ("oid", o(BASE)),
        ("datname", n(DATABASE)),
        ("datdba", o(OWNER)),
        ("encoding", i(6)),
        ("datlocprovider", n("c")),
        ("datistemplate", b(false)),
        ("datallowconn", b(true)),
        ("datconnlimit", i(-1)),
        ("dattablespace", o(1_663)),
        ("datcollate", n("C")),
        ("datctype", n("C")),
        ("datacl", privileges::public('c')),
    ])
}

fn named(one: &Relation, schema: &'static str, name: &'static str, owner: &'static str) -> Row {
    row([(schema, n(one.schema)), (name, n(&one.name)), (owner, n("ironbridge"))])
}

fn described(all: &[Relation]) -> Vec<Row> {
    let one = |oid: u32, class: u32, text: &str| {
        row([("objoid", o(oid)), ("classoid", o(class)), ("objsubid", i(0)), ("description", n(text))])
    };
    let relations = all.iter().filter(|it| !it.text.is_empty()).map(|it| one(it.oid, CLASS, &it.text));
    relations.chain(routines::descriptions().map(|(oid, text)| one(oid, routines::CLASS, text))).collect()
}

fn rows_of(name: &str, scope: &Arc<Scope>, identity: &Identity) -> Vec<Row> {
    let all = relations(scope);
    let each = |add: fn(&Relation, &mut Vec<Row>)| {
        let mut rows = Vec::new();
        all.iter().for_each(|one| add(one, &mut rows));
        rows
    };
    match name {
        "pg_namespace" => schemas(&all)
            .map(|(oid, name)| {
                row([
                    ("oid", o(oid)),
                    ("nspname", n(name)),
                    ("nspowner", o(OWNER)),
                    ("nspacl", privileges::public('U')),
                ])
            })
            .collect(),
        "pg_class" => all.iter().map(class).collect(),
        "pg_attribute" => each(attributes),
        "pg_type" => types(),
        "pg_proc" => routines::rows(),
        "pg_language" => routines::languages(),
        "pg_am" => vec![row([("oid", o(2)), ("amname", n("heap")), ("amtype", n("t"))])],
        "pg_authid" | "pg_roles" => roles(identity, false),
        "pg_user" => roles(identity, true),
        "pg_database" => vec![database()],
        "pg_tablespace" => {
            vec![row([("oid", o(1_663)), ("spcname", n("pg_default")), ("spcowner", o(OWNER))])]
        }
        "pg_settings" => setting_rows(identity),
        "pg_timezone_names" => {
            vec![row([
                ("name", n("UTC")),
                ("abbrev", n("UTC")),
                ("utc_offset", n("00:00:00")),
                ("is_dst", b(false)),
            ])]
        }
        "pg_description" => described(&all),
        "pg_tables" => all
            .iter()
            .filter(|one| !one.is_view())
            .map(|one| named(one, "schemaname", "tablename", "tableowner"))
            .collect(),
        "pg_views" => all
            .iter()
            .filter_map(|one| {
                let mut cells = named(one, "schemaname", "viewname", "viewowner");
                cells.insert("definition", n(one.definition.as_deref()?));
                Some(cells)
            })
            .collect(),
        _ => super::information::rows_of(name, &all),
    }
}

/// The rows of a table as they are now.
///
/// # Errors
/// A value that does not fit its column: a mistake of this file.
pub(crate) fn batch(name: &str, scope: &Arc<Scope>, identity: &Identity) -> Result<RecordBatch> {
    let schema =
        definition(name).map(|one| Arc::clone(&one.schema)).unwrap_or_else(|| Arc::new(Schema::empty()));
    let rows = rows_of(name, scope, identity);
    let column = |field: &Arc<Field>| -> Result<ArrayRef> {
        if !rows.iter().any(|row| row.contains_key(field.name().as_str())) {
            return Ok(new_null_array(field.data_type(), rows.len()));
        }
        let none = ScalarValue::try_from(field.data_type())?;
        ScalarValue::iter_to_array(
            rows.iter().map(|row| row.get(field.name().as_str()).unwrap_or(&none).clone()),
        )
    };
    let arrays = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}

/// `format_type`: the name in SQL of a type's number.
pub(crate) fn type_words(oid: u32) -> String {
    if let Some(kind) = by_oid(oid) {
        return kind.sql.to_owned();
    }
    TYPES
        .iter()
        .find(|kind| kind.array == oid)
        .map_or_else(|| "???".to_owned(), |kind| format!("{}[]", kind.sql))
}

/// A type's number by one of its names.
pub(crate) fn type_oid(name: &str) -> Option<u32> {
    let name = name.trim_start_matches("pg_catalog.").to_lowercase();
    let found = TYPES.iter().find(|kind| kind.name == name || kind.sql == name);
    found.map(|kind| kind.oid).or((name == "string").then_some(TEXT))
}
