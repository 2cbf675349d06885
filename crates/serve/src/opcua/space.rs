//! The nodes: what there is, what it refers to, what its attributes say. Computed from the namespace for one person.
//!
//! ```text
//!  Objects ─organizes─▶ acme ─▶ leeds ─▶ filler : Filler ─component─▶ speed : AnalogItemType ─property─▶ EURange, ...
//!  BaseObjectType ─subtype─▶ Filler ─component─▶ speed (mandatory)
//!  BaseEventType ─subtype─▶ PlantEventType ─property─▶ State, ...     Server ─notifier─▶ leeds
//! ```

use super::names::{EVENT, Field, INDEX, Name, Property, above, last};
use super::options::{Model, TypeMember};
use super::value;
use model::{Access, Declaration, Last, PointId, Principal, Time, ValueType};
use namespace::Namespace;
use opcua::nodes::AccessLevel;
use opcua::server::node_manager::NodeMetadata;
use opcua::types::{
    AttributeId, DataTypeId, DataValue, EUInformation, EnumValueType, ExpandedNodeId, ExtensionObject,
    LocalizedText, NodeClass, NodeId, ObjectId, ObjectTypeId, QualifiedName, Range, ReferenceTypeId,
    StatusCode, VariableTypeId, Variant,
};
use std::sync::Arc;

/// Namespace of UNECE unit codes (OPC 10000-8, 5.6.3).
const UNITS: &str = "http://www.opcfoundation.org/UA/units/un/cefact";

/// What one node refers to.
pub(super) struct Reference {
    pub(super) kind: ReferenceTypeId,
    pub(super) forward: bool,
    pub(super) to: NodeMetadata,
}

/// A node that is there.
enum Node {
    Place(String),
    Point(PointId, Arc<Declaration>),
    Property(PointId, Arc<Declaration>, Property),
    Type(String),
    Member(String, TypeMember),
    Event,
    Field(Field),
}

/// What an object with events says of itself (OPC 10000-3, 5.5.1): they can be subscribed to, and read from history.
pub(super) const TELLS: u8 = 1 | 4;

/// What one person sees of the plant now.
pub(super) struct Space<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) model: Arc<Model>,
    pub(super) who: &'a Principal,
    /// The place whose object tells events.
    pub(super) site: &'a str,
}

