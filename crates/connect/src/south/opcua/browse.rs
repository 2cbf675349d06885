//! Looking around in a server: its variables with types, units, ranges and words, as a draft of a connection file.

use super::address::Address;
use super::build::{self, Spec};
use super::channel::{Channel, unexpected};
use super::ladder;
use super::services;
use super::value;
use crate::draft::{Draft, Note, check, comment, free_name, inline, segment};
use crate::kind::Context;
use crate::south::budget::Budget;
use crate::south::tags::Plan;
use crate::south::{BrowseError, Browser};
use futures_util::FutureExt;
use model::config::Document;
use model::{Fault, Time, ValueType};
use opcua::core::ResponseMessage;
use opcua::types::{
    AttributeId, BrowseDescription, BrowseDirection, BrowseNextRequest, BrowseRequest, BrowseResult,
    ByteString, DataValue, EUInformation, EnumValueType, ExtensionObject, NodeClass, NodeId, ObjectId, Range,
    ReferenceDescription, ReferenceTypeId, Variant, VariantScalarTypeId,
};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Most variables of one draft.
const MOST_VARIABLES: usize = 20_000;
/// Most nodes that are looked at, and how deep.
const MOST_NODES: usize = 100_000;
const DEEPEST: usize = 24;
/// References in one answer; more come in further ones.
const PER_ANSWER: u32 = 1_000;
/// Further answers that are asked of one node.
const MOST_PAGES: usize = 1_000;
/// Most elements of an array that become tags of their own.
const MOST_ELEMENTS: usize = 32;
/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A variable of the server.
#[derive(Clone, Debug)]
struct Found {
    node: NodeId,
    /// Browse names from the object below `Objects` on.
    names: Vec<String>,
    display: String,
    description: String,
    unit: String,
    range: Option<(f64, f64)>,
    states: BTreeMap<String, String>,
    writable: bool,
    kind: Option<VariantScalarTypeId>,
    /// Elements, if it is an array.
    elements: Option<usize>,
}

/// Looks around in OPC UA servers.
pub static BROWSER: Browser =
    Browser { kind: "opc-ua", browse: |document, context, now| browse(document, context, now).boxed() };

/// Signs in as the file says, looks at everything below `Objects`, and drafts. Nothing is changed on the server; every
/// variable is read once.
///
/// # Errors
/// [`BrowseError`].
async fn browse(document: &Document, context: &Context, now: Time) -> Result<Draft, BrowseError> {
    let file: super::config::File = super::KIND.read(document).map_err(BrowseError::File)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let draft = build::resolve(&mut plan, document, &file);
    let resolved = plan.finish().map_err(BrowseError::File)?;
    let spec = Arc::new(Spec::new(draft, file, context, &resolved).for_looking());
    let budget = context.budget.clone();
    let _permit = budget.permit_now().map_err(BrowseError::Device)?;
    let live = ladder::open(&spec, &mut None, now).await.map_err(BrowseError::Device)?;
    let channel = live.line.channel.clone();
    let mut walk = Walk { channel, budget, limits: live.session.limits, notes: Vec::new() };
    let found = walk.all().await.map_err(BrowseError::Device)?;
    let namespaces = services::namespaces(&walk.channel, WITHIN).await.map_err(BrowseError::Device)?;
    let text = write(&document.text, &found, &namespaces);
    let (mistakes, tags) = check(&context.name, &text, &context.folder);
    Ok(Draft { file: format!("connections/{}.toml", context.name), text, tags, notes: walk.notes, mistakes })
}

struct Walk {
    channel: Arc<Channel>,
    budget: Arc<Budget>,
    limits: services::Limits,
    notes: Vec<Note>,
}

/// A node on the way, with the browse names that lead to it.
struct Place {
    node: NodeId,
    names: Vec<String>,
}

