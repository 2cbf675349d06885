//! Whether the files of a plant fit each other: those that are built now, and those that run and stay as they are.

use super::assets::Placed;
use super::files::shown;
use super::load::{Connection, Feeder, Kept, Loaded};
use super::types::Types;
use connect::kind::Claim;
use connect::north;
use model::config::{Diagnostic, Document};
use model::{Access, Confirm, Declaration, Path as PointPath};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What runs and stays as it is.
pub(super) struct Around<'a> {
    pub(super) kept: &'a Kept,
    pub(super) feeder: Option<&'a Feeder>,
}

impl Around<'_> {
    /// What is declared of a path that a connection feeds which stays as it is.
    fn fed(&self, path: &str) -> Option<Arc<Declaration>> {
        let known = self.feeder.and_then(|feeder| feeder(path));
        known.filter(|known| self.kept.connections.contains_key(&known.connection))
    }
}

/// Two files that want the same path or the same exclusive resource.
pub(super) fn clashes(
    connections: &[(Document, Loaded<Connection>)],
    destinations: &[(Document, Loaded<north::Destination>)],
    around: &Around<'_>,
    mistakes: &mut Vec<Diagnostic>,
) {
    let mut paths: HashMap<String, &str> = HashMap::new();
    for (document, loaded) in connections {
        for point in &loaded.it.built.points {
            let other = paths.insert(point.path.folded(), &document.file).map(str::to_owned);
            let other = other
                .or_else(|| around.fed(point.path.as_str()).map(|by| shown("connections", &by.connection)));
            if let Some(other) = other {
                let message = format!("the point `{}` is also fed by {other}", point.path);
                mistakes.push(document.mistake_at(
                    0..0,
                    message,
                    "one point, one source: change `at`, the tag's name or the binding",
                ));
            }
        }
    }
    appearing(connections, around, mistakes);
    let mut claims: HashMap<&Claim, String> = HashMap::new();
    for (sub, marks) in
        [("connections", &around.kept.connections), ("destinations", &around.kept.destinations)]
    {
        for (name, mark) in marks {
            claims.extend(mark.claims.iter().map(|claim| (claim, shown(sub, name))));
        }
    }
    let south = connections.iter().map(|(document, loaded)| (document, &loaded.mark.claims));
    let north = destinations.iter().map(|(document, loaded)| (document, &loaded.mark.claims));
    for (document, claimed) in south.chain(north) {
        for claim in claimed {
            if let Some(other) = claims.insert(claim, document.file.to_string()) {
                let help = "one connection file is one physical endpoint: put its devices into one file";
                mistakes.push(document.mistake_at(
                    0..0,
                    format!("the {claim} is already used by {other}"),
                    help,
                ));
            }
        }
    }
}

/// Points that are named and that no connection has: by assets, by interlocks, as confirmation of a write.
pub(super) fn unbound(
    assets: &[(Document, Placed)],
    connections: &[(Document, Loaded<Connection>)],
    around: &Around<'_>,
    mistakes: &mut Vec<Diagnostic>,
) {
    let fed: HashSet<String> = connections
        .iter()
        .flat_map(|(_, loaded)| &loaded.it.built.points)
        .map(|point| point.path.folded())
        .collect();
    let is_fed = |path: &PointPath| fed.contains(&path.folded()) || around.fed(path.as_str()).is_some();
    for (document, placed) in assets {
        for (tag, path, _) in placed.binds.iter().filter(|(_, path, _)| !is_fed(path)) {
            if let Some(other) = bound(assets, tag, path) {
                let help = "one tag, one point: bind it once";
                mistakes.push(document.mistake(
                    &["bind", path.last()],
                    format!("`{tag}` is also bound to {other}"),
                    help,
                ));
                continue;
            }
            let connection = tag.split('.').next().unwrap_or_default();
            let fresh = connections.iter().any(|(_, loaded)| loaded.name.eq_ignore_ascii_case(connection));
            let help = if fresh
                || around.kept.connections.keys().any(|name| name.eq_ignore_ascii_case(connection))
            {
                format!("connections/{connection}.toml has no such device or tag")
            } else {
                format!("there is no (sound) connections/{connection}.toml")
            };
            mistakes.push(document.mistake(&["bind", path.last()], format!("nothing feeds `{tag}`"), help));
        }
    }
    for (document, loaded) in connections {
        for point in &loaded.it.built.points {
            let Access::Write(rule) = &point.access else { continue };
            let confirmed_by = match &rule.confirm {
                Confirm::Point { path, .. } => Some(path),
                _ => None,
            };
            let named =
                rule.interlock.iter().flat_map(|interlock| interlock.points.values()).chain(confirmed_by);
            for path in named.filter(|path| !is_fed(path)) {
                let message =
                    format!("the rule for writing `{}` names `{path}`, and nothing feeds that", point.path);
                mistakes.push(document.mistake_at(
                    0..0,
                    message,
                    "write the path of a point below enterprise/site",
                ));
            }
        }
    }
}

