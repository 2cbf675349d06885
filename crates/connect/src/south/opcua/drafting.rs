//! A draft of a connection file from what a server holds. Pure.

use super::address::Address;
use super::browse::Found;
use crate::draft::{comment, free_name, inline, segment};
use model::ValueType;
use opcua::types::VariantScalarTypeId;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashSet};

/// Most elements of an array that become tags of their own.
const MOST_ELEMENTS: usize = 32;

/// Our type for the server's; `None` for structures and the like.
const fn our_type(kind: VariantScalarTypeId) -> Option<ValueType> {
    use VariantScalarTypeId as T;
    Some(match kind {
        T::Boolean => ValueType::Bool,
        T::SByte | T::Int16 | T::Int32 | T::Int64 => ValueType::I64,
        T::Byte | T::UInt16 | T::UInt32 | T::UInt64 | T::StatusCode => ValueType::U64,
        T::Float | T::Double => ValueType::F64,
        T::String | T::LocalizedText | T::QualifiedName | T::DateTime | T::Guid | T::NodeId => {
            ValueType::Text
        }
        T::ByteString => ValueType::Bytes,
        _ => return None,
    })
}

/// The file as it was, and a device for each object below `Objects`. What cannot be a tag stands as a comment.
pub(super) fn write(before: &str, found: &[Found], namespaces: &[String]) -> String {
    let mut devices: BTreeMap<String, Vec<&Found>> = BTreeMap::new();
    for one in found {
        let object = one.names.first().filter(|_| one.names.len() > 1);
        let name = object.map(|name| segment(name)).filter(|name| !name.is_empty());
        devices.entry(name.unwrap_or_else(|| "server".to_owned())).or_default().push(one);
    }
    let mut text = before.trim_end().to_owned();
    text.push('\n');
    for (device, variables) in devices {
        let namespace = usual_namespace(&variables, namespaces);
        text.push_str(&format!("\n[device.{device}]\n"));
        if let Some(uri) = namespace {
            text.push_str(&format!("namespace = {}\n", inline(&json!(uri))));
        }
        text.push_str(&format!("\n[device.{device}.tags]\n"));
        let mut taken: HashSet<String> = HashSet::new();
        for one in variables {
            lines(one, namespace, namespaces, &mut taken, &mut text);
        }
    }
    text
}

fn usual_namespace<'a>(variables: &[&Found], namespaces: &'a [String]) -> Option<&'a str> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    variables.iter().for_each(|one| *counts.entry(one.node.namespace).or_default() += 1);
    let most = counts.into_iter().filter(|(number, _)| *number > 0).max_by_key(|(_, count)| *count)?.0;
    namespaces.get(usize::from(most)).map(String::as_str)
}

/// The lines of one variable: a tag, one for each element of a short array, or a comment.
fn lines(
    one: &Found,
    namespace: Option<&str>,
    namespaces: &[String],
    taken: &mut HashSet<String>,
    text: &mut String,
) {
    let below = one.names.get(usize::from(one.names.len() > 1)..).unwrap_or_default();
    let name = segment(&below.join("_"));
    let address = Address::of(&one.node, namespaces).to_string();
    let at = match namespace.map(|uri| format!("nsu={};", uri.replace('%', "%25").replace(';', "%3B"))) {
        Some(prefix) => address.strip_prefix(&prefix).unwrap_or(&address).to_owned(),
        None => address,
    };
    let kind = match one.kind {
        None => {
            text.push_str(&comment(&format!("{name}: {at} has no value now, so its type is not known")));
            return;
        }
        Some(_) if !one.members.is_empty() => return members(one, &name, &at, taken, text),
        Some(VariantScalarTypeId::ExtensionObject) if one.elements.is_some() => {
            let many =
                format!("{name}: {at} is an array of structures; write element = 0, member = \"NAME\"");
            text.push_str(&comment(&many));
            return;
        }
        Some(kind) => match our_type(kind) {
            Some(ours) => ours,
            None => {
                text.push_str(&comment(&format!("{name}: {at} is a {kind:?}, which cannot be a point")));
                return;
            }
        },
    };
    let elements: Vec<Option<usize>> = match one.elements {
        None => vec![None],
        Some(count) if count <= MOST_ELEMENTS => (0..count).map(Some).collect(),
        Some(count) => {
            let long =
                format!("{name}: {at} has {count} elements; write element = N for those that are needed");
            text.push_str(&comment(&long));
            return;
        }
    };
    for element in elements {
        let name = if name.is_empty() { "tag" } else { &name };
        let wanted = element.map_or_else(|| name.to_owned(), |element| format!("{name}_{element}"));
        let tag = free_name(&wanted, taken);
        let mut keys = Map::new();
        keys.insert("at".into(), json!(at));
        if let Some(element) = element {
            keys.insert("element".into(), json!(element));
        }
        keys.insert("type".into(), json!(kind.name()));
        keys.insert("unit".into(), json!(one.unit));
        if let Some((low, high)) = one.range {
            keys.insert("range".into(), json!([low, high]));
        }
        if !one.states.is_empty() && matches!(kind, ValueType::I64 | ValueType::U64) {
            let states: Map<String, Json> = one.states.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            keys.insert("states".into(), Json::Object(states));
        }
        if one.display != one.names.last().map_or("", String::as_str) {
            keys.insert("name".into(), json!(one.display));
        }
        keys.insert("description".into(), json!(description(one)));
        text.push_str(&format!("{tag} = {}", inline(&Json::Object(keys))));
        text.push_str(if one.writable { "   # the server takes writes: write = { }\n" } else { "\n" });
    }
}

/// Some servers repeat the name where nobody wrote a description.
fn description(one: &Found) -> &str {
    if one.names.last() == Some(&one.description) { "" } else { &one.description }
}

/// A tag for each member of a structure.
fn members(one: &Found, name: &str, at: &str, taken: &mut HashSet<String>, text: &mut String) {
    for (member, kind) in &one.members {
        let Some(kind) = our_type(*kind) else {
            text.push_str(&comment(&format!("{name}: {member} is a {kind:?}, which cannot be a point")));
            continue;
        };
        let wanted = segment(&format!("{name}_{}", member.replace(['.', '['], "_").replace(']', "")));
        let tag = free_name(&wanted, taken);
        let keys =
            json!({ "at": at, "member": member, "type": kind.name(), "description": description(one) });
        text.push_str(&format!("{tag} = {}\n", inline(&keys)));
    }
}
