//! Names of the columns of an answer, as PostgreSQL would give them: `count`, not `count(*)`.

use datafusion::sql::sqlparser::ast::{Expr, ObjectName, SelectItem, SetExpr, Statement};

fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase())
}

fn of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Function(function) => last(&function.name),
        Expr::Cast { expr, .. } => of(expr),
        Expr::Nested(inner) => of(inner),
        Expr::Case { .. } => Some("case".into()),
        Expr::Extract { .. } => Some("extract".into()),
        Expr::Exists { .. } => Some("exists".into()),
        Expr::Floor { .. } => Some("floor".into()),
        Expr::Ceil { .. } => Some("ceil".into()),
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => None,
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
