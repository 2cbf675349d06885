//! Which points go to a destination.

use model::Path;

/// Patterns, relative to the site.
#[derive(Clone, Debug)]
pub struct Selection {
    site: String,
    select: Vec<String>,
    except: Vec<String>,
}

impl Selection {
    /// `site` is `enterprise/site`; patterns are checked before.
    pub fn new(site: &Path, select: &[String], except: &[String]) -> Self {
        Self { site: site.as_str().into(), select: select.to_vec(), except: except.to_vec() }
    }

    /// Whether the point goes there. Wildcards never match own health (`_ironbridge/...`): it is named or not sent.
    pub fn holds(&self, path: &Path) -> bool {
        let below = below(path.as_str(), &self.site);
        let Ok(below) = Path::new(below) else { return false };
        let own = below.as_str().starts_with('_');
        let named = |pattern: &str| !own || pattern.starts_with('_');
        self.select.iter().any(|pattern| named(pattern) && below.matches(pattern))
            && !self.except.iter().any(|pattern| named(pattern) && below.matches(pattern))
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
            let except: Vec<String> = if except.is_empty() { Vec::new() } else { vec![except.into()] };
            let selection = Selection::new(&site, &[select.into()], &except);
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
