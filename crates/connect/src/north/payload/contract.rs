//! The contract of each shape: the schema that every message of it keeps.

use super::render::{Format, Naming};
use super::scan::{Scan, Topics, folders};
use super::template::{self, Part, SampleWord};
use super::{avro, protobuf};
use crate::north::below;
use crate::north::contract::{Known, Language, Message};
use model::{Declaration, Path, ValueType};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// The payload of Sparkplug, as it is published.
pub const SPARKPLUG: &str = include_str!("sparkplug.proto");
/// Most topics that get a schema of their own.
const MAX_TOPICS: usize = 100;

/// Where messages go: of the name that a renderer gives them, or of its pattern, place and key.
pub type Target<'a> = &'a dyn Fn(&str) -> (String, String);

/// What a renderer of that format sends for samples.
pub fn samples(
    format: &Format,
    (parts, naming): (&[Part], Naming),
    target: Target<'_>,
    known: &Known,
) -> Vec<Message> {
    let pattern = template::shown(parts, &known.site);
    let (place, key) = target(&pattern);
    let message = |media: &str, language: Language, schema: String, note: &str| {
        let (of, note) = ("sample".into(), note.into());
        Message { of, place: place.clone(), key: key.clone(), media: media.into(), language, schema, note }
    };
    match format {
        Format::Json => vec![message("application/json", Language::JsonSchema, text(&sample()), "")],
        Format::Template(parts) => vec![match of_template(parts) {
            Some(schema) => message("application/json", Language::JsonSchema, text(&schema), ""),
            None => {
                message("text/plain", Language::Text, template::source(parts), "The words stand in braces.")
            }
        }],
        Format::Avro => {
            let note = format!(
                "Avro single-object encoding: each message begins with {} (C3 01 and the schema's CRC-64-AVRO fingerprint), then the record.",
                avro::head()
            );
            vec![message("application/avro", Language::Avro, avro::SCHEMA.into(), &note)]
        }
        Format::Protobuf => {
            let note = "Each message is one ironbridge.v1.Sample.";
            vec![message("application/protobuf", Language::Protobuf, protobuf::SCHEMA.into(), note)]
        }
        Format::Scan(Scan::Sparkplug) => {
            let note = "Each message is one Payload; metrics are named by their path below the site. There are no births.";
            let mut one = message("application/protobuf", Language::Protobuf, SPARKPLUG.into(), note);
            one.of = "samples".into();
            vec![one]
        }
        Format::Scan(scan) => {
            scans(*scan, &Topics { parts, naming, site: &known.site }, target, known, &pattern)
        }
    }
}

/// One schema a topic, where points and topics can be named; else one that says what all have in common.
fn scans(scan: Scan, topics: &Topics<'_>, target: Target<'_>, known: &Known, pattern: &str) -> Vec<Message> {
    let mut by_topic: BTreeMap<String, Vec<&Declaration>> = BTreeMap::new();
    for point in &known.points {
        by_topic.entry(topics.of(point)).or_default().push(point);
    }
    let message = |name: &str, schema: &Json, note: &str| {
        let (place, key) = target(name);
        Message {
            of: "samples".into(),
            place,
            key,
            media: "application/json".into(),
            language: Language::JsonSchema,
            schema: text(schema),
            note: note.into(),
        }
    };
    if by_topic.is_empty() || by_topic.len() > MAX_TOPICS {
        let note = "The points are too many, or too few, to be named one by one.";
        return vec![message(pattern, &of_any(scan), note)];
    }
    let value = |point: &Declaration| value(point, known.intervals);
    by_topic
        .iter()
        .map(|(topic, points)| {
            let keys = match scan {
                Scan::Flat => flat(points, &value, &known.site),
                _ => nested(points, &value, topic, &known.site),
            };
            message(topic, &scan_object(keys, &json!(false)), "")
        })
        .collect()
}

fn text(schema: &Json) -> String {
    serde_json::to_string_pretty(schema).unwrap_or_default()
}

/// A schema as a document of its own.
fn document(title: &str, schema: Json) -> Json {
    let mut all = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    if let (Some(all), Json::Object(more)) = (all.as_object_mut(), schema) {
        all.extend(more);
    }
    all
}

