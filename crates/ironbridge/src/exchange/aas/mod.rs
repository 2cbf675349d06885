//! Asset Administration Shells (IDTA 01001-3-0): a shell for each asset and for each type, their points as properties.
//!
//! Identifiers of AAS 3.0 take letters, digits and `_` only; the path as it is stands in the qualifier `Path`, another name
//! in `Name`. What else the plant folder says stands in qualifiers, too, so that nothing is lost on the way back: of an
//! asset at its submodel (`Type`, `Level`, `OwnerOT`, ...), of a point the tag that feeds it (`Tag`).

mod environment;
mod package;
mod xml;

pub(super) use environment::read;
pub(super) use package::{export as export_package, read as read_package};

use super::import::Own;
use super::{points, tags, urn};
use crate::plant::{PartType, Placed, Plant, PointKind, PointType};
use model::{Declaration, ValueType};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Before the number of a state, in the reference of its name.
const STATE: &str = "urn:ironbridge:state:";
const IEC_61360: &str = "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3/0";

pub(super) fn export(plant: &Plant) -> String {
    let (mut shells, mut submodels) = (Vec::new(), Vec::new());
    for (name, description, points) in plant.types.all() {
        let id = urn(plant, &format!("type:{name}"));
        let points = points.iter().map(|(name, point)| template(name, point));
        let parts = plant.types.parts(name).map(|(name, part)| part_of(plant, name, part));
        let of = plant.types.above(name).map(|above| urn(plant, &format!("type:{above}")));
        shells.push(shell(&id, name, "Type", "", description, of.as_deref()));
        submodels.push(submodel(&id, "Template", named(name), points.chain(parts).collect()));
    }
    let tags = tags(plant);
    let mut of_asset: BTreeMap<&str, Vec<Json>> =
        plant.assets.iter().map(|asset| (asset.path.as_str(), Vec::new())).collect();
    let mut nowhere = Vec::new();
    for (path, point) in points(plant) {
        match nearest(&mut of_asset, path.as_str()) {
            Some((above, elements)) => elements.push(property(point, above, tags.get(path).copied())),
            None => nowhere.push(property(point, plant.site.as_str(), None)),
        }
    }
    for asset in &plant.assets {
        if let Some((_, elements)) = nearest(&mut of_asset, asset.path.as_str()) {
            elements.push(entity(plant, asset));
        }
    }
    for asset in &plant.assets {
        let elements = of_asset.remove(asset.path.as_str()).unwrap_or_default();
        let id = urn(plant, asset.path.as_str());
        let of = plant
            .types
            .has(&asset.asset.kind)
            .then(|| urn(plant, &format!("type:{}", plant.types.name(&asset.asset.kind))));
        shells.push(shell(
            &id,
            asset.path.last(),
            "Instance",
            &asset.asset.name,
            &asset.asset.kind,
            of.as_deref(),
        ));
        let facts = Own::of(asset).iter().map(|(name, text)| qualifier(name, text)).collect();
        submodels.push(submodel(&id, "Instance", facts, elements));
    }
    if !nowhere.is_empty() {
        let id = urn(plant, "site");
        shells.push(shell(&id, plant.site.last(), "Instance", &plant.settings.site, "Site", None));
        submodels.push(submodel(&id, "Instance", Vec::new(), nowhere));
    }
    let environment = json!({ "assetAdministrationShells": shells, "submodels": submodels });
    format!("{environment:#}\n")
}

/// The nearest asset above a path, and what it has so far.
fn nearest<'a, 'm>(
    of_asset: &'m mut BTreeMap<&'a str, Vec<Json>>,
    mut path: &str,
) -> Option<(&'a str, &'m mut Vec<Json>)> {
    loop {
        path = path.rsplit_once('/')?.0;
        if let Some((above, _)) = of_asset.get_key_value(path) {
            let above = *above;
            return of_asset.get_mut(above).map(|elements| (above, elements));
        }
    }
}