impl Walk {
    async fn all(&mut self) -> Result<Vec<Found>, Fault> {
        let mut seen: HashSet<NodeId> = HashSet::new();
        // The server's own state is no part of the plant.
        seen.insert(ObjectId::Server.into());
        let mut level = vec![Place { node: ObjectId::ObjectsFolder.into(), names: Vec::new() }];
        let mut variables: Vec<Found> = Vec::new();
        let mut properties: Vec<(usize, String, NodeId)> = Vec::new();
        let mut index: HashMap<NodeId, usize> = HashMap::new();
        for _ in 0..DEEPEST {
            if level.is_empty() {
                break;
            }
            let children = self.children(&level).await?;
            let mut next = Vec::new();
            for (place, reference) in children {
                let node = reference.node_id.node_id.clone();
                let name = reference.browse_name.name.as_ref().to_owned();
                let parent = level.get(place);
                if let Some(owner) = parent.and_then(|parent| index.get(&parent.node))
                    && reference.node_class == NodeClass::Variable
                    && matches!(name.as_str(), "EngineeringUnits" | "EURange" | "EnumStrings" | "EnumValues")
                {
                    properties.push((*owner, name, node));
                    continue;
                }
                if !seen.insert(node.clone()) || seen.len() > MOST_NODES {
                    continue;
                }
                let mut names = parent.map(|parent| parent.names.clone()).unwrap_or_default();
                names.push(name);
                if reference.node_class == NodeClass::Variable {
                    if reference.type_definition.node_id == VARIABLE_PROPERTY
                        || variables.len() >= MOST_VARIABLES
                    {
                        continue;
                    }
                    index.insert(node.clone(), variables.len());
                    variables.push(found(node.clone(), names.clone(), &reference));
                }
                next.push(Place { node, names });
            }
            level = next;
        }
        if seen.len() > MOST_NODES || variables.len() >= MOST_VARIABLES {
            let many = format!(
                "The server has more than {MOST_VARIABLES} variables or {MOST_NODES} nodes; the rest is left out."
            );
            self.notes.push(Note::new(many));
        }
        self.attributes(&mut variables).await?;
        self.properties(&mut variables, &properties).await?;
        Ok(variables)
    }

    /// The children of nodes, in portions that the server takes, all pages of each.
    async fn children(&mut self, level: &[Place]) -> Result<Vec<(usize, ReferenceDescription)>, Fault> {
        let mut found = Vec::new();
        for (portion, nodes) in level.chunks(self.limits.browse.max(1)).enumerate() {
            let first = portion * self.limits.browse.max(1);
            let questions = nodes.iter().map(|place| description(place.node.clone())).collect();
            let request = BrowseRequest {
                request_header: self.channel.header(),
                requested_max_references_per_node: PER_ANSWER,
                nodes_to_browse: Some(questions),
                ..BrowseRequest::default()
            };
            self.budget.turn().await;
            let results = match self.channel.ask_within(request, "looking around", WITHIN).await? {
                ResponseMessage::Browse(answer) => answer.results.unwrap_or_default(),
                other => return Err(unexpected(&other)),
            };
            for (place, result) in (first..).zip(results) {
                self.pages(place, result, &mut found).await?;
            }
        }
        Ok(found)
    }

    async fn pages(
        &mut self,
        place: usize,
        first: BrowseResult,
        found: &mut Vec<(usize, ReferenceDescription)>,
    ) -> Result<(), Fault> {
        let mut result = first;
        for _ in 0..MOST_PAGES {
            found.extend(result.references.into_iter().flatten().map(|reference| (place, reference)));
            if result.continuation_point.is_null_or_empty() || found.len() > MOST_NODES {
                break;
            }
            result = self.page(result.continuation_point).await?;
        }
        Ok(())
    }

    async fn page(&self, point: ByteString) -> Result<BrowseResult, Fault> {
        let request = BrowseNextRequest {
            request_header: self.channel.header(),
            release_continuation_points: false,
            continuation_points: Some(vec![point]),
        };
        self.budget.turn().await;
        match self.channel.ask_within(request, "looking around", WITHIN).await? {
            ResponseMessage::BrowseNext(answer) => {
                Ok(answer.results.into_iter().flatten().next().unwrap_or_default())
            }
            other => Err(unexpected(&other)),
        }
    }

    async fn read(&self, questions: Vec<(NodeId, AttributeId)>) -> Result<Vec<DataValue>, Fault> {
        let mut answers = Vec::with_capacity(questions.len());
        for portion in questions.chunks(self.limits.read.max(1)) {
            let nodes = portion.iter().map(|(node, what)| services::attribute(node.clone(), *what)).collect();
            self.budget.turn().await;
            answers.extend(services::read(&self.channel, nodes, WITHIN).await?);
        }
        Ok(answers)
    }

