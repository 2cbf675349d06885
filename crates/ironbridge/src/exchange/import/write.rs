//! The files of a draft.

use super::settle::{Placed, Plan};
use crate::plant::{AssetType, Level, PointKind, PointType};
use connect::draft::{comment, number, quoted};
use std::fmt::Write as _;

/// Types first, then assets; and how many points wait for a tag.
pub(super) fn files(plan: &Plan, from: &str) -> (Vec<(String, String)>, usize) {
    let mut files = Vec::new();
    for (name, of) in &plan.types {
        files.push((format!("types/{name}.toml"), asset_type(of, from)));
    }
    for placed in &plan.assets {
        files.push((format!("assets/{}.toml", placed.file), asset(placed, from)));
    }
    (files, plan.assets.iter().map(|placed| placed.unbound.len()).sum())
}

fn head(from: &str, folder: &str) -> String {
    comment(&format!(
        "A draft from {from}: nothing changes until you have reviewed it, put it into {folder}/ and applied it."
    ))
}

/// `key = "text"`, unless it is empty.
fn line(out: &mut String, key: &str, text: &str) {
    if !text.is_empty() {
        let _ = writeln!(out, "{key} = {}", quoted(text));
    }
}

fn asset_type(of: &AssetType, from: &str) -> String {
    let mut out = head(from, "types");
    line(&mut out, "description", &of.description);
    line(&mut out, "extends", of.extends.as_deref().unwrap_or_default());
    if !of.points.is_empty() {
        out.push_str("\n[points]\n");
        for (name, point) in &of.points {
            let _ = writeln!(out, "{name} = {}", point_type(point));
        }
    }
    if !of.parts.is_empty() {
        out.push_str("\n[parts]\n");
        for (name, part) in &of.parts {
            let optional = if part.required { "" } else { ", required = false" };
            let _ = writeln!(out, "{name} = {{ type = {}{optional} }}", quoted(&part.kind));
        }
    }
    out
}

const fn word(kind: PointKind) -> &'static str {
    match kind {
        PointKind::Bool => "bool",
        PointKind::Whole => "whole",
        PointKind::Number => "number",
        PointKind::Text => "text",
    }
}

fn point_type(point: &PointType) -> String {
    let mut out = format!("{{ type = \"{}\"", word(point.kind));
    let text = |out: &mut String, key: &str, text: &str| {
        if !text.is_empty() {
            let _ = write!(out, ", {key} = {}", quoted(text));
        }
    };
    text(&mut out, "unit", &point.unit);
    if !point.required {
        out.push_str(", required = false");
    }
    if let Some((low, high)) = point.range {
        let _ = write!(out, ", range = [{}, {}]", number(low), number(high));
    }
    if !point.states.is_empty() {
        let states: Vec<String> =
            point.states.iter().map(|(value, name)| format!("{value} = {}", quoted(name))).collect();
        let _ = write!(out, ", states = {{ {} }}", states.join(", "));
    }
    text(&mut out, "state_model", point.state_model.map_or("", |model| model.word()));
    text(&mut out, "name", &point.name);
    text(&mut out, "description", &point.description);
    out + " }"
}

fn asset(placed: &Placed, from: &str) -> String {
    let asset = &placed.asset;
    let mut out = head(from, "assets");
    placed.remarks.iter().for_each(|remark| out.push_str(&comment(&remark.replace(char::is_control, " "))));
    line(&mut out, "type", &asset.kind);
    line(&mut out, "path", &asset.path);
    line(&mut out, "name", &asset.name);
    if asset.level != Level::default() {
        line(&mut out, "level", asset.level.word());
    }
    line(&mut out, "owner_ot", &asset.owner_ot);
    line(&mut out, "owner_it", &asset.owner_it);
    line(&mut out, "zone", &asset.zone);
    if !asset.was.is_empty() {
        let was: Vec<String> = asset.was.iter().map(|path| quoted(path)).collect();
        let _ = writeln!(out, "was = [{}]", was.join(", "));
    }
    if asset.bind.is_empty() && placed.unbound.is_empty() {
        return out;
    }
    out.push_str("\n[bind]\n");
    for (name, tag) in &asset.bind {
        let _ = writeln!(out, "{name} = {}", quoted(tag));
    }
    if !placed.unbound.is_empty() {
        out.push_str("# Which tag feeds it? Write its name, and take away the `#`:\n");
    }
    for (name, point) in &placed.unbound {
        let optional = if point.required { "" } else { ", may be missing" };
        let about = format!("{}{optional}", point.wanted());
        out.push_str(&comment(&format!("{name} = \"connection.device.tag\"    # {about}")));
    }
    out
}
