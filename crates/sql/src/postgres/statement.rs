//! From text to statements: what reads goes to the planner, the rest is what drivers say to a session.

use crate::SqlError;
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Longest text, bytes.
const MOST_TEXT: usize = 1 << 20;
/// Most statements of one text.
const MOST_STATEMENTS: usize = 100;
/// How deep a statement may nest.
const DEEPEST: usize = 60;
/// Most operators and clauses of a statement: each may nest what stands before it once more (`1 + 1 + 1`), and what plans it
/// goes as deep.
const MOST_STEPS: usize = 250;
/// Most tables and subqueries of a statement, for the same reason.
const MOST_TABLES: usize = 200;

/// One statement that answers with rows.
#[derive(Clone, Debug)]
pub struct Text {
    pub(crate) ast: Box<ast::Statement>,
    /// As [`super::output_names`] gives them.
    pub names: Vec<Option<String>>,
    /// `SELECT` or `EXPLAIN`.
    pub tag: &'static str,
}

/// How `COPY` writes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyFormat {
    /// The text format of PostgreSQL: tabs, `\N`.
    Text,
    /// RFC 4180, with a line of names or not.
    Csv {
        /// Names first.
        header: bool,
    },
    /// PGCOPY.
    Binary,
}

/// How many rows of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// As many as there are left.
    All,
    /// At most this many.
    Rows(u64),
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    /// Rows.
    Query(Text),
    /// `COPY (query) TO STDOUT`.
    Copy(Text, CopyFormat),
    /// `SET`; without a value back to the default.
    Set {
        /// In lower case.
        name: String,
        /// As text.
        value: Option<String>,
    },
    /// `SHOW`; `all` for all.
    Show(String),
    /// Begins a transaction.
    Begin,
    /// Ends it.
    Commit,
    /// Ends it.
    Rollback,
    /// Within a transaction; the tag to answer with.
    Savepoint(&'static str),
    /// Back to a savepoint: a failed transaction goes on.
    RollbackTo,
    /// A cursor.
    Declare(String, Text),
    /// Rows of a cursor; `bool`: only step over them.
    Fetch(String, Count, bool),
    /// Closes a cursor, or all.
    Close(Option<String>),
    /// Forgets a prepared statement, or all.
    Deallocate(Option<String>),
    /// `DISCARD ALL`: the session is as at its start.
    Discard,
    /// Accepted, and there is nothing to do; the tag to answer with.
    Done(&'static str),
}

/// Reads all statements of a text.
///
/// # Errors
/// [`SqlError::Query`] for what cannot be read, [`SqlError::ReadOnly`] for what would change something.
pub fn read(text: &str) -> Result<Vec<Statement>, SqlError> {
    if text.len() > MOST_TEXT {
        return Err(SqlError::Query(format!(
            "a query has at most {MOST_TEXT} bytes; this one has {}",
            text.len()
        )));
    }
    let parts: Vec<&str> = split(text);
    if parts.len() > MOST_STATEMENTS {
        return Err(SqlError::Query(format!("send at most {MOST_STATEMENTS} statements at once")));
    }
    parts.into_iter().map(one).collect()
}

fn one(text: &str) -> Result<Statement, SqlError> {
    let words = words(text);
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let rest = |from: usize| words.get(from..).unwrap_or_default();
    Ok(match word(0) {
        "set" => set(rest(1)),
        "reset" => Statement::Set { name: word(1).to_owned(), value: None },
        "show" => Statement::Show(show(rest(1))),
        "begin" | "start" => Statement::Begin,
        "commit" | "end" => Statement::Commit,
        "rollback" if rest(1).iter().any(|w| w == "to") => Statement::RollbackTo,
        "rollback" | "abort" => Statement::Rollback,
        "savepoint" => Statement::Savepoint("SAVEPOINT"),
        "release" => Statement::Savepoint("RELEASE"),
        "discard" if word(1) == "all" => Statement::Discard,
        "discard" => Statement::Done("DISCARD"),
        "unlisten" => Statement::Done("UNLISTEN"),
        "deallocate" => {
            let name = if word(1) == "prepare" { word(2) } else { word(1) };
            Statement::Deallocate((name != "all").then(|| name.to_owned()))
        }
        "close" => Statement::Close((word(1) != "all").then(|| word(1).to_owned())),
        "fetch" => fetch(rest(1), false)?,
        "move" => fetch(rest(1), true)?,
        "declare" => declare(text, &words)?,
        "copy" => copy(text)?,
        "table" => Statement::Query(query(&format!(
            "select * from {}",
            text.trim_start().get(5..).unwrap_or_default()
        ))?),
        _ => Statement::Query(query(text)?),
    })
}

/// `SET [SESSION | LOCAL] name {= | TO} value`, and the forms with words of their own.
fn set(words: &[String]) -> Statement {
    let words = match words {
        [first, rest @ ..] if first == "session" || first == "local" => rest,
        all => all,
    };
    let name = words.first().map(String::as_str).unwrap_or_default();
    if matches!(name, "characteristics" | "transaction" | "constraints" | "role" | "authorization") {
        return Statement::Done("SET");
    }
    let (name, values) = match words {
        [a, b, rest @ ..] if a == "time" && b == "zone" => ("timezone", rest),
        [a, rest @ ..] if a == "names" => ("client_encoding", rest),
        [a, to, rest @ ..] if to == "to" || to == "=" => (a.as_str(), rest),
        _ => (name, words.get(1..).unwrap_or_default()),
    };
    let value: Vec<&str> = values.iter().map(|w| w.trim_matches('\'')).filter(|w| *w != ",").collect();
    let value = value.join(", ");
    Statement::Set { name: name.to_owned(), value: (value != "default").then_some(value) }
}

fn show(words: &[String]) -> String {
    match words {
        [a, b] if a == "time" && b == "zone" => "timezone".into(),
        [a, b, ..] if a == "transaction" && b == "isolation" => "transaction_isolation".into(),
        [a, ..] => a.clone(),
        [] => String::new(),
    }
}

fn fetch(words: &[String], skip: bool) -> Result<Statement, SqlError> {
    let refuse = || SqlError::Query("a cursor goes forward only: write FETCH 100 FROM name".into());
    let name = words.last().cloned().ok_or_else(refuse)?;
    let mut count = Count::Rows(1);
    for word in words.get(..words.len().saturating_sub(1)).unwrap_or_default() {
        match word.as_str() {
            "all" => count = Count::All,
            "forward" | "next" | "from" | "in" => {}
            number => count = Count::Rows(number.parse().map_err(|_| refuse())?),
        }
    }
    Ok(Statement::Fetch(name, count, skip))
}

fn declare(text: &str, words: &[String]) -> Result<Statement, SqlError> {
    let name = words.get(1).cloned().unwrap_or_default();
    let lower = text.to_ascii_lowercase();
    let at = lower.find(" for ").or_else(|| lower.find("\nfor "));
    let body = at.and_then(|at| text.get(at + 5..));
    let body = body.ok_or_else(|| SqlError::Query("write DECLARE name CURSOR FOR SELECT ...".into()))?;
    Ok(Statement::Declare(name, query(body)?))
}

/// `COPY (query) TO STDOUT [WITH] (options)`, or a table's name in place of the query.
fn copy(text: &str) -> Result<Statement, SqlError> {
    let refuse = || SqlError::ReadOnly("COPY writes to the client only: COPY (SELECT ...) TO STDOUT".into());
    let body = text.trim_start().get(4..).unwrap_or_default().trim_start();
    let (source, options) = if body.starts_with('(') {
        let end = closing(body).ok_or_else(refuse)?;
        let source = body.get(1..end).unwrap_or_default().to_owned();
        (source, body.get(end + 1..).unwrap_or_default())
    } else {
        let (table, rest) = body.split_once(char::is_whitespace).ok_or_else(refuse)?;
        match table.split_once('(') {
            None => (format!("select * from {table}"), rest),
            Some(_) => return Err(refuse()),
        }
    };
    let words = words(options);
    if words.first().map(String::as_str) != Some("to") || words.get(1).map(String::as_str) != Some("stdout") {
        return Err(refuse());
    }
    let has = |word: &str| words.iter().any(|w| w == word);
    let off = words.windows(2).any(|w| matches!(w, [a, b] if a == "header" && (b == "false" || b == "off")));
    let format = match () {
        () if has("binary") => CopyFormat::Binary,
        () if has("csv") => CopyFormat::Csv { header: has("header") && !off },
        () => CopyFormat::Text,
    };
    if has("delimiter") || has("force_quote") || has("encoding") {
        return Err(SqlError::Query("COPY knows the options FORMAT text, csv or binary, and HEADER".into()));
    }
    Ok(Statement::Copy(query(&source)?, format))
}

/// Whether a word or sign can nest what stands before it.
fn is_step(token: &Token) -> bool {
    use Keyword as K;
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            K::AND
                | K::AT
                | K::BETWEEN
                | K::COLLATE
                | K::EXCEPT
                | K::ILIKE
                | K::IN
                | K::INTERSECT
                | K::IS
                | K::JOIN
                | K::LIKE
                | K::NOT
                | K::NOTNULL
                | K::OR
                | K::SELECT
                | K::SIMILAR
                | K::UNION
        ),
        Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::Placeholder(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::SemiColon
        | Token::EOF => false,
        _ => true,
    }
}

