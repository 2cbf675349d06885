//! Gives types and things names and places that fit a plant folder.

use super::outline::{DEEPEST, MOST_POINTS, Outline, Sort, Thing};
use crate::plant::{Asset, AssetType, PartType, PointType};
use connect::draft::{Note, segment};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A type's or an asset's name in the plant, what it is, and what to say about it.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub types: BTreeMap<String, AssetType>,
    pub assets: Vec<Placed>,
}

/// An asset to write.
#[derive(Debug)]
pub(super) struct Placed {
    pub file: String,
    pub asset: Asset,
    /// Points of its type that no tag feeds.
    pub unbound: Vec<(String, PointType)>,
    /// Points, in lower case, that live here without a binding: their device puts them here.
    at_home: HashSet<String>,
    pub remarks: Vec<String>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.types.is_empty() && self.assets.is_empty()
    }
}

/// Names that are taken, case ignored.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn free(&mut self, wanted: &str, or: &str) -> String {
        let base = fit(wanted).unwrap_or_else(|| or.to_owned());
        let mut free = base.clone();
        let mut number = 2;
        while !self.0.insert(free.to_ascii_lowercase()) {
            free = format!("{base}-{number}");
            number += 1;
        }
        free
    }
}

/// A text as a segment of a path: as it is, if it is one.
fn fit(text: &str) -> Option<String> {
    if model::path::check_segment(text).is_ok() {
        return Some(text.to_owned());
    }
    Some(segment(text)).filter(|text| !text.is_empty())
}

