//! What structures are made of, as servers before OPC UA 1.04 tell it: a type dictionary in XML (OPC 10000-5, annex D.5;
//! OPC Binary schema, OPC 10000-3, annex C).
//!
//! ```text
//!  data type ─HasEncoding─▶ Default Binary ─HasDescription─▶ name in the dictionary ◀─HasComponent─ dictionary (XML)
//! ```

use super::structure::{Field, Structure, Types, What};
use super::types::Asking;
use crate::import::xml;
use model::Fault;
use opcua::types::{BrowseDirection, NodeId, ReferenceTypeId, StructureType, Variant, VariantScalarTypeId};
use roxmltree::Node;
use std::collections::{HashMap, HashSet};

/// Longest dictionary in bytes, and most types and members of one.
const LONGEST: usize = 1 << 20;
const MOST_TYPES: usize = 5_000;
const MOST_FIELDS: usize = 1_000;
/// The namespace of the standard's own types, and of the schema itself.
const STANDARD: &str = "http://opcfoundation.org/UA/";
const SCHEMA: &str = "http://opcfoundation.org/BinarySchema/";

/// Learns the data types that have no definition of their own from the dictionaries of the server.
///
/// # Errors
/// What ends the session; what the server does not tell is left out.
pub(super) async fn learn(asking: Asking<'_>, asked: Vec<NodeId>, types: &mut Types) -> Result<(), Fault> {
    let (forward, inverse) = (BrowseDirection::Forward, BrowseDirection::Inverse);
    let encodings =
        asking.named(asked, forward, ReferenceTypeId::HasEncoding, Some("Default Binary")).await?;
    let (data_types, encodings): (Vec<NodeId>, Vec<NodeId>) = encodings.into_iter().unzip();
    let described = asking.named(encodings.clone(), forward, ReferenceTypeId::HasDescription, None).await?;
    let (described_by, descriptions): (Vec<NodeId>, Vec<NodeId>) = described.into_iter().unzip();
    let names = asking.values(&descriptions).await?;
    let owners = asking.named(descriptions.clone(), inverse, ReferenceTypeId::HasComponent, None).await?;
    let owners: HashMap<NodeId, NodeId> = owners.into_iter().collect();
    let mut read: HashSet<NodeId> = HashSet::new();
    for ((encoding, description), name) in described_by.into_iter().zip(descriptions).zip(names) {
        let (Some(Variant::String(name)), Some(dictionary)) = (name, owners.get(&description)) else {
            continue;
        };
        if read.insert(dictionary.clone())
            && let Some(Variant::ByteString(xml)) =
                asking.values(std::slice::from_ref(dictionary)).await?.into_iter().next().flatten()
        {
            let text = String::from_utf8_lossy(xml.as_ref());
            types.structures.extend(parse(&text, dictionary).unwrap_or_default());
        }
        let data_type = data_types.iter().zip(&encodings).find(|(_, known)| **known == encoding);
        if let Some((data_type, _)) = data_type
            && let Some(structure) = types.structures.remove(&inside(dictionary, name.as_ref()))
        {
            // Others in the dictionary may be made of it, by its name there.
            types.structures.insert(inside(dictionary, name.as_ref()), structure.clone());
            types.structures.insert(data_type.clone(), structure);
            types.encodings.insert(encoding, data_type.clone());
        }
    }
    Ok(())
}

/// A type of a dictionary has no node of its own: it gets one that no server has.
fn inside(dictionary: &NodeId, name: &str) -> NodeId {
    NodeId::new(dictionary.namespace, format!("type {name} of {dictionary}"))
}

/// The structures of a dictionary; nothing if it is no dictionary. What cannot be understood is left out.
fn parse(text: &str, dictionary: &NodeId) -> Option<Vec<(NodeId, Structure)>> {
    if text.len() > LONGEST {
        return None;
    }
    let document = xml::parse(text).ok()?;
    let root = document.root_element();
    let own = root.attribute("TargetNamespace").unwrap_or_default();
    let mut enumerations: HashMap<&str, VariantScalarTypeId> = HashMap::new();
    for one in root.children().filter(|one| one.has_tag_name((SCHEMA, "EnumeratedType"))).take(MOST_TYPES) {
        let kind = match one.attribute("LengthInBits") {
            Some("8") => VariantScalarTypeId::Byte,
            Some("16") => VariantScalarTypeId::UInt16,
            _ => VariantScalarTypeId::Int32,
        };
        enumerations.extend(one.attribute("Name").map(|name| (name, kind)));
    }
    let reading = Reading { own, dictionary, enumerations };
    let structures = root.children().filter(|one| one.has_tag_name((SCHEMA, "StructuredType")));
    let named = structures.take(MOST_TYPES).filter_map(|one| {
        let name = one.attribute("Name")?;
        Some((inside(dictionary, name), reading.structure(name, one)?))
    });
    Some(named.collect())
}

