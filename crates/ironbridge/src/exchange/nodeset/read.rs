//! A NodeSet2 as an outline of types and assets.
//!
//! ObjectTypes are types, their variables points, their objects of other types parts. Objects are assets, what hangs below
//! them in objects without a type of the file belongs to them. Nodes of namespace 0 are the standard's and say nothing of
//! a plant.

use super::graph::{Class, Graph, Node};
use super::{BASE_OBJECT_TYPE, FOLDER_TYPE, OPTIONAL, PROPERTY_TYPE};
use crate::exchange::import::{DEEPEST, Outline, Own, Sort, Thing, text as decoded};
use crate::plant::{PointKind, PointType, StateModel};
use connect::import::xml;
use roxmltree::Node as Xml;
use std::collections::BTreeMap;

/// An optional placeholder stands for any number of things.
const PLACEHOLDERS: [&str; 2] = ["i=11508", "i=11510"];

/// Reads a file.
pub(in crate::exchange) fn read(data: &[u8]) -> Result<Outline, String> {
    let text = decoded(data)?;
    let document = xml::parse(&text)?;
    let graph = Graph::read(&document)?;
    let spaces = document.descendants().filter(|node| node.tag_name().name() == "Uri");
    let own = spaces.filter_map(|uri| uri.text()).any(|uri| uri.starts_with("urn:ironbridge:"));
    let mut reading = Reading { graph: &graph, outline: Outline::default(), own };
    for node in graph.nodes.iter().filter(|node| is_of_plant(node)) {
        match node.class {
            Class::ObjectType => reading.sort(node),
            Class::Object if !node.has_parent => reading.thing(node, None, 0),
            _ => {}
        }
    }
    Ok(reading.outline)
}

/// Whether a node is none of the standard's own.
fn is_of_plant(node: &Node<'_>) -> bool {
    !node.id.starts_with("i=") && !node.id.starts_with("ns=0;")
}

struct Reading<'g, 'a> {
    graph: &'g Graph<'a>,
    outline: Outline,
    /// Ironbridge wrote it: assets are told from folders.
    own: bool,
}

type Points = Vec<(String, PointType, Option<String>)>;

impl<'g, 'a> Reading<'g, 'a> {
    fn sort(&mut self, node: &'g Node<'a>) {
        let (mut points, mut parts) = (Points::new(), Vec::new());
        self.members(
            node,
            "",
            &mut points,
            &mut |name, part| {
                let of = part.of.clone().unwrap_or_default();
                parts.push((name, of, part.rule.as_deref() != Some(OPTIONAL)));
            },
            0,
        );
        let above = node.above.as_ref().filter(|above| *above != BASE_OBJECT_TYPE);
        if let Some(above) = above.filter(|above| self.graph.find(above).is_none()) {
            self.outline.leave(&format!("it extends `{above}`, which the file does not have"), node.name);
        }
        self.outline.add_type(Sort {
            key: node.id.clone(),
            name: node.name.to_owned(),
            description: node.description.to_owned(),
            above: above.cloned(),
            points: points.into_iter().map(|(name, point, _)| (name, point)).collect(),
            parts,
        });
    }