fn object(properties: Map<String, Json>, optional: &[&str]) -> Json {
    let required: Vec<String> =
        properties.keys().filter(|key| !optional.contains(&key.as_str())).cloned().collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn keys(of: Json) -> Map<String, Json> {
    match of {
        Json::Object(keys) => keys,
        _ => Map::new(),
    }
}

/// A value of any point.
fn any_value() -> Json {
    json!({ "type": ["number", "boolean", "string", "null"],
        "description": "NaN and infinities are the texts \"NaN\", \"Infinity\", \"-Infinity\"; bytes are hexadecimal text" })
}

fn quality() -> Json {
    json!({ "type": "string", "description": "name of the OPC UA status code", "examples": ["Good", "BadSensorFailure"] })
}

fn millis() -> Json {
    json!({ "type": "number", "description": "milliseconds since 1970 UTC, up to six digits behind the point" })
}

fn seq() -> Json {
    json!({ "type": "string", "pattern": "^-?[0-9]+$", "description": "number of the record in the journal" })
}

/// The keys of one sample's object, apart from `path`.
fn sample_keys() -> Map<String, Json> {
    keys(json!({
        "value": any_value(), "quality": quality(), "time": millis(),
        "unit": { "type": "string", "description": "left out where there is none" },
        "seq": seq(),
        "historical": { "type": "boolean", "description": "sent later than it happened: catch-up or replay" }
    }))
}

fn sample() -> Json {
    document("One sample", object(sample_keys(), &["unit"]))
}

/// One sample in the list of a webhook.
pub fn listed_sample() -> Json {
    let mut all = keys(json!({ "path": { "type": "string" } }));
    all.extend(sample_keys().into_iter().filter(|(key, _)| key != "historical"));
    object(all, &[])
}

/// One event, as [`super::event`] writes it.
pub fn event() -> Json {
    let text = |words: &str| json!({ "type": "string", "description": words });
    let properties = keys(json!({
        "id": text("stable for one occurrence"),
        "revision": { "type": "integer", "minimum": 1, "description": "grows as the event changes; a later one replaces an earlier one" },
        "kind": { "enum": ["alarm", "finding", "fault", "interval", "change"] },
        "source": text("who says so"),
        "start": millis(),
        "end": { "type": ["number", "null"], "description": "milliseconds since 1970 UTC; null while it lasts" },
        "severity": { "type": "integer", "minimum": 1, "maximum": 1000 },
        "state": { "enum": ["active", "acknowledged", "cleared", "info"] },
        "title": text("what happened"), "text": text("what it means"), "next": text("the next step"),
        "refs": { "type": "array", "items": { "type": "string" } },
        "seq": seq(), "historical": { "type": "boolean" }
    }));
    object(properties, &[])
}

/// The message of events at a destination that sends them as JSON.
pub fn events(place: String, key: &str) -> Message {
    Message {
        of: "event".into(),
        place,
        key: key.into(),
        media: "application/json".into(),
        language: Language::JsonSchema,
        schema: text(&document("One event", event())),
        note: String::new(),
    }
}

/// A body that is one JSON document.
pub fn body(title: &str, schema: Json) -> String {
    text(&document(title, schema))
}

/// What a point's values can be in one message of many points: `null` where they are Bad.
fn value(point: &Declaration, intervals: bool) -> Json {
    let mut schema = match point.value_type {
        // A double may be no number at all.
        ValueType::F64 => {
            json!({ "anyOf": [{ "type": ["number", "null"] }, { "enum": ["NaN", "Infinity", "-Infinity"] }] })
        }
        ValueType::Bool | ValueType::I64 | ValueType::U64 if intervals => {
            json!({ "type": ["number", "boolean", "null"] })
        }
        ValueType::Bool => json!({ "type": ["boolean", "null"] }),
        ValueType::I64 | ValueType::U64 => json!({ "type": ["integer", "null"] }),
        ValueType::Text => json!({ "type": ["string", "null"] }),
        ValueType::Bytes => json!({ "type": ["string", "null"], "pattern": "^([0-9a-f]{2})*$" }),
    };
    if let Some(schema) = schema.as_object_mut() {
        let unit = if point.unit.is_empty() { String::new() } else { format!(", {}", point.unit) };
        schema.insert("description".into(), format!("{}{unit}", point.path).into());
    }
    schema
}

type ValueOf<'a> = &'a dyn Fn(&Declaration) -> Json;

/// Keys of flat JSON: last segments, and paths below the site where a last segment is not enough.
fn flat(points: &[&Declaration], value: ValueOf<'_>, site: &Path) -> Map<String, Json> {
    let mut uses: BTreeMap<&str, u32> = BTreeMap::new();
    points.iter().for_each(|point| *uses.entry(point.path.last()).or_default() += 1);
    let mut found = Map::new();
    for point in points {
        let name = point.path.last();
        let shared = uses.get(name).is_some_and(|uses| *uses > 1);
        if !name.starts_with('_') {
            add(&mut found, name, value(point));
        }
        if shared || name.starts_with('_') {
            add(&mut found, below(point.path.as_str(), site.as_str()), value(point));
        }
    }
    found
}

/// One more thing that may stand under a key.
fn add(found: &mut Map<String, Json>, key: &str, schema: Json) {
    let both = match found.remove(key) {
        Some(before) if before != schema => json!({ "anyOf": [before, schema] }),
        _ => schema,
    };
    found.insert(key.into(), both);
}

/// A folder, a point, or both.
#[derive(Default)]
struct Branch {
    own: Option<Json>,
    inner: BTreeMap<String, Branch>,
}

impl Branch {
    fn keys(self) -> Map<String, Json> {
        self.inner.into_iter().map(|(name, branch)| (name, branch.schema())).collect()
    }

    fn schema(mut self) -> Json {
        let Some(own) = self.own.take() else { return object_of(self.keys()) };
        if self.inner.is_empty() {
            return own;
        }
        let mut keys = self.keys();
        keys.insert("_value".into(), own.clone());
        // Alone in a scan it is a value; with what is below it a folder.
        json!({ "anyOf": [own, object_of(keys)] })
    }
}

/// Only what a scan brings is there.
fn object_of(properties: Map<String, Json>) -> Json {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn nested(points: &[&Declaration], value: ValueOf<'_>, topic: &str, site: &Path) -> Map<String, Json> {
    let mut root = Branch::default();
    for point in points {
        let mut at = &mut root;
        for folder in folders(point.path.as_str(), topic, site) {
            at = at.inner.entry(folder.to_owned()).or_default();
        }
        at.own = Some(value(point));
    }
    root.keys()
}

/// An object of a scan with those keys.
fn scan_object(found: Map<String, Json>, others: &Json) -> Json {
    let mut properties = keys(json!({ "_time": millis() }));
    properties.extend(found);
    properties.insert(
        "_quality".into(),
        json!({ "type": "object", "additionalProperties": quality(), "description": "only of those that are not Good" }),
    );
    properties.insert("_historical".into(), json!({ "const": true, "description": "catch-up or replay" }));
    document(
        "Points of one device that were read together",
        json!({ "type": "object", "properties": properties, "required": ["_time"], "additionalProperties": others }),
    )
}

fn of_any(scan: Scan) -> Json {
    let mut others = any_value();
    if let (Scan::Nested, Some(schema)) = (scan, others.as_object_mut()) {
        schema.insert("type".into(), json!(["number", "boolean", "string", "null", "object"]));
    }
    scan_object(Map::new(), &others)
}

/// A JSON schema of a template that is JSON: its own texts are constants, its words have their types. `None` if it is none.
fn of_template(parts: &[Part]) -> Option<Json> {
    let (mut text, mut quoted, mut escaped) = (String::new(), false, false);
    let mut words = Vec::new();
    for part in parts {
        let Part::Text(plain) = part else {
            // A private character stands for each word until the text is parsed.
            words.push(part);
            text.push_str(if quoted { "\u{E000}" } else { "\"\u{E001}\"" });
            continue;
        };
        for c in plain.chars() {
            (quoted, escaped) = match (c, escaped) {
                (_, true) => (quoted, false),
                ('\\', _) => (quoted, quoted),
                ('"', _) => (!quoted, false),
                _ => (quoted, false),
            };
        }
        text.push_str(plain);
    }
    let parsed: Json = serde_json::from_str(&text).ok()?;
    let mut words = words.into_iter();
    let schema = of_literal(&parsed, &mut words);
    Some(document("One sample, as the template of the destination says", schema))
}

/// Of a value in a template; takes its words in their order.
fn of_literal(literal: &Json, words: &mut dyn Iterator<Item = &Part>) -> Json {
    match literal {
        Json::String(text) if text == "\u{E001}" => words.next().map_or_else(any_value, of_word),
        Json::String(text) => match text.matches('\u{E000}').count() {
            0 => json!({ "const": text }),
            count => {
                words.take(count).for_each(drop);
                json!({ "type": "string" })
            }
        },
        Json::Object(inner) => {
            let found = inner.iter().map(|(key, value)| (key.clone(), of_literal(value, words))).collect();
            object(found, &[])
        }
        Json::Array(items) => {
            let found: Vec<Json> = items.iter().map(|item| of_literal(item, words)).collect();
            json!({ "type": "array", "prefixItems": found, "items": false, "minItems": found.len() })
        }
        other => json!({ "const": other }),
    }
}

/// Of a word that stands outside quotes.
fn of_word(word: &Part) -> Json {
    match word {
        Part::Sample(SampleWord::Value) => any_value(),
        Part::Sample(SampleWord::Status | SampleWord::Seq) => json!({ "type": "integer" }),
        Part::Sample(SampleWord::Time) => millis(),
        Part::Sample(SampleWord::Historical) => json!({ "type": "boolean" }),
        // A text without quotes is JSON only where it happens to be: nothing is promised.
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn known(points: &[(&str, ValueType)]) -> Known {
        let mut known = Known::everything("a/b").unwrap();
        let point = |(path, value_type): &(&str, ValueType)| {
            Arc::new(Declaration::new(Path::new(path).unwrap(), *value_type))
        };
        known.points = points.iter().map(point).collect();
        known
    }

    fn told(format: &Format, topic: &str, known: &Known) -> Vec<Message> {
        let parts = template::parse(topic, false).unwrap();
        let target = |name: &str| (format!("topic {name}"), name.to_owned());
        samples(format, (&parts, template::topic), &target, known)
    }

    fn schema(message: &Message) -> Json {
        serde_json::from_str(&message.schema).unwrap()
    }

    #[test]
    fn flat_and_nested_json_have_one_schema_a_topic() {
        let known = known(&[
            ("a/b/line/x", ValueType::F64),
            ("a/b/line/x/deep", ValueType::Bool),
            ("a/b/line/_z", ValueType::I64),
            ("a/b/oven/x", ValueType::Text),
        ]);
        let flat = told(&Format::Scan(Scan::Flat), "{parent}", &known);
        let places: Vec<&str> = flat.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["topic a/b/line", "topic a/b/line/x", "topic a/b/oven"]);
        let properties = schema(&flat[0])["properties"].clone();
        let names: Vec<&String> = properties.as_object().unwrap().keys().collect();
        assert_eq!(names, ["_time", "x", "line/_z", "_quality", "_historical"]);
        assert_eq!(schema(&flat[2])["properties"]["x"]["type"], json!(["string", "null"]));
        // One topic for all: two points share their last segment.
        let one = told(&Format::Scan(Scan::Flat), "all", &known);
        let properties = schema(&one[0])["properties"].clone();
        assert!(
            properties["x"]["anyOf"].is_array() && properties["oven/x"]["type"].is_array(),
            "{properties}"
        );
        let nested = told(&Format::Scan(Scan::Nested), "{enterprise}/{site}", &known);
        assert_eq!((nested.len(), nested[0].place.as_str()), (1, "topic a/b"));
        let line = schema(&nested[0])["properties"]["line"]["properties"].clone();
        assert_eq!(line["_z"]["type"], json!(["integer", "null"]));
        assert_eq!(line["x"]["anyOf"][1]["properties"]["deep"]["type"], json!(["boolean", "null"]));
        // Whole numbers become means.
        let means = Known { intervals: true, ..known };
        let flat = told(&Format::Scan(Scan::Flat), "{parent}", &means);
        assert_eq!(schema(&flat[0])["properties"]["line/_z"]["type"], json!(["number", "boolean", "null"]));
    }

    #[test]
    fn without_points_a_scan_says_what_all_have_in_common() {
        let any = told(&Format::Scan(Scan::Nested), "{enterprise}/{site}/{connection}", &known(&[]));
        assert_eq!((any.len(), any[0].place.as_str()), (1, "topic a/b/{connection}"));
        assert!(
            schema(&any[0])["additionalProperties"]["type"].as_array().unwrap().contains(&json!("object"))
        );
    }

    #[test]
    fn a_template_that_is_json_has_a_schema_and_another_is_told_as_it_stands() {
        let of =
            |text: &str| told(&Format::Template(template::parse(text, true).unwrap()), "{path}", &known(&[]));
        let one =
            of("{\"v\":{value},\"at\":\"{site} \\\"{time_iso}\\\"\",\"n\":[1,{seq},\"x\"],\"u\":{unit}}");
        let schema = schema(&one[0]);
        assert_eq!(schema["required"], json!(["v", "at", "n", "u"]));
        assert_eq!(schema["properties"]["at"], json!({"type": "string"}));
        assert_eq!(
            schema["properties"]["n"]["prefixItems"],
            json!([{"const": 1}, {"type": "integer"}, {"const": "x"}])
        );
        assert_eq!((&schema["properties"]["v"], &schema["properties"]["u"]), (&any_value(), &json!({})));
        let plain = of("{time};{value};{quality}");
        assert_eq!(
            (plain[0].language, plain[0].schema.as_str()),
            (Language::Text, "{time};{value};{quality}")
        );
        assert_eq!(plain[0].key, "{path}");
    }
}
