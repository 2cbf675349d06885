//! An environment of shells, as an outline of types and assets.
//!
//! A shell of kind `Type` is a type, one of kind `Instance` an asset; what its submodels say in properties are its points.
//! Submodels that describe and do not measure (nameplates, documents) become comments. An entity that is itself an asset
//! says what stands where.

use super::{STATE, xml};
use crate::exchange::import::{DEEPEST, Outline, Own, Sort, Thing, text as decoded};
use crate::plant::{PointKind, PointType, StateModel};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};

/// What names of submodels contain that describe a thing and do not measure it (IDTA submodel templates).
const DESCRIBES: [&str; 10] = [
    "nameplate",
    "document",
    "technicaldata",
    "contact",
    "identification",
    "carbonfootprint",
    "hierarchicalstructures",
    "certificate",
    "service",
    "interface",
];

/// Reads JSON or XML.
pub(in crate::exchange) fn read(data: &[u8]) -> Result<Outline, String> {
    let mut environment = Environment::default();
    environment.add(&decoded(data)?)?;
    Ok(environment.outline())
}

/// Everything that can be referred to, by identifier.
#[derive(Default)]
pub(super) struct Environment {
    shells: Vec<Json>,
    submodels: HashMap<String, Json>,
    concepts: HashMap<String, Json>,
}

fn text<'a>(of: &'a Json, key: &str) -> &'a str {
    of.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn list<'a>(of: &'a Json, key: &str) -> &'a [Json] {
    of.get(key).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// Of texts in languages the English one, else the first.
fn language<'a>(of: &'a Json, key: &str) -> &'a str {
    let texts = list(of, key);
    let english = texts.iter().find(|one| text(one, "language").starts_with("en"));
    english.or(texts.first()).map_or("", |one| text(one, "text"))
}

/// The last key of a reference: what it refers to.
fn referred<'a>(of: &'a Json, key: &str) -> Option<&'a str> {
    of.get(key)
        .map(|reference| list(reference, "keys"))
        .and_then(<[Json]>::last)
        .map(|key| text(key, "value"))
}

/// A qualifier of an element, whatever prefix its template gives it.
fn qualifier<'a>(of: &'a Json, name: &str) -> Option<&'a str> {
    let fits = |one: &&Json| text(one, "type").rsplit('/').next() == Some(name);
    list(of, "qualifiers").iter().find(fits).map(|one| text(one, "value"))
}

fn name_of(element: &Json) -> &str {
    qualifier(element, "Name").unwrap_or_else(|| text(element, "idShort"))
}