struct Reading<'a> {
    own: &'a str,
    dictionary: &'a NodeId,
    enumerations: HashMap<&'a str, VariantScalarTypeId>,
}

impl Reading<'_> {
    fn structure(&self, name: &str, node: Node<'_, '_>) -> Option<Structure> {
        let fields: Vec<Node<'_, '_>> =
            node.children().filter(|one| one.has_tag_name((SCHEMA, "Field"))).collect();
        if fields.len() > MOST_FIELDS {
            return None;
        }
        let said = |what: &'static str| fields.iter().filter_map(move |field| field.attribute(what));
        let union = said("SwitchValue").next().is_some();
        // Bits that say which members are there stand first, 32 of them (OPC 10000-6, 5.2.7).
        let bits: Vec<&str> = fields
            .iter()
            .filter(|field| self.is(field, "Bit"))
            .filter_map(|field| field.attribute("Name"))
            .collect();
        let switches: Vec<&str> = said("SwitchField").collect();
        if !union && switches.iter().ne(bits.iter().take(switches.len())) {
            return None;
        }
        let lengths: Vec<&str> = said("LengthField").collect();
        let beside = |field: &Node<'_, '_>| {
            let name = field.attribute("Name").unwrap_or_default();
            let switch = union && field.attribute("SwitchValue").is_none();
            switch || lengths.contains(&name) || self.is(field, "Bit")
        };
        let layout = match (union, bits.is_empty()) {
            (true, _) => StructureType::Union,
            (false, false) => StructureType::StructureWithOptionalFields,
            (false, true) => StructureType::Structure,
        };
        let own = fields.iter().filter(|field| !beside(field));
        let fields = own.map(|field| self.field(field)).collect::<Option<Vec<Field>>>()?;
        Some(Structure { name: name.to_owned(), layout, fields })
    }

    fn field(&self, field: &Node<'_, '_>) -> Option<Field> {
        Some(Field {
            name: field.attribute("Name")?.to_owned(),
            what: self.what(field),
            rank: if field.attribute("LengthField").is_some() { 1 } else { -1 },
            optional: field.attribute("SwitchField").is_some() && field.attribute("SwitchValue").is_none(),
        })
    }

    /// Namespace and name of a member's type.
    fn type_of<'b>(&self, field: &Node<'b, '_>) -> Option<(&'b str, &'b str)> {
        let (prefix, name) = field.attribute("TypeName")?.split_once(':')?;
        Some((field.lookup_namespace_uri(Some(prefix))?, name))
    }

    fn is(&self, field: &Node<'_, '_>, name: &str) -> bool {
        self.type_of(field) == Some((SCHEMA, name))
    }

    fn what(&self, field: &Node<'_, '_>) -> What {
        match self.type_of(field) {
            Some((SCHEMA | STANDARD, name)) if built_in(name).is_some() => {
                What::Plain(built_in(name).unwrap_or(VariantScalarTypeId::Variant))
            }
            Some((namespace, name)) if namespace == self.own => match self.enumerations.get(name) {
                Some(kind) => What::Plain(*kind),
                None => What::Structure(inside(self.dictionary, name)),
            },
            // Of another dictionary: it cannot be read, nor what comes after it.
            _ => What::Structure(NodeId::null()),
        }
    }
}

