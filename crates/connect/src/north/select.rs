//! Which points go to a destination.

use super::settings::Settings;
use crate::kind::Models;
use model::Path;
use std::sync::Arc;

/// Patterns, relative to the site, and types of assets.
#[derive(Clone, Debug)]
pub struct Selection {
    site: String,
    select: Vec<String>,
    except: Vec<String>,
    /// In lower case; empty selects points of any asset and of none.
    types: Vec<String>,
    models: Arc<Models>,
}

impl Selection {
    /// `site` is `enterprise/site`; patterns are checked before. `models` tells which assets have which type.
    pub fn new(site: &Path, settings: &Settings, models: Arc<Models>) -> Self {
        Self {
            site: site.as_str().into(),
            select: settings.select.clone(),
            except: settings.except.clone(),
            types: settings.types.iter().map(|name| name.to_ascii_lowercase()).collect(),
            models,
        }
    }

    /// Whether the point goes there. Wildcards never match own health (`_ironbridge/...`): it is named or not sent.
    pub fn holds(&self, path: &Path) -> bool {
        let below = below(path.as_str(), &self.site);
        let Ok(below) = Path::new(below) else { return false };
        let own = below.as_str().starts_with('_');
        let named = |pattern: &str| !own || pattern.starts_with('_');
        self.select.iter().any(|pattern| named(pattern) && below.matches(pattern))
            && !self.except.iter().any(|pattern| named(pattern) && below.matches(pattern))
            && (self.types.is_empty() || self.of_type(path))
    }

    /// Whether an asset above the point is of one of the types, or of one that extends it.
    fn of_type(&self, path: &Path) -> bool {
        let folded = path.folded();
        let above = std::iter::successors(folded.rsplit_once('/'), |(above, _)| above.rsplit_once('/'));
        above
            .filter_map(|(above, _)| self.models.kinds.get(above))
            .any(|kinds| kinds.iter().any(|kind| self.types.contains(kind)))
    }
}

/// `path` without `site/` at its front (case ignored); unchanged if it lies elsewhere.
pub fn below<'p>(path: &'p str, site: &str) -> &'p str {
    match path.as_bytes().get(..site.len()) {
        Some(head) if head.eq_ignore_ascii_case(site.as_bytes()) => path
            .get(site.len()..)
            .and_then(|rest| rest.strip_prefix('/'))
            .filter(|rest| !rest.is_empty())
            .unwrap_or(path),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::config::Document;

    fn selection(site: &Path, text: &str, models: Models) -> Selection {
        let document = Document::parse("d.toml", &format!("kind = \"x\"\n{text}")).unwrap();
        Selection::new(site, &Settings::read(&document).unwrap(), Arc::new(models))
    }

    /// A pump with a motor in it; the pump's type extends another.
    #[test]
    fn types_select_what_stands_below_an_asset_of_the_type() {
        let site = Path::new("acme/leeds").unwrap();
        let kinds = [
            ("acme/leeds/water/p-1", vec!["pump".to_owned(), "machine".to_owned()]),
            ("acme/leeds/water/p-1/m", vec!["motor".to_owned()]),
        ];
        let kinds = kinds.map(|(path, kinds)| (path.to_owned(), kinds)).into();
        let models = Models { kinds, ..Models::default() };
        for (types, path, expected) in [
            ("\"Pump\"", "acme/leeds/Water/P-1/flow", true),
            ("\"machine\"", "acme/leeds/water/p-1/flow", true),
            ("\"pump\"", "acme/leeds/water/p-1/m/current", true),
            ("\"motor\"", "acme/leeds/water/p-1/m/current", true),
            ("\"motor\"", "acme/leeds/water/p-1/flow", false),
            ("\"pump\", \"motor\"", "acme/leeds/water/p-2/flow", false),
            ("", "acme/leeds/water/p-2/flow", true),
        ] {
            let selection = selection(&site, &format!("types = [{types}]"), models.clone());
            assert_eq!(selection.holds(&Path::new(path).unwrap()), expected, "{types} {path}");
        }
    }

    #[test]
    fn patterns_are_below_the_site_and_own_health_is_named() {
        let site = Path::new("acme/leeds").unwrap();
        for (select, except, path, expected) in [
            ("**", "", "acme/leeds/packaging/filler/speed", true),
            ("packaging/**", "", "ACME/leeds/packaging/filler/speed", true),
            ("packaging/**", "", "acme/leeds/boiler/level", false),
            ("packaging/**", "packaging/filler/*", "acme/leeds/packaging/filler/speed", false),
            ("packaging/**", "packaging/filler/*", "acme/leeds/packaging/filler/axis/speed", true),
            ("**", "", "acme/leeds/_ironbridge/journal/bytes", false),
            ("_ironbridge/**", "", "acme/leeds/_ironbridge/journal/bytes", true),
            ("_ironbridge/**", "", "_ironbridge/journal/bytes", true),
            ("*/leeds/**", "", "acme/leeds/boiler/level", false),
        ] {
            let except = if except.is_empty() { String::new() } else { format!("except = [\"{except}\"]") };
            let selection =
                selection(&site, &format!("select = [\"{select}\"]\n{except}"), Models::default());
            assert_eq!(selection.holds(&Path::new(path).unwrap()), expected, "{select} {path}");
        }
    }

    #[test]
    fn below_strips_whole_segments_only() {
        assert_eq!(below("acme/leeds/x/y", "acme/leeds"), "x/y");
        assert_eq!(below("acme/leedsnorth/x", "acme/leeds"), "acme/leedsnorth/x");
        assert_eq!(below("acme/leeds", "acme/leeds"), "acme/leeds");
    }
}
