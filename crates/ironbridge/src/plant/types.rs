//! `types/NAME.toml`: what every asset of a type has, and whether the assets keep that promise.
//!
//! A type is a contract: points with their kind and unit, and parts. A word for which there is no file is a free word
//! without a contract, so that types can come one by one.

use super::assets::Placed;
use super::load::{document, names};
use connect::kind::Contract;
use model::config::{Diagnostic, Document, check, nearest, schema_of};
use model::{Declaration, States, ValueType, unit};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Most steps from a type to its most general one; a circle among those above ends there, too.
const MAX_STEPS: usize = 16;

/// One type of assets. Its name is its file's name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetType {
    /// what such a thing is
    #[serde(default)]
    pub description: String,
    /// the type whose points and parts it has as well, e.g. "PackMachine"
    #[serde(default)]
    pub extends: Option<String>,
    /// points that every asset of the type has, by name: `Speed = { type = "number", unit = "/min" }`
    #[serde(default)]
    pub points: BTreeMap<String, PointType>,
    /// parts that stand below it, by the last segment of their path: `Infeed = { type = "Conveyor" }`
    #[serde(default)]
    pub parts: BTreeMap<String, PartType>,
}

/// One point of a type.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PointType {
    /// what its values are: "bool", "whole", "number" or "text"
    #[serde(rename = "type")]
    pub kind: PointKind,
    /// unit in which the plant sees it; a tag in another unit of the same quantity is converted
    #[serde(default)]
    pub unit: String,
    /// false if an asset may do without it
    #[serde(default = "yes")]
    pub required: bool,
    /// lowest and highest expected value
    #[serde(default)]
    pub range: Option<(f64, f64)>,
    /// names of the values, e.g. { 0 = "Idle", 1 = "Execute" }: the state model
    #[serde(default)]
    pub states: BTreeMap<String, String>,
    /// display name
    #[serde(default)]
    pub name: String,
    /// what it means
    #[serde(default)]
    pub description: String,
}

/// One part of a type.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartType {
    /// its type
    #[serde(rename = "type")]
    pub kind: String,
    /// false if an asset may do without it
    #[serde(default = "yes")]
    pub required: bool,
}

const fn yes() -> bool {
    true
}

/// What the values of a point are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// true or false
    Bool,
    /// a whole number
    Whole,
    /// any number
    Number,
    /// a text
    Text,
}

impl PointKind {
    const fn takes(self, value: ValueType) -> bool {
        match self {
            Self::Bool => matches!(value, ValueType::Bool),
            Self::Whole => matches!(value, ValueType::I64 | ValueType::U64),
            Self::Number => matches!(value, ValueType::I64 | ValueType::U64 | ValueType::F64),
            Self::Text => matches!(value, ValueType::Text),
        }
    }
}

impl fmt::Display for PointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a bool",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text",
        })
    }
}

/// Everything of a type, with what it takes over from the types that it extends.
#[derive(Clone, Debug, Default)]
struct Whole {
    points: BTreeMap<String, (PointType, Arc<Contract>)>,
    parts: BTreeMap<String, PartType>,
}

/// The types of a plant.
#[derive(Debug, Default)]
pub struct Types(BTreeMap<String, One>);

#[derive(Debug)]
struct One {
    name: String,
    of: AssetType,
    document: Document,
    whole: Whole,
}

