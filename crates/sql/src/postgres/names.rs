//! Names of the columns of an answer, as PostgreSQL would give them: `count`, not `count(*)`.

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, SelectItem, SetExpr, Statement};

/// A name as it is meant: small letters unless it is quoted.
pub(super) fn word(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase())
}

/// Between a name that somebody else in the answer has too, and the place that makes it one of its own.
const APART: char = '\u{0}';

/// A name that only the column at this place has.
pub(super) fn own(name: &str, at: usize) -> String {
    format!("{name}{APART}{at}")
}

/// The name as clients are told it.
pub(crate) fn told(name: &str) -> &str {
    name.split(APART).next().unwrap_or(name)
}

/// The name of a column that is made of `expr`, where no other is given.
pub(super) fn of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => last(&function.name),
        Expr::Cast { expr, .. } => of(expr),
        Expr::Nested(inner) => of(inner),
        Expr::Case { .. } => Some("case".into()),
        Expr::Extract { .. } => Some("extract".into()),
        Expr::Exists { .. } => Some("exists".into()),
        Expr::Array(_) => Some("array".into()),
        Expr::Floor { .. } => Some("floor".into()),
        Expr::Ceil { .. } => Some("ceil".into()),
        Expr::Identifier(name) => Some(word(name)),
        Expr::CompoundIdentifier(all) => all.last().map(word),
        _ => Some("?column?".into()),
    }
}

/// One for each column where the statement names all columns; `None` inside where the plan's own name is right. Empty
/// where the number of columns follows from the tables.
pub fn output_names(statement: &Statement) -> Vec<Option<String>> {
    let Statement::Query(query) = statement else { return Vec::new() };
    let mut body = &*query.body;
    loop {
        match body {
            SetExpr::Query(inner) => body = &inner.body,
            SetExpr::SetOperation { left, .. } => body = left,
            _ => break,
        }
    }
    let SetExpr::Select(select) = body else { return Vec::new() };
    let mut names = Vec::with_capacity(select.projection.len());
    for item in &select.projection {
        names.push(match item {
            SelectItem::UnnamedExpr(expr) => of(expr),
            SelectItem::ExprWithAlias { alias, .. } if alias.quote_style.is_some() => {
                Some(alias.value.clone())
            }
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
            _ => return Vec::new(),
        });
    }
    names
}
