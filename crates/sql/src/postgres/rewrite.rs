//! What PostgreSQL reads and the planner does not: rewritten to the same meaning, or, where a query can only find
//! tables that are always empty, to no rows. A query of a person over our own tables passes almost untouched.

use super::casts::{cast_name, is_list, is_receiver, list_of, typed};
use super::names::word;
use super::tables;
use datafusion::common::Result;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, Join, JoinOperator, ObjectName, Query,
    Select, SelectItem, SetExpr, Statement, Subscript, TableFactor, TableWithJoins, UnaryOperator, Value,
    Visit, VisitMut, Visitor, VisitorMut,
};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Words that stand without parentheses and are functions here.
const BARE: [&str; 7] = [
    "current_user",
    "session_user",
    "user",
    "current_role",
    "current_catalog",
    "current_schema",
    "current_database",
];
/// Functions that make one row of many.
const AGGREGATES: [&str; 10] =
    ["count", "sum", "min", "max", "avg", "array_agg", "string_agg", "bool_or", "bool_and", "every"];

struct Rewrite;

/// Rewrites a statement in place.
pub(crate) fn rewrite(statement: &mut Statement) -> Result<()> {
    let _ = statement.visit(&mut Rewrite);
    Ok(())
}

pub(super) fn words(name: &ObjectName) -> Vec<String> {
    let ident = |part: &datafusion::sql::sqlparser::ast::ObjectNamePart| part.as_ident().map(word);
    name.0.iter().filter_map(ident).collect()
}

/// A system table's name with its schema.
fn system(name: &ObjectName) -> Option<String> {
    let words = words(name);
    let full = match words.as_slice() {
        [table] => format!("pg_catalog.{table}"),
        [.., schema, table] => format!("{schema}.{table}"),
        [] => return None,
    };
    tables::definition(&full).map(|_| full)
}

pub(super) fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

fn no() -> Expr {
    Expr::Value(Value::Boolean(false).into())
}

pub(super) fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: vec![Ident::new(name)].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(argument).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn is_call(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Function(called) if words(&called.name).last().is_some_and(|last| last == name))
}

pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}

fn is_stub(query: &Query) -> bool {
    match &*query.body {
        SetExpr::Select(select) => select.selection.as_ref() == Some(&no()),
        SetExpr::Query(inner) => is_stub(inner),
        SetExpr::SetOperation { left, right, .. } => {
            let side =
                |side: &SetExpr| matches!(side, SetExpr::Select(s) if s.selection.as_ref() == Some(&no()));
            side(left) && side(right)
        }
        _ => false,
    }
}

fn factor_is_empty(factor: &TableFactor) -> bool {
    match factor {
        // Options of tables and the like: there are none.
        TableFactor::Table { name, args: Some(_), .. } => words(name) == ["pg_catalog", "unnest"],
        TableFactor::Table { name, .. } => system(name).is_some_and(|full| tables::is_empty(&full)),
        TableFactor::Derived { subquery, .. } => is_stub(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => is_empty(table_with_joins),
        _ => false,
    }
}

fn keeps_both(join: &Join) -> bool {
    matches!(
        join.join_operator,
        JoinOperator::Join(_)
            | JoinOperator::Inner(_)
            | JoinOperator::CrossJoin(_)
            | JoinOperator::StraightJoin(_)
            | JoinOperator::Right(_)
            | JoinOperator::RightOuter(_)
    )
}

/// Whether no row can come of it.
fn is_empty(from: &TableWithJoins) -> bool {
    let outer = |join: &Join| {
        matches!(
            join.join_operator,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_)
        )
    };
    let needed = |join: &Join| keeps_both(join) && factor_is_empty(&join.relation);
    (factor_is_empty(&from.relation) && !from.joins.iter().any(outer)) || from.joins.iter().any(needed)
}

/// Looks for an aggregate, not inside of queries of their own.
struct Aggregates {
    depth: usize,
}

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(called) if self.depth == 0 && called.over.is_none() => {
                let name = words(&called.name).pop().unwrap_or_default();
                if AGGREGATES.contains(&name.as_str()) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Whether it makes one row of all.
fn aggregates(select: &Select) -> bool {
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(all, _) if all.is_empty());
    !grouped && select.projection.iter().any(|item| item.visit(&mut Aggregates { depth: 0 }).is_break())
}