/// Counts tables and subqueries.
struct Tables(usize);

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_table_factor(&mut self, _: &ast::TableFactor) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > MOST_TABLES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The planner's words for one statement.
pub(crate) fn query(text: &str) -> Result<Text, SqlError> {
    let wrong = |e: &dyn std::fmt::Display| SqlError::from_parser(e);
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|e| wrong(&e))?;
    if tokens.iter().filter(|one| is_step(&one.token)).count() > MOST_STEPS {
        let text =
            format!("a query has at most {MOST_STEPS} operators and clauses; take a list: x IN (1, 2, 3)");
        return Err(SqlError::Query(text));
    }
    let parser = Parser::new(&dialect).with_recursion_limit(DEEPEST);
    let mut parser = parser.with_tokens_with_locations(tokens);
    let mut all = parser.parse_statements().map_err(|e| wrong(&e))?;
    if all.visit(&mut Tables(0)).is_break() {
        return Err(SqlError::Query(format!("a query asks at most {MOST_TABLES} tables and subqueries")));
    }
    let ast = all.pop().ok_or_else(|| SqlError::Query("there is nothing to do in an empty query".into()))?;
    if !all.is_empty() {
        return Err(SqlError::Query("send one statement at a time".into()));
    }
    let tag = match &ast {
        ast::Statement::Query(_) => "SELECT",
        ast::Statement::Explain { .. } | ast::Statement::ExplainTable { .. } => "EXPLAIN",
        other => {
            let text = other.to_string();
            let word: String = text.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            return Err(SqlError::ReadOnly(format!(
                "`{word}` would change something. Values are written to machines on the page or through its API"
            )));
        }
    };
    Ok(Text { names: super::output_names(&ast), ast: Box::new(ast), tag })
}

