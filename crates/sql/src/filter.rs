//! From the conditions of a query to points and times. What is not understood is simply not used: DataFusion checks
//! every condition again.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use model::Path;
use std::collections::BTreeSet;

/// Which rows can matter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// First time, ns.
    pub from: i64,
    /// First time that is not wanted any more.
    pub to: i64,
    /// Each must pass.
    paths: Vec<PathTest>,
}

#[derive(Clone, Debug, PartialEq)]
enum PathTest {
    In(Vec<String>),
    /// Under one of these assets.
    Of(Vec<String>),
    Like(String, bool),
}

impl Wanted {
    pub fn of(filters: &[Expr]) -> Self {
        let mut wanted = Self { from: i64::MIN, to: i64::MAX, paths: Vec::new() };
        filters.iter().for_each(|f| wanted.take(f));
        wanted
    }

    /// Points that are named, if some are: no others can matter.
    pub fn named(&self) -> Option<BTreeSet<String>> {
        let lists = self.paths.iter().filter_map(|test| match test {
            PathTest::In(all) => Some(all.iter().cloned().collect::<BTreeSet<String>>()),
            _ => None,
        });
        lists.reduce(|all, more| all.intersection(&more).cloned().collect())
    }

    pub fn holds(&self, path: &Path) -> bool {
        self.paths.iter().all(|test| match test {
            PathTest::In(all) => all.iter().any(|p| p == path.as_str()),
            PathTest::Of(all) => {
                path.as_str().rsplit_once('/').is_some_and(|(asset, _)| all.iter().any(|p| p == asset))
            }
            PathTest::Like(pattern, ignore_case) if *ignore_case => {
                like(&pattern.to_lowercase(), &path.as_str().to_lowercase())
            }
            PathTest::Like(pattern, _) => like(pattern, path.as_str()),
        })
    }

    fn take(&mut self, filter: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.take(left);
                self.take(right);
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_asset(left) => {
                self.paths.extend(text(right).map(|asset| PathTest::Of(vec![asset])));
            }
            Expr::InList(list) if !list.negated && is_asset(&list.expr) => {
                let all: Option<Vec<String>> = list.list.iter().map(text).collect();
                self.paths.extend(all.map(PathTest::Of));
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (name(left), name(right)) {
                (Some("time"), _) => self.time(*op, stamp(right)),
                (_, Some("time")) => self.time(op.swap().unwrap_or(*op), stamp(left)),
                (Some("path"), _) if *op == Operator::Eq => self.path(text(right)),
                (_, Some("path")) if *op == Operator::Eq => self.path(text(left)),
                // An IN list of a few is rewritten to alternatives.
                _ if *op == Operator::Or => {
                    let mut all = Vec::new();
                    if alternatives(filter, &mut all) {
                        self.paths.push(PathTest::In(all));
                    }
                }
                _ => {}
            },
            Expr::Between(b) if !b.negated && name(&b.expr) == Some("time") => {
                self.time(Operator::GtEq, stamp(&b.low));
                self.time(Operator::LtEq, stamp(&b.high));
            }
            Expr::InList(list) if !list.negated && name(&list.expr) == Some("path") => {
                let all: Option<Vec<String>> = list.list.iter().map(text).collect();
                self.paths.extend(all.map(PathTest::In));
            }
            Expr::Like(l) if !l.negated && l.escape_char.is_none() && name(&l.expr) == Some("path") => {
                self.paths.extend(text(&l.pattern).map(|p| PathTest::Like(p, l.case_insensitive)));
            }
            _ => {}
        }
    }

    fn path(&mut self, path: Option<String>) {
        self.paths.extend(path.map(|p| PathTest::In(vec![p])));
    }

    fn time(&mut self, op: Operator, stamp: Option<i64>) {
        let Some(t) = stamp else { return };
        match op {
            Operator::Gt => self.from = self.from.max(t.saturating_add(1)),
            Operator::GtEq => self.from = self.from.max(t),
            Operator::Lt => self.to = self.to.min(t),
            Operator::LtEq => self.to = self.to.min(t.saturating_add(1)),
            Operator::Eq => {
                self.from = self.from.max(t);
                self.to = self.to.min(t.saturating_add(1));
            }
            _ => {}
        }
    }
}

