//! Casts to types that only PostgreSQL has, in words of the planner.

use super::names::word;
use super::rewrite::{call, cast, null, text_of, words};
use datafusion::sql::sqlparser::ast::{
    Array, ArrayElemTypeDef, BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, TimezoneInfo, Value,
};

/// Elements of a literal such as `{r,v}`.
fn elements(text: &str) -> Option<Vec<Expr>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let item = |t: &str| Expr::Value(Value::SingleQuotedString(t.trim().trim_matches('"').to_owned()).into());
    Some(if inner.is_empty() { Vec::new() } else { inner.split(',').map(item).collect() })
}

pub(super) fn list_of(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Array(array) => Some(array.elem.clone()),
        Expr::Nested(inner) => list_of(inner),
        Expr::Cast { expr, .. } => list_of(expr),
        other => elements(text_of(other)?),
    }
}

pub(super) fn cast_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Custom(name, _) => words(name).pop().unwrap_or_default(),
        other => other.to_string().to_lowercase(),
    }
}

pub(super) fn is_parameter(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_parameter(inner),
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
        _ => false,
    }
}

/// A list that is not written out: a parameter, a column, what a function gives.
pub(super) fn is_list(expr: &Expr) -> bool {
    let named = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_));
    named || is_parameter(expr)
}

/// A column with numbers of functions whose text is their name.
pub(super) fn is_receiver(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(name) => word(name) == "typreceive",
        Expr::CompoundIdentifier(all) => all.last().is_some_and(|name| word(name) == "typreceive"),
        _ => false,
    }
}

/// Whether it is sure to be a text.
fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_text(inner),
        Expr::Cast { data_type, .. } => *data_type == DataType::Varchar(None),
        Expr::BinaryOp { op, .. } => *op == BinaryOperator::StringConcat,
        Expr::Function(called) => {
            let name = words(&called.name).pop().unwrap_or_default();
            matches!(name.as_str(), "format" | "quote_ident" | "concat" | "replace")
        }
        _ => false,
    }
}

/// The number behind a name that is one for people: `x::regproc::oid`, `x::regclass::oid`.
fn number_of(mut expr: Expr) -> Expr {
    if let Expr::Function(called) = &mut expr {
        match words(&called.name).pop().as_deref() {
            Some("regproc_name") => called.name = vec![Ident::new("to_regproc")].into(),
            Some("regclass_name") => {
                if let FunctionArguments::List(list) = &mut called.args
                    && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(number))) = list.args.pop()
                {
                    return cast(number, DataType::IntUnsigned(None));
                }
            }
            _ => {}
        }
    }
    cast(expr, DataType::IntUnsigned(None))
}

/// What stands in a list, each with the type that it has there.
fn each(items: Vec<Expr>, of: &ArrayElemTypeDef) -> Vec<Expr> {
    match of {
        ArrayElemTypeDef::SquareBracket(kind, _) => {
            items.into_iter().map(|item| typed(item, (**kind).clone())).collect()
        }
        _ => items,
    }
}

/// Types that only PostgreSQL has.
pub(super) fn typed(expr: Expr, data_type: DataType) -> Expr {
    let name = cast_name(&data_type);
    let literal = text_of(&expr).is_some() || is_parameter(&expr);
    let text = DataType::Varchar(None);
    if name == "text" && is_receiver(&expr) {
        return call("regproc_name", vec![cast(expr, text)]);
    }
    match name.as_str() {
        "regclass" if literal || is_text(&expr) => call("to_regclass", vec![expr]),
        "regclass" => call("regclass_name", vec![expr]),
        "regtype" if literal => call("to_regtype", vec![expr]),
        "regtype" => call("format_type", vec![expr, null()]),
        "regnamespace" if literal => call("to_regnamespace", vec![expr]),
        "regproc" if literal => call("regproc_name", vec![expr]),
        "oid" => number_of(expr),
        "xid" | "cid" => cast(expr, DataType::IntUnsigned(None)),
        "name" | "char" | "text" | "cstring" | "bpchar" | "json" | "jsonb" | "uuid" | "inet" | "regproc"
        | "regnamespace" | "regrole" | "regoper" | "regprocedure" | "sql_identifier" | "character_data"
        | "character varying" | "character" | "citext" | "unknown" | "aclitem" | "pg_node_tree" | "tid"
        | "money" | "bit" => cast(expr, text),
        "cardinal_number" | "int4" | "int" => cast(expr, DataType::Int(None)),
        "timestamptz" => cast(expr, DataType::Timestamp(None, TimezoneInfo::WithTimeZone)),
        "int2" => cast(expr, DataType::SmallInt(None)),
        "int8" => cast(expr, DataType::BigInt(None)),
        "float4" => cast(expr, DataType::Real),
        "float8" => cast(expr, DataType::DoublePrecision),
        "bool" => cast(expr, DataType::Boolean),
        _ if name.starts_with("character varying(") || name.starts_with("character(") => cast(expr, text),
        "regtype[]" if !literal => call("regtype_names", vec![expr]),
        _ => match (&data_type, list_of(&expr)) {
            (DataType::Array(of), Some(items)) => Expr::Array(Array { elem: each(items, of), named: true }),
            (DataType::Array(_), None) => expr,
            _ => cast(expr, data_type),
        },
    }
}
