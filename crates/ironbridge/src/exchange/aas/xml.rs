//! Shells in XML (IDTA 01001-3, "Mappings to XML") as the JSON that they are elsewhere: same names, same order.
//!
//! Rationale: one reader. XML differs in two things only: a list is an element with a child for each member, and the class
//! of a member is its element's name instead of `modelType`.

use crate::exchange::import::DEEPEST;
use connect::import::xml;
use roxmltree::Node;
use serde_json::{Map, Value as Json};

/// Elements that are lists wherever they stand.
const LISTS: [&str; 21] = [
    "annotations",
    "assetAdministrationShells",
    "conceptDescriptions",
    "definition",
    "description",
    "displayName",
    "embeddedDataSpecifications",
    "extensions",
    "isCaseOf",
    "keys",
    "preferredName",
    "qualifiers",
    "refersTo",
    "shortName",
    "specificAssetIds",
    "statements",
    "submodelElements",
    "submodels",
    "supplementalSemanticIds",
    "valueReferencePairs",
    "inputVariables",
];
/// Elements that hold one member whose class is the name of a child.
const CLASSES: [&str; 1] = ["dataSpecificationContent"];

/// The environment as JSON.
pub(super) fn to_json(text: &str) -> Result<Json, String> {
    let document = xml::parse(text)?;
    let root = document.root_element();
    let space = root.tag_name().namespace().unwrap_or_default();
    if root.tag_name().name() != "environment" {
        let old = if root.tag_name().name() == "aasenv" {
            " (of version 1 or 2: save it as version 3)"
        } else {
            ""
        };
        return Err(format!("its outermost element is `{}`, not `environment`{old}", root.tag_name().name()));
    }
    if !space.starts_with("https://admin-shell.io/aas/3/") {
        return Err(format!("it is of `{space}`: save it as version 3"));
    }
    object(root, 0)
}

fn elements<'a, 'd>(node: Node<'a, 'd>) -> impl Iterator<Item = Node<'a, 'd>> {
    node.children().filter(Node::is_element)
}

fn object(node: Node<'_, '_>, depth: usize) -> Result<Json, String> {
    // Elements of shells nest by lists in lists: two levels for each of theirs.
    if depth > 4 * DEEPEST {
        return Err(format!("it is nested deeper than {}", 4 * DEEPEST));
    }
    let mut members = Map::new();
    for child in elements(node) {
        let name = child.tag_name().name();
        let value =
            if LISTS.contains(&name) || (name == "value" && elements(child).next().is_some_and(is_element)) {
                let each = elements(child).map(|member| classed(member, depth + 1));
                Json::Array(each.collect::<Result<_, _>>()?)
            } else if CLASSES.contains(&name) {
                match elements(child).next() {
                    Some(one) => classed(one, depth + 1)?,
                    None => Json::Null,
                }
            } else if elements(child).next().is_some() {
                object(child, depth + 1)?
            } else {
                child.text().unwrap_or_default().trim().into()
            };
        members.insert(name.to_owned(), value);
    }
    Ok(Json::Object(members))
}

/// Whether it is an element of a submodel, and not a part of a reference.
fn is_element(node: Node<'_, '_>) -> bool {
    !matches!(node.tag_name().name(), "type" | "keys" | "referredSemanticId")
}

/// A member of a list with its class as `modelType`.
fn classed(node: Node<'_, '_>, depth: usize) -> Result<Json, String> {
    let mut value = object(node, depth)?;
    let name = node.tag_name().name();
    let (first, rest) = name.split_at_checked(1).unwrap_or_default();
    if let Json::Object(members) = &mut value {
        members.insert("modelType".into(), format!("{}{rest}", first.to_ascii_uppercase()).into());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_and_classes_become_json() {
        let text = "<environment xmlns=\"https://admin-shell.io/aas/3/0\"><submodels><submodel><id>a</id><submodelElements>\
            <submodelElementCollection><idShort>c</idShort><value><property><idShort>p</idShort><valueType>xs:int</valueType><value>3</value></property></value></submodelElementCollection>\
            <referenceElement><value><type>ModelReference</type><keys><key><value>x</value></key></keys></value></referenceElement>\
            </submodelElements></submodel></submodels></environment>";
        let found = to_json(text).unwrap();
        let collection = &found["submodels"][0]["submodelElements"][0];
        assert_eq!(collection["modelType"], "SubmodelElementCollection");
        assert_eq!(
            collection["value"],
            json!([{"idShort": "p", "valueType": "xs:int", "value": "3", "modelType": "Property"}])
        );
        assert_eq!(found["submodels"][0]["submodelElements"][1]["value"]["keys"][0]["value"], "x");
    }

    #[test]
    fn hostile_documents_are_refused() {
        let deep = format!(
            "<environment xmlns=\"https://admin-shell.io/aas/3/0\">{}{}</environment>",
            "<a>".repeat(90),
            "</a>".repeat(90)
        );
        assert!(to_json(&deep).unwrap_err().contains("nested deeper"));
        let entity = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><environment xmlns=\"https://admin-shell.io/aas/3/0\">&b;</environment>";
        assert!(to_json(entity).unwrap_err().contains("DTD"), "{:?}", to_json(entity));
        assert!(
            to_json("<aasenv xmlns=\"http://www.admin-shell.io/aas/2/0\"/>")
                .unwrap_err()
                .contains("save it as version 3")
        );
    }
}
