//! `types/NAME.toml`: what every asset of a type has, and whether the assets keep that promise.
//!
//! A type is a contract: points with their kind and unit, and parts. A word for which there is no file is a free word
//! without a contract, so that types can come one by one.

mod promise;
mod shape;
mod states;
#[cfg(test)]
mod tests;

pub use shape::{AssetType, PartType, PointKind, PointType};
pub use states::StateModel;

use super::files::{document, names};
use connect::kind::{Contract, Member};
use model::States;
use model::config::{Diagnostic, Document, check, nearest, schema_of};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Most steps from a type to its most general one; a circle among those above ends there, too.
const MAX_STEPS: usize = 16;

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
        let names = names(folder, "types", mistakes);
        let read = |mistakes: &mut Vec<Diagnostic>, name: String| {
            Some((document(folder, "types", &name, mistakes)?, name))
        };
        Self::of(names.into_iter(), read, mistakes)
    }

    /// Types by name, each read only when it is its turn: `read` gives its document, if it can be parsed.
    pub fn of(
        names: impl Iterator<Item = String>,
        read: impl Fn(&mut Vec<Diagnostic>, String) -> Option<(Document, String)>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let schema = schema_of::<AssetType>();
        let mut types = BTreeMap::new();
        for name in names {
            let Some((document, name)) = read(mistakes, name) else { continue };
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

    /// All points of every type, with those that it inherits.
    pub fn members(&self) -> BTreeMap<String, Vec<Member>> {
        let member = |(name, (point, contract)): (&String, &(PointType, Arc<Contract>))| Member {
            name: name.clone(),
            value_type: point.kind.value_type(),
            contract: contract.clone(),
        };
        let members = |one: &One| (one.name.clone(), one.whole.points.iter().map(member).collect());
        self.0.values().map(members).collect()
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

    /// The parts that a type itself has.
    pub fn own_parts(&self, name: &str) -> impl Iterator<Item = (&str, &PartType)> {
        let parts = self.find(name).into_iter().flat_map(|one| &one.of.parts);
        parts.map(|(name, part)| (name.as_str(), part))
    }

    /// The parts that a type has, with those that it inherits.
    pub fn parts(&self, name: &str) -> impl Iterator<Item = (&str, &PartType)> {
        let parts = self.find(name).into_iter().flat_map(|one| &one.whole.parts);
        parts.map(|(name, part)| (name.as_str(), part))
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
    let (written, named) = (!point.states.is_empty(), point.state_model.is_some());
    let wrong = match (written, named) {
        (true, true) => {
            Some(("state_model", "`states` and `state_model` say it twice", "leave one of them out"))
        }
        _ if point.kind == PointKind::Whole || !(written || named) => None,
        (true, _) => Some(("states", "states are names of whole numbers", "write type = \"whole\"")),
        _ => Some(("state_model", "states are names of whole numbers", "write type = \"whole\"")),
    };
    if let Some((key, message, help)) = wrong.filter(|_| tell) {
        mistakes.push(one.document.mistake(&["points", name, key], message, help));
    }
    for (value, text) in &point.names() {
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
