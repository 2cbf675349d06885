//! Our functions as the catalogue lists them: `\df`, `\sf`, the browsers of tools.

use super::keywords::quote_ident;
use super::kind::{PgType, TRIGGER, TYPES, by_oid};
use super::tables::{Row, n, namespace_oid, row};
use crate::functions::{LISTED, Listed, rowwise};
use crate::session::DATABASE;
use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;

/// Number of the first of ours.
const FIRST: u32 = 30_000;
/// `array_recv`, by which drivers know an array.
pub(super) const ARRAY_RECV: u32 = 2_400;
/// `pg_proc` as a class of things with a description.
pub(super) const CLASS: u32 = 1_255;

/// All of ours with their numbers.
fn ours() -> impl Iterator<Item = (u32, &'static Listed)> {
    (FIRST..).zip(LISTED.iter())
}

/// What receives values of a type, if there are any: some drivers know the type by its name.
pub(super) fn receiver(kind: &PgType) -> u32 {
    if kind.oid == TRIGGER {
        return 0;
    }
    let at = TYPES.iter().position(|one| one.oid == kind.oid).unwrap_or_default();
    ARRAY_RECV + 1 + at as u32
}

/// All of PostgreSQL's own that there are, with their numbers.
fn receivers() -> impl Iterator<Item = (u32, String)> {
    let one = |kind: &PgType| {
        let apart = matches!(kind.name, "json" | "time" | "timestamp" | "timestamptz" | "interval");
        let apart = apart || matches!(kind.name, "date" | "numeric" | "record" | "void");
        (receiver(kind), format!("{}{}recv", kind.name, if apart { "_" } else { "" }))
    };
    let all = TYPES.iter().filter(|kind| kind.oid != TRIGGER).map(one);
    std::iter::once((ARRAY_RECV, "array_recv".to_owned())).chain(all)
}

fn name_of(oid: u32) -> Option<String> {
    let ours = find(oid).map(|one| one.name.to_owned());
    ours.or_else(|| receivers().find(|(number, _)| *number == oid).map(|(_, name)| name))
}

fn find(oid: u32) -> Option<&'static Listed> {
    let at = usize::try_from(oid.checked_sub(FIRST)?).ok()?;
    LISTED.get(at)
}

/// What a function is about.
pub(super) fn text(oid: u32) -> Option<&'static str> {
    find(oid).map(|one| one.text)
}

/// The number of a function by its name, with or without schema and what stands in parentheses.
fn by_name(name: &str) -> Option<u32> {
    let plain = name.split('(').next().unwrap_or(name).trim();
    let plain = plain.strip_prefix("public.").unwrap_or(plain);
    ours().find(|(_, one)| one.name.eq_ignore_ascii_case(plain)).map(|(oid, _)| oid)
}

fn type_name(oid: u32) -> String {
    by_oid(oid).map_or_else(|| "record".to_owned(), |kind| kind.sql.to_owned())
}

impl Listed {
    /// Names and types of what is given to it.
    fn parts(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.arguments.iter().copied()
    }

    fn arguments(&self) -> String {
        let part = |(name, kind): (&str, u32)| format!("{} {}", quote_ident(name), type_name(kind));
        self.parts().map(part).collect::<Vec<_>>().join(", ")
    }

    fn result(&self) -> String {
        match self.rows {
            Some(columns) => format!("TABLE({columns})"),
            None => type_name(self.result),
        }
    }

    /// As `CREATE FUNCTION` would be written, if it could be.
    fn definition(&self) -> String {
        format!(
            "CREATE OR REPLACE FUNCTION public.{}({})\n RETURNS {}\n LANGUAGE internal\nAS $function$ {} $function$\n",
            self.name,
            self.arguments(),
            self.result(),
            self.text
        )
    }
}

fn described(oid: u32, one: &Listed) -> Row {
    let (names, types): (Vec<_>, Vec<_>) =
        one.parts().map(|(name, kind)| (n(name), kind.to_string())).unzip();
    let mut cells = procedure(oid, one.name, "public", one.result);
    cells.insert("prokind", n(if one.aggregate { "a" } else { "f" }));
    cells.insert("proretset", ScalarValue::Boolean(Some(one.rows.is_some())));
    cells.insert("pronargs", ScalarValue::Int16(i16::try_from(names.len()).ok()));
    // A vector of numbers, as PostgreSQL writes it.
    cells.insert("proargtypes", n(types.join(" ")));
    cells.insert("proargnames", ScalarValue::List(ScalarValue::new_list(&names, &DataType::Utf8, true)));
    cells.insert("prosrc", n(one.usage));
    cells
}