/// See the module. The notes tell what was renamed and left out.
pub(super) fn settle(mut outline: Outline) -> (Plan, Vec<Note>) {
    let (sorts, things) = (std::mem::take(&mut outline.types), std::mem::take(&mut outline.things));
    let mut plan = Plan::default();
    let mut names = Names::default();
    let mut name_of: HashMap<String, String> = HashMap::new();
    for sort in &sorts {
        let name = names.free(&sort.name, "Type");
        if name != sort.name {
            outline.note(format!("The type `{}` is called `{name}` here.", sort.name));
        }
        name_of.insert(sort.key.clone(), name);
    }
    for sort in &sorts {
        let of = asset_type(sort, &sorts, &name_of, &mut outline);
        if let Some(name) = name_of.get(&sort.key) {
            plan.types.insert(name.clone(), of);
        }
    }
    let paths = paths(&things, &mut outline);
    let made = kinds_of_their_own(&things, &name_of, &mut names);
    let mut files = Names::default();
    for thing in things.iter().filter(|thing| !thing.folder) {
        let Some(path) = paths.get(&thing.key) else { continue };
        let kind = thing.of.as_ref().and_then(|of| name_of.get(of)).or_else(|| made.get(&thing.key));
        let word = thing.own.as_ref().map(|own| own.word.clone()).filter(|word| !word.is_empty());
        let Some(kind) = kind.cloned().or(word) else {
            outline.leave(
                "it has no point that measures and no type in the file, so it is no asset here",
                &thing.name,
            );
            continue;
        };
        let points = points(thing, &mut outline);
        if thing.own.is_none() {
            add_points(&mut plan, &kind, &points, made.contains_key(&thing.key));
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        plan.assets.push(Placed {
            file: files.free(&last.to_ascii_lowercase(), "asset"),
            asset: asset(thing, kind, path.clone(), &points),
            unbound: Vec::new(),
            at_home: match thing.own {
                Some(_) => thing.points.iter().map(|(name, ..)| name.to_ascii_lowercase()).collect(),
                None => HashSet::new(),
            },
            remarks: thing.remarks.clone(),
        });
    }
    fill_unbound(&mut plan);
    (plan, outline.into_notes())
}

/// A type as its file says it: without what it inherits.
fn asset_type(
    sort: &Sort,
    all: &[Sort],
    name_of: &HashMap<String, String>,
    outline: &mut Outline,
) -> AssetType {
    let find = |key: &str| all.iter().find(|other| other.key == key);
    let (mut points, mut parts) = (named(&sort.points, &sort.name, outline), BTreeMap::new());
    for (name, key, required) in &sort.parts {
        match (fit(name), name_of.get(key)) {
            (Some(name), Some(kind)) => {
                parts.insert(name, PartType { kind: kind.clone(), required: *required });
            }
            _ => outline.leave("it is a part of a type that the file does not have", name),
        }
    }
    let mut above = sort.above.as_deref().and_then(find);
    for _ in 0..DEEPEST {
        let Some(one) = above.filter(|one| one.key != sort.key) else { break };
        for (name, point) in named(&one.points, &one.name, &mut Outline::default()) {
            if points.get(&name) == Some(&point) {
                points.remove(&name);
            }
        }
        for (name, key, required) in &one.parts {
            let same = |part: &PartType| name_of.get(key) == Some(&part.kind) && part.required == *required;
            if fit(name).and_then(|name| parts.get(&name)).is_some_and(same) {
                parts.remove(name);
            }
        }
        above = one.above.as_deref().and_then(find);
    }
    let extends = sort.above.as_ref().and_then(|above| name_of.get(above)).cloned();
    AssetType { description: sort.description.clone(), extends, points, parts }
}

/// Points under names that fit.
fn named(points: &[(String, PointType)], of: &str, outline: &mut Outline) -> BTreeMap<String, PointType> {
    let (mut names, mut out) = (Names::default(), BTreeMap::new());
    for (name, point) in points {
        let free = names.free(name, "point");
        if free != *name {
            outline.note(format!("`{name}` of `{of}` is called `{free}` here."));
        }
        out.insert(free, point.clone());
    }
    out
}

/// The points of a thing under names that fit, with their tags.
fn points(thing: &Thing, outline: &mut Outline) -> Vec<(String, PointType, Option<String>)> {
    let mut names = Names::default();
    let mut out = Vec::new();
    // Of our own points those without a tag live where their devices put them.
    let told = |tag: &Option<String>| thing.own.is_none() || tag.is_some();
    for (name, point, tag) in thing.points.iter().filter(|(.., tag)| told(tag)) {
        let free = names.free(name, "point");
        if free != *name {
            outline.note(format!("`{name}` of `{}` is called `{free}` here.", thing.name));
        }
        out.push((free, point.clone(), tag.clone()));
    }
    out
}

/// Where things stand: where Ironbridge said, or below what they stand in.
fn paths(things: &[Thing], outline: &mut Outline) -> HashMap<String, String> {
    let by_key: HashMap<&str, &Thing> = things.iter().map(|thing| (thing.key.as_str(), thing)).collect();
    let (mut taken, mut paths) = (Names::default(), HashMap::new());
    for thing in things {
        let mut names = Vec::new();
        let (mut at, mut seen) = (Some(thing), HashSet::new());
        while let Some(one) = at.filter(|one| seen.insert(one.key.as_str()) && seen.len() <= DEEPEST) {
            if let Some(own) = &one.own {
                names.push(own.path.clone());
                break;
            }
            names.push(fit(&one.name).unwrap_or_else(|| "asset".into()));
            at = one.above.as_deref().and_then(|key| by_key.get(key).copied());
        }
        names.reverse();
        let wanted = names.join("/");
        let mut path = wanted.clone();
        let mut number = 2;
        while !thing.folder && !taken.0.insert(path.to_ascii_lowercase()) {
            path = format!("{wanted}-{number}");
            number += 1;
        }
        if path != wanted {
            outline.note(format!("`{}` stands at `{path}`: another asset has `{wanted}`.", thing.name));
        }
        paths.insert(thing.key.clone(), path);
    }
    paths
}

/// Things of a type that the file does not have, or of none, get one: those of the same type or with the same points
/// the same.
fn kinds_of_their_own(
    things: &[Thing],
    name_of: &HashMap<String, String>,
    names: &mut Names,
) -> HashMap<String, String> {
    let (mut of_group, mut made) = (HashMap::new(), HashMap::new());
    for thing in things.iter().filter(|thing| !thing.folder && thing.own.is_none()) {
        if thing.of.as_ref().is_some_and(|of| name_of.contains_key(of)) || thing.points.is_empty() {
            continue;
        }
        let points: BTreeSet<&str> = thing.points.iter().map(|(name, ..)| name.as_str()).collect();
        let group = thing.of.clone().unwrap_or_else(|| format!("{points:?}"));
        let name = of_group.entry(group).or_insert_with(|| {
            let plain = thing.name.trim_end_matches(|c: char| c.is_ascii_digit() || "-_ .".contains(c));
            names.free(if plain.is_empty() { &thing.name } else { plain }, "Asset")
        });
        made.insert(thing.key.clone(), name.clone());
    }
    made
}

/// What a thing has and its type does not say becomes a point that assets of the type may have. What a type that was
/// `made` of such things has, and not all of them, may be missing.
fn add_points(plan: &mut Plan, kind: &str, points: &[(String, PointType, Option<String>)], made: bool) {
    let known = whole(plan, kind);
    let fresh = !plan.types.contains_key(kind);
    if fresh && points.is_empty() {
        return;
    }
    let of = plan.types.entry(kind.to_owned()).or_default();
    for (name, point, _) in points {
        if of.points.len() < MOST_POINTS && !known.contains_key(&name.to_ascii_lowercase()) {
            of.points.insert(name.clone(), PointType { required: fresh && point.required, ..point.clone() });
        }
    }
    let has: HashSet<&str> = points.iter().map(|(name, ..)| name.as_str()).collect();
    for (_, point) in of.points.iter_mut().filter(|(name, _)| made && !has.contains(name.as_str())) {
        point.required = false;
    }
}

/// All points of a type of the plan by name in lower case, with those that it inherits.
fn whole(plan: &Plan, kind: &str) -> BTreeMap<String, (String, PointType)> {
    let (mut all, mut at) = (BTreeMap::new(), Some(kind));
    for _ in 0..DEEPEST {
        let Some(of) = at.and_then(|kind| plan.types.get(kind)) else { break };
        for (name, point) in &of.points {
            all.entry(name.to_ascii_lowercase()).or_insert_with(|| (name.clone(), point.clone()));
        }
        at = of.extends.as_deref();
    }
    all
}

fn asset(thing: &Thing, kind: String, path: String, points: &[(String, PointType, Option<String>)]) -> Asset {
    let own = thing.own.clone().unwrap_or_default();
    let bind = points.iter().filter_map(|(name, _, tag)| Some((name.clone(), tag.clone()?))).collect();
    let last = path.rsplit('/').next().unwrap_or_default();
    let display = if thing.display.is_empty() && thing.own.is_none() && thing.name != last {
        &thing.name
    } else {
        &thing.display
    };
    Asset {
        kind,
        name: display.clone(),
        level: crate::plant::Level::of(&own.level).unwrap_or_default(),
        owner_ot: own.owner_ot,
        owner_it: own.owner_it,
        zone: own.zone,
        bind,
        was: own.was,
        path,
    }
}

/// Which points of its type each asset still lacks.
fn fill_unbound(plan: &mut Plan) {
    let mut wholes: HashMap<String, BTreeMap<String, (String, PointType)>> = HashMap::new();
    let mut all = std::mem::take(&mut plan.assets);
    for placed in &mut all {
        let kind = placed.asset.kind.clone();
        let whole = wholes.entry(kind.clone()).or_insert_with(|| whole(plan, &kind));
        let bound: HashSet<String> = placed.asset.bind.keys().map(|name| name.to_ascii_lowercase()).collect();
        let missing =
            whole.iter().filter(|(name, _)| !bound.contains(*name) && !placed.at_home.contains(*name));
        placed.unbound = missing.map(|(_, point)| point.clone()).collect();
    }
    plan.assets = all;
}