/// Where the parenthesis that `text` begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut found = None;
    scan(text, |at, byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 && found.is_none() {
            found = Some(at);
        }
    });
    found
}

/// Statements between semicolons, without empty ones.
fn split(text: &str) -> Vec<&str> {
    let mut ends = Vec::new();
    scan(text, |at, byte| {
        if byte == b';' {
            ends.push(at);
        }
    });
    let mut from = 0;
    let mut parts = Vec::new();
    for end in ends.into_iter().chain([text.len()]) {
        let part = text.get(from..end).unwrap_or_default();
        if !words(part).is_empty() {
            parts.push(part);
        }
        from = end + 1;
    }
    parts
}

/// Gives parameters that are written as `?` their numbers, `$1` first; a text that has numbers already stays as it is.
pub fn numbered(text: &str) -> Cow<'_, str> {
    let mut marks = Vec::new();
    let mut last = 0;
    let mut named = false;
    scan(text, |at, byte| {
        named |= last == b'$' && byte.is_ascii_digit();
        last = byte;
        if byte == b'?' {
            marks.push(at);
        }
    });
    if marks.is_empty() || named {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + marks.len());
    let mut from = 0;
    for (number, at) in marks.into_iter().enumerate() {
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push_str(&format!("${}", number + 1));
        from = at + 1;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

/// Calls `seen` for each byte outside of quotes and comments.
fn scan(text: &str, mut seen: impl FnMut(usize, u8)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let rest = text.get(at..).unwrap_or_default();
        let escapes = at > 0 && matches!(bytes.get(at - 1), Some(b'e' | b'E'));
        at += match byte {
            b'\'' => quoted(rest, '\'', escapes),
            b'"' => quoted(rest, '"', false),
            b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            b'$' => dollar(rest).unwrap_or_else(|| {
                seen(at, byte);
                1
            }),
            _ => {
                seen(at, byte);
                1
            }
        };
    }
}