fn shell(id: &str, name: &str, kind: &str, display: &str, description: &str, of: Option<&str>) -> Json {
    let mut shell = json!({
        "modelType": "AssetAdministrationShell",
        "id": id,
        "idShort": id_short(name),
        "assetInformation": { "assetKind": kind, "globalAssetId": format!("{id}:asset") },
        "submodels": [reference("Submodel", &format!("{id}:points"))],
    });
    texts(&mut shell, display, description);
    if let Some(of) = of {
        shell["derivedFrom"] = reference("AssetAdministrationShell", of);
    }
    shell
}

fn qualifier(name: &str, text: &str) -> Json {
    json!({ "type": name, "valueType": "xs:string", "value": text })
}

/// The name as it is, where the identifier cannot be.
fn named(name: &str) -> Vec<Json> {
    if id_short(name) == name { Vec::new() } else { vec![qualifier("Name", name)] }
}

/// Adds qualifiers to what may have some already.
fn qualify(element: &mut Json, more: Vec<Json>) {
    if more.is_empty() {
        return;
    }
    match element.get_mut("qualifiers").and_then(Json::as_array_mut) {
        Some(all) => all.extend(more),
        None => element["qualifiers"] = more.into(),
    }
}

fn submodel(id: &str, kind: &str, facts: Vec<Json>, elements: Vec<Json>) -> Json {
    let mut submodel =
        json!({ "modelType": "Submodel", "id": format!("{id}:points"), "idShort": "Points", "kind": kind });
    qualify(&mut submodel, facts);
    if !elements.is_empty() {
        // An empty list is not allowed; a submodel without any element is.
        submodel["submodelElements"] = unique(elements).into();
    }
    submodel
}

fn reference(kind: &str, id: &str) -> Json {
    json!({ "type": "ModelReference", "keys": [{ "type": kind, "value": id }] })
}

fn texts(element: &mut Json, display: &str, description: &str) {
    // Display names have at most 128 characters, descriptions 1,023.
    for (key, text, most) in [("displayName", display, 128), ("description", description, 1_023)] {
        if !text.is_empty() {
            let text: String = text.chars().take(most).collect();
            element[key] = json!([{ "language": "en", "text": text }]);
        }
    }
}

/// A point of an asset; named by what follows the asset's path.
fn property(point: &Declaration, above: &str, tag: Option<&str>) -> Json {
    let below = point.path.as_str().strip_prefix(above).unwrap_or_default().trim_start_matches('/');
    let (value_type, data_type) = match point.value_type {
        ValueType::Bool => ("xs:boolean", "BOOLEAN"),
        ValueType::I64 => ("xs:long", "INTEGER_MEASURE"),
        ValueType::U64 => ("xs:unsignedLong", "INTEGER_MEASURE"),
        ValueType::F64 => ("xs:double", "REAL_MEASURE"),
        ValueType::Text => ("xs:string", "STRING"),
        ValueType::Bytes => ("xs:base64Binary", "BLOB"),
    };
    let mut property = json!({
        "modelType": "Property",
        "idShort": id_short(below),
        "valueType": value_type,
        "qualifiers": [qualifier("Path", point.path.as_str())],
    });
    qualify(
        &mut property,
        tag.map(|tag| qualifier("Tag", tag)).into_iter().chain(limits(point.range)).collect(),
    );
    texts(&mut property, &point.name, &point.description);
    let states = point.states.iter().map(|(value, name)| (value.to_string(), name.as_str()));
    specification(&mut property, point.display_name(), &point.unit, data_type, states.collect());
    property
}

fn limits(range: Option<(f64, f64)>) -> Vec<Json> {
    let limit = |(which, limit): (&str, f64)| json!({ "type": which, "valueType": "xs:double", "value": limit.to_string() });
    range.into_iter().flat_map(|(low, high)| [("Low", low), ("High", high)]).map(limit).collect()
}

/// Whether there must be one (IDTA 02006, template qualifiers).
fn cardinality(required: bool) -> Json {
    let value = if required { "One" } else { "ZeroToOne" };
    json!({ "kind": "TemplateQualifier", "type": "SMT/Cardinality", "valueType": "xs:string", "value": value })
}

