//! What a server tells of its data types: structures through their DataTypeDefinition (OPC 10000-3, 8.49), and the
//! built-in type below any other (OPC 10000-6, 5.1.2).

use super::channel::Channel;
use super::dictionary;
use super::services;
use super::structure::{Field, Structure, Types, What};
use model::Fault;
use opcua::types::{
    AttributeId, BrowseDirection, EnumDefinition, Identifier, NodeId, ReferenceTypeId, StructureDefinition,
    Variant, VariantScalarTypeId,
};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Most data types that are asked for.
const MOST_TYPES: usize = 2_000;
/// Longest way from a data type up to a built-in one, and from a structure down to what it is made of.
const DEEPEST: usize = 16;

/// A server that answers, and how it wants to be asked.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) channel: &'a Channel,
    pub(super) limits: services::Limits,
    pub(super) within: Duration,
}

/// What the server says of one data type.
enum Told {
    Structure {
        name: String,
        definition: StructureDefinition,
        is_abstract: bool,
    },
    Enumeration,
    /// Below this one.
    Below(NodeId),
    Nothing,
}

/// The built-in type with this number; those that stand for any value are variants.
fn built_in(data_type: &NodeId) -> Option<VariantScalarTypeId> {
    match (data_type.namespace, &data_type.identifier) {
        (0, Identifier::Numeric(number @ 1..=25)) => VariantScalarTypeId::try_from(*number).ok(),
        // Number, Integer, UInteger: abstract, so each value says what it is.
        (0, Identifier::Numeric(26..=28)) => Some(VariantScalarTypeId::Variant),
        (0, Identifier::Numeric(29)) => Some(VariantScalarTypeId::Int32),
        _ => None,
    }
}

/// Learns what the structures of these variables are made of.
///
/// # Errors
/// What ends the session; what the server does not tell is left out.
pub(super) async fn learn(asking: Asking<'_>, variables: Vec<NodeId>) -> Result<Types, Fault> {
    let mut types = Types::default();
    let questions = variables.iter().map(|node| (node.clone(), AttributeId::DataType)).collect();
    for (variable, answer) in variables.into_iter().zip(asking.read(questions).await?) {
        if let Some(Variant::NodeId(data_type)) = answer {
            types.variables.insert(variable, *data_type);
        }
    }
    let told = asking.all(types.variables.values().cloned().collect()).await?;
    for (data_type, one) in &told {
        let Told::Structure { name, definition, is_abstract: false } = one else { continue };
        let fields = definition.fields.iter().flatten().map(|field| Field {
            name: field.name.as_ref().to_owned(),
            what: what(&field.data_type, &told),
            rank: field.value_rank,
            optional: field.is_optional,
        });
        let structure =
            Structure { name: name.clone(), layout: definition.structure_type, fields: fields.collect() };
        types.encodings.insert(definition.default_encoding_id.clone(), data_type.clone());
        types.structures.insert(data_type.clone(), structure);
    }
    let untold = types.variables.values().filter(|one| built_in(one).is_none() && is_untold(one, &told));
    let untold: HashSet<NodeId> = untold.cloned().collect();
    if !untold.is_empty() {
        dictionary::learn(asking, untold.into_iter().collect(), &mut types).await?;
    }
    Ok(types)
}

/// Whether nothing is known of a type itself: it has no definition.
fn is_untold(data_type: &NodeId, told: &HashMap<NodeId, Told>) -> bool {
    matches!(told.get(data_type), Some(Told::Nothing | Told::Below(_)) | None)
}

/// The built-in type of a data type.
///
/// # Errors
/// What ends the session.
pub(super) async fn scalar(
    asking: Asking<'_>,
    data_type: NodeId,
) -> Result<Option<VariantScalarTypeId>, Fault> {
    let told = asking.all(vec![data_type.clone()]).await?;
    Ok(match what(&data_type, &told) {
        What::Plain(kind) => Some(kind),
        What::Structure(_) => None,
    })
}

/// What a member of this data type is.
fn what(data_type: &NodeId, told: &HashMap<NodeId, Told>) -> What {
    let mut at = data_type;
    for _ in 0..DEEPEST {
        if let Some(kind) = built_in(at) {
            return What::Plain(kind);
        }
        match told.get(at) {
            Some(Told::Structure { is_abstract: false, .. }) => return What::Structure(at.clone()),
            // What stands there says itself which structure it is.
            Some(Told::Structure { .. }) => return What::Plain(VariantScalarTypeId::ExtensionObject),
            Some(Told::Enumeration) => return What::Plain(VariantScalarTypeId::Int32),
            Some(Told::Below(parent)) => at = parent,
            Some(Told::Nothing) | None => break,
        }
    }
    // Nobody says what it is: its values cannot be read, nor what comes after them.
    What::Structure(NodeId::null())
}