impl Types {
    /// Reads the folder `types`; every mistake in it goes to `mistakes`.
    pub fn load(folder: &Path, mistakes: &mut Vec<Diagnostic>) -> Self {
        let schema = schema_of::<AssetType>();
        let mut types = BTreeMap::new();
        for name in names(folder, "types", mistakes) {
            let Some(document) = document(folder, "types", &name, mistakes) else { continue };
            let found = check(&document, &schema);
            if !found.is_empty() {
                mistakes.extend(found);
                continue;
            }
            match document.construct::<AssetType>() {
                Ok(of) => {
                    let key = name.to_ascii_lowercase();
                    types.insert(key, One { name, of, document, whole: Whole::default() });
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        let mut types = Self(types);
        types.complete(mistakes);
        types
    }

    /// Every type: name, description, its points with those that it inherits.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, Vec<(&str, &PointType)>)> {
        self.0.values().map(|one| {
            let points = one.whole.points.iter().map(|(name, (point, _))| (name.as_str(), point)).collect();
            (one.name.as_str(), one.of.description.as_str(), points)
        })
    }

    /// Whether there is such a type.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A type's name as its file writes it; `name` itself if there is none.
    pub fn name<'a>(&'a self, name: &'a str) -> &'a str {
        self.find(name).map_or(name, |one| one.name.as_str())
    }

    /// The type that a type extends.
    pub fn above(&self, name: &str) -> Option<&str> {
        let above = self.find(name)?.of.extends.as_deref()?;
        self.find(above).map(|one| one.name.as_str())
    }

    /// The points that a type itself has.
    pub fn own(&self, name: &str) -> impl Iterator<Item = (&str, &PointType)> {
        let points = self.find(name).into_iter().flat_map(|one| &one.of.points);
        points.map(|(name, point)| (name.as_str(), point))
    }

    /// Whether the plant has no types.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Option<&One> {
        self.0.get(&name.to_ascii_lowercase())
    }

    fn nearest(&self, wrong: &str) -> Option<&str> {
        nearest(wrong, self.0.values().map(|one| one.name.as_str()))
    }

    /// Help for a name that is none.
    fn help(&self, wrong: &str) -> String {
        match self.nearest(wrong) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("a type is a file: write types/{wrong}.toml"),
        }
    }

    /// Takes over what types inherit; checks what can be checked without assets.
    fn complete(&mut self, mistakes: &mut Vec<Diagnostic>) {
        let mut wholes = Vec::new();
        for (key, one) in &self.0 {
            let mut whole = Whole::default();
            for ancestor in self.line(one, mistakes).into_iter().rev() {
                for (name, point) in &ancestor.of.points {
                    let contract =
                        Arc::new(contract(ancestor, name, point, mistakes, ancestor.name == one.name));
                    whole.points.insert(name.clone(), (point.clone(), contract));
                }
                whole.parts.extend(ancestor.of.parts.clone());
            }
            for (name, part) in &one.of.parts {
                if self.find(&part.kind).is_none() {
                    let message = format!("there is no type \"{}\"", part.kind);
                    mistakes.push(one.document.mistake(
                        &["parts", name, "type"],
                        message,
                        self.help(&part.kind),
                    ));
                }
            }
            wholes.push((key.clone(), whole));
        }
        for (key, whole) in wholes {
            if let Some(one) = self.0.get_mut(&key) {
                one.whole = whole;
            }
        }
    }

    /// A type and those that it extends, itself first.
    fn line<'a>(&'a self, one: &'a One, mistakes: &mut Vec<Diagnostic>) -> Vec<&'a One> {
        let mut line = vec![one];
        let mut last = one;
        // Each mistake is told where it stands, not again by every type that extends it.
        let mut tell =
            |message: String, help: String| mistakes.push(one.document.mistake(&["extends"], message, help));
        while let Some(above) = &last.of.extends {
            let own = std::ptr::eq(last, one);
            match self.find(above) {
                Some(next) if std::ptr::eq(next, one) => {
                    tell(
                        format!("`{}` extends itself", one.name),
                        "let the most general type extend nothing".to_owned(),
                    );
                    break;
                }
                Some(_) if line.len() >= MAX_STEPS => break,
                Some(next) => {
                    line.push(next);
                    last = next;
                }
                None if own => {
                    tell(format!("there is no type \"{above}\""), self.help(above));
                    break;
                }
                None => break,
            }
        }
        line
    }

    /// Whether `name` is `wanted` or extends it.
    fn is_a(&self, name: &str, wanted: &str) -> bool {
        let Some(one) = self.find(name) else { return false };
        self.line(one, &mut Vec::new()).iter().any(|step| step.name.eq_ignore_ascii_case(wanted))
    }

    /// What the type `kind` says of its point `name`.
    pub fn contract(&self, kind: &str, name: &str) -> Option<Arc<Contract>> {
        let points = &self.find(kind)?.whole.points;
        points
            .iter()
            .find(|(point, _)| point.eq_ignore_ascii_case(name))
            .map(|(_, (_, contract))| contract.clone())
    }