    async fn attributes(&mut self, variables: &mut [Found]) -> Result<(), Fault> {
        let each = [AttributeId::Value, AttributeId::Description, AttributeId::UserAccessLevel];
        let questions = variables.iter().flat_map(|one| each.map(|what| (one.node.clone(), what))).collect();
        let answers = self.read(questions).await?;
        for (one, answers) in variables.iter_mut().zip(answers.chunks(each.len())) {
            let [value, description, access] = answers else { continue };
            if let Some(variant) = &value.value {
                one.kind = value::type_of(variant);
                one.elements = match variant {
                    Variant::Array(array) => Some(array.values.len()),
                    _ => None,
                };
            }
            if let Some(Variant::LocalizedText(text)) = &description.value {
                one.description = text.text.as_ref().trim().to_owned();
            }
            // CurrentWrite is bit 1 (OPC 10000-3, 8.57).
            one.writable = matches!(access.value, Some(Variant::Byte(level)) if level & 2 != 0);
        }
        Ok(())
    }

    async fn properties(
        &mut self,
        variables: &mut [Found],
        properties: &[(usize, String, NodeId)],
    ) -> Result<(), Fault> {
        let questions = properties.iter().map(|(_, _, node)| (node.clone(), AttributeId::Value)).collect();
        let answers = self.read(questions).await?;
        for ((owner, name, _), answer) in properties.iter().zip(answers) {
            let (Some(one), Some(value)) = (variables.get_mut(*owner), answer.value) else { continue };
            match (name.as_str(), value) {
                ("EngineeringUnits", Variant::ExtensionObject(object)) => {
                    if let Some(unit) = object.inner_as::<EUInformation>() {
                        one.unit = unit.display_name.text.as_ref().trim().to_owned();
                    }
                }
                ("EURange", Variant::ExtensionObject(object)) => {
                    one.range = object
                        .inner_as::<Range>()
                        .filter(|range| {
                            range.low.is_finite() && range.high.is_finite() && range.low < range.high
                        })
                        .map(|range| (range.low, range.high));
                }
                ("EnumStrings", Variant::Array(array)) => one.states = strings(&array.values),
                ("EnumValues", Variant::Array(array)) => one.states = enumeration(array.values),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Variables that only describe their node (OPC 10000-5, 7.3).
const VARIABLE_PROPERTY: NodeId = NodeId { namespace: 0, identifier: opcua::types::Identifier::Numeric(68) };

fn description(node: NodeId) -> BrowseDescription {
    BrowseDescription {
        node_id: node,
        browse_direction: BrowseDirection::Forward,
        reference_type_id: ReferenceTypeId::HierarchicalReferences.into(),
        include_subtypes: true,
        node_class_mask: NodeClass::Object as u32 | NodeClass::Variable as u32,
        // Everything that a reference says.
        result_mask: 0x3F,
    }
}

fn found(node: NodeId, names: Vec<String>, reference: &ReferenceDescription) -> Found {
    Found {
        node,
        names,
        display: reference.display_name.text.as_ref().trim().to_owned(),
        description: String::new(),
        unit: String::new(),
        range: None,
        states: BTreeMap::new(),
        writable: false,
        kind: None,
        elements: None,
    }
}

fn strings(values: &[Variant]) -> BTreeMap<String, String> {
    let text = |value: &Variant| match value {
        Variant::LocalizedText(text) => Some(text.text.as_ref().to_owned()),
        _ => None,
    };
    (0..)
        .zip(values)
        .filter_map(|(number, value)| Some((number.to_string(), text(value)?)))
        .collect::<BTreeMap<_, _>>()
}

fn enumeration(values: Vec<Variant>) -> BTreeMap<String, String> {
    let object = |value: Variant| match value {
        Variant::ExtensionObject(object) => Some(object),
        _ => None,
    };
    let state = |object: ExtensionObject| {
        let value = object.into_inner_as::<EnumValueType>()?;
        Some((value.value.to_string(), value.display_name.text.as_ref().to_owned()))
    };
    values.into_iter().filter_map(object).filter_map(state).collect()
}

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
fn write(before: &str, found: &[Found], namespaces: &[String]) -> String {
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
        // Some servers repeat the name where nobody wrote a description.
        if one.names.last() != Some(&one.description) {
            keys.insert("description".into(), json!(one.description));
        }
        text.push_str(&format!("{tag} = {}", inline(&Json::Object(keys))));
        text.push_str(if one.writable { "   # the server takes writes: write = { }\n" } else { "\n" });
    }
}
