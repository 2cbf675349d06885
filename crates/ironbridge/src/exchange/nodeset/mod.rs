//! OPC UA NodeSet2 (OPC 10000-6, annex F): types as ObjectTypes, assets as objects, points as variables.
//!
//! Node ids are `ns=1;s=PATH`, and `ns=1;s=type:NAME` for types: stable as long as paths are. What else the plant folder
//! says stands in properties, so that nothing is lost on the way back: of an asset `Path`, `Type`, `Level`, `OwnerOT`, ...,
//! of a point the tag that feeds it (`Tag`).

mod graph;
mod read;

pub(super) use read::read;

use super::import::Own;
use super::{points, tags, urn};
use crate::plant::{PartType, Plant, PointKind, PointType};
use model::{Access, Declaration, ValueType, unit};
use std::collections::BTreeSet;
use std::fmt::Write as _;

// Well-known nodes of namespace 0 (OPC 10000-6, annex A).
const ORGANIZES: &str = "i=35";
const HAS_TYPE: &str = "i=40";
const HAS_SUBTYPE: &str = "i=45";
const HAS_PROPERTY: &str = "i=46";
const HAS_COMPONENT: &str = "i=47";
const HAS_RULE: &str = "i=37";
const OBJECTS: &str = "i=85";
const BASE_OBJECT_TYPE: &str = "i=58";
const FOLDER_TYPE: &str = "i=61";
const BASE_DATA_VARIABLE: &str = "i=63";
const PROPERTY_TYPE: &str = "i=68";
const BASE_ANALOG: &str = "i=15318";
const HAS_ORDERED_COMPONENT: &str = "i=49";
const MANDATORY: &str = "i=78";
const OPTIONAL: &str = "i=80";
const RANGE: &str = "i=884";
const EU_INFORMATION: &str = "i=887";
const ENUM_VALUE: &str = "i=7594";
const STRING: &str = "i=12";

pub(super) fn export(plant: &Plant) -> String {
    let mut out = Xml::default();
    out.text.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<UANodeSet xmlns=\"http://opcfoundation.org/UA/2011/03/UANodeSet.xsd\">\n");
    let uri = escaped(urn(plant, "model").as_str());
    let _ = write!(out.text, "  <NamespaceUris>\n    <Uri>{uri}</Uri>\n  </NamespaceUris>\n");
    let required = "<RequiredModel ModelUri=\"http://opcfoundation.org/UA/\" Version=\"1.04.3\" PublicationDate=\"2019-09-09T00:00:00Z\"/>";
    let _ = write!(
        out.text,
        "  <Models>\n    <Model ModelUri=\"{uri}\" Version=\"1.0.0\">\n      {required}\n    </Model>\n  </Models>\n"
    );
    for (name, description, _) in plant.types.all() {
        object_type(plant, &mut out, name, description);
    }
    folders(plant, &mut out);
    let tags = tags(plant);
    for (path, point) in points(plant) {
        variable(&mut out, path.as_str(), point, tags.get(path).copied());
    }
    out.text.push_str("</UANodeSet>\n");
    out.text
}

#[derive(Default)]
struct Xml {
    text: String,
}

/// One node: its element, id, name, and references (type, forward, target).
struct Node<'a> {
    element: &'a str,
    id: &'a str,
    name: &'a str,
    display: &'a str,
    description: &'a str,
    attributes: String,
    references: &'a [(&'a str, bool, &'a str)],
    value: String,
}

impl Xml {
    fn node(&mut self, node: &Node<'_>) {
        let Node { element, id, name, attributes, .. } = node;
        let out = &mut self.text;
        let _ = writeln!(
            out,
            "  <{element} NodeId=\"{}\" BrowseName=\"1:{}\"{attributes}>",
            escaped(id),
            escaped(name)
        );
        let display = if node.display.is_empty() { name } else { node.display };
        let _ = writeln!(out, "    <DisplayName>{}</DisplayName>", escaped(display));
        if !node.description.is_empty() {
            let _ = writeln!(out, "    <Description>{}</Description>", escaped(node.description));
        }
        out.push_str("    <References>\n");
        for (kind, forward, target) in node.references {
            let direction = if *forward { "" } else { " IsForward=\"false\"" };
            let _ = writeln!(
                out,
                "      <Reference ReferenceType=\"{kind}\"{direction}>{}</Reference>",
                escaped(target)
            );
        }
        let _ = writeln!(out, "    </References>\n{}  </{element}>", node.value);
    }

    /// A text of our own about a node, below it.
    fn fact(&mut self, of: &str, name: &str, text: &str) {
        let value = format!(
            "      <String xmlns=\"http://opcfoundation.org/UA/2008/02/Types.xsd\">{}</String>\n",
            escaped(text)
        );
        self.property(of, &format!("1:{name}"), STRING, &value, None);
    }

