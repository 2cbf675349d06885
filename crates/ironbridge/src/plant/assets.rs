//! `assets/NAME.toml`: what stands in the plant, and which tags are its points.

use model::Path;
use model::config::{Diagnostic, Document, check};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One asset.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asset {
    /// its type, e.g. "Filler"
    #[serde(rename = "type")]
    pub kind: String,
    /// where it stands, below enterprise/site, e.g. "packaging/line-1/filler"
    pub path: String,
    /// display name; the last segment of the path if left out
    #[serde(default)]
    pub name: String,
    /// ISA-95 level: "area", "line", "cell", "work-unit", ...
    #[serde(default)]
    pub level: Level,
    /// who is responsible for it in operations
    #[serde(default)]
    pub owner_ot: String,
    /// who is responsible for its data
    #[serde(default)]
    pub owner_it: String,
    /// security zone (IEC 62443)
    #[serde(default)]
    pub zone: String,
    /// points of the asset and the tags that feed them: `Speed = "line-1.filler.speed"` (connection.device.tag)
    #[serde(default)]
    pub bind: BTreeMap<String, String>,
    /// former paths, so that history goes on
    #[serde(default)]
    pub was: Vec<String>,
}

/// ISA-95 (IEC 62264-1) levels of the equipment hierarchy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// enterprise
    Enterprise,
    /// site
    Site,
    /// area
    Area,
    /// production line
    Line,
    /// work centre or cell
    Cell,
    /// work unit, a machine
    #[default]
    WorkUnit,
    /// part of a machine
    Equipment,
}

impl Level {
    /// The level of that word.
    pub fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Enterprise,
            Self::Site,
            Self::Area,
            Self::Line,
            Self::Cell,
            Self::WorkUnit,
            Self::Equipment,
        ];
        all.into_iter().find(|level| level.word() == word)
    }

    /// As written in the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Site => "site",
            Self::Area => "area",
            Self::Line => "line",
            Self::Cell => "cell",
            Self::WorkUnit => "work-unit",
            Self::Equipment => "equipment",
        }
    }
}

/// An asset with its full path and the bindings in the form that connections ask for.
#[derive(Clone, Debug)]
pub struct Placed {
    /// As written.
    pub asset: Asset,
    /// enterprise/site/path.
    pub path: Path,
    /// Tag (`connection.device.tag`) to the point's full path and its former paths.
    pub binds: Vec<(String, Path, Vec<Path>)>,
}

/// Reads one asset and puts it at its place below `site` (enterprise/site); mistakes are told.
pub(super) fn read(
    document: &Document,
    schema: &serde_json::Value,
    site: &Path,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Placed> {
    let found = check(document, schema);
    if !found.is_empty() {
        mistakes.extend(found);
        return None;
    }
    let asset = document.construct::<Asset>().map_err(|mistake| mistakes.push(mistake)).ok()?;
    place(document, asset, site, mistakes)
}

/// Puts an asset at its place below `prefix` (enterprise/site).
fn place(document: &Document, asset: Asset, prefix: &Path, mistakes: &mut Vec<Diagnostic>) -> Option<Placed> {
    let path = match prefix.join(&asset.path) {
        Ok(path) => path,
        Err(error) => {
            mistakes.push(document.mistake(
                &["path"],
                error.to_string(),
                "write it like \"packaging/line-1/filler\"",
            ));
            return None;
        }
    };
    let mut former = Vec::new();
    for was in &asset.was {
        match prefix.join(was) {
            Ok(old) => former.push(old),
            Err(error) => mistakes.push(document.mistake(
                &["was"],
                error.to_string(),
                "write former paths below enterprise/site",
            )),
        }
    }
    let mut binds = Vec::new();
    for (name, tag) in &asset.bind {
        let here = ["bind", name.as_str()];
        let point = path.join(name);
        if tag.split('.').count() != 3 {
            let help = "write it as \"connection.device.tag\", e.g. \"line-1.filler.speed\"";
            mistakes.push(document.mistake(&here, format!("`{tag}` does not name a tag"), help));
        } else if name.contains('/') {
            mistakes.push(document.mistake(
                &here,
                format!("`{name}` must be one segment"),
                "leave out the `/`",
            ));
        } else {
            match point {
                Ok(point) => {
                    let was = former.iter().filter_map(|old| old.join(name).ok()).collect();
                    binds.push((tag.clone(), point, was));
                }
                Err(error) => mistakes.push(document.mistake(
                    &here,
                    error.to_string(),
                    "use A-Z, a-z, 0-9, `_` and `-`",
                )),
            }
        }
    }
    Some(Placed { asset, path, binds })
}
