//! Functions that clients of PostgreSQL call to look around.

use super::keywords::{Keywords, quote_ident};
use super::tables::{namespace_oid, relations, type_oid, type_words};
use super::{Identity, SearchPath, VERSION, array, privileges, routines, setting};
use crate::functions::{batchwise, rowwise};
use crate::samples::Scope;
use crate::schema::Relation;
use crate::session::DATABASE;
use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Always true: what has a name at all is found by it.
const TRUE: [&str; 7] = [
    "pg_collation_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_opfamily_is_visible",
    "pg_ts_config_is_visible",
    "pg_type_is_visible",
];
const FALSE: [&str; 5] = [
    "pg_is_in_recovery",
    "pg_is_other_temp_schema",
    "pg_relation_is_publishable",
    "pg_stat_get_snapshot_timestamp",
    "row_security_active",
];
/// What Ironbridge does not have: NULL.
const NOTHING: [&str; 23] = [
    "col_description",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    "pg_advisory_unlock_all",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_function_arg_default",
    "pg_get_function_sqlbody",
    "pg_get_indexdef",
    "pg_get_partition_constraintdef",
    "pg_get_partkeydef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_statisticsobjdef_columns",
    "pg_get_triggerdef",
    "pg_relation_filepath",
    "pg_size_pretty",
    "pg_tablespace_location",
    "pg_relation_is_updatable",
    "shobj_description",
    "to_json",
];
const ZERO: [&str; 9] = [
    "age",
    "pg_database_size",
    "pg_indexes_size",
    "pg_relation_size",
    "pg_table_size",
    "pg_total_relation_size",
    "pg_stat_get_numscans",
    "txid_current",
    "pg_stat_get_live_tuples",
];

fn some(text: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8(Some(text.into()))
}

fn text(args: &[ScalarValue], at: usize) -> Option<&str> {
    args.get(at).and_then(|v| v.try_as_str().flatten())
}

fn number(args: &[ScalarValue], at: usize) -> Option<u32> {
    let value = args.get(at)?;
    match value.cast_to(&DataType::UInt32).ok()? {
        ScalarValue::UInt32(number) => number,
        _ => None,
    }
}

fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    let kind = value.data_type();
    rowwise(name, kind, move |_| value.clone())
}

fn texts(all: &[&str]) -> ScalarValue {
    let values: Vec<ScalarValue> = all.iter().map(|t| some(*t)).collect();
    ScalarValue::List(ScalarValue::new_list_nullable(&values, &DataType::Utf8))
}

/// The relations as they are now, and where their names are looked for.
struct Known {
    all: Vec<Relation>,
    searched: Vec<&'static str>,
}

impl Known {
    fn new(scope: &Arc<Scope>, path: &SearchPath) -> Self {
        Self { all: relations(scope), searched: path.searched() }
    }

    fn by_oid(&self, oid: u32) -> Option<&Relation> {
        self.all.iter().find(|one| one.oid == oid)
    }

    /// By its name, with or without schema and quotes.
    fn by_name(&self, name: &str) -> Option<&Relation> {
        let plain = name.replace('"', "");
        let (schema, table) = plain.rsplit_once('.').map_or((None, plain.as_str()), |(s, t)| (Some(s), t));
        let within = |schema: &str| {
            self.all.iter().find(|one| one.schema == schema && one.name.eq_ignore_ascii_case(table))
        };
        match schema {
            // It may stand behind the database's name.
            Some(schema) => within(schema.rsplit('.').next().unwrap_or(schema)),
            None => self.searched.iter().find_map(|schema| within(schema)),
        }
    }

    /// Whether a name without a schema finds it.
    fn is_visible(&self, one: &Relation) -> bool {
        self.by_name(&one.name).is_some_and(|found| found.oid == one.oid)
    }

    /// The name that finds it.
    fn name(&self, oid: u32) -> String {
        match self.by_oid(oid) {
            None => oid.to_string(),
            Some(one) if self.is_visible(one) => quote_ident(&one.name),
            Some(one) => format!("{}.{}", one.schema, quote_ident(&one.name)),
        }
    }

    /// The text about a relation or a function; `class` is the catalogue in which the number counts.
    fn text_about(&self, oid: u32, class: Option<&str>) -> Option<String> {
        let relation = || self.by_oid(oid).map(|one| one.text.clone()).filter(|text| !text.is_empty());
        match class.map(|class| class.trim_start_matches("pg_catalog.")) {
            Some("pg_class") => relation(),
            Some("pg_proc") => routines::text(oid).map(str::to_owned),
            Some(_) => None,
            None => relation().or_else(|| routines::text(oid).map(str::to_owned)),
        }
    }
}

/// The texts of a list.
fn items(list: &ScalarValue) -> Vec<String> {
    let list = match list {
        ScalarValue::List(list) => list,
        text => {
            let text = text.try_as_str().flatten().unwrap_or_default();
            let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
            return inner
                .split(',')
                .filter(|t| !t.is_empty())
                .map(|t| t.trim().trim_matches('"').to_owned())
                .collect();
        }
    };
    if list.is_empty() || list.is_null(0) {
        return Vec::new();
    }
    crate::json::texts(&list.value(0)).into_iter().flatten().collect()
}