    /// A property of a node, below it; `browse` is its name with its namespace, if that is not 0.
    fn property(&mut self, of: &str, browse: &str, data_type: &str, value: &str, rule: Option<&str>) {
        let name = browse.trim_start_matches("1:");
        let id = format!("{of}#{name}");
        // A list of values has one dimension (OPC 10000-3, section 5.6.2).
        let rank = if data_type == ENUM_VALUE { " ValueRank=\"1\"" } else { "" };
        let mut references = vec![(HAS_PROPERTY, false, of), (HAS_TYPE, true, PROPERTY_TYPE)];
        references.extend(rule.map(|rule| (HAS_RULE, true, rule)));
        let out = &mut self.text;
        let _ = writeln!(
            out,
            "  <UAVariable NodeId=\"{}\" BrowseName=\"{browse}\" DataType=\"{data_type}\"{rank}>",
            escaped(&id)
        );
        let _ = writeln!(out, "    <DisplayName>{name}</DisplayName>\n    <References>");
        for (kind, forward, target) in references {
            let direction = if forward { "" } else { " IsForward=\"false\"" };
            let _ = writeln!(
                out,
                "      <Reference ReferenceType=\"{kind}\"{direction}>{}</Reference>",
                escaped(target)
            );
        }
        let _ = writeln!(out, "    </References>\n    <Value>\n{value}    </Value>\n  </UAVariable>");
    }

    /// Unit and range (OPC 10000-8, section 5.6.3).
    fn analog(&mut self, of: &str, unit: &str, range: Option<(f64, f64)>, rule: Option<&str>) {
        if !unit.is_empty() {
            self.property(of, "EngineeringUnits", EU_INFORMATION, &engineering_unit(unit), rule);
        }
        if let Some((low, high)) = range {
            let body = format!("<Range><Low>{low}</Low><High>{high}</High></Range>");
            self.property(of, "EURange", RANGE, &extension("i=885", &body), rule);
        }
    }

    /// Names of values (OPC 10000-3, section 5.6.2; EnumValueType, 8.40).
    fn states<'s>(&mut self, of: &str, states: impl Iterator<Item = (String, &'s str)>, rule: Option<&str>) {
        let one = |(value, name): (String, &str)| {
            let body = format!(
                "<EnumValueType><Value>{value}</Value><DisplayName><Text>{}</Text></DisplayName></EnumValueType>",
                escaped(name)
            );
            extension("i=7616", &body)
        };
        let all: String = states.map(one).collect();
        if !all.is_empty() {
            let list = format!(
                "      <ListOfExtensionObject xmlns=\"http://opcfoundation.org/UA/2008/02/Types.xsd\">\n{all}      </ListOfExtensionObject>\n"
            );
            self.property(of, "EnumValues", ENUM_VALUE, &list, rule);
        }
    }
}

fn extension(kind: &str, body: &str) -> String {
    format!(
        "      <ExtensionObject xmlns=\"http://opcfoundation.org/UA/2008/02/Types.xsd\">\n        <TypeId><Identifier>{kind}</Identifier></TypeId>\n        <Body>{body}</Body>\n      </ExtensionObject>\n"
    )
}

/// EUInformation with the code of UNECE recommendation 20 where the unit has one, else -1 (OPC 10000-8, 5.6.4.3).
fn engineering_unit(name: &str) -> String {
    let id =
        unit::cefact(name).map_or(-1, |code| code.bytes().fold(0_i64, |id, byte| id << 8 | i64::from(byte)));
    let text = escaped(name);
    extension(
        "i=888",
        &format!(
            "<EUInformation><NamespaceUri>http://www.opcfoundation.org/UA/units/un/cefact</NamespaceUri><UnitId>{id}</UnitId><DisplayName><Text>{text}</Text></DisplayName><Description><Text>{text}</Text></Description></EUInformation>"
        ),
    )
}

fn object_type(plant: &Plant, out: &mut Xml, name: &str, description: &str) {
    let id = format!("ns=1;s=type:{name}");
    let above =
        plant.types.above(name).map_or(BASE_OBJECT_TYPE.to_owned(), |above| format!("ns=1;s=type:{above}"));
    out.node(&Node {
        element: "UAObjectType",
        id: &id,
        name,
        display: "",
        description,
        attributes: String::new(),
        references: &[(HAS_SUBTYPE, false, &above)],
        value: String::new(),
    });
    // What it inherits stands at the type above.
    for (point, of) in plant.types.own(name) {
        declared_point(out, &id, point, of);
    }
    for (part, of) in plant.types.own_parts(name) {
        declared_part(plant, out, &id, part, of);
    }
}

/// A part of a type: an object of its type, with its modelling rule.
fn declared_part(plant: &Plant, out: &mut Xml, above: &str, name: &str, part: &PartType) {
    let kind = format!("ns=1;s=type:{}", plant.types.name(&part.kind));
    out.node(&Node {
        element: "UAObject",
        id: &format!("{above}/{name}"),
        name,
        display: "",
        description: "",
        attributes: format!(" ParentNodeId=\"{}\"", escaped(above)),
        references: &[
            (HAS_COMPONENT, false, above),
            (HAS_TYPE, true, &kind),
            (HAS_RULE, true, if part.required { MANDATORY } else { OPTIONAL }),
        ],
        value: String::new(),
    });
}

