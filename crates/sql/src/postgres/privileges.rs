//! Who may do what, as clients ask it: who sees something may read it, and nobody changes anything.

use super::tables::{Row, n, row};
use crate::functions::rowwise;
use crate::schema::Relation;
use crate::session::DATABASE;
use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// Questions, and the privileges that everybody has (PostgreSQL 15, 9.26 and 5.7).
const GRANTED: [(&str, &[&str]); 14] = [
    ("has_any_column_privilege", &["select"]),
    ("has_column_privilege", &["select"]),
    ("has_database_privilege", &["connect"]),
    ("has_foreign_data_wrapper_privilege", &[]),
    ("has_function_privilege", &["execute"]),
    ("has_language_privilege", &["usage"]),
    ("has_parameter_privilege", &[]),
    ("has_schema_privilege", &["usage"]),
    ("has_sequence_privilege", &[]),
    ("has_server_privilege", &[]),
    ("has_table_privilege", &["select"]),
    ("has_tablespace_privilege", &[]),
    ("has_type_privilege", &["usage"]),
    ("pg_has_role", &["member", "usage"]),
];

/// Whether one of the privileges that are asked for, with commas between them, is given.
fn granted(asked: &str, given: &[&str]) -> bool {
    asked.split(',').any(|one| given.contains(&one.trim().to_lowercase().as_str()))
}

/// Makes the questions known to a session.
pub(super) fn register(context: &SessionContext) {
    for (name, given) in GRANTED {
        context.register_udf(rowwise(name, DataType::Boolean, move |args| {
            // The privilege comes last, behind who and what.
            let asked = args.last().and_then(|value| value.try_as_str().flatten());
            ScalarValue::Boolean(asked.map(|asked| granted(asked, given)))
        }));
    }
}

/// A list of what PUBLIC may do, as PostgreSQL writes it: `r` reads, `U` uses, `c` connects.
pub(super) fn public(letter: char) -> ScalarValue {
    let item = ScalarValue::Utf8(Some(format!("={letter}/ironbridge")));
    let kind = Field::new_list_field(DataType::Utf8, true).data_type().clone();
    ScalarValue::List(ScalarValue::new_list(&[item], &kind, true))
}

/// `information_schema.table_privileges`, and with `columns` that of columns.
pub(super) fn rows(all: &[Relation], columns: bool) -> Vec<Row> {
    let one = |one: &Relation, column: Option<&Arc<Field>>| {
        let mut cells = row([
            ("grantor", n("ironbridge")),
            ("grantee", n("PUBLIC")),
            ("table_catalog", n(DATABASE)),
            ("table_schema", n(one.schema)),
            ("table_name", n(&one.name)),
            ("privilege_type", n("SELECT")),
            ("is_grantable", n("NO")),
            ("with_hierarchy", n("YES")),
        ]);
        cells.extend(column.map(|field| ("column_name", n(field.name()))));
        cells
    };
    let of = |relation: &Relation| match columns {
        true => relation.columns.fields().iter().map(|field| one(relation, Some(field))).collect(),
        false => vec![one(relation, None)],
    };
    all.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::granted;

    #[test]
    fn reading_alone_is_granted() {
        let read: &[&str] = &["select"];
        for (asked, want) in [
            ("SELECT", true),
            ("select, insert", true),
            ("INSERT", false),
            ("SELECT WITH GRANT OPTION", false),
            ("", false),
        ] {
            assert_eq!(granted(asked, read), want, "{asked}");
        }
        assert!(!granted("CREATE", &["usage"]));
    }
}