/// `format('%I.%I', ...)` (PostgreSQL 15, 9.4.1): `%s`, `%I`, `%L`, without widths.
fn format(args: &[ScalarValue]) -> Option<String> {
    let mut values = args.iter().skip(1);
    let mut out = String::new();
    let mut parts = text(args, 0)?.split('%');
    out.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        let mut rest = part.chars();
        let Some(letter) = rest.next() else {
            // `%%` is a sign itself.
            out.push('%');
            out.push_str(parts.next().unwrap_or_default());
            continue;
        };
        let value = values.next()?;
        let value = (!value.is_null()).then(|| value.to_string());
        match letter {
            's' => out.push_str(value.as_deref().unwrap_or_default()),
            'I' => out.push_str(&quote_ident(value.as_deref()?)),
            'L' => out.push_str(&value.map_or("NULL".into(), |v| format!("'{}'", v.replace('\'', "''")))),
            _ => return None,
        }
        out.push_str(rest.as_str());
    }
    Some(out)
}

fn about_session(context: &SessionContext, identity: &Identity) {
    for name in ["current_user", "session_user", "user", "current_role"] {
        context.register_udf(constant(name, some(&identity.user)));
    }
    for name in ["current_database", "current_catalog"] {
        context.register_udf(constant(name, some(DATABASE)));
    }
    context.register_udf(constant("pg_backend_pid", ScalarValue::Int32(Some(identity.process))));
    context.register_udf(constant("pg_encoding_to_char", some("UTF8")));
    context.register_udf(constant("pg_client_encoding", some("UTF8")));
    context.register_udf(constant("getdatabaseencoding", some("UTF8")));
    context.register_udf(constant("pg_get_userbyid", some("ironbridge")));
    context.register_udf(constant("pg_my_temp_schema", ScalarValue::UInt32(Some(0))));
    let version = format!("PostgreSQL {VERSION} compatible, Ironbridge {}", env!("CARGO_PKG_VERSION"));
    context.register_udf(constant("version", some(version)));
    let (user, path) = (identity.user.clone(), identity.path.clone());
    context.register_udf(rowwise("current_setting", DataType::Utf8, move |args| {
        let name = text(args, 0).unwrap_or_default();
        ScalarValue::Utf8(match name {
            "session_authorization" => Some(user.clone()),
            "search_path" => Some(path.text()),
            name => setting(name).map(|one| one.value.to_owned()),
        })
    }));
}

fn about_schemas(context: &SessionContext, identity: &Identity) {
    let path = identity.path.clone();
    context.register_udf(rowwise("current_schema", DataType::Utf8, move |_| {
        ScalarValue::Utf8(path.schemas().first().map(|schema| (*schema).to_owned()))
    }));
    let path = identity.path.clone();
    let list = texts(&[]).data_type();
    context.register_udf(rowwise("current_schemas", list, move |args| match args.first() {
        Some(ScalarValue::Boolean(Some(true))) => texts(&path.searched()),
        _ => texts(&path.schemas()),
    }));
    let path = identity.path.clone();
    context.register_udf(rowwise("set_config", DataType::Utf8, move |args| {
        let value = text(args, 1);
        if text(args, 0) == Some("search_path") {
            path.set(value);
        }
        ScalarValue::Utf8(value.map(str::to_owned))
    }));
}