/// A point of a type: an instance declaration with its modelling rule.
fn declared_point(out: &mut Xml, above: &str, name: &str, point: &PointType) {
    let id = format!("{above}/{name}");
    // Abstract types: an instance may be any of theirs.
    let data_type = match point.kind {
        PointKind::Bool => "i=1",
        PointKind::Whole => "i=27",
        PointKind::Number => "i=26",
        PointKind::Text => "i=12",
    };
    let analog = !point.unit.is_empty() || point.range.is_some();
    let rule = if point.required { MANDATORY } else { OPTIONAL };
    out.node(&Node {
        element: "UAVariable",
        id: &id,
        name,
        display: &point.name,
        description: &point.description,
        attributes: format!(" ParentNodeId=\"{}\" DataType=\"{data_type}\"", escaped(above)),
        references: &[
            (HAS_COMPONENT, false, above),
            (HAS_TYPE, true, if analog { BASE_ANALOG } else { BASE_DATA_VARIABLE }),
            (HAS_RULE, true, rule),
        ],
        value: String::new(),
    });
    out.analog(&id, &point.unit, point.range, Some(MANDATORY));
    let names = point.names();
    let states = names.iter().map(|(value, name)| (value.clone(), name.as_str()));
    out.states(&id, states, Some(MANDATORY));
}

/// Everything above the points: an object where an asset stands, else a folder.
fn folders(plant: &Plant, out: &mut Xml) {
    let mut all = BTreeSet::new();
    let assets = plant.assets.iter().map(|asset| asset.path.as_str());
    let above = points(plant)
        .into_keys()
        .filter_map(|path| Some(path.as_str().rsplit_once('/')?.0))
        .collect::<Vec<_>>();
    for path in assets.chain(above) {
        let mut end = path.len();
        while all.insert(&path[..end]) {
            match path[..end].rfind('/') {
                Some(at) => end = at,
                None => break,
            }
        }
    }
    for path in all {
        let asset = plant.assets.iter().find(|asset| asset.path.as_str() == path);
        let (above, name) = path
            .rsplit_once('/')
            .map_or((OBJECTS.to_owned(), path), |(above, name)| (format!("ns=1;s={above}"), name));
        let kind = match asset {
            Some(asset) if plant.types.has(&asset.asset.kind) => {
                format!("ns=1;s=type:{}", plant.types.name(&asset.asset.kind))
            }
            Some(_) => BASE_OBJECT_TYPE.to_owned(),
            None => FOLDER_TYPE.to_owned(),
        };
        let hangs = if asset.is_some() && above != OBJECTS { HAS_COMPONENT } else { ORGANIZES };
        out.node(&Node {
            element: "UAObject",
            id: &format!("ns=1;s={path}"),
            name,
            display: asset.map_or("", |asset| asset.asset.name.as_str()),
            description: "",
            attributes: String::new(),
            references: &[(hangs, false, &above), (HAS_TYPE, true, &kind)],
            value: String::new(),
        });
        for (name, text) in asset.into_iter().flat_map(Own::of) {
            out.fact(&format!("ns=1;s={path}"), name, &text);
        }
    }
}

fn variable(out: &mut Xml, path: &str, point: &Declaration, tag: Option<&str>) {
    let id = format!("ns=1;s={path}");
    let above = path.rsplit_once('/').map_or(OBJECTS.to_owned(), |(above, _)| format!("ns=1;s={above}"));
    let data_type = match point.value_type {
        ValueType::Bool => "i=1",
        ValueType::I64 => "i=8",
        ValueType::U64 => "i=9",
        ValueType::F64 => "i=11",
        ValueType::Text => "i=12",
        ValueType::Bytes => "i=15",
    };
    let analog = !point.unit.is_empty() || point.range.is_some();
    // CurrentRead, and CurrentWrite where the point may be written (OPC 10000-3, section 8.57).
    let access = if point.access == Access::Read { 1 } else { 3 };
    out.node(&Node {
        element: "UAVariable",
        id: &id,
        name: point.path.last(),
        display: &point.name,
        description: &point.description,
        attributes: format!(" ParentNodeId=\"{}\" DataType=\"{data_type}\" AccessLevel=\"{access}\" UserAccessLevel=\"{access}\"", escaped(&above)),
        references: &[(HAS_COMPONENT, false, &above), (HAS_TYPE, true, if analog { BASE_ANALOG } else { BASE_DATA_VARIABLE })],
        value: String::new(),
    });
    out.analog(&id, &point.unit, point.range, None);
    out.states(&id, point.states.iter().map(|(value, name)| (value.to_string(), name.as_str())), None);
    tag.into_iter().for_each(|tag| out.fact(&id, "Tag", tag));
}

/// Fit for XML text and attributes; control characters, which XML 1.0 cannot hold, become spaces.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out() {
        assert_eq!(escaped("a<b>&\"c\"\u{1}d"), "a&lt;b&gt;&amp;&quot;c&quot; d");
    }

    #[test]
    fn unit_codes_are_those_of_part_8() {
        // The example of OPC 10000-8: "MMT" is 5066068.
        assert!(engineering_unit("mm").contains("<UnitId>5066068</UnitId>"));
        assert!(engineering_unit("furlong").contains("<UnitId>-1</UnitId>"));
    }
}