impl Space<'_> {
    /// Whether a place is on the way to, or below, what the person may see.
    fn sees(&self, path: &str) -> bool {
        let Some(prefix) = self.who.prefix.as_deref() else { return true };
        let (path, prefix) = (path.to_lowercase(), prefix.to_lowercase());
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        within(&path, &prefix) || within(&prefix, &path)
    }

    /// A point that the person may see.
    pub(super) fn point(&self, path: &str) -> Option<(PointId, Arc<Declaration>)> {
        let id = self.namespace.find(path)?;
        let declaration = self.namespace.live(id)?;
        // Identifiers are exact: one node has one.
        let is_it = declaration.path.as_str() == path && self.who.sees(&declaration.path);
        is_it.then_some((id, declaration))
    }

    fn node(&self, node: &NodeId) -> Option<Node> {
        match Name::of(node)? {
            Name::Path(path) => match self.point(&path) {
                Some((id, declaration)) => Some(Node::Point(id, declaration)),
                None => {
                    let there = !self.namespace.points().under(&path).is_empty() && self.sees(&path);
                    there.then_some(Node::Place(path))
                }
            },
            Name::Property(path, property) => {
                let (id, declaration) = self.point(&path)?;
                has(&declaration, property).then_some(Node::Property(id, declaration, property))
            }
            Name::Type(kind) => self.model.types.contains_key(&kind).then_some(Node::Type(kind)),
            Name::Member(kind, member) => {
                let found = self.model.types.get(&kind)?.iter().find(|one| one.name == member)?;
                Some(Node::Member(kind, found.clone()))
            }
            Name::Event => Some(Node::Event),
            Name::Field(field) => Some(Node::Field(field)),
        }
    }

    /// Whether the node is the object of the site, which tells events.
    pub(super) fn tells(&self, node: &NodeId) -> bool {
        matches!(self.node(node), Some(Node::Place(path)) if path == self.site)
    }

    /// How a node presents itself.
    pub(super) fn metadata(&self, node: &NodeId) -> Option<NodeMetadata> {
        Some(self.present(&self.node(node)?))
    }

    fn present(&self, node: &Node) -> NodeMetadata {
        let own = |name: &str| QualifiedName::new(INDEX, name);
        let (name, browse, display, class, kind): (Name, QualifiedName, String, NodeClass, ExpandedNodeId) =
            match node {
                Node::Place(path) => {
                    let asset = self.model.assets.get(&path.to_lowercase());
                    let display = asset.map_or_else(|| last(path).to_owned(), |asset| asset.name.clone());
                    let kind = asset.filter(|asset| self.model.types.contains_key(&asset.kind));
                    let kind = match kind {
                        Some(asset) => ExpandedNodeId::new(Name::Type(asset.kind.clone()).node()),
                        None => ObjectTypeId::FolderType.into(),
                    };
                    (Name::Path(path.clone()), own(last(path)), display, NodeClass::Object, kind)
                }
                Node::Point(_, declaration) => {
                    let path = declaration.path.as_str();
                    let display = if declaration.name.is_empty() { last(path) } else { &declaration.name };
                    let kind = variable_type(declaration).into();
                    (
                        Name::Path(path.to_owned()),
                        own(last(path)),
                        display.to_owned(),
                        NodeClass::Variable,
                        kind,
                    )
                }
                Node::Property(_, declaration, property) => {
                    let name = Name::Property(declaration.path.as_str().to_owned(), *property);
                    let (text, kind) = (property.name(), VariableTypeId::PropertyType.into());
                    (name, QualifiedName::new(0, text), text.to_owned(), NodeClass::Variable, kind)
                }
                Node::Type(kind) => (
                    Name::Type(kind.clone()),
                    own(kind),
                    kind.clone(),
                    NodeClass::ObjectType,
                    ExpandedNodeId::null(),
                ),
                Node::Member(kind, member) => {
                    let name = Name::Member(kind.clone(), member.name.clone());
                    let kind = VariableTypeId::BaseDataVariableType.into();
                    (name, own(&member.name), member.name.clone(), NodeClass::Variable, kind)
                }
                Node::Event => {
                    (Name::Event, own(EVENT), EVENT.to_owned(), NodeClass::ObjectType, ExpandedNodeId::null())
                }
                Node::Field(field) => {
                    let (name, kind) = (Name::Field(*field), VariableTypeId::PropertyType.into());
                    (name, own(field.name()), field.name().to_owned(), NodeClass::Variable, kind)
                }
            };
        NodeMetadata {
            node_id: ExpandedNodeId::new(name.node()),
            type_definition: kind,
            browse_name: browse,
            display_name: LocalizedText::from(display.as_str()),
            node_class: class,
        }
    }

    /// Everything that a node refers to; `None` for a node that is not there. The standard's own nodes refer to ours, too.
    pub(super) fn references(&self, node: &NodeId) -> Option<Vec<Reference>> {
        if node.namespace == 0 {
            return Some(self.of_standard(node));
        }
        let node = self.node(node)?;
        let mut found = Vec::new();
        match &node {
            Node::Place(path) => {
                found.push(self.kind_of(&node));
                found.push(self.parent(path));
                if path == self.site {
                    let server = standard(ObjectId::Server, "Server", NodeClass::Object);
                    found.push(Reference { kind: ReferenceTypeId::HasNotifier, forward: false, to: server });
                }
                self.children(path, &mut found);
            }
            Node::Point(id, declaration) => {
                let path = declaration.path.as_str();
                found.push(self.kind_of(&node));
                found.push(self.parent(path));
                for property in Property::ALL.into_iter().filter(|one| has(declaration, *one)) {
                    let to = Node::Property(*id, declaration.clone(), property);
                    found.push(self.to(ReferenceTypeId::HasProperty, true, &to));
                }
                self.children(path, &mut found);
            }
            Node::Property(id, declaration, _) => {
                found.push(self.kind_of(&node));
                let owner = Node::Point(*id, declaration.clone());
                found.push(self.to(ReferenceTypeId::HasProperty, false, &owner));
            }
            Node::Type(kind) => {
                let base = standard(ObjectTypeId::BaseObjectType, "BaseObjectType", NodeClass::ObjectType);
                found.push(Reference { kind: ReferenceTypeId::HasSubtype, forward: false, to: base });
                for member in self.model.types.get(kind).into_iter().flatten() {
                    let to = Node::Member(kind.clone(), member.clone());
                    found.push(self.to(ReferenceTypeId::HasComponent, true, &to));
                }
            }
            Node::Member(kind, _) => {
                found.push(self.kind_of(&node));
                found.push(self.to(ReferenceTypeId::HasComponent, false, &Node::Type(kind.clone())));
                found.push(mandatory());
            }
            Node::Event => {
                let base = standard(ObjectTypeId::BaseEventType, "BaseEventType", NodeClass::ObjectType);
                found.push(Reference { kind: ReferenceTypeId::HasSubtype, forward: false, to: base });
                for field in Field::ALL {
                    found.push(self.to(ReferenceTypeId::HasProperty, true, &Node::Field(field)));
                }
            }
            Node::Field(_) => {
                found.push(self.kind_of(&node));
                found.push(self.to(ReferenceTypeId::HasProperty, false, &Node::Event));
                found.push(mandatory());
            }
        }
        Some(found)
    }

    /// What nodes of the standard refer to beside their own.
    fn of_standard(&self, node: &NodeId) -> Vec<Reference> {
        let mut found = Vec::new();
        if *node == ObjectId::ObjectsFolder {
            self.children("", &mut found);
        } else if *node == ObjectTypeId::BaseObjectType {
            for kind in self.model.types.keys() {
                found.push(self.to(ReferenceTypeId::HasSubtype, true, &Node::Type(kind.clone())));
            }
        } else if *node == ObjectTypeId::BaseEventType {
            found.push(self.to(ReferenceTypeId::HasSubtype, true, &Node::Event));
        } else if *node == ObjectId::Server && self.sees(self.site) {
            let site = Node::Place(self.site.to_owned());
            found.push(self.to(ReferenceTypeId::HasNotifier, true, &site));
        }
        found
    }

    fn to(&self, kind: ReferenceTypeId, forward: bool, node: &Node) -> Reference {
        Reference { kind, forward, to: self.present(node) }
    }

    /// The type of a node.
    fn kind_of(&self, node: &Node) -> Reference {
        let id = self.present(node).type_definition;
        let class = match node {
            Node::Place(_) => NodeClass::ObjectType,
            _ => NodeClass::VariableType,
        };
        let to = match self.metadata(&id.node_id) {
            Some(own) => own,
            None => standard(id.node_id, kind_name(node), class),
        };
        Reference { kind: ReferenceTypeId::HasTypeDefinition, forward: true, to }
    }

    fn parent(&self, path: &str) -> Reference {
        match above(path) {
            None => {
                let to = standard(ObjectId::ObjectsFolder, "Objects", NodeClass::Object);
                Reference { kind: ReferenceTypeId::Organizes, forward: false, to }
            }
            Some(up) => {
                let to = match self.point(up) {
                    Some((id, declaration)) => Node::Point(id, declaration),
                    None => Node::Place(up.to_owned()),
                };
                self.to(self.kind_below(path), false, &to)
            }
        }
    }

    /// Places in places are organised; points and assets are parts of what they stand below.
    fn kind_below(&self, path: &str) -> ReferenceTypeId {
        let part = self.point(path).is_some() || self.model.assets.contains_key(&path.to_lowercase());
        if part { ReferenceTypeId::HasComponent } else { ReferenceTypeId::Organizes }
    }

    fn children(&self, path: &str, found: &mut Vec<Reference>) {
        for child in self.namespace.points().children(path) {
            let below = if path.is_empty() { child.segment } else { format!("{path}/{}", child.segment) };
            if !self.sees(&below) {
                continue;
            }
            let kind = if path.is_empty() { ReferenceTypeId::Organizes } else { self.kind_below(&below) };
            let node = match child.point.and_then(|id| Some((id, self.namespace.live(id)?))) {
                Some((id, declaration)) if self.who.sees(&declaration.path) => Node::Point(id, declaration),
                _ => Node::Place(below),
            };
            found.push(self.to(kind, true, &node));
        }
    }

    /// One attribute of one node.
    ///
    /// # Errors
    /// BadNodeIdUnknown, BadAttributeIdInvalid.
    pub(super) fn attribute(
        &self,
        id: &NodeId,
        what: AttributeId,
        now: Time,
    ) -> Result<DataValue, StatusCode> {
        let node = self.node(id).ok_or(StatusCode::BadNodeIdUnknown)?;
        let shown = self.present(&node);
        let value = match what {
            AttributeId::NodeId => Variant::from(shown.node_id.node_id),
            AttributeId::NodeClass => Variant::from(shown.node_class as i32),
            AttributeId::BrowseName => Variant::from(shown.browse_name),
            AttributeId::DisplayName => Variant::from(shown.display_name),
            AttributeId::WriteMask | AttributeId::UserWriteMask => Variant::from(0u32),
            AttributeId::Description => match &node {
                Node::Point(_, declaration) => {
                    Variant::from(LocalizedText::from(declaration.description.as_str()))
                }
                _ => return Err(StatusCode::BadAttributeIdInvalid),
            },
            AttributeId::EventNotifier if shown.node_class == NodeClass::Object => {
                Variant::from(if self.tells(id) { TELLS } else { 0u8 })
            }
            AttributeId::IsAbstract if shown.node_class == NodeClass::ObjectType => Variant::from(false),
            _ if shown.node_class == NodeClass::Variable => return self.of_variable(&node, what, now),
            _ => return Err(StatusCode::BadAttributeIdInvalid),
        };
        Ok(DataValue::new_at(value, value::stamp(now)))
    }

    fn of_variable(&self, node: &Node, what: AttributeId, now: Time) -> Result<DataValue, StatusCode> {
        let value = match what {
            AttributeId::Value => return Ok(self.value(node, now)),
            AttributeId::DataType => Variant::from(NodeId::from(match node {
                Node::Point(_, declaration) => value::data_type(declaration.value_type),
                Node::Member(_, member) => value::data_type(member.value_type),
                Node::Property(_, _, property) => property_type(*property),
                Node::Field(field) => field_type(*field),
                Node::Place(_) | Node::Type(_) | Node::Event => {
                    return Err(StatusCode::BadAttributeIdInvalid);
                }
            })),
            AttributeId::ValueRank => {
                let list =
                    matches!(node, Node::Property(_, _, Property::EnumValues) | Node::Field(Field::Concerns));
                Variant::from(if list { 1i32 } else { -1i32 })
            }
            AttributeId::AccessLevel => Variant::from(level(node, true).bits()),
            AttributeId::UserAccessLevel => {
                let writes = match node {
                    Node::Point(_, declaration) => {
                        self.namespace.may_write(self.who, &declaration.path).is_ok()
                    }
                    _ => false,
                };
                Variant::from(level(node, writes).bits())
            }
            AttributeId::MinimumSamplingInterval => Variant::from(0f64),
            AttributeId::Historizing => Variant::from(matches!(node, Node::Point(..))),
            _ => return Err(StatusCode::BadAttributeIdInvalid),
        };
        Ok(DataValue::new_at(value, value::stamp(now)))
    }

    fn value(&self, node: &Node, now: Time) -> DataValue {
        let last = |id: PointId| self.namespace.last(id).unwrap_or(Last::WAITING);
        let plain = |value: Variant| DataValue::new_at(value, value::stamp(now));
        match node {
            Node::Point(id, _) => value::newest(&last(*id), now),
            Node::Property(id, declaration, property) => plain(match property {
                Property::EngineeringUnits => {
                    Variant::from(ExtensionObject::from_message(unit(&declaration.unit)))
                }
                Property::EuRange => {
                    let (low, high) = declaration.range.unwrap_or_default();
                    Variant::from(ExtensionObject::from_message(Range { low, high }))
                }
                Property::EnumValues => {
                    let one = |(value, name): (&i64, &String)| {
                        let (display_name, description) =
                            (LocalizedText::from(name.as_str()), LocalizedText::null());
                        ExtensionObject::from_message(EnumValueType {
                            value: *value,
                            display_name,
                            description,
                        })
                    };
                    Variant::from(declaration.states.iter().map(one).collect::<Vec<ExtensionObject>>())
                }
                Property::ValueAsText => {
                    let number = last(*id).value.as_i64();
                    let name = number.and_then(|number| declaration.states.get(&number));
                    Variant::from(LocalizedText::from(name.map(String::as_str).unwrap_or_default()))
                }
            }),
            Node::Place(_) | Node::Type(_) | Node::Member(..) | Node::Event | Node::Field(_) => {
                DataValue { status: Some(StatusCode::UncertainInitialValue), ..plain(Variant::Empty) }
            }
        }
    }
}

