//! XML documents as JSON, so that the same pointers reach into both. Pure.
//!
//! ```text
//!  <JobOrder id="7"><ID>A-17</ID><Lot>1</Lot><Lot>2</Lot></JobOrder>   {"JobOrder":{"@id":"7","ID":"A-17","Lot":["1","2"]}}
//! ```
//! Namespaces are left out: the local name is what people read. Entities of a document's own are refused by the parser.

use roxmltree::{Document, Node};
use serde_json::{Map, Value as Json};

/// Elements within elements.
const DEEPEST: usize = 64;

/// The document; `None` if it is none.
pub fn document(bytes: &[u8]) -> Option<Json> {
    let text = std::str::from_utf8(bytes).ok()?;
    let document = Document::parse(text.trim_start_matches('\u{FEFF}')).ok()?;
    let root = document.root_element();
    let mut whole = Map::new();
    whole.insert(root.tag_name().name().to_owned(), element(root, DEEPEST)?);
    Some(Json::Object(whole))
}

fn element(node: Node<'_, '_>, deepest: usize) -> Option<Json> {
    let left = deepest.checked_sub(1)?;
    let mut members = Map::new();
    for attribute in node.attributes() {
        members.insert(format!("@{}", attribute.name()), attribute.value().into());
    }
    for child in node.children().filter(Node::is_element) {
        let value = element(child, left)?;
        match members.get_mut(child.tag_name().name()) {
            None => _ = members.insert(child.tag_name().name().to_owned(), value),
            Some(Json::Array(all)) => all.push(value),
            Some(first) => *first = Json::Array(vec![first.take(), value]),
        }
    }
    let text = node.text().unwrap_or_default().trim();
    if members.is_empty() {
        return Some(text.into());
    }
    if !text.is_empty() {
        members.insert("_value".into(), text.into());
    }
    Some(Json::Object(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_order_of_b2mml_is_reached_by_pointers() {
        let text = r#"<?xml version="1.0"?>
            <b:JobList xmlns:b="http://www.mesa.org/xml/B2MML"><b:JobOrder><b:ID>JO-17</b:ID>
              <b:MaterialRequirement><b:MaterialDefinitionID>COLA-050</b:MaterialDefinitionID>
                <b:Quantity><b:QuantityString>600</b:QuantityString><b:UnitOfMeasure>bottle</b:UnitOfMeasure></b:Quantity>
              </b:MaterialRequirement>
              <b:Parameter id="speed">250</b:Parameter><b:Parameter id="recipe">3</b:Parameter>
            </b:JobOrder></b:JobList>"#;
        let whole = document(text.as_bytes()).unwrap();
        for (pointer, expected) in [
            ("/JobList/JobOrder/ID", "JO-17"),
            ("/JobList/JobOrder/MaterialRequirement/Quantity/QuantityString", "600"),
            ("/JobList/JobOrder/Parameter/1/_value", "3"),
            ("/JobList/JobOrder/Parameter/0/@id", "speed"),
        ] {
            assert_eq!(whole.pointer(pointer).and_then(Json::as_str), Some(expected), "{pointer}");
        }
    }

    #[test]
    fn what_is_no_document_is_none() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        let bomb = "<!DOCTYPE a [<!ENTITY b \"x\">]><a>&b;</a>";
        for bad in ["", "{}", "<a>", "<a></b>", &deep, bomb, "\u{0}"] {
            assert_eq!(document(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(document(&[0xFF, 0xFE]), None);
    }
}
