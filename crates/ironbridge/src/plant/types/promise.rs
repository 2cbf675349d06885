//! Whether assets keep what their types promise.

use super::super::assets::Placed;
use super::{One, PointType, Types};
use model::config::{Diagnostic, Document, nearest};
use model::{Declaration, unit};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Types {
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
        let message = format!(
            "a `{}` has the point `{name}`, {}, and nothing feeds it here",
            one.name,
            wanted.wanted()
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
