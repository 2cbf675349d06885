//! From a checked file to what messages may ask for, each mistake where it stands.

use super::ask::AskSpec;
use super::build::mapping;
use super::config::{Ask, Device, Reading, Tag as Entry};
use super::payload::{Format, Mapping};
use super::topic::{Levels, Pattern};
use crate::south::tags::{Home, Plan, Source, TagKeys, Wrong};
use model::{Path, ValueType};
use std::time::Duration;

/// Names of a connection and of one of its commands together: both stand in the id of what is written.
const MAX_ASK_NAME: usize = 60;
/// Longest time-to-live of an order.
const LONGEST_TTL: Duration = Duration::from_secs(3_600);

/// What a message may ask for. Its outcome is declared as a text point of its name.
pub fn ask(
    plan: &mut Plan<'_>,
    (device, written): (usize, Levels),
    all: &Device,
    home: &Home<'_>,
    (name, keys): (&str, &Ask),
) -> Option<AskSpec> {
    let connection = plan.context().name.len();
    let parts = ask_parts(keys, &all.reading, written, &plan.context().site).and_then(|parts| {
        if connection + name.len() <= MAX_ASK_NAME {
            return Ok(parts);
        }
        Err((
            "at",
            Wrong::new(
                "the names of the connection and of this command are too long together",
                "shorten one",
            ),
        ))
    });
    let parts = parts.map_err(|(key, wrong)| {
        plan.mistake(&["device", home.name, "commands", name, key], wrong.message, wrong.help);
    });
    let (topic, target, mapping) = parts.ok()?;
    let mut about = TagKeys { scan: None, ..TagKeys::default() };
    about.description = format!("What became of the last order that asked to write {target}");
    let (at, reading) = (keys.at.clone(), Reading::default());
    let entry = Entry { at, kind: ValueType::Text, reading, command: None, payload: None, keys: about };
    let mut declared = None;
    plan.one(home, name, &entry, |plan, tag, _| {
        let words = format!("{topic} asks for {target}");
        let slot = plan.point(tag, Source { value: ValueType::Text, words });
        declared = slot.and_then(|slot| Some((slot.index, plan.declared(slot.index)?.path.clone())));
    });
    let (index, outcome) = declared?;
    Some(AskSpec {
        device,
        index,
        outcome,
        name: name.to_owned(),
        topic,
        target,
        mapping,
        kind: keys.kind.unwrap_or(ValueType::F64),
        words: keys.values.clone(),
        when: keys.when.clone(),
        each: keys.each.clone(),
        id: keys.id.clone(),
        ttl: keys.ttl.0,
    })
}

type AskParts = (String, Path, Mapping);

fn ask_parts(
    keys: &Ask,
    device: &Reading,
    written: Levels,
    site: &Path,
) -> Result<AskParts, (&'static str, Wrong)> {
    let wrong = |key, message: String, help: &str| Err((key, Wrong::new(message, help)));
    let topic = match Pattern::parse(&keys.at, written).map(|pattern| pattern.topic()) {
        Ok(Some(topic)) => topic,
        _ => return wrong("at", format!("`{}` is not one topic", keys.at), "write one, without braces"),
    };
    let Ok(target) = site.join(&keys.write) else {
        let help = "write it below enterprise/site, e.g. \"packaging/line-1/filler/target\"";
        return wrong("write", format!("`{}` is no path", keys.write), help);
    };
    let reading = Reading {
        format: device.format,
        value: Some(keys.value.clone()),
        time: keys.time.clone(),
        time_unit: keys.time_unit,
        ..Reading::default()
    };
    let mapping = mapping(&reading)?;
    if !matches!(mapping.format, Format::Json | Format::Xml) {
        let message = "only JSON and XML have names for what an order says".to_owned();
        return wrong("at", message, "write format = \"json\" at the device, or leave it out");
    }
    let pointers = std::iter::once(("id", &keys.id)).chain(keys.when.keys().map(|key| ("when", key)));
    let pointers = pointers.chain(keys.each.iter().map(|each| ("each", each)));
    for (key, pointer) in pointers {
        if !pointer.starts_with('/') {
            let help = "write the way to it, e.g. \"/order\"";
            return wrong(key, format!("`{pointer}` is no JSON pointer (RFC 6901)"), help);
        }
    }
    if !keys.values.is_empty() && keys.kind.is_some() {
        let message = "`values` gives numbers; `type` says something else".to_owned();
        return wrong("type", message, "leave one of them out");
    }
    if keys.kind == Some(ValueType::Bytes) {
        return wrong("type", "bytes cannot be written".into(), "write another type");
    }
    if keys.ttl.0.is_zero() || keys.ttl.0 > LONGEST_TTL {
        return wrong(
            "ttl",
            "an order lives longer than nothing and at most an hour".into(),
            "write e.g. \"5min\"",
        );
    }
    Ok((topic, target, mapping))
}
