//! Identifiers of nodes: what a client writes down must still hold after a restart, so they are made of names.
//!
//! `acme/leeds/filler/speed` is a point or a place, `acme/leeds/filler/speed:EURange` its property, `type:Filler` a type and
//! `type:Filler:speed` its member, `event:PlantEventType` the type of our events and `event:State` one of its fields. A path
//! has no colon.

use opcua::types::{Identifier, NodeId};

/// The namespaces before ours are the standard's and the server's own.
pub(super) const INDEX: u16 = 2;

/// What a node stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// A place or a point.
    Path(String),
    /// A property of a point.
    Property(String, Property),
    /// A type of assets.
    Type(String),
    /// A member of a type.
    Member(String, String),
    /// The type of our events.
    Event,
    /// What our events tell beside the standard's fields.
    Field(Field),
}

/// The type of our events, as people read it.
pub(super) const EVENT: &str = "PlantEventType";

/// What our events tell beside the standard's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The same for all that is told of one occurrence.
    Occurrence,
    /// From 1; grows as the event changes.
    Revision,
    /// Alarm, finding, fault, interval, change.
    Kind,
    /// Active, acknowledged, cleared, info.
    State,
    /// What it means for the plant.
    Text,
    /// What to do next.
    Next,
    /// When it began.
    Start,
    /// When it ended.
    End,
    /// Paths and names concerned.
    Concerns,
}

impl Field {
    pub(super) const ALL: [Self; 9] = [
        Self::Occurrence,
        Self::Revision,
        Self::Kind,
        Self::State,
        Self::Text,
        Self::Next,
        Self::Start,
        Self::End,
        Self::Concerns,
    ];

    /// Its browse name, in our namespace.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Occurrence => "Occurrence",
            Self::Revision => "Revision",
            Self::Kind => "Kind",
            Self::State => "State",
            Self::Text => "Text",
            Self::Next => "Next",
            Self::Start => "Start",
            Self::End => "End",
            Self::Concerns => "Concerns",
        }
    }

    /// The field of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// A property of a variable (OPC 10000-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    /// Unit.
    EngineeringUnits,
    /// Lowest and highest expected value.
    EuRange,
    /// Names of the values.
    EnumValues,
    /// The name of the value of now.
    ValueAsText,
}

impl Property {
    pub(super) const ALL: [Self; 4] =
        [Self::EngineeringUnits, Self::EuRange, Self::EnumValues, Self::ValueAsText];

    /// Its browse name, in the standard's namespace.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::EngineeringUnits => "EngineeringUnits",
            Self::EuRange => "EURange",
            Self::EnumValues => "EnumValues",
            Self::ValueAsText => "ValueAsText",
        }
    }
}

impl Name {
    /// What a node of ours stands for; nothing for nodes of others and for texts that mean nothing.
    pub(super) fn of(node: &NodeId) -> Option<Self> {
        let Identifier::String(text) = &node.identifier else { return None };
        if node.namespace != INDEX {
            return None;
        }
        let text = text.as_ref();
        match text.split_once(':') {
            None if text.is_empty() => None,
            None => Some(Self::Path(text.to_owned())),
            Some(("type", rest)) => Some(match rest.split_once(':') {
                None => Self::Type(rest.to_owned()),
                Some((kind, member)) => Self::Member(kind.to_owned(), member.to_owned()),
            }),
            Some(("event", EVENT)) => Some(Self::Event),
            Some(("event", field)) => Field::named(field).map(Self::Field),
            Some((path, property)) => {
                let known = Property::ALL.into_iter().find(|known| known.name() == property)?;
                Some(Self::Property(path.to_owned(), known))
            }
        }
    }

    /// Its node.
    pub(super) fn node(&self) -> NodeId {
        let text = match self {
            Self::Path(path) => path.clone(),
            Self::Property(path, property) => format!("{path}:{}", property.name()),
            Self::Type(kind) => format!("type:{kind}"),
            Self::Member(kind, member) => format!("type:{kind}:{member}"),
            Self::Event => format!("event:{EVENT}"),
            Self::Field(field) => format!("event:{}", field.name()),
        };
        NodeId::new(INDEX, text)
    }
}

/// The last segment of a path.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The path above; nothing above the first segment.
pub(super) fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(above, _)| above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_to_one() {
        for name in [
            Name::Path("acme/leeds/filler".into()),
            Name::Property("acme/leeds/filler/speed".into(), Property::EuRange),
            Name::Type("Filler".into()),
            Name::Member("Filler".into(), "speed".into()),
            Name::Event,
            Name::Field(Field::State),
        ] {
            assert_eq!(Name::of(&name.node()), Some(name));
        }
        for other in [
            NodeId::new(0, "a"),
            NodeId::new(INDEX, 7u32),
            NodeId::new(INDEX, ""),
            NodeId::new(INDEX, "a:b"),
            NodeId::new(INDEX, "event:b"),
        ] {
            assert_eq!(Name::of(&other), None, "{other}");
        }
        assert_eq!((last("a/b/c"), above("a/b/c"), above("a")), ("c", Some("a/b"), None));
    }
}