    /// An object and everything below it.
    fn thing(&mut self, node: &'g Node<'a>, above: Option<&str>, depth: usize) {
        if depth > DEEPEST {
            return self.outline.leave("it lies too deep", node.name);
        }
        let own = self.facts(node);
        let of = node.of.clone().filter(|of| ![FOLDER_TYPE, BASE_OBJECT_TYPE].contains(&of.as_str()));
        let mut thing = Thing {
            key: node.id.clone(),
            name: node.name.to_owned(),
            display: node.display.to_owned(),
            above: above.map(str::to_owned),
            of,
            ..Thing::default()
        };
        let mut below = Vec::new();
        let folder = node.of.as_deref() == Some(FOLDER_TYPE) || (self.own && own.is_none());
        if folder {
            // What is in a folder stands for itself.
            below.extend(self.graph.children(node).filter(|child| child.class == Class::Object));
            let here = self.graph.children(node).filter(|child| child.class == Class::Variable);
            let here: Vec<_> = here.collect();
            if !self.own {
                here.into_iter().for_each(|variable| self.variable(variable, "", &mut thing.points));
            }
        } else {
            self.members(node, "", &mut thing.points, &mut |_, part| below.push(part), 0);
        }
        if !node.description.is_empty() {
            thing.remark("description", node.description);
        }
        for property in self.graph.properties(node).filter(|_| own.is_none()) {
            let value = property.xml.children().find(|child| child.tag_name().name() == "Value");
            let text = value.into_iter().flat_map(|value| value.descendants()).find_map(|node| node.text());
            thing.remark(property.name, text.unwrap_or_default());
        }
        thing.own = own;
        let typed = thing.of.as_ref().is_some_and(|of| self.graph.find(of).is_some());
        thing.folder = thing.own.is_none() && thing.points.is_empty() && !typed;
        self.outline.add_thing(thing);
        for child in below.into_iter().filter(|child| is_of_plant(child)) {
            self.thing(child, Some(&node.id), depth + 1);
        }
    }

    /// Variables of an object and of the objects below it that are nothing of their own; the others go to `part`.
    fn members(
        &mut self,
        of: &'g Node<'a>,
        above: &str,
        points: &mut Points,
        part: &mut impl FnMut(String, &'g Node<'a>),
        depth: usize,
    ) {
        let graph = self.graph;
        for child in graph.children(of) {
            let name =
                if above.is_empty() { child.name.to_owned() } else { format!("{above}_{}", child.name) };
            match child.class {
                _ if depth > DEEPEST => self.outline.leave("it lies too deep", &name),
                _ if child.rule.as_deref().is_some_and(|rule| PLACEHOLDERS.contains(&rule)) => {
                    self.outline.leave("it stands for any number of things", &name);
                }
                Class::Variable => self.variable(child, above, points),
                Class::Object if self.stands_alone(child) => part(name, child),
                Class::Object => self.members(child, &name, points, part, depth + 1),
                Class::Other => self.outline.leave("a method has no counterpart here", &name),
                Class::ObjectType | Class::DataType => {}
            }
        }
    }

    /// Whether an object is something of its own: of a type of the file, or said to be by Ironbridge.
    fn stands_alone(&self, node: &Node<'_>) -> bool {
        let typed = node.of.as_ref().and_then(|of| self.graph.find(of)).is_some_and(is_of_plant);
        typed || (self.own && node.rule.is_none())
    }

    fn facts(&self, node: &Node<'a>) -> Option<Own> {
        let mut own = Own::default();
        for property in self.graph.properties(node).filter(|_| self.own) {
            own.put(property.name, value(property));
        }
        Some(own).filter(|own| !own.path.is_empty())
    }

    fn variable(&mut self, node: &'g Node<'a>, above: &str, points: &mut Points) {
        let name = if above.is_empty() { node.name.to_owned() } else { format!("{above}_{}", node.name) };
        if node.of.as_deref() == Some(PROPERTY_TYPE) {
            return;
        }
        if !node.single {
            return self.outline.leave("it is a list of values, or may be one", &name);
        }
        let Some(kind) = self.kind(&node.data_type) else {
            let data_type = if node.data_type.is_empty() { "any data type" } else { node.data_type.as_str() };
            return self.outline.leave(&format!("there is no point for {data_type}"), &name);
        };
        let states = self.states(node);
        let state_model = StateModel::of(&states);
        let point = PointType {
            kind,
            unit: self.graph.property(node, "EngineeringUnits").map(unit).unwrap_or_default(),
            required: node.rule.as_deref() != Some(OPTIONAL),
            range: self.graph.property(node, "EURange").and_then(range),
            states: if state_model.is_some() { BTreeMap::new() } else { states },
            state_model,
            name: node.display.to_owned(),
            description: node.description.to_owned(),
        };
        let tag = self.graph.property(node, "Tag").filter(|_| self.own).map(|tag| value(tag).to_owned());
        points.push((name, point, tag));
    }