fn procedure(oid: u32, name: &str, schema: &str, result: u32) -> Row {
    let flag = |flag: bool| ScalarValue::Boolean(Some(flag));
    row([
        ("oid", ScalarValue::UInt32(Some(oid))),
        ("proname", n(name)),
        ("pronamespace", ScalarValue::UInt32(namespace_oid(schema))),
        ("proowner", ScalarValue::UInt32(Some(super::tables::OWNER))),
        ("prolang", ScalarValue::UInt32(Some(12))),
        ("procost", ScalarValue::Float32(Some(1.0))),
        ("prorows", ScalarValue::Float32(Some(0.0))),
        ("provariadic", ScalarValue::UInt32(Some(0))),
        ("prokind", n("f")),
        ("prosecdef", flag(false)),
        ("proleakproof", flag(false)),
        ("proisstrict", flag(false)),
        ("proretset", flag(false)),
        ("provolatile", n("s")),
        ("proparallel", n("s")),
        ("pronargs", ScalarValue::Int16(Some(0))),
        ("pronargdefaults", ScalarValue::Int16(Some(0))),
        ("prorettype", ScalarValue::UInt32(Some(result))),
    ])
}

/// `pg_proc`: ours, and those that drivers know types by.
pub(super) fn rows() -> Vec<Row> {
    let drivers = receivers().map(|(oid, name)| procedure(oid, &name, "pg_catalog", 0));
    drivers.chain(ours().map(|(oid, one)| described(oid, one))).collect()
}

/// `pg_language`.
pub(super) fn languages() -> Vec<Row> {
    vec![row([
        ("oid", ScalarValue::UInt32(Some(12))),
        ("lanname", n("internal")),
        ("lanowner", ScalarValue::UInt32(Some(super::tables::OWNER))),
        ("tableoid", ScalarValue::UInt32(Some(2_612))),
        ("lanispl", ScalarValue::Boolean(Some(false))),
        ("lanpltrusted", ScalarValue::Boolean(Some(false))),
    ])]
}

/// `information_schema.routines`.
pub(super) fn information() -> Vec<Row> {
    let one = |(oid, one): (u32, &Listed)| {
        row([
            ("specific_catalog", n(DATABASE)),
            ("specific_schema", n("public")),
            ("specific_name", n(format!("{}_{oid}", one.name))),
            ("routine_catalog", n(DATABASE)),
            ("routine_schema", n("public")),
            ("routine_name", n(one.name)),
            ("routine_type", n("FUNCTION")),
            ("data_type", n(type_name(one.result))),
            ("external_language", n("INTERNAL")),
        ])
    };
    ours().map(one).collect()
}

/// `pg_description`.
pub(super) fn descriptions() -> impl Iterator<Item = (u32, &'static str)> {
    ours().map(|(oid, one)| (oid, one.text))
}

fn number(args: &[ScalarValue]) -> Option<u32> {
    match args.first()?.cast_to(&DataType::UInt32).ok()? {
        ScalarValue::UInt32(number) => number,
        _ => None,
    }
}

/// Makes known what clients ask about functions.
pub(super) fn register(context: &SessionContext) {
    let told = |name: &'static str, tell: fn(&Listed) -> String| {
        context.register_udf(rowwise(name, DataType::Utf8, move |args| {
            ScalarValue::Utf8(number(args).and_then(find).map(tell))
        }));
    };
    told("pg_get_function_arguments", Listed::arguments);
    told("pg_get_function_identity_arguments", Listed::arguments);
    told("pg_get_function_result", Listed::result);
    told("pg_get_functiondef", Listed::definition);
    context.register_udf(rowwise("to_regproc", DataType::UInt32, |args| {
        let name = args.first().and_then(|value| value.try_as_str().flatten());
        ScalarValue::UInt32(name.and_then(|name| name.parse().ok().or_else(|| by_name(name))))
    }));
    // A vector of numbers of types, as a list of their names.
    let names = DataType::List(std::sync::Arc::new(Field::new_list_field(DataType::Utf8, true)));
    context.register_udf(rowwise("regtype_names", names.clone(), move |args| {
        let text = args.first().and_then(|value| value.try_as_str().flatten());
        let Some(text) = text else {
            return ScalarValue::try_from(&names).unwrap_or(ScalarValue::Null);
        };
        let all: Vec<ScalarValue> =
            text.split(' ').filter_map(|oid| Some(n(type_name(oid.parse().ok()?)))).collect();
        ScalarValue::List(ScalarValue::new_list(&all, &DataType::Utf8, true))
    }));
    // A function's name without the schema that is searched anyhow.
    context.register_udf(rowwise("regproc_name", DataType::Utf8, |args| {
        let text = args.first().and_then(|value| value.try_as_str().flatten());
        let plain = |text: &str| {
            let known = text.parse().ok().and_then(name_of);
            known.unwrap_or_else(|| {
                let plain = text.strip_prefix("pg_catalog.").or_else(|| text.strip_prefix("public."));
                plain.unwrap_or(text).to_owned()
            })
        };
        ScalarValue::Utf8(text.map(plain))
    }));
}