impl Environment {
    /// Takes in a text, JSON or XML.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let mut all = if text.trim_start().starts_with('<') {
            xml::to_json(text)?
        } else {
            serde_json::from_str::<Json>(text).map_err(|why| why.to_string())?
        };
        let mut take = |key: &str| match all.get_mut(key).map(Json::take) {
            Some(Json::Array(members)) => members,
            _ => Vec::new(),
        };
        let (shells, submodels, concepts) =
            (take("assetAdministrationShells"), take("submodels"), take("conceptDescriptions"));
        if shells.iter().chain(&submodels).any(|one| one.get("identification").is_some()) {
            return Err("its shells are of version 2: save them as version 3".into());
        }
        let by_id = |all: Vec<Json>| all.into_iter().map(|one| (text_of_id(&one), one));
        self.shells.extend(shells);
        self.submodels.extend(by_id(submodels));
        self.concepts.extend(by_id(concepts));
        Ok(())
    }

    /// What it says.
    pub(super) fn outline(&self) -> Outline {
        let mut outline = Outline::default();
        let mut above = HashMap::new();
        for shell in &self.shells {
            match shell.pointer("/assetInformation/assetKind").and_then(Json::as_str) {
                Some("Type") => self.sort(shell, &mut outline),
                _ => self.thing(shell, &mut above, &mut outline),
            }
        }
        for thing in &mut outline.things {
            thing.above = above.get(&thing.key).cloned();
        }
        if self.shells.is_empty() && !self.submodels.is_empty() {
            outline.note("The file has submodels and no shell: nothing says what they belong to.");
        }
        outline
    }

    fn submodels_of<'a>(&'a self, shell: &'a Json, outline: &mut Outline) -> Vec<&'a Json> {
        let mut found = Vec::new();
        for reference in list(shell, "submodels") {
            let id = list(reference, "keys").last().map_or("", |key| text(key, "value"));
            match self.submodels.get(id) {
                Some(submodel) => found.push(submodel),
                None => outline.leave("the file does not have this submodel", id),
            }
        }
        found
    }

    fn sort(&self, shell: &Json, outline: &mut Outline) {
        let id = text(shell, "id");
        let mut walk = Walk::new(self, outline);
        for submodel in self.submodels_of(shell, walk.outline).into_iter().filter(|one| !describes(one)) {
            walk.elements(list(submodel, "submodelElements"), "", 0);
        }
        let submodel = self.submodels_of(shell, &mut Outline::default());
        let name =
            submodel.iter().find_map(|one| qualifier(one, "Name")).unwrap_or_else(|| text(shell, "idShort"));
        let parts = walk.entities.iter().filter_map(|(name, asset, required)| {
            let of = self.shells.iter().find(|shell| asset_id(shell) == Some(asset))?;
            Some((name.clone(), text(of, "id").to_owned(), *required))
        });
        let sort = Sort {
            key: id.to_owned(),
            name: name.to_owned(),
            description: language(shell, "description").to_owned(),
            above: referred(shell, "derivedFrom").map(str::to_owned),
            parts: parts.collect(),
            points: walk.points.into_iter().map(|(name, point, _)| (name, point)).collect(),
        };
        outline.add_type(sort);
    }

    fn thing(&self, shell: &Json, above: &mut HashMap<String, String>, outline: &mut Outline) {
        let id = text(shell, "id").to_owned();
        let mut thing = Thing {
            name: text(shell, "idShort").to_owned(),
            display: language(shell, "displayName").to_owned(),
            of: referred(shell, "derivedFrom").map(str::to_owned),
            key: id.clone(),
            ..Thing::default()
        };
        if let Some(asset) = asset_id(shell).filter(|_| !id.starts_with("urn:ironbridge:")) {
            thing.remark("asset", asset);
        }
        let mut walk = Walk::new(self, outline);
        for submodel in self.submodels_of(shell, walk.outline) {
            if id.starts_with("urn:ironbridge:") {
                for fact in list(submodel, "qualifiers") {
                    thing.own.get_or_insert_with(Own::default).put(text(fact, "type"), text(fact, "value"));
                }
            }
            if describes(submodel) {
                for element in list(submodel, "submodelElements") {
                    let value = element.get("value").and_then(Json::as_str);
                    thing.remark(
                        text(element, "idShort"),
                        value.unwrap_or_else(|| language(element, "value")),
                    );
                }
                walk.entities(list(submodel, "submodelElements"), 0);
            } else {
                walk.elements(list(submodel, "submodelElements"), "", 0);
            }
        }
        for (_, asset, _) in &walk.entities {
            // The entry node of a bill of material is the thing itself.
            let of = self.shells.iter().find(|other| asset_id(other) == Some(asset));
            if let Some(below) = of.map(|other| text(other, "id")).filter(|below| *below != id) {
                above.entry(below.to_owned()).or_insert_with(|| id.clone());
            }
        }
        thing.points = walk.points;
        if id.starts_with("urn:ironbridge:") && thing.own.is_none() {
            // What stands at no asset: its tags live where their devices put them.
            return;
        }
        outline.add_thing(thing);
    }
}

fn text_of_id(one: &Json) -> String {
    text(one, "id").to_owned()
}

fn asset_id(shell: &Json) -> Option<&str> {
    shell.pointer("/assetInformation/globalAssetId").and_then(Json::as_str)
}

/// Whether a submodel describes a thing, and does not measure it.
fn describes(submodel: &Json) -> bool {
    let name = text(submodel, "idShort").to_ascii_lowercase();
    DESCRIBES.iter().any(|word| name.contains(word))
}

/// Gathers points and entities of one shell.
struct Walk<'a> {
    environment: &'a Environment,
    outline: &'a mut Outline,
    points: Vec<(String, PointType, Option<String>)>,
    /// Name, global asset id, required.
    entities: Vec<(String, String, bool)>,
}

impl<'a> Walk<'a> {
    fn new(environment: &'a Environment, outline: &'a mut Outline) -> Self {
        Self { environment, outline, points: Vec::new(), entities: Vec::new() }
    }

