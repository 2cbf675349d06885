//! What a column holds, by the schema of the key it stands for.

use serde_json::Value as Json;

/// What stands in a column of the protocol's own.
pub(super) enum Form {
    Text,
    Number,
    Flag,
    Word(Vec<String>),
}

impl Form {
    pub(super) fn of(column: &str, schema: &Json) -> Self {
        let Some(property) = schema.get("properties").and_then(|all| all.get(column)) else {
            return Self::Text;
        };
        let mut words = Vec::new();
        collect_words(property, schema, &mut words);
        if !words.is_empty() {
            return Self::Word(words);
        }
        let is = |wanted: &str| match property.get("type") {
            Some(Json::String(one)) => one == wanted,
            Some(Json::Array(several)) => several.iter().any(|one| one == wanted),
            _ => false,
        };
        match () {
            () if is("boolean") => Self::Flag,
            () if is("integer") || is("number") => Self::Number,
            () => Self::Text,
        }
    }
}

/// The words that a schema allows: `enum`, `const`, in choices and behind references.
fn collect_words(schema: &Json, root: &Json, words: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Json::as_str)
        && let Some(target) = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        return collect_words(target, root, words);
    }
    words.extend(schema.get("const").and_then(Json::as_str).map(str::to_owned));
    let listed = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
    words.extend(listed.filter_map(Json::as_str).map(str::to_owned));
    for choices in ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()) {
        choices.iter().for_each(|choice| collect_words(choice, root, words));
    }
}