/// A point of a type.
fn template(name: &str, point: &PointType) -> Json {
    let (value_type, data_type) = match point.kind {
        PointKind::Bool => ("xs:boolean", "BOOLEAN"),
        PointKind::Whole => ("xs:long", "INTEGER_MEASURE"),
        PointKind::Number => ("xs:double", "REAL_MEASURE"),
        PointKind::Text => ("xs:string", "STRING"),
    };
    let mut property = json!({
        "modelType": "Property",
        "idShort": id_short(name),
        "valueType": value_type,
        "qualifiers": [cardinality(point.required)],
    });
    qualify(&mut property, named(name).into_iter().chain(limits(point.range)).collect());
    texts(&mut property, &point.name, &point.description);
    let names = point.names();
    let states = names.iter().map(|(value, name)| (value.clone(), name.as_str()));
    specification(&mut property, name, &point.unit, data_type, states.collect());
    property
}

/// A part of a type: the type of what stands there.
fn part_of(plant: &Plant, name: &str, part: &PartType) -> Json {
    let id = urn(plant, &format!("type:{}", plant.types.name(&part.kind)));
    let mut entity = json!({
        "modelType": "Entity",
        "idShort": id_short(name),
        "entityType": "SelfManagedEntity",
        "globalAssetId": format!("{id}:asset"),
        "qualifiers": [cardinality(part.required)],
    });
    qualify(&mut entity, named(name));
    entity
}

/// Unit, data type and names of values in the words of IEC 61360.
fn specification(element: &mut Json, name: &str, unit: &str, data_type: &str, states: Vec<(String, &str)>) {
    let mut content = json!({
        "modelType": "DataSpecificationIec61360",
        "preferredName": [{ "language": "en", "text": name.chars().take(255).collect::<String>() }],
        "dataType": data_type,
    });
    if !unit.is_empty() {
        content["unit"] = unit.into();
    }
    if !states.is_empty() {
        let pair = |(value, name): (String, &str)| {
            let keys = json!([{ "type": "GlobalReference", "value": format!("{STATE}{value}") }]);
            json!({ "value": name, "valueId": { "type": "ExternalReference", "keys": keys } })
        };
        let pairs: Vec<Json> = states.into_iter().map(pair).collect();
        content["valueList"] = json!({ "valueReferencePairs": pairs });
    }
    let keys = json!([{ "type": "GlobalReference", "value": IEC_61360 }]);
    let specification = json!({ "type": "ExternalReference", "keys": keys });
    element["embeddedDataSpecifications"] =
        json!([{ "dataSpecification": specification, "dataSpecificationContent": content }]);
}

/// An asset that stands below another.
fn entity(plant: &Plant, asset: &Placed) -> Json {
    let id = urn(plant, asset.path.as_str());
    let mut entity = json!({
        "modelType": "Entity",
        "idShort": id_short(asset.path.last()),
        "entityType": "SelfManagedEntity",
        "globalAssetId": format!("{id}:asset"),
    });
    texts(&mut entity, &asset.asset.name, "");
    entity
}

/// Letters, digits and `_`, a letter first, at most 128.
fn id_short(name: &str) -> String {
    let plain = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let mut id: String = plain.take(120).collect();
    if !id.starts_with(|c: char| c.is_ascii_alphabetic()) {
        id.insert_str(0, "p_");
    }
    id
}

/// Makes names that became the same different again: within a submodel each stands once, case ignored.
fn unique(mut elements: Vec<Json>) -> Vec<Json> {
    let mut seen: Map<String, Json> = Map::new();
    for element in &mut elements {
        let name = element["idShort"].as_str().unwrap_or_default().to_owned();
        let count = seen.entry(name.to_ascii_lowercase()).or_insert(json!(0));
        let number = count.as_u64().unwrap_or(0) + 1;
        *count = json!(number);
        if number > 1 {
            element["idShort"] = format!("{name}_{number}").into();
        }
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_fit() {
        assert_eq!(id_short("filler"), "filler");
        assert_eq!(id_short("line-1/infeed"), "line_1_infeed");
        assert_eq!(id_short("4th"), "p_4th");
        let twice =
            unique(vec![json!({"idShort": "a_b"}), json!({"idShort": "A_b"}), json!({"idShort": "c"})]);
        assert_eq!(twice.iter().map(|one| &one["idShort"]).collect::<Vec<_>>(), ["a_b", "A_b_2", "c"]);
    }
}