/// One path, or a pattern as LIKE takes it.
pub(crate) struct Pattern(String);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn fits(&self, path: &str) -> bool {
        self.0 == path || like(&self.0, path)
    }
}

/// Whether a condition narrows the scan.
pub(crate) fn pushdown(filter: &Expr) -> TableProviderFilterPushDown {
    let nothing = Wanted { from: i64::MIN, to: i64::MAX, paths: Vec::new() };
    if Wanted::of(std::slice::from_ref(filter)) == nothing {
        TableProviderFilterPushDown::Unsupported
    } else {
        TableProviderFilterPushDown::Inexact
    }
}

fn alternatives(filter: &Expr, all: &mut Vec<String>) -> bool {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            alternatives(left, all) && alternatives(right, all)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let found = match (name(left), name(right)) {
                (Some("path"), _) => text(right),
                (_, Some("path")) => text(left),
                _ => None,
            };
            let there = found.is_some();
            all.extend(found);
            there
        }
        _ => false,
    }
}

/// `asset_of(path)`.
fn is_asset(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarFunction(call) => {
            call.func.name() == "asset_of" && call.args.first().and_then(name) == Some("path")
        }
        _ => false,
    }
}

fn name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(c) => Some(c.name.as_str()),
        Expr::Cast(c) => name(&c.expr).filter(|n| *n == "path"),
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(t)) | ScalarValue::Utf8View(Some(t)) | ScalarValue::LargeUtf8(Some(t)),
            _,
        ) => Some(t.clone()),
        _ => None,
    }
}

fn stamp(expr: &Expr) -> Option<i64> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::TimestampNanosecond(Some(t), _) => Some(*t),
        ScalarValue::TimestampMicrosecond(Some(t), _) => t.checked_mul(1_000),
        ScalarValue::TimestampMillisecond(Some(t), _) => t.checked_mul(1_000_000),
        ScalarValue::TimestampSecond(Some(t), _) => t.checked_mul(1_000_000_000),
        _ => None,
    }
}

/// SQL LIKE: `%` any text, `_` one character.
fn like(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j, mut star) = (0, 0, None);
    while j < t.len() {
        match p.get(i) {
            Some('%') => {
                star = Some((i, j));
                i += 1;
            }
            Some(c) if *c == '_' || Some(c) == t.get(j) => {
                i += 1;
                j += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    i = at + 1;
                    j = from + 1;
                }
                None => return false,
            },
        }
    }
    p.get(i..).is_some_and(|rest| rest.iter().all(|c| *c == '%'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};

    #[test]
    fn like_as_in_sql() {
        for (pattern, text, want) in [
            ("a%", "abc", true),
            ("%c", "abc", true),
            ("a_c", "abc", true),
            ("a%b", "abc", false),
            ("%", "", true),
            ("a%c%e", "abcde", true),
        ] {
            assert_eq!(like(pattern, text), want, "{pattern} {text}");
        }
    }

    #[test]
    fn understands_points_and_times() {
        let time = |t| lit(ScalarValue::TimestampNanosecond(Some(t), Some("UTC".into())));
        let wanted = Wanted::of(&[
            col("time").gt_eq(time(5)).and(col("time").lt_eq(time(9))),
            col("path").eq(lit("a/b")),
        ]);
        assert_eq!((wanted.from, wanted.to), (5, 10));
        assert!(wanted.holds(&Path::new("a/b").unwrap()) && !wanted.holds(&Path::new("a/c").unwrap()));
        let either = Wanted::of(&[col("path").eq(lit("a/b")).or(col("path").eq(lit("a/c")))]);
        assert!(either.holds(&Path::new("a/c").unwrap()) && !either.holds(&Path::new("a/d").unwrap()));
        assert_eq!(pushdown(&col("value").gt(lit(1.0))), TableProviderFilterPushDown::Unsupported);
        assert!(Wanted::of(&[col("path").eq(lit("a")).or(col("value").gt(lit(1.0)))]).paths.is_empty());
    }
}
