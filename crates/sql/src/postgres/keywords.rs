//! Key words, and names that need quotes because of them.

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use std::sync::Arc;

/// Each word with the letter of its kind.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("keywords.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .flat_map(|(kind, words)| words.split(' ').map(move |w| (w, kind)))
}

/// A name as it may stand in SQL (PostgreSQL 15, 9.4, `quote_ident`): quoted where it must be.
pub(super) fn quote_ident(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let taken = || all().any(|(word, kind)| kind != "U" && word == name);
    if plain && !taken() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// `pg_get_keywords()`.
#[derive(Debug)]
pub(super) struct Keywords;

fn described(kind: &str) -> &'static str {
    match kind {
        "U" => "unreserved",
        "C" => "unreserved (cannot be function or type name)",
        "T" => "reserved (can be function or type name)",
        _ => "reserved",
    }
}

impl TableFunctionImpl for Keywords {
    fn call_with_args(&self, _: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let field = |name: &str| Field::new(name, DataType::Utf8, true);
        let schema = Arc::new(Schema::new(vec![field("word"), field("catcode"), field("catdesc")]));
        let words: StringArray = all().map(|(word, _)| Some(word)).collect();
        let kinds: StringArray = all().map(|(_, kind)| Some(kind)).collect();
        let texts: StringArray = all().map(|(_, kind)| Some(described(kind))).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(words), Arc::new(kinds), Arc::new(texts)];
        let batch = RecordBatch::try_new(schema.clone(), columns)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}

#[cfg(test)]
mod tests {
    use super::quote_ident;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (name, want) in [
            ("value", "value"),
            ("time", "\"time\""),
            ("end", "\"end\""),
            ("Speed", "\"Speed\""),
            ("a\"b", "\"a\"\"b\""),
            ("_x1", "_x1"),
            ("1x", "\"1x\""),
        ] {
            assert_eq!(quote_ident(name), want);
        }
    }
}
