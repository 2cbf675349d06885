//! Members of structures: which there are, and their values out of the bytes of a structure (OPC 10000-6, 5.2.6). Pure.
//!
//! Rationale: the library can decode structures while it decodes the message. Then one structure that is not what its
//! definition says ends the session. Here it is one point that is bad.

use model::Status;
use opcua::types::{
    BinaryDecodable, ByteString, ByteStringBody, Context, ContextOwned, DataValue, DateTime, DiagnosticInfo,
    DynEncodable, ExpandedNodeId, ExtensionObject, Guid, LocalizedText, NodeId, QualifiedName, StatusCode,
    StructureType, UAString, Variant, VariantScalarTypeId, XmlElement,
};
use std::collections::HashMap;
use std::fmt::Write;
use std::io::Cursor;

/// How deep structures may stand in structures.
const DEEPEST: usize = 16;
/// Most values inside one structure.
const MOST_VALUES: usize = 100_000;

/// The bytes are not what the definition says.
const BAD_DECODING: Status = Status::BAD_DECODING_ERROR;
/// BadDataEncodingUnsupported: the server does not tell what the structure is made of.
const BAD_ENCODING_UNSUPPORTED: Status = Status(0x8039_0000);

/// What structures are made of.
#[derive(Default)]
pub(super) struct Types {
    pub(super) structures: HashMap<NodeId, Structure>,
    /// Data types by their binary encoding.
    pub(super) encodings: HashMap<NodeId, NodeId>,
    /// The data type of each variable.
    pub(super) variables: HashMap<NodeId, NodeId>,
    context: ContextOwned,
}

/// One data type.
#[derive(Clone, Debug)]
pub(super) struct Structure {
    pub(super) name: String,
    pub(super) layout: StructureType,
    pub(super) fields: Vec<Field>,
}

/// One member.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) what: What,
    /// ValueRank (OPC 10000-3, 5.6.2): below 0 a scalar, 1 an array, above a matrix.
    pub(super) rank: i32,
    pub(super) optional: bool,
}

/// What a member is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Plain(VariantScalarTypeId),
    Structure(NodeId),
}

/// The members of one value by their names, like `motor.zones[1]`.
pub(super) type Members = HashMap<String, Variant>;

/// Reads `motor.zones[1]`: names, each with the index that may follow it.
pub(super) fn parse(text: &str) -> Option<Vec<(&str, Option<u32>)>> {
    text.split('.')
        .map(|part| match part.split_once('[') {
            None => (!part.is_empty() && !part.contains(']')).then_some((part, None)),
            Some((name, rest)) => {
                let index = rest.strip_suffix(']')?.parse().ok()?;
                (!name.is_empty()).then_some((name, Some(index)))
            }
        })
        .collect()
}

impl Types {
    /// Whether a variable has such a member that can be a point.
    ///
    /// # Errors
    /// In words, with what there is.
    pub(super) fn check(&self, variable: &NodeId, member: &str) -> Result<(), String> {
        let untold = || format!("the server does not tell what the structure of `{member}` is made of");
        let mut data_type = self.variables.get(variable).ok_or_else(untold)?;
        let mut steps = parse(member).unwrap_or_default().into_iter().peekable();
        while let Some((name, index)) = steps.next() {
            let structure = self.structures.get(data_type).ok_or_else(untold)?;
            let Some(field) = structure.fields.iter().find(|field| field.name == name) else {
                let known = structure.names();
                return Err(format!(
                    "the structure {} has no member `{name}`; it has {known}",
                    structure.name
                ));
            };
            match (field.rank > 0, index) {
                (true, None) => return Err(format!("`{name}` is an array; write `{name}[0]`")),
                (false, Some(_)) => return Err(format!("`{name}` is no array")),
                _ => {}
            }
            match (&field.what, steps.peek()) {
                (What::Structure(inner), Some(_)) => data_type = inner,
                (What::Structure(inner), None) => {
                    let known = self.structures.get(inner).map(Structure::names).unwrap_or_default();
                    return Err(format!("`{name}` is a structure itself; write one of its members: {known}"));
                }
                (What::Plain(_), Some((below, _))) => {
                    return Err(format!("`{name}` is no structure, so it has no `{below}`"));
                }
                (What::Plain(_), None) => {}
            }
        }
        Ok(())
    }