/// Another point to which the same tag is bound.
fn bound<'a>(assets: &'a [(Document, Placed)], tag: &str, path: &PointPath) -> Option<&'a PointPath> {
    let all = assets.iter().flat_map(|(_, placed)| &placed.binds);
    all.filter(|(other, at, _)| other.eq_ignore_ascii_case(tag) && at != path).map(|(_, at, _)| at).next()
}

/// Whether the assets keep what their types promise.
pub(super) fn contracts(
    types: &Types,
    assets: &[(Document, Placed)],
    connections: &[(Document, Loaded<Connection>)],
    around: &Around<'_>,
    mistakes: &mut Vec<Diagnostic>,
) {
    if types.is_empty() {
        return;
    }
    let points = connections.iter().flat_map(|(_, loaded)| &loaded.it.built.points);
    let declared: HashMap<String, &Arc<Declaration>> =
        points.map(|point| (point.path.folded(), point)).collect();
    types.check(
        assets,
        |path| declared.get(path).map(|known| (*known).clone()).or_else(|| around.fed(path)),
        mistakes,
    );
}

/// Where points of one connection appear by themselves, no other may have any: nobody could tell them apart.
fn appearing(
    connections: &[(Document, Loaded<Connection>)],
    around: &Around<'_>,
    mistakes: &mut Vec<Diagnostic>,
) {
    for (index, (owner, loaded)) in connections.iter().enumerate() {
        let places = loaded.it.built.claims.iter().filter_map(|claim| match claim {
            Claim::Below(path) => Some(path),
            _ => None,
        });
        for place in places {
            let others = connections.iter().enumerate().filter(|(other, _)| *other != index);
            for (_, (document, other)) in others {
                let inside = other.it.built.points.iter().find(|point| point.path.is_under(place.as_str()));
                let within = |claim: &Claim| matches!(claim, Claim::Below(path) if path != place && path.is_under(place.as_str()));
                if inside.is_none() && !other.it.built.claims.iter().any(within) {
                    continue;
                }
                let message = match inside {
                    Some(point) => format!(
                        "the point `{}` lies below `{place}`, where points of {} appear by themselves",
                        point.path, owner.file
                    ),
                    None => format!(
                        "its points would appear below `{place}`, where points of {} appear by themselves",
                        owner.file
                    ),
                };
                mistakes.push(document.mistake_at(
                    0..0,
                    message,
                    "choose another `at` in one of the two files",
                ));
            }
        }
    }
    // Where points of a connection that stays appear, no new one may have any either.
    for (name, mark) in &around.kept.connections {
        for place in mark
            .claims
            .iter()
            .filter_map(|claim| if let Claim::Below(path) = claim { Some(path) } else { None })
        {
            for (document, other) in connections {
                if let Some(point) =
                    other.it.built.points.iter().find(|point| point.path.is_under(place.as_str()))
                {
                    let message = format!(
                        "the point `{}` lies below `{place}`, where points of {} appear by themselves",
                        point.path,
                        shown("connections", name)
                    );
                    mistakes.push(document.mistake_at(
                        0..0,
                        message,
                        "choose another `at` in one of the two files",
                    ));
                }
            }
        }
    }
}