    /// Whether all assets keep what their types promise. `declared` gives the point at a path, ignoring case.
    pub fn check(
        &self,
        assets: &[(Document, Placed)],
        declared: impl Fn(&str) -> Option<Arc<Declaration>>,
        mistakes: &mut Vec<Diagnostic>,
    ) {
        let by_path: BTreeMap<String, &str> =
            assets.iter().map(|(_, placed)| (placed.path.folded(), placed.asset.kind.as_str())).collect();
        for (document, placed) in assets {
            let kind = placed.asset.kind.as_str();
            let Some(one) = self.find(kind) else {
                // Types come one by one: a word that is none yet is free, a word that is nearly one is a slip.
                if self.nearest(kind).is_some() {
                    mistakes.push(document.mistake(
                        &["type"],
                        format!("there is no type \"{kind}\""),
                        self.help(kind),
                    ));
                }
                continue;
            };
            for (name, (wanted, _)) in &one.whole.points {
                let path = format!("{}/{}", placed.path.folded(), name.to_ascii_lowercase());
                if let Some((key, message, help)) =
                    point_mistake(one, placed, name, wanted, declared(&path).as_deref())
                {
                    let keys: Vec<&str> = std::iter::once("bind").chain(key).collect();
                    mistakes.push(document.mistake(&keys, message, help));
                }
            }
            for (name, part) in &one.whole.parts {
                let path = format!("{}/{}", placed.path.folded(), name.to_ascii_lowercase());
                let below = format!("{}/{name}", placed.asset.path);
                let message = match by_path.get(&path) {
                    Some(found) if self.is_a(found, &part.kind) => continue,
                    Some(found) => format!(
                        "`{name}` of a `{}` is a `{}`, but {below} is a `{found}`",
                        one.name, part.kind
                    ),
                    None if part.required => format!(
                        "a `{}` has the part `{name}`, a `{}`, and nothing stands there",
                        one.name, part.kind
                    ),
                    None => continue,
                };
                let help = format!(
                    "give it a file of its own under assets/: type = \"{}\", path = \"{below}\"",
                    part.kind
                );
                mistakes.push(document.mistake(&["type"], message, help));
            }
        }
    }
}

/// What is wrong with a point of an asset: the key under `bind` if it is bound, words, help.
fn point_mistake<'a>(
    one: &One,
    placed: &'a Placed,
    name: &str,
    wanted: &PointType,
    found: Option<&Declaration>,
) -> Option<(Option<&'a str>, String, String)> {
    let bound = placed.asset.bind.keys().find(|bound| bound.eq_ignore_ascii_case(name)).map(String::as_str);
    let Some(point) = found else {
        if !wanted.required || bound.is_some() {
            // A binding to a tag that does not exist is told already.
            return None;
        }
        let unit = if wanted.unit.is_empty() { String::new() } else { format!(" in {}", wanted.unit) };
        let message = format!(
            "a `{}` has the point `{name}`, {}{unit}, and nothing feeds it here",
            one.name, wanted.kind
        );
        let others = placed.asset.bind.keys().map(String::as_str);
        let others: Vec<&str> = others
            .filter(|other| !one.whole.points.keys().any(|known| known.eq_ignore_ascii_case(other)))
            .collect();
        let help = match nearest(name, others.into_iter()) {
            Some(near) => format!("is `{near}` the point? Then call it `{name}`"),
            None => format!(
                "bind it: {name} = \"connection.device.tag\"; or write required = false in {}",
                one.document.file
            ),
        };
        return Some((None, message, help));
    };
    if !wanted.kind.takes(point.value_type) {
        let message = format!(
            "`{name}` of a `{}` is {}, but its tag gives {}",
            one.name,
            wanted.kind,
            point.value_type.name()
        );
        return Some((bound, message, "bind another tag, or change the tag's type or scale".to_owned()));
    }
    if wanted.unit.is_empty() || unit::same(&wanted.unit, &point.unit) {
        return None;
    }
    let has = if point.unit.is_empty() { "has no unit".to_owned() } else { format!("is in {}", point.unit) };
    let message = format!("`{name}` of a `{}` is in {}, but its tag {has}", one.name, wanted.unit);
    let help = if point.unit.is_empty() {
        format!("write the unit in which the device gives it at the tag, e.g. unit = \"{}\"", wanted.unit)
    } else if unit::conversion(&point.unit, &wanted.unit).is_some() {
        "bind the tag under [bind]: what is bound is converted".to_owned()
    } else {
        let known = unit::alternatives(&wanted.unit).join(", ");
        let known = if known.is_empty() { "nothing else".to_owned() } else { known };
        format!("only what measures the same can be converted; into {} that is {known}", wanted.unit)
    };
    Some((bound, message, help))
}