    /// What values of a data type are (OPC 10000-3, section 8; OPC 10000-6, annex A).
    fn kind(&self, data_type: &str) -> Option<PointKind> {
        let mut at = data_type;
        for _ in 0..DEEPEST {
            let known = match at.strip_prefix("i=").and_then(|number| number.parse().ok()) {
                Some(1) => Some(PointKind::Bool),
                // Bytes to 64 bits, Integer, UInteger, Enumeration.
                Some(2..=9 | 27 | 28 | 29) => Some(PointKind::Whole),
                // Float, Double, Number, Duration, Decimal.
                Some(10 | 11 | 26 | 290 | 50) => Some(PointKind::Number),
                // String, LocalizedText.
                Some(12 | 21) => Some(PointKind::Text),
                _ => None,
            };
            if known.is_some() {
                return known;
            }
            at = self.graph.find(at)?.above.as_deref()?;
        }
        None
    }

    /// Names of values: of the variable itself, or of its enumeration.
    fn states(&self, node: &Node<'a>) -> BTreeMap<String, String> {
        let mut states = BTreeMap::new();
        if let Some(values) = self.graph.property(node, "EnumValues") {
            for one in named(values.xml, "EnumValueType") {
                let name = named(one, "DisplayName").next().and_then(|name| find_text(name, "Text"));
                if let (Some(value), Some(name)) = (find_text(one, "Value"), name) {
                    states.insert(value.to_owned(), name.to_owned());
                }
            }
        }
        if let Some(names) = self.graph.property(node, "EnumStrings") {
            let texts =
                named(names.xml, "LocalizedText").map(|one| find_text(one, "Text").unwrap_or_default());
            states.extend(texts.enumerate().map(|(value, name)| (value.to_string(), name.to_owned())));
        }
        if let Some(definition) = self.graph.find(&node.data_type).map(|of| of.xml) {
            for field in named(definition, "Field") {
                if let (Some(value), Some(name)) = (field.attribute("Value"), field.attribute("Name")) {
                    states.insert(value.to_owned(), name.to_owned());
                }
            }
        }
        states.retain(|value, name| value.parse::<i64>().is_ok() && !name.is_empty());
        states
    }
}

/// Elements of that name below, whatever their namespace.
fn named<'a>(of: Xml<'a, 'a>, name: &'static str) -> impl Iterator<Item = Xml<'a, 'a>> {
    of.descendants().filter(move |node| node.tag_name().name() == name)
}

fn find_text<'a>(of: Xml<'a, 'a>, name: &'static str) -> Option<&'a str> {
    named(of, name).find_map(|node| node.text()).map(str::trim)
}

/// The text of a property's value.
fn value<'a>(property: &Node<'a>) -> &'a str {
    named(property.xml, "Value").find_map(|value| find_text(value, "String")).unwrap_or_default()
}

/// EUInformation (OPC 10000-8, section 5.6.4.3): its own word if that is a unit here, else what its code says.
fn unit(property: &Node<'_>) -> String {
    let Some(about) = named(property.xml, "EUInformation").next() else { return String::new() };
    let word =
        named(about, "DisplayName").next().and_then(|name| find_text(name, "Text")).unwrap_or_default();
    if model::unit::is_known(word) {
        return word.to_owned();
    }
    let id = find_text(about, "UnitId").and_then(|id| id.parse::<u32>().ok()).unwrap_or_default();
    let code: Vec<u8> = id.to_be_bytes().into_iter().filter(|byte| *byte != 0).collect();
    let code = String::from_utf8(code).unwrap_or_default();
    model::unit::of_cefact(&code).unwrap_or(word).to_owned()
}

fn range(property: &Node<'_>) -> Option<(f64, f64)> {
    let limit = |name| find_text(property.xml, name).and_then(|text| text.parse::<f64>().ok());
    limit("Low").zip(limit("High")).filter(|(low, high)| low.is_finite() && high.is_finite())
}