/// A function of relations: they are looked at once for all rows.
fn about(
    (name, result): (&'static str, DataType),
    (scope, identity): (&Arc<Scope>, &Identity),
    answer: fn(&Known, &[ScalarValue]) -> ScalarValue,
) -> ScalarUDF {
    let (scope, path) = (Arc::clone(scope), identity.path.clone());
    batchwise(name, result, move || {
        let known = Known::new(&scope, &path);
        Box::new(move |args| answer(&known, args))
    })
}

fn about_relations(context: &SessionContext, scope: &Arc<Scope>, identity: &Identity) {
    let from = (scope, identity);
    context.register_udf(about(("pg_table_is_visible", DataType::Boolean), from, |known, args| {
        let found = number(args, 0).and_then(|oid| known.by_oid(oid));
        ScalarValue::Boolean(found.map(|one| known.is_visible(one)))
    }));
    context.register_udf(about(("to_regclass", DataType::UInt32), from, |known, args| {
        let oid = |name: &str| name.parse().ok().or_else(|| known.by_name(name).map(|one| one.oid));
        ScalarValue::UInt32(text(args, 0).and_then(oid))
    }));
    context.register_udf(about(("regclass_name", DataType::Utf8), from, |known, args| {
        ScalarValue::Utf8(number(args, 0).map(|oid| known.name(oid)))
    }));
    context.register_udf(about(("obj_description", DataType::Utf8), from, |known, args| {
        ScalarValue::Utf8(number(args, 0).and_then(|oid| known.text_about(oid, text(args, 1))))
    }));
    context.register_udf(about(("pg_get_viewdef", DataType::Utf8), from, |known, args| {
        let found = number(args, 0).and_then(|oid| known.by_oid(oid));
        ScalarValue::Utf8(found.and_then(|one| one.definition.clone()))
    }));
}

fn about_lists(context: &SessionContext) {
    context.register_udf(rowwise("array_to_string", DataType::Utf8, |args| match args.first() {
        Some(list) if !list.is_null() => some(items(list).join(text(args, 1).unwrap_or(","))),
        _ => ScalarValue::Utf8(None),
    }));
    for name in ["array_upper", "array_length", "cardinality"] {
        context.register_udf(rowwise(name, DataType::Int64, |args| {
            let length = args.first().map_or(0, |list| items(list).len());
            ScalarValue::Int64(i64::try_from(length).ok().filter(|n| *n > 0))
        }));
    }
    context.register_udf(rowwise("any_of", DataType::Boolean, |args| {
        let (Some(value), Some(list)) = (args.first(), args.get(1)) else {
            return ScalarValue::Boolean(None);
        };
        let wanted = value.to_string();
        ScalarValue::Boolean((!value.is_null() && !list.is_null()).then(|| items(list).contains(&wanted)))
    }));
    context.register_udf(constant("array_lower", ScalarValue::Int32(Some(1))));
    context.register_udf(rowwise("element_of", DataType::Utf8, |args| {
        let at = number(args, 1).and_then(|at| usize::try_from(at).ok()?.checked_sub(1));
        ScalarValue::Utf8(at.and_then(|at| items(args.first()?).into_iter().nth(at)))
    }));
    let list = texts(&[]).data_type();
    context.register_udf(rowwise("array_remove", list.clone(), |args| {
        let kept = args.first().filter(|list| !list.is_null()).map(items);
        let kept =
            kept.map(|all| all.into_iter().filter(|one| text(args, 1) != Some(one)).collect::<Vec<_>>());
        let none = || ScalarValue::try_from(texts(&[]).data_type()).unwrap_or(ScalarValue::Null);
        kept.map_or_else(none, |all| texts(&all.iter().map(String::as_str).collect::<Vec<_>>()))
    }));
    context.register_udf(rowwise("parse_ident", list, |args| {
        let parts: Vec<&str> =
            text(args, 0).unwrap_or_default().split('.').map(|p| p.trim_matches('"')).collect();
        texts(&parts)
    }));
}

/// Makes them known to a session.
///
/// # Errors
/// What plans arrays is known already: a mistake of this file.
pub(crate) fn register(context: &mut SessionContext, scope: &Arc<Scope>, identity: &Identity) -> Result<()> {
    let arrays = Arc::new(array::Literals::default());
    datafusion::execution::FunctionRegistry::register_expr_planner(context, arrays)?;
    about_session(context, identity);
    about_schemas(context, identity);
    for name in TRUE {
        context.register_udf(constant(name, ScalarValue::Boolean(Some(true))));
    }
    for name in FALSE {
        context.register_udf(constant(name, ScalarValue::Boolean(Some(false))));
    }
    for name in NOTHING {
        context.register_udf(constant(name, ScalarValue::Utf8(None)));
    }
    for name in ZERO {
        context.register_udf(constant(name, ScalarValue::Int64(Some(0))));
    }
    about_relations(context, scope, identity);
    privileges::register(context);
    routines::register(context);
    context.register_udf(rowwise("to_regtype", DataType::UInt32, |args| {
        ScalarValue::UInt32(text(args, 0).and_then(type_oid))
    }));
    context.register_udf(rowwise("to_regnamespace", DataType::UInt32, |args| {
        ScalarValue::UInt32(text(args, 0).and_then(namespace_oid))
    }));
    context.register_udf(rowwise("format_type", DataType::Utf8, |args| {
        ScalarValue::Utf8(number(args, 0).filter(|oid| *oid != 0).map(type_words))
    }));
    context.register_udf(rowwise("quote_ident", DataType::Utf8, |args| {
        ScalarValue::Utf8(text(args, 0).map(quote_ident))
    }));
    context.register_udf(rowwise("format", DataType::Utf8, |args| ScalarValue::Utf8(format(args))));
    about_lists(context);
    context.register_udtf("pg_get_keywords", Arc::new(Keywords));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_postgresql_does() {
        let said = |args: &[&str]| format(&args.iter().map(|a| some(*a)).collect::<Vec<_>>());
        for (args, want) in [
            (&["%I.%I", "lake", "Big Lake"][..], Some("lake.\"Big Lake\"")),
            (&["%s %L%%", "a", "it's"], Some("a 'it''s'%")),
            (&["plain"], Some("plain")),
            (&["%s"], None),
        ] {
            assert_eq!(said(args).as_deref(), want, "{args:?}");
        }
    }
}