    /// All values inside a structure.
    ///
    /// # Errors
    /// The quality that says why not.
    pub(super) fn members(&self, value: Option<&Variant>) -> Result<Members, Status> {
        let Some(Variant::ExtensionObject(object)) = value else { return Err(Status::BAD_TYPE_MISMATCH) };
        let mut reading = Reading { types: self, found: Members::new(), left: MOST_VALUES };
        reading.object(object, String::new(), 0)?;
        Ok(reading.found)
    }
}

impl Structure {
    fn names(&self) -> String {
        let names: Vec<&str> = self.fields.iter().take(20).map(|field| field.name.as_str()).collect();
        names.join(", ")
    }
}

struct Reading<'a> {
    types: &'a Types,
    found: Members,
    /// Values that may still come.
    left: usize,
}

type Bytes = Cursor<Vec<u8>>;

impl Reading<'_> {
    fn object(&mut self, object: &ExtensionObject, path: String, depth: usize) -> Result<(), Status> {
        let Some(body) = &object.body else { return Err(Status::BAD_NO_DATA) };
        let (encoding, bytes) = match object.inner_as::<ByteStringBody>() {
            Some(raw) => (raw.encoding_id().clone(), raw.raw_body().as_ref().to_vec()),
            // The library knows the standard's own structures, and decoded them already.
            None => (object.binary_type_id().node_id, self.encoded(body.as_ref())?),
        };
        let data_type = self.types.encodings.get(&encoding).unwrap_or(&encoding);
        self.structure(data_type, &mut Cursor::new(bytes), &path, depth)
    }

    fn encoded(&self, body: &dyn DynEncodable) -> Result<Vec<u8>, Status> {
        let mut bytes: Vec<u8> = Vec::new();
        let context = self.types.context.context();
        body.encode_binary(&mut bytes, &context).map_err(|_| BAD_ENCODING_UNSUPPORTED)?;
        Ok(bytes)
    }

    fn structure(
        &mut self,
        data_type: &NodeId,
        bytes: &mut Bytes,
        path: &str,
        depth: usize,
    ) -> Result<(), Status> {
        let structure = self.types.structures.get(data_type).ok_or(BAD_ENCODING_UNSUPPORTED)?;
        if depth >= DEEPEST {
            return Err(BAD_DECODING);
        }
        match structure.layout {
            StructureType::Structure => {
                structure.fields.iter().try_for_each(|field| self.field(field, bytes, path, depth))
            }
            StructureType::StructureWithOptionalFields => {
                let mask: u32 = self.plain(bytes)?;
                let mut bit = 0;
                for field in &structure.fields {
                    let there = !field.optional || mask.checked_shr(bit).unwrap_or(0) & 1 == 1;
                    bit += u32::from(field.optional);
                    if there {
                        self.field(field, bytes, path, depth)?;
                    }
                }
                Ok(())
            }
            StructureType::Union => match self.plain::<u32>(bytes)? {
                0 => Ok(()),
                number => {
                    let field = structure.fields.get(number as usize - 1).ok_or(BAD_DECODING)?;
                    self.field(field, bytes, path, depth)
                }
            },
            _ => Err(BAD_ENCODING_UNSUPPORTED),
        }
    }

    fn field(&mut self, field: &Field, bytes: &mut Bytes, path: &str, depth: usize) -> Result<(), Status> {
        let mut name = String::with_capacity(path.len() + field.name.len() + 1);
        name.push_str(path);
        if !path.is_empty() {
            name.push('.');
        }
        name.push_str(&field.name);
        let count = match field.rank {
            1 => self.plain::<i32>(bytes)?.max(0).unsigned_abs() as usize,
            2.. => {
                let dimensions = self.plain::<i32>(bytes)?.clamp(0, field.rank);
                let mut count = 1usize;
                for _ in 0..dimensions {
                    let length = self.plain::<i32>(bytes)?.max(0).unsigned_abs() as usize;
                    count = count.saturating_mul(length);
                }
                count
            }
            _ => return self.value(&field.what, bytes, name, depth),
        };
        if count > self.left {
            return Err(BAD_DECODING);
        }
        for index in 0..count {
            let mut element = name.clone();
            let _ = write!(element, "[{index}]");
            self.value(&field.what, bytes, element, depth)?;
        }
        Ok(())
    }

    fn value(&mut self, what: &What, bytes: &mut Bytes, path: String, depth: usize) -> Result<(), Status> {
        self.left = self.left.checked_sub(1).ok_or(BAD_DECODING)?;
        match what {
            What::Structure(inner) => self.structure(inner, bytes, &path, depth + 1),
            What::Plain(kind) => match self.variant(*kind, bytes)? {
                Variant::ExtensionObject(object) => match self.object(&object, path, depth + 1) {
                    // Something inside that nobody can name: the other members are still sound.
                    Err(BAD_ENCODING_UNSUPPORTED | Status::BAD_NO_DATA) => Ok(()),
                    other => other,
                },
                variant => {
                    self.found.insert(path, variant);
                    Ok(())
                }
            },
        }
    }

    fn plain<T: BinaryDecodable>(&self, bytes: &mut Bytes) -> Result<T, Status> {
        let context: Context<'_> = self.types.context.context();
        T::decode(bytes, &context).map_err(|_| BAD_DECODING)
    }

    fn variant(&self, kind: VariantScalarTypeId, bytes: &mut Bytes) -> Result<Variant, Status> {
        use VariantScalarTypeId as T;
        Ok(match kind {
            T::Boolean => Variant::from(self.plain::<bool>(bytes)?),
            T::SByte => Variant::from(self.plain::<i8>(bytes)?),
            T::Byte => Variant::from(self.plain::<u8>(bytes)?),
            T::Int16 => Variant::from(self.plain::<i16>(bytes)?),
            T::UInt16 => Variant::from(self.plain::<u16>(bytes)?),
            T::Int32 => Variant::from(self.plain::<i32>(bytes)?),
            T::UInt32 => Variant::from(self.plain::<u32>(bytes)?),
            T::Int64 => Variant::from(self.plain::<i64>(bytes)?),
            T::UInt64 => Variant::from(self.plain::<u64>(bytes)?),
            T::Float => Variant::from(self.plain::<f32>(bytes)?),
            T::Double => Variant::from(self.plain::<f64>(bytes)?),
            T::String => Variant::from(self.plain::<UAString>(bytes)?),
            T::DateTime => Variant::from(self.plain::<DateTime>(bytes)?),
            T::Guid => Variant::from(self.plain::<Guid>(bytes)?),
            T::ByteString => Variant::from(self.plain::<ByteString>(bytes)?),
            T::XmlElement => Variant::from(self.plain::<XmlElement>(bytes)?),
            T::NodeId => Variant::from(self.plain::<NodeId>(bytes)?),
            T::ExpandedNodeId => Variant::from(self.plain::<ExpandedNodeId>(bytes)?),
            T::StatusCode => Variant::from(self.plain::<StatusCode>(bytes)?),
            T::QualifiedName => Variant::from(self.plain::<QualifiedName>(bytes)?),
            T::LocalizedText => Variant::from(self.plain::<LocalizedText>(bytes)?),
            T::ExtensionObject => Variant::from(self.plain::<ExtensionObject>(bytes)?),
            T::DataValue => Variant::from(self.plain::<DataValue>(bytes)?),
            T::Variant => self.plain::<Variant>(bytes)?,
            T::DiagnosticInfo => Variant::from(self.plain::<DiagnosticInfo>(bytes)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::testing::a_million;
    use proptest::prelude::*;

    fn node(number: u32) -> NodeId {
        NodeId::new(2, number)
    }

    fn field(name: &str, what: What, rank: i32, optional: bool) -> Field {
        Field { name: name.into(), what, rank, optional }
    }

    /// motor { speed, zones[], drive { current, kind? } }, and one that contains itself.
    fn types() -> Types {
        use VariantScalarTypeId as T;
        let mut types = Types::default();
        let mut add = |number: u32, name: &str, layout, fields| {
            types.structures.insert(node(number), Structure { name: name.into(), layout, fields });
            types.encodings.insert(node(number + 100), node(number));
        };
        add(
            1,
            "Motor",
            StructureType::Structure,
            vec![
                field("speed", What::Plain(T::Double), -1, false),
                field("zones", What::Plain(T::Int16), 1, false),
                field("drive", What::Structure(node(2)), -1, false),
                field("grid", What::Plain(T::Byte), 2, false),
            ],
        );
        add(
            2,
            "Drive",
            StructureType::StructureWithOptionalFields,
            vec![
                field("current", What::Plain(T::Float), -1, true),
                field("kind", What::Plain(T::String), -1, true),
                field("on", What::Plain(T::Boolean), -1, false),
            ],
        );
        add(
            3,
            "Endless",
            StructureType::Structure,
            vec![field("again", What::Structure(node(3)), -1, false)],
        );
        add(
            4,
            "Either",
            StructureType::Union,
            vec![field("a", What::Plain(T::Byte), -1, false), field("b", What::Plain(T::UInt16), -1, false)],
        );
        types.variables.insert(node(9), node(1));
        types
    }

    fn value(encoding: u32, bytes: &[u8]) -> Variant {
        let body = ByteStringBody::new(bytes.to_vec().into(), node(encoding));
        Variant::ExtensionObject(ExtensionObject::new(body))
    }

    fn motor() -> Vec<u8> {
        let mut bytes = 1480.5f64.to_le_bytes().to_vec();
        bytes.extend(2i32.to_le_bytes());
        bytes.extend(7i16.to_le_bytes());
        bytes.extend((-3i16).to_le_bytes());
        // Only `kind` of the two that may be left out.
        bytes.extend(2u32.to_le_bytes());
        bytes.extend(3i32.to_le_bytes());
        bytes.extend(b"VFD");
        bytes.push(1);
        bytes.extend(2i32.to_le_bytes());
        bytes.extend(1i32.to_le_bytes());
        bytes.extend(2i32.to_le_bytes());
        bytes.extend([5, 6]);
        bytes
    }

    #[test]
    fn members_by_their_names() {
        let types = types();
        let found = types.members(Some(&value(101, &motor()))).unwrap();
        for (name, expected) in [
            ("speed", Variant::Double(1480.5)),
            ("zones[1]", Variant::Int16(-3)),
            ("drive.kind", Variant::String("VFD".into())),
            ("drive.on", Variant::Boolean(true)),
            ("grid[1]", Variant::Byte(6)),
        ] {
            assert_eq!(found.get(name), Some(&expected), "{name}: {found:?}");
        }
        assert_eq!(found.len(), 7);
        assert!(!found.contains_key("drive.current"));
        let either = types.members(Some(&value(104, &[2, 0, 0, 0, 1, 1]))).unwrap();
        assert_eq!(either.get("b"), Some(&Variant::UInt16(257)));
        for (value, status) in [
            (value(101, &[0; 7]), BAD_DECODING),
            (value(103, &[]), BAD_DECODING),
            (value(105, &[0; 7]), BAD_ENCODING_UNSUPPORTED),
            (value(104, &[3, 0, 0, 0]), BAD_DECODING),
            (Variant::Double(1.0), Status::BAD_TYPE_MISMATCH),
        ] {
            assert_eq!(types.members(Some(&value)), Err(status), "{value:?}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let types = types();
        for good in ["speed", "zones[7]", "drive.kind", "grid[1]"] {
            assert_eq!(types.check(&node(9), good), Ok(()), "{good}");
        }
        for (member, part) in [
            ("sped", "it has speed, zones, drive, grid"),
            ("zones", "write `zones[0]`"),
            ("speed[1]", "no array"),
            ("drive", "current, kind, on"),
            ("speed.x", "no structure"),
            ("drive.x", "Drive has no member `x`"),
        ] {
            let why = types.check(&node(9), member).unwrap_err();
            assert!(why.contains(part), "{member}: {why}");
        }
        assert!(types.check(&node(8), "speed").unwrap_err().contains("does not tell"));
        assert_eq!(parse("a.b[2]"), Some(vec![("a", None), ("b", Some(2))]));
        for wrong in ["", "a.", "a[", "a[x]", "[1]", "a]"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    /// Members keep the types of their structure, and there are no others than those of it.
    #[test]
    fn a_million_hostile_structures() {
        let (types, motor) = (types(), motor());
        a_million(0x0BC_5EED, &[&motor, &[2, 0, 0, 0, 1, 1], &[1, 0, 0, 0, 9]], |bytes, choice| {
            let kind = 101 + (choice % 4) as u32;
            let Ok(members) = types.members(Some(&value(kind, bytes))) else { return false };
            for (name, value) in &members {
                let fits = match name.split(['.', '[']).next() {
                    Some("speed") => matches!(value, Variant::Double(_)),
                    Some("zones") => matches!(value, Variant::Int16(_)),
                    Some("grid" | "a") => matches!(value, Variant::Byte(_)),
                    Some("b") => matches!(value, Variant::UInt16(_)),
                    Some("drive" | "current" | "kind" | "on") => {
                        matches!(value, Variant::Float(_) | Variant::String(_) | Variant::Boolean(_))
                    }
                    _ => false,
                };
                assert!(fits, "{name}: {value:?} of {kind}");
            }
            !members.is_empty()
        });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 101u32..=104) {
            let _ = types().members(Some(&value(kind, &bytes)));
        }
    }
}