/// A point of a type in the form that connections ask for; mistakes are told if `tell`.
fn contract(
    one: &One,
    name: &str,
    point: &PointType,
    mistakes: &mut Vec<Diagnostic>,
    tell: bool,
) -> Contract {
    let mut states = States::new();
    for (value, text) in &point.states {
        match value.parse() {
            Ok(value) => {
                states.insert(value, text.clone());
            }
            Err(_) if tell => mistakes.push(one.document.mistake(
                &["points", name, "states"],
                format!("`{value}` in `states` is no whole number"),
                "write states = { 0 = \"Idle\", 1 = \"Execute\" }",
            )),
            Err(_) => {}
        }
    }
    if tell && let Err(error) = model::path::check_segment(name) {
        mistakes.push(one.document.mistake(
            &["points", name],
            error.to_string(),
            "it is the last segment of a path",
        ));
    }
    Contract {
        unit: point.unit.clone(),
        name: point.name.clone(),
        description: point.description.clone(),
        range: point.range.map(|(a, b)| (a.min(b), a.max(b))),
        states,
    }
}

#[cfg(test)]
mod tests {
    use crate::plant::load;
    use connect::kind::NoSecrets;
    use model::ValueType;
    use std::sync::Arc;

    const CONNECTION: &str = "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\n\n[device.plc]\nat = \"hall/plc\"\n\n[device.plc.tags]\n\
        speed = { at = \"holding 0\", type = \"u16\", unit = \"rpm\" }\n\
        steam = { at = \"holding 1\", type = \"u16\", unit = \"kPa\", scale = 0.1, range = [0, 1000] }\n\
        state = { at = \"holding 2\", type = \"u16\" }\n\
        name = { at = \"holding 10\", type = \"text\", length = 8 }\n";
    const MACHINE: &str =
        "[points]\nState = { type = \"whole\", states = { 0 = \"Idle\", 1 = \"Execute\" } }\n";
    const FILLER: &str = "extends = \"Machine\"\n\n[points]\nSpeed = { type = \"number\", unit = \"/min\", description = \"Bottles\" }\n\
        Steam = { type = \"number\", unit = \"bar\" }\nNote = { type = \"text\", required = false }\n";
    const SOUND: &str = "type = \"Filler\"\npath = \"hall/filler\"\n\n[bind]\nSpeed = \"c.plc.speed\"\nSteam = \"c.plc.steam\"\nState = \"c.plc.state\"\n";

    fn plant(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let settings = ("ironbridge.toml", "enterprise = \"acme\"\nsite = \"leeds\"\n");
        for (name, text) in files.iter().chain([&settings, &("connections/c.toml", CONNECTION)]) {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        folder
    }

    fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
        match load(plant(files).path(), Arc::new(NoSecrets)) {
            Ok(_) => Vec::new(),
            Err(found) => found.iter().map(|one| one.to_string()).collect(),
        }
    }

    #[test]
    fn a_sound_asset_sees_its_points_as_its_type_does() {
        let folder = plant(&[
            ("types/Machine.toml", MACHINE),
            ("types/Filler.toml", FILLER),
            ("assets/filler.toml", SOUND),
        ]);
        let plant = load(folder.path(), Arc::new(NoSecrets)).unwrap_or_else(|found| panic!("{found:?}"));
        let points = &plant.connections[0].it.built.points;
        let point = |path: &str| points.iter().find(|point| point.path.as_str() == path).unwrap();
        let steam = point("acme/leeds/hall/filler/Steam");
        assert_eq!(
            (steam.unit.as_str(), steam.value_type, steam.range),
            ("bar", ValueType::F64, Some((0.0, 10.0)))
        );
        let speed = point("acme/leeds/hall/filler/Speed");
        assert_eq!(
            (speed.unit.as_str(), speed.value_type, speed.description.as_str()),
            ("/min", ValueType::U64, "Bottles")
        );
        assert_eq!(point("acme/leeds/hall/filler/State").states[&1], "Execute", "inherited");
        assert_eq!(point("acme/leeds/hall/plc/name").unit, "", "what no asset binds stays as it is");
    }