    fn elements(&mut self, elements: &[Json], above: &str, depth: usize) {
        for (index, element) in elements.iter().enumerate() {
            let own = name_of(element);
            let own = if own.is_empty() { (index + 1).to_string() } else { own.to_owned() };
            let name = if above.is_empty() { own } else { format!("{above}_{own}") };
            if depth > DEEPEST {
                self.outline.leave("it lies too deep", &name);
                continue;
            }
            match text(element, "modelType") {
                "Property" => self.property(element, name),
                "SubmodelElementCollection" | "SubmodelElementList" => {
                    self.elements(list(element, "value"), &name, depth + 1);
                }
                "Entity" => self.entity(element, name, depth),
                other => self.outline.leave(&format!("{other} has no counterpart here"), &name),
            }
        }
    }

    fn entity(&mut self, element: &Json, name: String, depth: usize) {
        match element.get("globalAssetId").and_then(Json::as_str) {
            Some(asset) => self.entities.push((name, asset.to_owned(), required(element))),
            None => self.elements(list(element, "statements"), &name, depth + 1),
        }
    }

    /// Only what stands where, of a submodel that describes.
    fn entities(&mut self, elements: &[Json], depth: usize) {
        for element in elements.iter().filter(|one| depth <= DEEPEST && text(one, "modelType") == "Entity") {
            if let Some(asset) = element.get("globalAssetId").and_then(Json::as_str) {
                self.entities.push((name_of(element).to_owned(), asset.to_owned(), true));
            }
            self.entities(list(element, "statements"), depth + 1);
        }
    }

    fn property(&mut self, element: &Json, name: String) {
        let Some(kind) = kind(text(element, "valueType")) else {
            let why = format!("there is no point of the type {}", text(element, "valueType"));
            return self.outline.leave(&why, &name);
        };
        let content = content(element)
            .or_else(|| content(self.environment.concepts.get(referred(element, "semanticId")?)?));
        let empty = Json::Null;
        let content = content.unwrap_or(&empty);
        // Exports write the point's whole path; its last segment is its name.
        let own = qualifier(element, "Path").and_then(|path| path.rsplit('/').next());
        let description = language(element, "description");
        let description = if description.is_empty() { language(content, "definition") } else { description };
        let limit = |name: &str| qualifier(element, name).and_then(|text| text.parse::<f64>().ok());
        let states = self.states(content, &name);
        let state_model = StateModel::of(&states);
        let point = PointType {
            kind,
            unit: text(content, "unit").trim().to_owned(),
            required: required(element),
            range: limit("Low").zip(limit("High")).filter(|(low, high)| low.is_finite() && high.is_finite()),
            states: if state_model.is_some() { BTreeMap::new() } else { states },
            state_model,
            name: language(element, "displayName").to_owned(),
            description: description.to_owned(),
        };
        let name = own.map_or(name, str::to_owned);
        self.points.push((name, point, qualifier(element, "Tag").map(str::to_owned)));
    }

    fn states(&mut self, content: &Json, name: &str) -> BTreeMap<String, String> {
        let mut states = BTreeMap::new();
        let pairs = content.get("valueList").map_or(&[][..], |values| list(values, "valueReferencePairs"));
        for pair in pairs {
            let number = referred(pair, "valueId").and_then(|id| id.strip_prefix(STATE)?.parse::<i64>().ok());
            match number {
                Some(number) => {
                    states.insert(number.to_string(), text(pair, "value").to_owned());
                }
                None => self.outline.leave("the file does not say which numbers its words stand for", name),
            }
        }
        states
    }
}

/// The content of IEC 61360, of an element or of a concept.
fn content(of: &Json) -> Option<&Json> {
    list(of, "embeddedDataSpecifications").first()?.get("dataSpecificationContent")
}

fn required(element: &Json) -> bool {
    let told = ["Cardinality", "Multiplicity"].iter().find_map(|name| qualifier(element, name));
    !told.is_some_and(|word| word.starts_with("Zero"))
}

/// What a property's values are (XML Schema part 2).
fn kind(value_type: &str) -> Option<PointKind> {
    Some(match value_type.strip_prefix("xs:").unwrap_or(value_type) {
        "boolean" => PointKind::Bool,
        "byte" | "short" | "int" | "long" | "integer" | "unsignedByte" | "unsignedShort" | "unsignedInt"
        | "unsignedLong" | "nonNegativeInteger" | "positiveInteger" | "nonPositiveInteger"
        | "negativeInteger" => PointKind::Whole,
        "float" | "double" | "decimal" => PointKind::Number,
        "string" | "anyURI" => PointKind::Text,
        _ => return None,
    })
}
