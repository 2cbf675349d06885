//! Holds a tree against a JSON schema and collects every mistake.
//!
//! Knows the part of JSON Schema that `schemars` derives from our configuration structs: `$ref`, `type`, `properties`,
//! `required`, `additionalProperties`, `items`, `enum`, `const`, `anyOf`/`oneOf`, `minimum`, `maximum`, `minItems`,
//! `maxItems`, `format: period`.

use super::{Diagnostic, Document, Node, NodeValue, Period};
use schemars::JsonSchema;
use serde_json::{Map, Value as Json};
use std::ops::Range;

/// The JSON schema of a configuration struct.
pub fn schema_of<T: JsonSchema>() -> Json {
    schemars::SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// Every mistake of `document` against `schema`.
pub fn check(document: &Document, schema: &Json) -> Vec<Diagnostic> {
    let mut walk = Walk { document, schema, found: Vec::new() };
    walk.node(&document.root, schema, &mut Vec::new());
    walk.found.sort_by_key(|mistake| mistake.span.start);
    walk.found
}

static NO_PROPERTIES: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);

struct Walk<'a> {
    document: &'a Document,
    schema: &'a Json,
    found: Vec<Diagnostic>,
}

impl<'a> Walk<'a> {
    fn node(&mut self, node: &'a Node, schema: &'a Json, path: &mut Vec<&'a str>) {
        let schema = self.resolve(schema);
        if let Some(choices) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array()) {
            return self.choice(node, schema, choices, path);
        }
        if let Some(all) = schema.get("allOf").and_then(Json::as_array) {
            all.iter().for_each(|one| self.node(node, one, path));
        }
        if let Some(allowed) = allowed_values(schema)
            && !allowed.contains(&node.to_json())
        {
            return self.wrong_choice(node, &allowed, path);
        }
        if !type_fits(node, schema) {
            let message = format!("`{}` must be {}, not {}", name(path), wanted(schema), node.kind());
            return self.add(node.span.clone(), message, describe(schema));
        }
        self.limits(node, schema, path);
        match &node.value {
            NodeValue::Table(_) => self.table(node, schema, path),
            NodeValue::Array(items) => {
                if let Some(each) = schema.get("items") {
                    items.iter().for_each(|item| self.node(item, each, path));
                }
                if let Some(prefix) = schema.get("prefixItems").and_then(Json::as_array) {
                    items.iter().zip(prefix).for_each(|(item, one)| self.node(item, one, path));
                }
            }
            _ => {}
        }
    }

    fn resolve(&self, mut schema: &'a Json) -> &'a Json {
        // A reference chain in a derived schema is at most a few long; 32 stops a loop.
        for _ in 0..32 {
            let Some(reference) = schema.get("$ref").and_then(Json::as_str) else { break };
            let Some(target) = reference.strip_prefix('#').and_then(|pointer| self.schema.pointer(pointer))
            else {
                break;
            };
            schema = target;
        }
        schema
    }

    fn choice(&mut self, node: &'a Node, schema: &'a Json, choices: &'a [Json], path: &mut Vec<&'a str>) {
        let mut best: Option<Vec<Diagnostic>> = None;
        for choice in choices {
            let mut attempt = Walk { document: self.document, schema: self.schema, found: Vec::new() };
            attempt.node(node, choice, path);
            if attempt.found.is_empty() {
                return;
            }
            // Of several shapes, the one whose type already fits is what the author meant.
            let closer = type_fits(node, self.resolve(choice));
            if best.is_none() || (closer && best.as_ref().is_some_and(|b| attempt.found.len() <= b.len())) {
                best = Some(attempt.found);
            }
        }
        let scalars: Vec<Json> =
            choices.iter().filter_map(|c| allowed_values(self.resolve(c))).flatten().collect();
        if !scalars.is_empty() && scalars.len() >= choices.len() {
            return self.wrong_choice(node, &scalars, path);
        }
        match best {
            Some(found) if choices.iter().any(|c| type_fits(node, self.resolve(c))) => {
                self.found.extend(found)
            }
            _ => {
                let shapes: Vec<_> =
                    choices.iter().map(|c| wanted(self.resolve(c))).filter(|w| w != "nothing").collect();
                let message =
                    format!("`{}` must be {}, not {}", name(path), shapes.join(" or "), node.kind());
                self.add(node.span.clone(), message, describe(schema));
            }
        }
    }

    fn wrong_choice(&mut self, node: &Node, allowed: &[Json], path: &[&str]) {
        let words: Vec<String> =
            allowed.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
        let help = match node.as_text().and_then(|text| nearest(text, words.iter().map(String::as_str))) {
            Some(near) => format!("did you mean \"{near}\"? Possible: {}", words.join(", ")),
            None => format!("possible: {}", words.join(", ")),
        };
        let shown = node.to_json();
        self.add(node.span.clone(), format!("`{}` cannot be {shown}", name(path)), help);
    }

    fn table(&mut self, node: &'a Node, schema: &'a Json, path: &mut Vec<&'a str>) {
        let properties = schema.get("properties").and_then(Json::as_object).unwrap_or(&NO_PROPERTIES);
        let additional = schema.get("additionalProperties");
        for (key, key_span, value) in node.entries() {
            path.push(key);
            match (properties.get(key), additional) {
                (Some(known), _) => self.node(value, known, path),
                (None, Some(Json::Bool(false))) => {
                    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                    let help = match nearest(key, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known here: {}", known.join(", ")),
                    };
                    self.add(key_span.clone(), format!("`{}` is not known", name(path)), help);
                }
                (None, Some(each)) => self.node(value, each, path),
                (None, None) => {}
            }
            path.pop();
        }
        let required =
            schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for key in required.filter(|key| node.get(key).is_none()) {
            let about = properties.get(key).map(|p| describe(self.resolve_or(p))).unwrap_or_default();
            let place = path.last().map_or(node.span.start..node.span.start, |_| head_of(node));
            let where_ = if path.is_empty() { String::new() } else { format!(" in `{}`", name(path)) };
            self.add(place, format!("`{key}` is missing{where_}"), format!("write `{key} = ...`: {about}"));
        }
    }

    fn resolve_or(&self, schema: &'a Json) -> &'a Json {
        if schema.get("description").is_some() { schema } else { self.resolve(schema) }
    }

    fn limits(&mut self, node: &Node, schema: &Json, path: &[&str]) {
        let number = match node.value {
            NodeValue::Integer(v) => Some(v as f64),
            NodeValue::Float(v) => Some(v),
            _ => None,
        };
        let bound = |key: &str| schema.get(key).and_then(Json::as_f64);
        if let Some(number) = number {
            if let Some(min) = bound("minimum").filter(|min| number < *min) {
                self.add(
                    node.span.clone(),
                    format!("`{}` is below {min}", name(path)),
                    format!("write {min} or more"),
                );
            }
            if let Some(max) = bound("maximum").filter(|max| number > *max) {
                self.add(
                    node.span.clone(),
                    format!("`{}` is above {max}", name(path)),
                    format!("write {max} or less"),
                );
            }
        }
        if schema.get("format").and_then(Json::as_str) == Some("period")
            && node.as_text().is_some_and(|text| Period::parse(text).is_none())
        {
            let message = format!("`{}` is no length of time", name(path));
            self.add(node.span.clone(), message, "write it like \"250ms\", \"1s\", \"10min\", \"2h\"".into());
        }
        if let NodeValue::Array(items) = &node.value
            && (bound("minItems").is_some_and(|min| (items.len() as f64) < min)
                || bound("maxItems").is_some_and(|max| items.len() as f64 > max))
        {
            let message = format!("`{}` has {} entries", name(path), items.len());
            self.add(node.span.clone(), message, describe(schema));
        }
    }

    fn add(&mut self, span: Range<usize>, message: String, help: String) {
        self.found.push(self.document.mistake_at(span, message, help));
    }
}

/// The first line of a table is the place of what is missing in it.
fn head_of(node: &Node) -> Range<usize> {
    node.span.start..node.span.start.saturating_add(1).min(node.span.end)
}

fn allowed_values(schema: &Json) -> Option<Vec<Json>> {
    match (schema.get("enum"), schema.get("const")) {
        (Some(Json::Array(values)), _) => Some(values.clone()),
        (_, Some(one)) => Some(vec![one.clone()]),
        _ => None,
    }
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn type_fits(node: &Node, schema: &Json) -> bool {
    let types = types(schema);
    types.is_empty()
        || types.iter().any(|one| match node.value {
            NodeValue::Bool(_) => *one == "boolean",
            NodeValue::Integer(_) => matches!(*one, "integer" | "number"),
            NodeValue::Float(v) => *one == "number" || (*one == "integer" && v.fract() == 0.0),
            NodeValue::Text(_) => *one == "string",
            NodeValue::Array(_) => *one == "array",
            NodeValue::Table(_) => *one == "object",
        })
}

fn wanted(schema: &Json) -> String {
    let words: Vec<_> = types(schema)
        .into_iter()
        .filter(|one| *one != "null")
        .map(|one| match one {
            "boolean" => "true or false",
            "integer" => "a whole number",
            "number" => "a number",
            "string" => "a text in quotes",
            "array" => "a list [ ... ]",
            "object" => "a table { ... }",
            _ => "something else",
        })
        .collect();
    if words.is_empty() { "nothing".into() } else { words.join(" or ") }
}

fn describe(schema: &Json) -> String {
    schema.get("description").and_then(Json::as_str).unwrap_or_default().replace('\n', " ")
}

fn name(path: &[&str]) -> String {
    if path.is_empty() { "the file".into() } else { path.join(".") }
}

/// The known word that `text` most likely means: within a third of its length in edits.
pub fn nearest<'w>(text: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    known
        .map(|word| (distance(text, word), word))
        .filter(|(edits, word)| *edits <= 1 + word.len().max(text.len()) / 4)
        .min()
        .map(|(_, word)| word)
}

/// Edits (insert, delete, replace) between two words, case ignored.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.to_lowercase().chars().take(64).enumerate() {
        let mut next = vec![i + 1];
        for (cb, pair) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or(0);
            next.push((diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Deserialize, JsonSchema, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Example {
        /// where it is
        host: String,
        #[serde(default)]
        port: Option<u16>,
        #[serde(default)]
        scan: BTreeMap<String, Period>,
        #[serde(default)]
        order: Order,
        #[serde(default)]
        raw: Option<(f64, f64)>,
    }

    #[derive(Deserialize, JsonSchema, Debug, PartialEq, Default)]
    #[expect(clippy::upper_case_acronyms, reason = "as people write byte orders")]
    enum Order {
        #[default]
        ABCD,
        CDAB,
    }

    fn mistakes(text: &str) -> Vec<String> {
        let document = Document::parse("x.toml", text).unwrap();
        check(&document, &schema_of::<Example>()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_right_file_has_none_and_constructs() {
        let text =
            "host = \"a\"\nport = 502\nscan = { fast = \"250ms\" }\norder = \"CDAB\"\nraw = [0, 27648]\n";
        assert_eq!(mistakes(text), Vec::<String>::new());
        let built: Example = Document::parse("x.toml", text).unwrap().construct().unwrap();
        assert_eq!(built.scan["fast"], Period::millis(250));
        assert_eq!(built.raw, Some((0.0, 27648.0)));
    }

    #[test]
    fn all_mistakes_at_once_with_lines_and_advice() {
        let found =
            mistakes("prot = 502\nport = 70000\nscan = { fast = \"soon\" }\norder = \"CDBA\"\nraw = 5\n");
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(
            found.iter().any(|m| m.starts_with("x.toml:1: `prot` is not known (did you mean `port`?")),
            "{found:#?}"
        );
        assert!(
            found.iter().any(|m| m.contains("`host` is missing") && m.contains("where it is")),
            "{found:#?}"
        );
        assert!(found.iter().any(|m| m.starts_with("x.toml:2: `port` is above 65535")), "{found:#?}");
        assert!(
            found.iter().any(|m| m.starts_with("x.toml:3: `scan.fast` is no length of time")),
            "{found:#?}"
        );
        assert!(found.iter().any(|m| m.contains("did you mean \"CDAB\"")), "{found:#?}");
        assert!(found.iter().any(|m| m.contains("`raw` must be a list")), "{found:#?}");
    }

    #[test]
    fn several_syntax_mistakes_are_all_reported() {
        let found = Document::parse("x.toml", "a = \nb = 1\nc = = 2\n").unwrap_err();
        assert!(found.len() >= 2, "{found:?}");
    }
}