    #[test]
    fn broken_promises_are_told_at_the_asset() {
        let types = [("types/Machine.toml", MACHINE), ("types/Filler.toml", FILLER)];
        let told = |asset: &str| mistakes(&[types[0], types[1], ("assets/filler.toml", asset)]);
        for (what, asset, line, words) in [
            ("a slip", SOUND.replace("\"Filler\"", "\"Filer\""), 1, "did you mean \"Filler\"?"),
            (
                "missing, with another name",
                SOUND.replace("Speed =", "Spede ="),
                4,
                "is `Spede` the point? Then call it `Speed`",
            ),
            (
                "missing",
                SOUND.replace("State = \"c.plc.state\"\n", ""),
                4,
                "a `Filler` has the point `State`, a whole number",
            ),
            (
                "wrong type",
                SOUND.replace("c.plc.speed", "c.plc.name"),
                5,
                "`Speed` of a `Filler` is a number, but its tag gives text",
            ),
            (
                "bound twice",
                SOUND.replace("c.plc.steam", "c.plc.speed"),
                5,
                "`c.plc.speed` is also bound to acme/leeds/hall/filler/Steam",
            ),
            (
                "no unit",
                SOUND
                    .replace("c.plc.state", "c.plc.x")
                    .replace("c.plc.steam", "c.plc.state")
                    .replace("c.plc.x", "c.plc.speed")
                    .replace("Speed = \"c.plc.speed\"", "Speed = \"c.plc.steam\""),
                6,
                "but its tag has no unit",
            ),
            (
                "wrong unit",
                SOUND
                    .replace("c.plc.steam", "c.plc.speed")
                    .replace("Speed = \"c.plc.speed\"", "Speed = \"c.plc.steam\""),
                5,
                "is in kPa",
            ),
        ] {
            let found = told(&asset);
            let there = format!("assets/filler.toml:{line}:");
            assert!(
                found.iter().any(|one| one.starts_with(&there) && one.contains(words)),
                "{what}: {found:#?}"
            );
        }
        assert_eq!(told(SOUND), Vec::<String>::new());
        assert_eq!(
            told(&SOUND.replace("\"Filler\"", "\"Robot\"")),
            Vec::<String>::new(),
            "a word without a contract"
        );
    }

    #[test]
    fn parts_stand_below_and_have_their_type() {
        let types = [
            ("types/Machine.toml", MACHINE),
            ("types/Conveyor.toml", "extends = \"Machine\"\n"),
            (
                "types/Line.toml",
                "[parts]\nInfeed = { type = \"Machine\" }\nOutfeed = { type = \"Conveyor\", required = false }\n",
            ),
        ];
        let line = ("assets/line.toml", "type = \"Line\"\npath = \"hall/line\"\nlevel = \"line\"\n");
        let infeed = |kind: &str| {
            format!("type = \"{kind}\"\npath = \"hall/line/infeed\"\n\n[bind]\nState = \"c.plc.state\"\n")
        };
        let with =
            |below: &str| mistakes(&[types[0], types[1], types[2], line, ("assets/infeed.toml", below)]);
        assert_eq!(with(&infeed("Conveyor")), Vec::<String>::new(), "a conveyor is a machine");
        let found = mistakes(&[types[0], types[1], types[2], line]);
        assert!(found.len() == 1 && found[0].contains("a `Line` has the part `Infeed`"), "{found:#?}");
        let found = with("type = \"Line\"\npath = \"hall/line/infeed\"\n");
        assert!(
            found.iter().any(|one| one.contains("`Infeed` of a `Line` is a `Machine`, but")),
            "{found:#?}"
        );
    }

    #[test]
    fn types_are_checked_before_any_asset_uses_them() {
        for (what, text, words) in [
            (
                "unknown key",
                "[points]\nSpeed = { type = \"number\", unti = \"bar\" }\n",
                "did you mean `unit`?",
            ),
            ("unknown kind", "[points]\nSpeed = { type = \"integer\" }\n", "number"),
            ("unknown parent", "extends = \"Machin\"\n", "did you mean \"Machine\"?"),
            ("itself", "extends = \"Filler\"\n", "`Filler` extends itself"),
            ("unknown part", "[parts]\nA = { type = \"Robot\" }\n", "there is no type \"Robot\""),
            ("bad name", "[points]\n\"a b\" = { type = \"bool\" }\n", "character"),
            ("bad state", "[points]\nS = { type = \"whole\", states = { x = \"y\" } }\n", "no whole number"),
        ] {
            let found = mistakes(&[("types/Machine.toml", MACHINE), ("types/Filler.toml", text)]);
            assert!(
                found.len() == 1 && found[0].starts_with("types/Filler.toml:") && found[0].contains(words),
                "{what}: {found:#?}"
            );
        }
        let found = mistakes(&[("types/A.toml", "extends = \"B\"\n"), ("types/B.toml", "extends = \"A\"\n")]);
        assert_eq!(found.len(), 2, "both say so: {found:#?}");
    }
}
