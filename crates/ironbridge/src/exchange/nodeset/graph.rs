//! The nodes of a NodeSet2 and what hangs below them (OPC 10000-6, annex F).

use super::{HAS_COMPONENT, HAS_ORDERED_COMPONENT, HAS_PROPERTY, HAS_RULE, HAS_SUBTYPE, HAS_TYPE, ORGANIZES};
use roxmltree::{Document, Node as Xml};
use std::collections::{HashMap, HashSet};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    ObjectType,
    Object,
    Variable,
    DataType,
    /// Methods, views, types of references and variables.
    Other,
}

/// One node of the file.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub id: String,
    pub class: Class,
    pub name: &'a str,
    pub display: &'a str,
    pub description: &'a str,
    pub data_type: String,
    /// Whether its value is one, and not a list.
    pub single: bool,
    /// Type definition, super type, modelling rule.
    pub of: Option<String>,
    pub above: Option<String>,
    pub rule: Option<String>,
    pub children: Vec<usize>,
    pub properties: Vec<usize>,
    pub has_parent: bool,
    pub xml: Xml<'a, 'a>,
}

/// All nodes of a file.
pub(super) struct Graph<'a> {
    pub nodes: Vec<Node<'a>>,
    by_id: HashMap<String, usize>,
}

fn text<'a>(of: Xml<'a, 'a>, name: &str) -> &'a str {
    let child = of.children().find(|child| child.tag_name().name() == name);
    child.and_then(|child| child.text()).map_or("", str::trim)
}

impl<'a> Graph<'a> {
    /// Reads all nodes and references.
    pub(super) fn read(document: &'a Document<'a>) -> Result<Self, String> {
        let root = document.root_element();
        if root.tag_name().name() != "UANodeSet" {
            return Err(format!("its outermost element is `{}`, not `UANodeSet`", root.tag_name().name()));
        }
        let aliases: HashMap<&str, &str> = root
            .descendants()
            .filter(|node| node.tag_name().name() == "Alias")
            .filter_map(|alias| Some((alias.attribute("Alias")?, alias.text()?.trim())))
            .collect();
        let full = |id: &str| aliases.get(id.trim()).copied().unwrap_or(id.trim()).to_owned();
        let mut graph = Self { nodes: Vec::new(), by_id: HashMap::new() };
        for xml in root.children().filter(Xml::is_element) {
            graph.node(xml, &full);
        }
        graph.connect(&full);
        Ok(graph)
    }

    pub(super) fn find(&self, id: &str) -> Option<&Node<'a>> {
        self.nodes.get(*self.by_id.get(id)?)
    }

    pub(super) fn children<'g>(&'g self, of: &'g Node<'a>) -> impl Iterator<Item = &'g Node<'a>> {
        of.children.iter().filter_map(|at| self.nodes.get(*at))
    }

    /// The property of that name.
    pub(super) fn property<'g>(&'g self, of: &'g Node<'a>, name: &str) -> Option<&'g Node<'a>> {
        self.properties(of).find(|property| property.name == name)
    }

    pub(super) fn properties<'g>(&'g self, of: &'g Node<'a>) -> impl Iterator<Item = &'g Node<'a>> {
        of.properties.iter().filter_map(|at| self.nodes.get(*at))
    }

    fn node(&mut self, xml: Xml<'a, 'a>, full: &impl Fn(&str) -> String) {
        let class = match xml.tag_name().name() {
            "UAObjectType" => Class::ObjectType,
            "UAObject" => Class::Object,
            "UAVariable" => Class::Variable,
            "UADataType" => Class::DataType,
            "UAMethod" => Class::Other,
            _ => return,
        };
        let Some(id) = xml.attribute("NodeId").map(full) else { return };
        let browse = xml.attribute("BrowseName").unwrap_or_default();
        // `2:Name`: the number is of the file's own list of namespaces.
        let name = match browse.split_once(':') {
            Some((space, name)) if space.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => browse,
        };
        let display = text(xml, "DisplayName");
        let description = text(xml, "Description");
        self.by_id.insert(id.clone(), self.nodes.len());
        self.nodes.push(Node {
            id,
            class,
            name,
            display: if display == name { "" } else { display },
            // Some programs repeat the name where nobody wrote anything.
            description: if description == name { "" } else { description },
            data_type: full(xml.attribute("DataType").unwrap_or_default()),
            single: xml.attribute("ValueRank").is_none_or(|rank| rank == "-1"),
            of: None,
            above: None,
            rule: None,
            children: Vec::new(),
            properties: Vec::new(),
            has_parent: false,
            xml,
        });
    }

    /// References stand at either end, or at both.
    fn connect(&mut self, full: &impl Fn(&str) -> String) {
        let mut links = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let list = node.xml.children().filter(|child| child.tag_name().name() == "References");
            for reference in list.flat_map(|list| list.children()).filter(Xml::is_element) {
                let kind = full(reference.attribute("ReferenceType").unwrap_or_default());
                let other = full(reference.text().unwrap_or_default());
                links.push((at, kind, reference.attribute("IsForward") != Some("false"), other));
            }
            if let Some(parent) = node.xml.attribute("ParentNodeId") {
                links.push((at, "parent".to_owned(), false, full(parent)));
            }
        }
        let mut seen = HashSet::new();
        for (at, kind, forward, other) in links {
            let there = self.by_id.get(&other).copied();
            match kind.as_str() {
                HAS_TYPE | HAS_RULE if forward => {
                    let Some(node) = self.nodes.get_mut(at) else { continue };
                    let place = if kind == HAS_TYPE { &mut node.of } else { &mut node.rule };
                    *place = Some(other);
                }
                HAS_SUBTYPE => {
                    let (below, above) = if forward {
                        (there, self.nodes.get(at).map(|node| node.id.clone()))
                    } else {
                        (Some(at), Some(other))
                    };
                    if let Some(node) = below.and_then(|below| self.nodes.get_mut(below)) {
                        node.above = above;
                    }
                }
                HAS_COMPONENT | HAS_ORDERED_COMPONENT | ORGANIZES | HAS_PROPERTY => {
                    let (above, below) = if forward { (Some(at), there) } else { (there, Some(at)) };
                    self.hang(above, below, kind == HAS_PROPERTY, &mut seen);
                }
                // Said again by a reference, or by one of a kind of its own.
                "parent" => self.hang(there, Some(at), false, &mut seen),
                _ => {}
            }
        }
    }

    fn hang(
        &mut self,
        above: Option<usize>,
        below: Option<usize>,
        property: bool,
        seen: &mut HashSet<(usize, usize)>,
    ) {
        let (Some(above), Some(below)) = (above, below) else { return };
        if above == below || !seen.insert((above, below)) {
            return;
        }
        if let Some(node) = self.nodes.get_mut(above) {
            if property { node.properties.push(below) } else { node.children.push(below) }
        }
        if let Some(node) = self.nodes.get_mut(below) {
            node.has_parent = true;
        }
    }
}
