//! Which points a program means: paths and patterns.

use crate::ApiError;
use crate::routes::{short, visible};
use crate::state::Web;
use model::{Declaration, Path, PointId, Principal};
use std::sync::Arc;

/// A point that was chosen, and what is declared of it now.
pub(crate) type Chosen = (PointId, Arc<Declaration>);

/// Points by path or pattern, each once, sorted by path. Both count for the whole path or for what stands below the
/// site, as destinations select; `*` is one segment, `**` at the end any number. Own health (`_ironbridge`) is named
/// or left out. Blocks while it looks: call it where that is allowed.
///
/// # Errors
/// A path that is not there (or that `who` may not see), a pattern that nothing matches, or more than `most` points.
pub(crate) fn chosen(
    web: &Web,
    who: &Principal,
    wanted: &[String],
    most: usize,
) -> Result<Vec<Chosen>, ApiError> {
    let facts = web.plant.facts();
    let site = format!("{}/{}", facts.site.enterprise, facts.site.site);
    let tree = web.namespace.points();
    let mut found: Vec<Chosen> = Vec::new();
    for wish in wanted {
        let wish = wish.trim_matches('/');
        if !wish.contains('*') {
            let whole = visible(web, who, wish);
            let (id, (declared, _)) =
                whole.or_else(|error| visible(web, who, &format!("{site}/{wish}")).map_err(|_| error))?;
            found.push((id, declared));
            continue;
        }
        let patterns = [wish.to_owned(), format!("{site}/{wish}")];
        let mut ids: Vec<PointId> = Vec::new();
        for pattern in &patterns {
            let range = tree.under(fixed(pattern));
            let paths = tree.paths().get(range.clone()).unwrap_or_default();
            let all = tree.ids().get(range).unwrap_or_default();
            let fits = |path: &Path| who.sees(path) && holds(path, pattern);
            ids.extend(
                all.iter().zip(paths).filter(|(_, path)| fits(path)).map(|(id, _)| *id).take(most + 1),
            );
        }
        if ids.is_empty() {
            return Err(ApiError::not_found(format_args!("point that matches `{}`", short(wish))));
        }
        web.namespace.visit(&ids, |row, declared, _| {
            found.extend(ids.get(row).map(|id| (*id, declared.clone())));
        });
        if found.len() > most * 2 {
            break;
        }
    }
    found.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    found.dedup_by_key(|one| one.0);
    if found.len() > most {
        return Err(ApiError::bad_request(format!(
            "More than {most} points are meant. Ask for fewer at once: a longer pattern, or one line after the other."
        )));
    }
    Ok(found)
}

/// The segments of a pattern before its first wildcard.
fn fixed(pattern: &str) -> &str {
    let Some(star) = pattern.find('*') else { return pattern };
    let head = pattern.get(..star).unwrap_or_default();
    head.rfind('/').and_then(|end| head.get(..end)).unwrap_or_default()
}

/// Whether the pattern means the path: what begins with `_` is named or not meant.
fn holds(path: &Path, pattern: &str) -> bool {
    let own = |text: &str| text.split('/').any(|segment| segment.starts_with('_'));
    path.matches(pattern) && (own(pattern) || !own(path.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_their_fixed_part() {
        for (pattern, head) in
            [("a/b/**", "a/b"), ("**", ""), ("a*", ""), ("a/b*/c", "a"), ("a/*/c", "a"), ("a/b", "a/b")]
        {
            assert_eq!(fixed(pattern), head, "{pattern}");
        }
        let own = Path::new("acme/leeds/_ironbridge/journal/bytes").unwrap();
        assert!(!holds(&own, "**") && !holds(&own, "acme/leeds/*/journal/**"));
        assert!(holds(&own, "acme/leeds/_ironbridge/**"));
    }
}
