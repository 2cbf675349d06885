//! Drafts of connection files: text for a person to review. Nothing here ever writes into a plant.

use crate::kind::{self, Context};
use crate::south;
use model::Path;
use model::config::Document;
use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path as FilePath;

/// Something the reader of a draft must know.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Note {
    /// Line of the file that it was made from, if it was.
    pub line: Option<usize>,
    /// What, in words.
    pub text: String,
}

impl Note {
    /// About the whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self { line: None, text: text.into() }
    }

    /// About a line of the file that was read.
    pub fn at(line: usize, text: impl Into<String>) -> Self {
        Self { line: Some(line), text: text.into() }
    }
}

/// A connection file to review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it would stand in a plant folder, e.g. `connections/filler.toml`.
    pub file: String,
    /// TOML.
    pub text: String,
    /// Tags in it.
    pub tags: usize,
    /// What could not be taken over, and what to look at.
    pub notes: Vec<Note>,
    /// What `check` says to it; empty if it has no mistakes.
    pub mistakes: Vec<String>,
}

/// What `check` says to a connection file, and how many points it would have.
pub fn check(name: &str, text: &str, folder: &FilePath) -> (Vec<String>, usize) {
    let file = format!("connections/{name}.toml");
    let document = match Document::parse(&file, text) {
        Ok(document) => document,
        Err(found) => return (found.iter().map(ToString::to_string).collect(), 0),
    };
    let kind = match kind::choose(south::KINDS, "connection", &document) {
        Ok(kind) => kind,
        Err(found) => return (found.iter().map(ToString::to_string).collect(), 0),
    };
    let Ok(site) = Path::new("draft/draft") else { return (Vec::new(), 0) };
    match (kind.build)(&document, &Context::new(name, site, folder)) {
        Ok(built) => (Vec::new(), built.points.len()),
        Err(found) => (found.iter().map(ToString::to_string).collect(), 0),
    }
}

/// Longest name that is made of a text, in characters.
const MOST_NAME: usize = 48;

/// A text as a segment of a path: letters, digits, `_` and `-`; empty if nothing of it can be used.
pub fn segment(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match transliterated(c) {
            Some(plain) => out.push_str(plain),
            None if c.is_ascii_alphanumeric() || c == '_' => out.push(c),
            None if out.is_empty() || out.ends_with('-') => {}
            None => out.push('-'),
        }
        if out.len() >= MOST_NAME {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// Letters of plants in Europe, as people there write them without their keyboard.
const fn transliterated(c: char) -> Option<&'static str> {
    Some(match c {
        'ä' | 'æ' => "ae",
        'ö' | 'ø' => "oe",
        'ü' => "ue",
        'Ä' | 'Æ' => "Ae",
        'Ö' | 'Ø' => "Oe",
        'Ü' => "Ue",
        'ß' => "ss",
        'å' | 'à' | 'á' | 'â' => "a",
        'é' | 'è' | 'ê' | 'ë' => "e",
        'ç' => "c",
        'ñ' => "n",
        'í' | 'î' | 'ï' => "i",
        'ó' | 'ô' => "o",
        'ú' | 'û' => "u",
        '°' => "deg",
        _ => return None,
    })
}

/// A name that is not taken yet, case ignored: a number is added where it is.
pub fn free_name(wanted: &str, taken: &mut HashSet<String>) -> String {
    let base = if wanted.is_empty() { "tag" } else { wanted };
    let mut name = base.to_owned();
    let mut number = 2;
    while !taken.insert(name.to_ascii_lowercase()) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

/// A text as a TOML string.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                // Writing to memory cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key as TOML writes it: bare where it may be.
pub fn key(text: &str) -> String {
    let bare =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if bare { text.to_owned() } else { quoted(text) }
}

/// A value as it is written on one line of TOML; null and empty texts are left out of tables.
pub fn inline(value: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    match value {
        Json::Null => "\"\"".into(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(whole) if !whole.is_f64() => whole.to_string(),
        Json::Number(fraction) => number(fraction.as_f64().unwrap_or_default()),
        Json::String(text) => quoted(text),
        Json::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Json::Object(members) => {
            let member = |(key, value): (&String, &Json)| format!("{} = {}", self::key(key), inline(value));
            let empty = |value: &Json| value.is_null() || value.as_str() == Some("");
            let members: Vec<String> =
                members.iter().filter(|(_, value)| !empty(value)).map(member).collect();
            if members.is_empty() { "{}".into() } else { format!("{{ {} }}", members.join(", ")) }
        }
    }
}

/// A number as TOML writes it in a place where both whole numbers and fractions fit.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { format!("{value:.0}") } else { value.to_string() }
}

/// Lines of a comment. What devices and files say cannot leave it.
pub fn comment(text: &str) -> String {
    text.lines().map(|line| format!("# {}\n", line.replace(char::is_control, " ").trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_names() {
        for (text, name) in [
            ("PM5560", "PM5560"),
            ("Füllstand Tank 1 (°C)", "Fuellstand-Tank-1-degC"),
            ("  a//b..c  ", "a-b-c"),
            ("---", ""),
            ("电压", ""),
            ("L1_N", "L1_N"),
        ] {
            assert_eq!(segment(text), name, "{text}");
        }
        assert!(segment(&"x".repeat(500)).len() <= MOST_NAME);
    }

    #[test]
    fn texts_stay_texts() {
        let text = "a \"b\" \\ c\n[device.x]\u{7}\t";
        let toml = format!("x = {}", quoted(text));
        let back: toml::Table = toml.parse().unwrap();
        assert_eq!(back["x"].as_str(), Some(text));
        assert_eq!(comment("a\nkind = 1\u{1b}"), "# a\n# kind = 1\n");
    }

    #[test]
    fn numbers_stay_numbers() {
        for (value, text) in
            [(27648.0, "27648"), (0.1, "0.1"), (-3.5, "-3.5"), (1e20, "100000000000000000000")]
        {
            assert_eq!(number(value), text);
            assert_eq!(text.parse::<f64>().unwrap(), value);
        }
    }
}