/// Makes a select that can find nothing into one that says so, whatever it would have computed.
fn stub(select: &mut Select) {
    if !select.from.iter().any(is_empty) || aggregates(select) {
        return;
    }
    let mut columns = Vec::with_capacity(select.projection.len());
    for (at, item) in select.projection.iter().enumerate() {
        let alias = match item {
            SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => name.clone(),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(all)) => {
                all.last().cloned().unwrap_or_else(|| Ident::new(format!("c{at}")))
            }
            SelectItem::UnnamedExpr(_) => Ident::new(format!("c{at}")),
            _ => return,
        };
        let twice =
            columns.iter().any(|c| matches!(c, SelectItem::ExprWithAlias { alias: a, .. } if *a == alias));
        let alias = if twice { Ident::new(format!("c{at}")) } else { alias };
        columns.push(SelectItem::ExprWithAlias { expr: cast(null(), DataType::Varchar(None)), alias });
    }
    select.projection = columns;
    select.from.clear();
    select.distinct = None;
    select.selection = Some(no());
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.having = None;
}

/// The planner wants each column of an answer by a name of its own; clients are told the names that were asked for
/// ([`super::names::told`]).
fn unique(select: &mut Select) {
    let mut seen = HashSet::new();
    // `t.a, t.*` names `a` twice.
    let all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
    let wildcard = select.projection.iter().any(all);
    for (at, item) in select.projection.iter_mut().enumerate() {
        let renamed = |expr: &Expr, name: String| {
            let alias = Ident::with_quote('"', super::names::own(&name, at));
            SelectItem::ExprWithAlias { expr: expr.clone(), alias }
        };
        match item {
            SelectItem::UnnamedExpr(expr) if is_receiver(expr) => {
                let text = call("regproc_name", vec![cast(expr.clone(), DataType::Varchar(None))]);
                *item = SelectItem::ExprWithAlias { expr: text, alias: Ident::new("typreceive") };
            }
            // Beside `t.*` the names of an answer come from the plan, which would write a whole call.
            SelectItem::UnnamedExpr(expr)
                if !seen.insert(expr.to_string())
                    || (wildcard && matches!(expr, Expr::CompoundIdentifier(_) | Expr::Function(_))) =>
            {
                let name = super::names::of(expr).unwrap_or_default();
                *item = renamed(expr, name);
            }
            SelectItem::ExprWithAlias { expr, alias } if !seen.insert(alias.value.clone()) => {
                *item = renamed(expr, alias.value.clone());
            }
            _ => {}
        }
    }
}

/// What an aggregate makes of tables that are always empty: a count is zero, all else NULL.
fn of_nothing(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = &*query.body else { return None };
    let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
        select.projection.as_slice()
    else {
        return None;
    };
    let Expr::Function(called) = expr else { return None };
    if !select.from.iter().any(is_empty) || !aggregates(select) {
        return None;
    }
    let counts = words(&called.name).pop().is_some_and(|name| name == "count");
    Some(if counts { Expr::Value(Value::Number("0".into(), false).into()) } else { null() })
}

/// A subquery that stands for one value: at most one row, which the planner wants to see from its words.
fn scalar(query: &mut Query) {
    let SetExpr::Select(select) = &mut *query.body else { return };
    if select.from.is_empty() || aggregates(select) {
        return;
    }
    if let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] =
        select.projection.as_mut_slice()
    {
        *expr = call("min", vec![std::mem::replace(expr, null())]);
        select.distinct = None;
        query.order_by = None;
        query.limit_clause = None;
        query.fetch = None;
    }
}

/// `OPERATOR(pg_catalog.~)` is `~`.
fn operator(name: &[String]) -> Option<BinaryOperator> {
    Some(match name.last()?.as_str() {
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        ">" => BinaryOperator::Gt,
        "||" => BinaryOperator::StringConcat,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        _ => return None,
    })
}

fn function(function: &mut Function) {
    let words = words(&function.name);
    if let [schema, name] = words.as_slice()
        && matches!(schema.as_str(), "pg_catalog" | "information_schema")
    {
        function.name = vec![Ident::new(name.clone())].into();
    }
    let bare = words.last().is_some_and(|name| BARE.contains(&name.as_str()));
    if bare && matches!(function.args, FunctionArguments::None) {
        let list = FunctionArgumentList { duplicate_treatment: None, args: Vec::new(), clauses: Vec::new() };
        function.args = FunctionArguments::List(list);
    }
}