impl Asking<'_> {
    async fn read(&self, questions: Vec<(NodeId, AttributeId)>) -> Result<Vec<Option<Variant>>, Fault> {
        let mut answers = Vec::with_capacity(questions.len());
        for portion in questions.chunks(self.limits.read.max(1)) {
            let values = services::attributes(self.channel, portion, self.within).await?;
            answers.extend(values.into_iter().map(|answer| answer.value));
        }
        Ok(answers)
    }

    /// The values of nodes.
    pub(super) async fn values(&self, nodes: &[NodeId]) -> Result<Vec<Option<Variant>>, Fault> {
        self.read(nodes.iter().map(|node| (node.clone(), AttributeId::Value)).collect()).await
    }

    /// Each node with the first of a kind that it refers to, by name if one is given. Nodes without are left out.
    pub(super) async fn named(
        &self,
        nodes: Vec<NodeId>,
        direction: BrowseDirection,
        reference: ReferenceTypeId,
        name: Option<&str>,
    ) -> Result<Vec<(NodeId, NodeId)>, Fault> {
        let asked = nodes.iter().cloned().enumerate().collect();
        let found = self.references(asked, direction, reference).await?;
        let fits = |known: &str| name.is_none_or(|name| name == known);
        let first = |references: Vec<(String, NodeId)>| {
            references.into_iter().find(|(known, _)| fits(known)).map(|(_, node)| node)
        };
        Ok(nodes
            .into_iter()
            .zip(found)
            .filter_map(|(node, (_, references))| Some((node, first(references)?)))
            .collect())
    }

    /// These data types and all that they are made of.
    async fn all(&self, first: Vec<NodeId>) -> Result<HashMap<NodeId, Told>, Fault> {
        let mut told = HashMap::new();
        let mut asked: HashSet<NodeId> = HashSet::new();
        let mut level = first;
        for _ in 0..DEEPEST {
            level.retain(|one| built_in(one).is_none() && asked.insert(one.clone()));
            level.truncate(MOST_TYPES.saturating_sub(told.len()));
            if level.is_empty() {
                break;
            }
            let mut next = Vec::new();
            for (data_type, one) in self.definitions(std::mem::take(&mut level)).await? {
                match &one {
                    Told::Structure { definition, .. } => {
                        next.extend(definition.fields.iter().flatten().map(|field| field.data_type.clone()));
                    }
                    Told::Below(parent) => next.push(parent.clone()),
                    Told::Enumeration | Told::Nothing => {}
                }
                told.insert(data_type, one);
            }
            level = next;
        }
        Ok(told)
    }

    async fn definitions(&self, types: Vec<NodeId>) -> Result<Vec<(NodeId, Told)>, Fault> {
        let each = [AttributeId::DataTypeDefinition, AttributeId::IsAbstract, AttributeId::BrowseName];
        let questions = types.iter().flat_map(|node| each.map(|what| (node.clone(), what))).collect();
        let mut answers = self.read(questions).await?.into_iter();
        let (mut found, mut parentless, mut unencoded) = (Vec::new(), Vec::new(), Vec::new());
        for data_type in types {
            let (Some(definition), is_abstract, name) = (answers.next(), answers.next(), answers.next())
            else {
                break;
            };
            let one = match definition {
                Some(Variant::ExtensionObject(object)) if object.inner_is::<EnumDefinition>() => {
                    Told::Enumeration
                }
                Some(Variant::ExtensionObject(object)) => match object.into_inner_as::<StructureDefinition>()
                {
                    Some(definition) => {
                        if definition.default_encoding_id.is_null() {
                            unencoded.push((found.len(), data_type.clone()));
                        }
                        let name = match name.flatten() {
                            Some(Variant::QualifiedName(name)) => name.name.as_ref().to_owned(),
                            _ => data_type.to_string(),
                        };
                        let is_abstract = matches!(is_abstract.flatten(), Some(Variant::Boolean(true)));
                        Told::Structure { name, definition: *definition, is_abstract }
                    }
                    None => Told::Nothing,
                },
                _ => {
                    parentless.push((found.len(), data_type.clone()));
                    Told::Nothing
                }
            };
            found.push((data_type, one));
        }
        self.parents(parentless, &mut found).await?;
        self.encodings(unencoded, &mut found).await?;
        Ok(found)
    }

    /// Types without a definition of their own are like those that they stand below.
    async fn parents(&self, asked: Vec<(usize, NodeId)>, found: &mut [(NodeId, Told)]) -> Result<(), Fault> {
        let (direction, reference) = (BrowseDirection::Inverse, ReferenceTypeId::HasSubtype);
        for (place, references) in self.references(asked, direction, reference).await? {
            if let (Some((_, one)), Some(parent)) = (found.get_mut(place), references.into_iter().next()) {
                *one = Told::Below(parent.1);
            }
        }
        Ok(())
    }

    async fn encodings(
        &self,
        asked: Vec<(usize, NodeId)>,
        found: &mut [(NodeId, Told)],
    ) -> Result<(), Fault> {
        let (direction, reference) = (BrowseDirection::Forward, ReferenceTypeId::HasEncoding);
        for (place, references) in self.references(asked, direction, reference).await? {
            let binary = references.into_iter().find(|(name, _)| name == "Default Binary");
            if let (Some((_, Told::Structure { definition, .. })), Some((_, encoding))) =
                (found.get_mut(place), binary)
            {
                definition.default_encoding_id = encoding;
            }
        }
        Ok(())
    }

    async fn references(
        &self,
        asked: Vec<(usize, NodeId)>,
        direction: BrowseDirection,
        reference: ReferenceTypeId,
    ) -> Result<Vec<(usize, Vec<(String, NodeId)>)>, Fault> {
        let mut found = Vec::with_capacity(asked.len());
        for portion in asked.chunks(self.limits.browse.max(1)) {
            let nodes = portion.iter().map(|(_, node)| node.clone()).collect();
            let answers =
                services::references(self.channel, nodes, direction, reference, self.within).await?;
            found.extend(portion.iter().map(|(place, _)| *place).zip(answers));
        }
        Ok(found)
    }
}