fn level(node: &Node, writes: bool) -> AccessLevel {
    let Node::Point(_, declaration) = node else { return AccessLevel::CURRENT_READ };
    let level = AccessLevel::CURRENT_READ | AccessLevel::HISTORY_READ;
    let writes = writes && matches!(declaration.access, Access::Write(_));
    if writes { level | AccessLevel::CURRENT_WRITE } else { level }
}

fn has(declaration: &Declaration, property: Property) -> bool {
    let numeric = matches!(declaration.value_type, ValueType::I64 | ValueType::U64 | ValueType::F64);
    let named = !declaration.states.is_empty();
    match property {
        Property::EngineeringUnits => numeric && !named && !declaration.unit.is_empty(),
        Property::EuRange => numeric && !named && declaration.range.is_some(),
        Property::EnumValues | Property::ValueAsText => numeric && named,
    }
}

/// The type of a point's node (OPC 10000-8, 5.3).
fn variable_type(declaration: &Declaration) -> VariableTypeId {
    if has(declaration, Property::EnumValues) {
        VariableTypeId::MultiStateValueDiscreteType
    } else if has(declaration, Property::EuRange) {
        VariableTypeId::AnalogItemType
    } else if has(declaration, Property::EngineeringUnits) {
        VariableTypeId::AnalogUnitType
    } else {
        VariableTypeId::BaseDataVariableType
    }
}