/// Length of the quoted text at the start of `rest`.
fn quoted(rest: &str, quote: char, escapes: bool) -> usize {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    rest.len()
}

/// Length of `$tag$...$tag$` at the start of `rest`.
fn dollar(rest: &str) -> Option<usize> {
    let end = rest.get(1..)?.find('$')? + 2;
    let tag = rest.get(..end)?;
    let name = tag.trim_matches('$');
    if name.starts_with(|c: char| c.is_ascii_digit())
        || name.contains(|c: char| !c.is_alphanumeric() && c != '_')
    {
        return None;
    }
    let body = rest.get(end..)?;
    Some(end + body.find(tag).map_or(body.len(), |at| at + tag.len()))
}

/// Lower-case words, literals as they stand, and signs; comments left out.
fn words(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or_default();
        let length = match c {
            '\'' => quoted(rest, '\'', false),
            '"' => quoted(rest, '"', false),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if c.is_alphanumeric() || c == '_' => rest
                .find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '-' | '+'))
                .unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let word = rest.get(..length.max(1)).unwrap_or_default();
        let comment = word.starts_with("--") || word.starts_with("/*");
        if !comment && !c.is_whitespace() {
            out.push(match c {
                '\'' => word.to_owned(),
                '"' => word.trim_matches('"').to_owned(),
                _ => word.to_ascii_lowercase(),
            });
        }
        at += length.max(c.len_utf8());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match read(text) {
            Err(e) => format!("{e}"),
            Ok(all) => all
                .iter()
                .map(|one| match one {
                    Statement::Query(text) => format!("{} {:?}", text.tag, text.names),
                    Statement::Copy(_, format) => format!("copy {format:?}"),
                    Statement::Declare(name, _) => format!("declare {name}"),
                    other => format!("{other:?}"),
                })
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    #[test]
    fn statements_of_drivers() {
        for (text, want) in [
            ("", ""),
            (" ; -- nothing\n ; /* x; */", ""),
            ("select 1", "SELECT [Some(\"?column?\")]"),
            (
                "select count(*), max(value) m, path from samples group by path;",
                "SELECT [Some(\"count\"), Some(\"m\"), Some(\"path\")]",
            ),
            ("select ';' as a; select $$;$$ as b", "SELECT [Some(\"a\")]; SELECT [Some(\"b\")]"),
            ("BEGIN", "Begin"),
            ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "Begin"),
            ("COMMIT; ROLLBACK", "Commit; Rollback"),
            ("ROLLBACK TO SAVEPOINT \"x\"", "RollbackTo"),
            ("SET extra_float_digits = 3", "Set { name: \"extra_float_digits\", value: Some(\"3\") }"),
            (
                "set session TIME ZONE 'Europe/Berlin'",
                "Set { name: \"timezone\", value: Some(\"Europe/Berlin\") }",
            ),
            (
                "SET application_name TO 'My App'",
                "Set { name: \"application_name\", value: Some(\"My App\") }",
            ),
            (
                "SET search_path TO \"public\", 'x'",
                "Set { name: \"search_path\", value: Some(\"public, x\") }",
            ),
            ("SET client_encoding TO DEFAULT", "Set { name: \"client_encoding\", value: None }"),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "Done(\"SET\")"),
            ("RESET ALL", "Set { name: \"all\", value: None }"),
            ("SHOW TRANSACTION ISOLATION LEVEL", "Show(\"transaction_isolation\")"),
            ("DISCARD ALL", "Discard"),
            ("DEALLOCATE ALL", "Deallocate(None)"),
            ("DEALLOCATE \"_pg3_0\"", "Deallocate(Some(\"_pg3_0\"))"),
            ("DECLARE \"c1\" NO SCROLL CURSOR WITHOUT HOLD FOR select 1", "declare c1"),
            ("FETCH FORWARD 50 FROM \"c1\"", "Fetch(\"c1\", Rows(50), false)"),
            ("fetch all in c1", "Fetch(\"c1\", All, false)"),
            ("CLOSE c1", "Close(Some(\"c1\"))"),
            ("COPY (select 1, ')') TO STDOUT", "copy Text"),
            ("copy samples to stdout with (format csv, header)", "copy Csv { header: true }"),
            ("COPY (SELECT 1) TO STDOUT WITH (FORMAT BINARY)", "copy Binary"),
        ] {
            assert_eq!(said(text), want, "{text}");
        }
    }

    #[test]
    fn question_marks_get_numbers() {
        for (text, want) in [
            ("select 1", "select 1"),
            ("select ? + ?", "select $1 + $2"),
            (
                "select '?', \"?\", $$?$$ -- ?\n where x = ? /* ? */",
                "select '?', \"?\", $$?$$ -- ?\n where x = $1 /* ? */",
            ),
            ("select $1, '?', ?", "select $1, '?', ?"),
            ("select 'é?', ?", "select 'é?', $1"),
        ] {
            assert_eq!(numbered(text), want, "{text}");
        }
    }

    #[test]
    fn what_writes_is_refused_in_words() {
        for text in [
            "insert into samples values (1)",
            "delete from samples",
            "drop table samples",
            "create table x (a int)",
            "copy samples from stdin",
            "copy samples to '/tmp/x'",
            "COPY (select 1) TO PROGRAM 'rm'",
            "update points set unit = 'x'",
        ] {
            assert!(matches!(read(text), Err(SqlError::ReadOnly(_))), "{text}: {}", said(text));
        }
        for text in
            ["selec 1", "select (((", "fetch backward 1 from c", "'", "\"", "$$", "/*", "declare", "copy"]
        {
            assert!(
                !matches!(read(text), Ok(all) if matches!(all.first(), Some(Statement::Query(_)))),
                "{text}"
            );
        }
        let deep = format!("select {}1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(matches!(read(&deep), Err(SqlError::Query(_))));
        let joined = |what: &str, with: &str| format!("select {}", vec![what; 50_000].join(with));
        for (what, with) in
            [("1", "+"), ("true", " or "), ("1", " union select "), ("'a'", "||"), ("1", "::int,")]
        {
            let why = read(&joined(what, with)).unwrap_err().to_string();
            assert!(why.contains("at most 250 operators"), "{with}: {why}");
        }
        let crossed = format!("select 1 from {}", vec!["points"; 5_000].join(","));
        assert!(read(&crossed).unwrap_err().to_string().contains("at most 200 tables"));
        let list = format!("select 1 where 1 in ({})", vec!["1"; 50_000].join(","));
        assert!(read(&list).is_ok());
        assert!(read(&"x".repeat(2 << 20)).is_err());
        assert!(read(&"select 1;".repeat(101)).is_err());
    }
}