fn changed(expr: Expr) -> Expr {
    match expr {
        Expr::Collate { expr, .. } => *expr,
        Expr::Cast { expr, data_type, .. } => typed(*expr, data_type),
        Expr::TypedString(typed_string) if cast_name(&typed_string.data_type) == "regclass" => {
            call("to_regclass", vec![Expr::Value(typed_string.value)])
        }
        Expr::BinaryOp { left, op: BinaryOperator::PGCustomBinaryOperator(name), right } => {
            let op = operator(&name).unwrap_or(BinaryOperator::PGCustomBinaryOperator(name));
            Expr::BinaryOp { left, op, right }
        }
        // `x::regtype = 'text'::regtype`: the one is a name for people already, the other still a number.
        Expr::BinaryOp { left, op, right }
            if is_call(&left, "format_type") && is_call(&right, "to_regtype") =>
        {
            Expr::BinaryOp { left, op, right: Box::new(call("format_type", vec![*right, null()])) }
        }
        Expr::BinaryOp { op: BinaryOperator::StringConcat, right, .. } if *right == null() => null(),
        Expr::Identifier(name)
            if name.quote_style.is_none() && BARE.contains(&name.value.to_lowercase().as_str()) =>
        {
            call(&name.value.to_lowercase(), Vec::new())
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some } => match list_of(&right) {
            Some(list) => Expr::InList { expr: left, list, negated: false },
            None if is_list(&right) => call("any_of", vec![*left, *right]),
            None => Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some },
        },
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => match list_of(&right) {
            Some(list) => Expr::InList { expr: left, list, negated: true },
            None => Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right },
        },
        Expr::InList { list, negated, .. } if list.is_empty() => Expr::Value(Value::Boolean(negated).into()),
        Expr::CompoundFieldAccess { root, mut access_chain } => match access_chain.pop() {
            Some(AccessExpr::Subscript(Subscript::Index { index })) if access_chain.is_empty() => {
                call("element_of", vec![*root, index])
            }
            last => {
                access_chain.extend(last);
                Expr::CompoundFieldAccess { root, access_chain }
            }
        },
        Expr::Function(mut called) => {
            function(&mut called);
            match (words(&called.name).as_slice(), &mut called.args) {
                ([name], FunctionArguments::Subquery(query)) if name == "array" => {
                    if is_stub(query) {
                        return null();
                    }
                    if let SetExpr::Select(select) = &mut *query.body
                        && let [SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. }] =
                            select.projection.as_mut_slice()
                    {
                        *e = call("array_agg", vec![std::mem::replace(e, null())]);
                        query.order_by = None;
                    }
                    Expr::Subquery(query.clone())
                }
                _ => Expr::Function(called),
            }
        }
        other => with_query(other),
    }
}

/// Expressions that hold a query.
fn with_query(expr: Expr) -> Expr {
    match expr {
        // The search path, asked for with generated rows and subscripts.
        Expr::InSubquery { expr, subquery, negated }
            if subquery.to_string().contains("current_setting('search_path')") =>
        {
            let listed = call("any_of", vec![*expr, call("current_schemas", vec![no()])]);
            if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(listed) } } else { listed }
        }
        Expr::Exists { subquery, negated } if is_stub(&subquery) => {
            Expr::Value(Value::Boolean(negated).into())
        }
        Expr::Subquery(query) if is_stub(&query) => null(),
        Expr::Subquery(mut query) => of_nothing(&query).unwrap_or_else(|| {
            scalar(&mut query);
            Expr::Subquery(query)
        }),
        other => other,
    }
}

impl VisitorMut for Rewrite {
    type Break = ();

    fn post_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        if words(name).len() == 1
            && let Some(full) = system(name)
            && let Some((schema, table)) = full.split_once('.')
        {
            *name = vec![Ident::new(schema), Ident::new(table)].into();
        }
        ControlFlow::Continue(())
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            let words = words(name);
            if let [schema, table] = words.as_slice()
                && schema == "pg_catalog"
                && table != "unnest"
            {
                *name = vec![Ident::new(table.clone())].into();
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        stub(select);
        unique(select);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        // Order by what the rows were made of does not matter where there are none.
        if is_stub(query) {
            query.order_by = None;
        }
        query.locks.clear();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let old = std::mem::replace(expr, null());
        *expr = changed(old);
        ControlFlow::Continue(())
    }
}
