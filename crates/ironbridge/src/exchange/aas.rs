//! Asset Administration Shells (IDTA 01001-3-0): a shell for each asset and for each type, their points as properties.
//!
//! Identifiers of AAS 3.0 take letters, digits and `_` only; the path as it is stands in the qualifier `Path`.

use super::{points, urn};
use crate::plant::{Placed, Plant, PointKind, PointType};
use model::{Declaration, ValueType};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

const IEC_61360: &str = "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3/0";

pub(super) fn export(plant: &Plant) -> String {
    let (mut shells, mut submodels) = (Vec::new(), Vec::new());
    for (name, description, points) in plant.types.all() {
        let id = urn(plant, &format!("type:{name}"));
        let elements = points.iter().map(|(name, point)| template(name, point)).collect();
        shells.push(shell(&id, name, "Type", "", description, None));
        submodels.push(submodel(&id, "Template", elements));
    }
    let mut of_asset: BTreeMap<&str, Vec<Json>> =
        plant.assets.iter().map(|asset| (asset.path.as_str(), Vec::new())).collect();
    let mut nowhere = Vec::new();
    for (path, point) in points(plant) {
        match nearest(&mut of_asset, path.as_str()) {
            Some((above, elements)) => elements.push(property(point, above)),
            None => nowhere.push(property(point, plant.site.as_str())),
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
        submodels.push(submodel(&id, "Instance", elements));
    }
    if !nowhere.is_empty() {
        let id = urn(plant, "site");
        shells.push(shell(&id, plant.site.last(), "Instance", &plant.settings.site, "Site", None));
        submodels.push(submodel(&id, "Instance", nowhere));
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

fn submodel(id: &str, kind: &str, elements: Vec<Json>) -> Json {
    let mut submodel =
        json!({ "modelType": "Submodel", "id": format!("{id}:points"), "idShort": "Points", "kind": kind });
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
fn property(point: &Declaration, above: &str) -> Json {
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
        "qualifiers": [{ "type": "Path", "valueType": "xs:string", "value": point.path.as_str() }],
    });
    if let Some((low, high)) = point.range {
        let limits = [("Low", low), ("High", high)];
        let limits = limits.map(
            |(which, limit)| json!({ "type": which, "valueType": "xs:double", "value": limit.to_string() }),
        );
        property["qualifiers"].as_array_mut().into_iter().for_each(|all| all.extend(limits.clone()));
    }
    texts(&mut property, &point.name, &point.description);
    specification(&mut property, point.display_name(), &point.unit, data_type);
    property
}

/// A point of a type.
fn template(name: &str, point: &PointType) -> Json {
    let (value_type, data_type) = match point.kind {
        PointKind::Bool => ("xs:boolean", "BOOLEAN"),
        PointKind::Whole => ("xs:long", "INTEGER_MEASURE"),
        PointKind::Number => ("xs:double", "REAL_MEASURE"),
        PointKind::Text => ("xs:string", "STRING"),
    };
    let required = if point.required { "One" } else { "ZeroToOne" };
    let mut property = json!({
        "modelType": "Property",
        "idShort": id_short(name),
        "valueType": value_type,
        "qualifiers": [{ "kind": "TemplateQualifier", "type": "SMT/Cardinality", "valueType": "xs:string", "value": required }],
    });
    texts(&mut property, &point.name, &point.description);
    specification(&mut property, name, &point.unit, data_type);
    property
}

/// Unit and data type in the words of IEC 61360.
fn specification(element: &mut Json, name: &str, unit: &str, data_type: &str) {
    let mut content = json!({
        "modelType": "DataSpecificationIec61360",
        "preferredName": [{ "language": "en", "text": name.chars().take(255).collect::<String>() }],
        "dataType": data_type,
    });
    if !unit.is_empty() {
        content["unit"] = unit.into();
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
