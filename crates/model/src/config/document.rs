//! A TOML file as a tree in which every key and value knows where it stands.

use serde::de::DeserializeOwned;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Largest configuration file, in bytes.
pub const MAX_FILE: usize = 16 * 1024 * 1024;

/// One mistake: where, what, and what to write instead.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// File name as the user knows it, relative to the plant folder.
    pub file: Arc<str>,
    /// The whole text, for drawing the line; empty if the file could not be read.
    pub text: Arc<str>,
    /// Byte range of the mistake.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Diagnostic {
    /// A mistake without a place in a text (a missing file, a clash between files).
    pub fn of_file(file: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { file: file.into(), text: "".into(), span: 0..0, message: message.into(), help: help.into() }
    }

    /// Line of the mistake, from 1.
    pub fn line(&self) -> usize {
        line_of(&self.text, self.span.start)
    }

    /// Column of the mistake in its line, in characters from 1.
    pub fn column(&self) -> usize {
        let before = self.text.get(..self.span.start).unwrap_or_default();
        before.chars().rev().take_while(|c| *c != '\n').count() + 1
    }
}

impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line(), self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, " ({})", self.help) }
    }
}

/// The line, from 1, of a byte offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count()
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Byte range of the value.
    pub span: Range<usize>,
    /// The value.
    pub value: NodeValue,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeValue {
    /// true or false.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A float, never NaN or infinite.
    Float(f64),
    /// Text; dates are kept as text.
    Text(String),
    /// A list.
    Array(Vec<Node>),
    /// Keys with the place of the key, in the order written.
    Table(Vec<(String, Range<usize>, Node)>),
}

impl Node {
    /// The entries, if it is a table.
    pub fn entries(&self) -> &[(String, Range<usize>, Node)] {
        match &self.value {
            NodeValue::Table(entries) => entries,
            _ => &[],
        }
    }

    /// A member of a table.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _, _)| name == key).map(|(_, _, node)| node)
    }

    /// The member at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Without the places, for serde.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            NodeValue::Bool(v) => Json::Bool(*v),
            NodeValue::Integer(v) => Json::from(*v),
            NodeValue::Float(v) => Json::from(*v),
            NodeValue::Text(v) => Json::from(v.as_str()),
            NodeValue::Array(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            NodeValue::Table(entries) => {
                Json::Object(entries.iter().map(|(key, _, node)| (key.clone(), node.to_json())).collect())
            }
        }
    }

    /// What it is, in words.
    pub const fn kind(&self) -> &'static str {
        match self.value {
            NodeValue::Bool(_) => "true or false",
            NodeValue::Integer(_) => "a whole number",
            NodeValue::Float(_) => "a number",
            NodeValue::Text(_) => "a text",
            NodeValue::Array(_) => "a list",
            NodeValue::Table(_) => "a table",
        }
    }
}

/// One parsed file.
#[derive(Clone, Debug)]
pub struct Document {
    /// File name as the user knows it.
    pub file: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// The tree; always a table.
    pub root: Node,
}

impl Document {
    /// Parses TOML.
    ///
    /// # Errors
    /// Every syntax mistake in the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let file: Arc<str> = file.into();
        if text.len() > MAX_FILE {
            let help = "split it: one connection or destination a file; long tag lists go into `tags_file`";
            return Err(vec![Diagnostic::of_file(&file, "the file is larger than 16 MiB", help)]);
        }
        let shared: Arc<str> = text.into();
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut mistakes: Vec<Diagnostic> = errors
            .iter()
            .map(|error| Diagnostic {
                file: file.clone(),
                text: shared.clone(),
                span: error.span().unwrap_or(0..0),
                message: error.message().to_owned(),
                help: "this is not valid TOML; see the example in the kind's README".into(),
            })
            .collect();
        let span = table.span();
        let value = convert_table(table.get_ref(), &file, &shared, &mut mistakes);
        if mistakes.is_empty() {
            Ok(Self { file, text: shared, root: Node { span, value } })
        } else {
            Err(mistakes)
        }
    }

    /// A mistake at a path of keys; the nearest existing key if the path does not exist.
    pub fn mistake(&self, path: &[&str], message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        let mut span = 0..0;
        let mut node = &self.root;
        for key in path {
            let Some((_, key_span, next)) = node.entries().iter().find(|(name, _, _)| name == key) else {
                break;
            };
            span =
                if matches!(next.value, NodeValue::Table(_)) { key_span.clone() } else { next.span.clone() };
            node = next;
        }
        self.mistake_at(span, message, help)
    }

    /// A mistake at a byte range.
    pub fn mistake_at(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            file: self.file.clone(),
            text: self.text.clone(),
            span,
            message: message.into(),
            help: help.into(),
        }
    }

    /// Builds the struct. Call after [`super::check`], so that a failure is rare.
    ///
    /// # Errors
    /// What serde says, at the top of the file.
    pub fn construct<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        T::deserialize(self.root.to_json()).map_err(|error| {
            self.mistake_at(0..0, error.to_string(), "compare with the example in the kind's README")
        })
    }
}

fn convert_table(
    table: &DeTable<'_>,
    file: &Arc<str>,
    text: &Arc<str>,
    mistakes: &mut Vec<Diagnostic>,
) -> NodeValue {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let node = Node {
                span: value.span(),
                value: convert(value.get_ref(), value.span(), file, text, mistakes),
            };
            (key.get_ref().to_string(), key.span(), node)
        })
        .collect();
    entries.sort_by_key(|(_, span, _)| span.start);
    NodeValue::Table(entries)
}

fn convert(
    value: &DeValue<'_>,
    span: Range<usize>,
    file: &Arc<str>,
    text: &Arc<str>,
    mistakes: &mut Vec<Diagnostic>,
) -> NodeValue {
    let mut refuse = |message: &str, help: &str| {
        mistakes.push(Diagnostic {
            file: file.clone(),
            text: text.clone(),
            span: span.clone(),
            message: message.into(),
            help: help.into(),
        });
        NodeValue::Bool(false)
    };
    match value {
        DeValue::String(v) => NodeValue::Text(v.to_string()),
        DeValue::Boolean(v) => NodeValue::Bool(*v),
        DeValue::Datetime(v) => NodeValue::Text(v.to_string()),
        DeValue::Integer(v) => match i64::from_str_radix(v.as_str(), v.radix()) {
            Ok(number) => NodeValue::Integer(number),
            Err(_) => refuse("this whole number does not fit 64 bits", "write a smaller number"),
        },
        DeValue::Float(v) => match v.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => NodeValue::Float(number),
            _ => refuse("a number must be finite here", "leave the key out if there is no limit"),
        },
        DeValue::Array(items) => NodeValue::Array(
            items
                .iter()
                .map(|item| Node {
                    span: item.span(),
                    value: convert(item.get_ref(), item.span(), file, text, mistakes),
                })
                .collect(),
        ),
        DeValue::Table(table) => convert_table(table, file, text, mistakes),
    }
}
