//! Samples in webhooks: in the list of a request, or one request a message.

use crate::north::contract::{Known, Language, Message};
use crate::north::payload::{Format, Renderer, Scan, contract, json, template};
use crate::north::post::Item;
use crate::north::{Feed, Samples as Taken};
use model::{Path, Value};
use serde_json::{Value as Json, json};

/// Whether messages of this shape stand in a list.
pub(super) const fn is_listed(shape: &Format) -> bool {
    matches!(shape, Format::Json | Format::Scan(Scan::Flat | Scan::Nested))
}

/// The place of a message, where it has no path in it.
fn place(shape: &Format) -> Vec<template::Part> {
    template::parse(shape.default_topic(), false).unwrap_or_default()
}

/// Makes items of samples.
pub(super) struct Samples {
    shape: Format,
    renderer: Renderer,
}

impl Samples {
    pub(super) fn new(shape: &Format, site: &Path) -> Self {
        let renderer = Renderer::new(shape.clone(), place(shape), template::topic, site.clone());
        Self { shape: shape.clone(), renderer }
    }

    pub(super) fn forget(&mut self) {
        self.renderer.forget();
    }

    pub(super) const fn is_listed(&self) -> bool {
        is_listed(&self.shape)
    }

    pub(super) fn items(&mut self, samples: &Taken, feed: &Feed, items: &mut Vec<Item>) {
        if self.shape == Format::Json {
            return objects(samples, feed, items);
        }
        for n in 0..self.renderer.messages(samples, feed) {
            let Some(message) = self.renderer.message(samples, n, feed) else { continue };
            let bytes =
                if self.is_listed() { placed(&message.topic, &message.payload) } else { message.payload };
            items.push(Item { position: samples.position, about: message.topic.to_string(), bytes });
        }
    }
}

/// An object of a list with its place in front: `{"_place":"acme/leeds/line-1","_time":...}`.
fn placed(place: &str, object: &[u8]) -> Vec<u8> {
    let mut out = b"{\"_place\":".to_vec();
    json::text(&mut out, place);
    out.push(b',');
    out.extend_from_slice(object.strip_prefix(b"{").unwrap_or(object));
    out
}

/// `{"path":"..","value":1.5,"quality":"Good","time":1767225600123,"unit":"bar","seq":"17592186044417"}`
fn objects(samples: &Taken, feed: &Feed, items: &mut Vec<Item>) {
    for n in 0..samples.len() {
        let Some((point, time, status, value)) = samples.get(n) else { continue };
        let Some(meta) = feed.meta(point) else { continue };
        let mut bytes = b"{\"path\":".to_vec();
        json::text(&mut bytes, meta.path.as_str());
        bytes.extend_from_slice(b",\"value\":");
        json::value(&mut bytes, if status.is_bad() { &Value::None } else { value });
        bytes.extend_from_slice(format!(",\"quality\":\"{}\",\"time\":", status.name()).as_bytes());
        json::millis(&mut bytes, time);
        bytes.extend_from_slice(b",\"unit\":");
        json::text(&mut bytes, &meta.unit);
        bytes.extend_from_slice(format!(",\"seq\":\"{}\"}}", samples.position.as_i64()).as_bytes());
        items.push(Item { position: samples.position, about: meta.path.to_string(), bytes });
    }
}

/// The schema of a request whose list `samples` has such things.
pub(super) fn body_schema(sample: Json) -> String {
    let list = |of: Json| json!({ "type": "array", "items": of });
    let properties = json!({
        "gateway": { "type": "string", "description": "enterprise/site" },
        "destination": { "type": "string" },
        "events": list(contract::event()), "samples": list(sample)
    });
    let required = ["gateway", "destination", "events", "samples"];
    contract::body(
        "One request",
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false }),
    )
}

/// What samples look like. Those in a list change the schema of the request that `all` has already.
pub(super) fn contract(shape: &Format, address: &str, known: &Known, all: &mut Vec<Message>) {
    if *shape == Format::Json {
        return;
    }
    let target = |place: &str| (format!("POST {address}"), format!("header x-ironbridge-place: {place}"));
    let messages = contract::samples(shape, (&place(shape), template::topic), &target, known);
    if !is_listed(shape) {
        all.extend(messages);
        return;
    }
    let schemas: Vec<Json> = messages.iter().filter_map(|one| listed(&one.schema)).collect();
    if let Some(list) = all.iter_mut().find(|one| one.language == Language::JsonSchema) {
        list.schema = body_schema(json!({ "anyOf": schemas }));
    }
}

/// The schema of an object in a list: its place is a key of it.
fn listed(schema: &str) -> Option<Json> {
    let mut schema: Json = serde_json::from_str(schema).ok()?;
    let object = schema.as_object_mut()?;
    object.remove("$schema");
    object.get_mut("properties")?.as_object_mut()?.insert("_place".into(), json!({ "type": "string" }));
    object.get_mut("required")?.as_array_mut()?.push("_place".into());
    Some(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_a_list_say_their_place_and_their_schema_knows_it() {
        let bytes = placed("acme/leeds/x", b"{\"_time\":1,\"x\":null}");
        let told: Json = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(told, json!({"_place": "acme/leeds/x", "_time": 1, "x": null}));
        let known = Known::everything("acme/leeds").unwrap();
        let mut all = vec![Message { language: Language::JsonSchema, ..Message::default() }];
        contract(&Format::Scan(Scan::Flat), "/hook", &known, &mut all);
        let schema: Json = serde_json::from_str(&all[0].schema).unwrap();
        let one = &schema["properties"]["samples"]["items"]["anyOf"][0];
        assert_eq!(one["required"], json!(["_time", "_place"]));
        contract(&Format::Avro, "/hook", &known, &mut all);
        assert_eq!((all.len(), all[1].key.as_str()), (2, "header x-ironbridge-place: {path}"));
    }
}
