//! Looking around in a server: its variables with types, units, ranges and words, as a draft of a connection file.

use super::build::{self, Spec};
use super::channel::{Channel, unexpected};
use super::drafting;
use super::ladder;
use super::services;
use super::types::{self, Asking};
use super::value;
use crate::draft::{Draft, Note, check};
use crate::kind::Context;
use crate::south::tags::Plan;
use crate::south::{BrowseError, Browser};
use futures_util::FutureExt;
use model::config::Document;
use model::{Fault, Time};
use opcua::core::ResponseMessage;
use opcua::types::{
    AttributeId, BrowseDescription, BrowseDirection, BrowseNextRequest, BrowseRequest, BrowseResult,
    ByteString, DataValue, EUInformation, EnumValueType, ExtensionObject, NodeClass, NodeId, ObjectId, Range,
    ReferenceDescription, ReferenceTypeId, Variant, VariantScalarTypeId,
};
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
/// Most members of one structure that become tags.
const MOST_MEMBERS: usize = 200;
/// How long one request may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A variable of the server.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) node: NodeId,
    /// Browse names from the object below `Objects` on.
    pub(super) names: Vec<String>,
    pub(super) display: String,
    pub(super) description: String,
    pub(super) unit: String,
    pub(super) range: Option<(f64, f64)>,
    pub(super) states: BTreeMap<String, String>,
    pub(super) writable: bool,
    pub(super) kind: Option<VariantScalarTypeId>,
    /// Elements, if it is an array.
    pub(super) elements: Option<usize>,
    /// The structure that it holds now.
    structure: Option<Variant>,
    /// The members of the structure, and what they are.
    pub(super) members: BTreeMap<String, VariantScalarTypeId>,
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
    let _permit = context.budget.permit_now().map_err(BrowseError::Device)?;
    let live = ladder::open(&spec, &context.budget, &mut None, now).await.map_err(BrowseError::Device)?;
    let channel = live.line.channel.clone();
    let mut walk = Walk { channel, limits: live.session.limits, notes: Vec::new() };
    let found = walk.all().await.map_err(BrowseError::Device)?;
    let namespaces = services::namespaces(&walk.channel, WITHIN).await.map_err(BrowseError::Device)?;
    let text = drafting::write(&document.text, &found, &namespaces);
    let (mistakes, tags) = check(&context.name, &text, &context.folder);
    Ok(Draft { file: format!("connections/{}.toml", context.name), text, tags, notes: walk.notes, mistakes })
}

struct Walk {
    channel: Arc<Channel>,
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
        self.members(&mut variables).await?;
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
            answers.extend(services::attributes(&self.channel, portion, WITHIN).await?);
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
                one.structure = Some(variant).filter(|v| matches!(v, Variant::ExtensionObject(_))).cloned();
            }
            if let Some(Variant::LocalizedText(text)) = &description.value {
                one.description = text.text.as_ref().trim().to_owned();
            }
            // CurrentWrite is bit 1 (OPC 10000-3, 8.57).
            one.writable = matches!(access.value, Some(Variant::Byte(level)) if level & 2 != 0);
        }
        Ok(())
    }

    /// Takes structures apart, as far as the server tells what they are made of.
    async fn members(&mut self, variables: &mut [Found]) -> Result<(), Fault> {
        let nodes: Vec<NodeId> =
            variables.iter().filter(|one| one.structure.is_some()).map(|one| one.node.clone()).collect();
        if nodes.is_empty() {
            return Ok(());
        }
        let asking = Asking { channel: &self.channel, limits: self.limits, within: WITHIN };
        let types = types::learn(asking, nodes).await?;
        for one in variables {
            let value = one.structure.take();
            let Some(Ok(members)) = value.map(|value| types.members(Some(&value))) else { continue };
            if members.len() > MOST_MEMBERS {
                let name = one.names.join("/");
                self.notes.push(Note::new(format!(
                    "{name} has {} members; {MOST_MEMBERS} of them became tags.",
                    members.len()
                )));
            }
            let kinds = members.into_iter().filter_map(|(name, value)| Some((name, value::type_of(&value)?)));
            one.members = kinds.collect::<BTreeMap<_, _>>().into_iter().take(MOST_MEMBERS).collect();
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
        structure: None,
        members: BTreeMap::new(),
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