fn kind_name(node: &Node) -> &'static str {
    match node {
        Node::Place(_) => "FolderType",
        Node::Property(..) | Node::Field(_) => "PropertyType",
        Node::Point(_, declaration) => match variable_type(declaration) {
            VariableTypeId::MultiStateValueDiscreteType => "MultiStateValueDiscreteType",
            VariableTypeId::AnalogItemType => "AnalogItemType",
            VariableTypeId::AnalogUnitType => "AnalogUnitType",
            _ => "BaseDataVariableType",
        },
        Node::Type(_) | Node::Member(..) | Node::Event => "BaseDataVariableType",
    }
}

const fn field_type(field: Field) -> DataTypeId {
    match field {
        Field::Revision => DataTypeId::UInt32,
        Field::Start | Field::End => DataTypeId::UtcTime,
        Field::Occurrence | Field::Kind | Field::State | Field::Text | Field::Next | Field::Concerns => {
            DataTypeId::String
        }
    }
}

/// What every instance of a type has (OPC 10000-3, 6.4.4.4.2).
fn mandatory() -> Reference {
    let rule = standard(ObjectId::ModellingRule_Mandatory, "Mandatory", NodeClass::Object);
    Reference { kind: ReferenceTypeId::HasModellingRule, forward: true, to: rule }
}

const fn property_type(property: Property) -> DataTypeId {
    match property {
        Property::EngineeringUnits => DataTypeId::EUInformation,
        Property::EuRange => DataTypeId::Range,
        Property::EnumValues => DataTypeId::EnumValueType,
        Property::ValueAsText => DataTypeId::LocalizedText,
    }
}

/// A unit as it is written; the numbers of UNECE are not known for all of them, and -1 says so (OPC 10000-8, 5.6.3).
fn unit(text: &str) -> EUInformation {
    let (display_name, description) = (LocalizedText::from(text), LocalizedText::from(text));
    EUInformation { namespace_uri: UNITS.into(), unit_id: -1, display_name, description }
}

/// A node of the standard.
fn standard(id: impl Into<NodeId>, name: &str, class: NodeClass) -> NodeMetadata {
    NodeMetadata {
        node_id: ExpandedNodeId::new(id.into()),
        type_definition: ExpandedNodeId::null(),
        browse_name: QualifiedName::new(0, name),
        display_name: LocalizedText::from(name),
        node_class: class,
    }
}