fn built_in(name: &str) -> Option<VariantScalarTypeId> {
    use VariantScalarTypeId as T;
    Some(match name {
        "Boolean" => T::Boolean,
        "SByte" => T::SByte,
        "Byte" | "Char" => T::Byte,
        "Int16" => T::Int16,
        "UInt16" => T::UInt16,
        "Int32" => T::Int32,
        "UInt32" => T::UInt32,
        "Int64" => T::Int64,
        "UInt64" => T::UInt64,
        "Float" => T::Float,
        "Double" => T::Double,
        "String" | "CharArray" => T::String,
        "DateTime" => T::DateTime,
        "Guid" => T::Guid,
        "ByteString" => T::ByteString,
        "XmlElement" => T::XmlElement,
        "NodeId" => T::NodeId,
        "ExpandedNodeId" => T::ExpandedNodeId,
        "StatusCode" => T::StatusCode,
        "QualifiedName" => T::QualifiedName,
        "LocalizedText" => T::LocalizedText,
        "ExtensionObject" => T::ExtensionObject,
        "DataValue" => T::DataValue,
        "Variant" => T::Variant,
        "DiagnosticInfo" => T::DiagnosticInfo,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::testing::a_million;

    const TEXT: &str = r#"<?xml version="1.0"?>
<opc:TypeDictionary xmlns:opc="http://opcfoundation.org/BinarySchema/" xmlns:tns="urn:plc" xmlns:ua="http://opcfoundation.org/UA/"
  TargetNamespace="urn:plc" DefaultByteOrder="LittleEndian">
 <opc:EnumeratedType Name="Mode" LengthInBits="32"><opc:EnumeratedValue Name="Off" Value="0"/></opc:EnumeratedType>
 <opc:StructuredType Name="Drive" BaseType="ua:ExtensionObject">
  <opc:Field Name="currentSpecified" TypeName="opc:Bit"/><opc:Field Name="kindSpecified" TypeName="opc:Bit"/>
  <opc:Field Name="Reserved1" TypeName="opc:Bit" Length="30"/>
  <opc:Field Name="current" TypeName="opc:Float" SwitchField="currentSpecified"/>
  <opc:Field Name="kind" TypeName="opc:CharArray" SwitchField="kindSpecified"/><opc:Field Name="mode" TypeName="tns:Mode"/>
 </opc:StructuredType>
 <opc:StructuredType Name="Motor">
  <opc:Field Name="speed" TypeName="opc:Double"/><opc:Field Name="NoOfZones" TypeName="opc:Int32"/>
  <opc:Field Name="zones" TypeName="opc:Int16" LengthField="NoOfZones"/><opc:Field Name="drive" TypeName="tns:Drive"/>
  <opc:Field Name="label" TypeName="ua:LocalizedText"/><opc:Field Name="range" TypeName="ua:Range"/>
 </opc:StructuredType>
 <opc:StructuredType Name="Either">
  <opc:Field Name="SwitchField" TypeName="opc:UInt32"/>
  <opc:Field Name="a" TypeName="opc:Byte" SwitchField="SwitchField" SwitchValue="1"/>
  <opc:Field Name="b" TypeName="opc:UInt16" SwitchField="SwitchField" SwitchValue="2"/>
 </opc:StructuredType>
 <opc:StructuredType Name="Flags">
  <opc:Field Name="one" TypeName="opc:Bit"/><opc:Field Name="two" TypeName="opc:Bit"/>
  <opc:Field Name="late" TypeName="opc:Byte" SwitchField="two"/>
 </opc:StructuredType>
</opc:TypeDictionary>"#;

    #[test]
    fn a_dictionary_tells_members() {
        use VariantScalarTypeId as T;
        let dictionary = NodeId::new(2, 77u32);
        let found: HashMap<NodeId, Structure> = parse(TEXT, &dictionary).unwrap().into_iter().collect();
        let told = |name: &str| {
            let structure = &found[&inside(&dictionary, name)];
            let field = |f: &Field| (f.name.clone(), f.what.clone(), f.rank, f.optional);
            (structure.layout, structure.fields.iter().map(field).collect::<Vec<_>>())
        };
        let plain = |name: &str, kind, rank, optional| (name.to_owned(), What::Plain(kind), rank, optional);
        let (layout, fields) = told("Drive");
        assert_eq!(layout, StructureType::StructureWithOptionalFields);
        let expected = [
            plain("current", T::Float, -1, true),
            plain("kind", T::String, -1, true),
            plain("mode", T::Int32, -1, false),
        ];
        assert_eq!(fields, expected);
        let (layout, fields) = told("Motor");
        assert_eq!(layout, StructureType::Structure);
        assert_eq!(fields[1], plain("zones", T::Int16, 1, false));
        assert_eq!(fields[2].1, What::Structure(inside(&dictionary, "Drive")));
        assert_eq!(fields[3].1, What::Plain(T::LocalizedText));
        assert_eq!(fields[4].1, What::Structure(NodeId::null()), "of another dictionary");
        let (layout, fields) = told("Either");
        assert_eq!(layout, StructureType::Union);
        assert_eq!(fields, [plain("a", T::Byte, -1, false), plain("b", T::UInt16, -1, false)]);
        assert!(!found.contains_key(&inside(&dictionary, "Flags")), "bits in another order than the members");
    }

    #[test]
    fn a_million_hostile_dictionaries() {
        // Short ones: each is parsed as a whole.
        let sound = concat!(
            r#"<T xmlns="http://opcfoundation.org/BinarySchema/" xmlns:o="http://opcfoundation.org/BinarySchema/" TargetNamespace="u">"#,
            r#"<StructuredType Name="D"><Field Name="n" TypeName="o:Int32"/><Field Name="v" TypeName="o:Byte" LengthField="n"/>"#,
            r#"</StructuredType></T>"#
        );
        let dictionary = NodeId::new(2, 77u32);
        a_million(0xD1C7, &[sound.as_bytes()], |bytes, _| {
            let found = parse(&String::from_utf8_lossy(bytes), &dictionary).unwrap_or_default();
            assert!(found.iter().all(|(_, structure)| structure.fields.len() <= 2), "{found:?}");
            found.iter().any(|(_, structure)| structure.fields.len() == 1)
        });
    }

    #[test]
    fn what_is_no_dictionary_is_none() {
        let dictionary = NodeId::new(2, 77u32);
        for text in ["", "<a", "<a xmlns:x='urn:x'/>", &"x".repeat(LONGEST + 1)] {
            assert!(parse(text, &dictionary).unwrap_or_default().is_empty(), "{}", text.len());
        }
        let deep = format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000));
        assert!(parse(&deep, &dictionary).unwrap_or_default().is_empty());
    }
}
