//! The sorted index of live points: prefix walks, children of a folder, search.

use model::{Path, PointId};
use std::ops::Range;

/// Immutable; a change of the configuration makes a new one.
#[derive(Default)]
pub struct Tree {
    /// Folded paths (with `/` mapped below every segment character, so that a folder's points are neighbours).
    keys: Vec<String>,
    paths: Vec<Path>,
    ids: Vec<PointId>,
}

/// What stands directly below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The segment, in the case of its first point.
    pub segment: String,
    /// The points in and below it, as a range of [`Tree::ids`].
    pub range: Range<usize>,
    /// The point that has exactly this path, if there is one.
    pub point: Option<PointId>,
}

impl Tree {
    pub(crate) fn build(points: impl Iterator<Item = (PointId, Path)>) -> Self {
        let mut all: Vec<_> = points.map(|(id, path)| (key(path.as_str()), path, id)).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut tree = Self::default();
        for (key, path, id) in all {
            tree.keys.push(key);
            tree.paths.push(path);
            tree.ids.push(id);
        }
        tree
    }

    /// Number of live points.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Numbers in path order.
    pub fn ids(&self) -> &[PointId] {
        &self.ids
    }

    /// Paths in order, as [`Tree::ids`].
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The points at and below `prefix` (whole segments, case ignored); all for the empty prefix.
    pub fn under(&self, prefix: &str) -> Range<usize> {
        if prefix.is_empty() {
            return 0..self.len();
        }
        let from = key(prefix);
        let start = self.keys.partition_point(|have| *have < from);
        let below = format!("{from}\u{1}");
        let count = self
            .keys
            .get(start..)
            .unwrap_or_default()
            .partition_point(|have| *have == from || have.starts_with(&below));
        start..start + count
    }

    /// What stands directly below `prefix`.
    pub fn children(&self, prefix: &str) -> Vec<Child> {
        let range = self.under(prefix);
        let depth = if prefix.is_empty() { 0 } else { prefix.split('/').count() };
        let mut children: Vec<Child> = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let Some(path) = self.paths.get(at) else { break };
            let segments: Vec<&str> = path.segments().take(depth + 1).collect();
            let Some(segment) = segments.get(depth) else {
                at += 1; // the prefix itself is a point
                continue;
            };
            let whole = segments.join("/");
            let below = self.under(&whole);
            let exact = self.keys.get(at).is_some_and(|have| *have == key(&whole));
            let point = exact.then(|| self.ids.get(at).copied()).flatten();
            at = below.end.max(at + 1);
            children.push(Child { segment: (*segment).to_owned(), range: below, point });
        }
        children
    }

    /// Points after `after` in `range` whose path contains every word of `search`, at most `most`.
    pub fn search(
        &self,
        range: Range<usize>,
        search: &str,
        after: Option<&str>,
        most: usize,
    ) -> Vec<PointId> {
        let words: Vec<String> = search.split_whitespace().map(key).collect();
        let start = after.map_or(range.start, |after| self.keys.partition_point(|have| *have <= key(after)));
        let rows = start.max(range.start)..range.end;
        rows.filter(|row| {
            self.keys.get(*row).is_some_and(|have| words.iter().all(|word| have.contains(word)))
        })
        .filter_map(|row| self.ids.get(row).copied())
        .take(most)
        .collect()
    }
}

/// Case folded, and `/` sorted before everything that a segment may hold.
fn key(path: &str) -> String {
    path.chars().map(|c| if c == '/' { '\u{1}' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        Tree::build(paths.iter().enumerate().map(|(n, p)| (PointId(n as u32), Path::new(p).unwrap())))
    }

    #[test]
    fn children_are_counted_by_whole_segments() {
        let tree = tree(&["s/a/x", "s/a-b/x", "s/a/y", "S/A", "s/b", "t/q"]);
        let below: Vec<_> =
            tree.children("s").into_iter().map(|c| (c.segment, c.range.len(), c.point)).collect();
        assert_eq!(
            below,
            vec![
                ("A".into(), 3, Some(PointId(3))),
                ("a-b".into(), 1, None),
                ("b".into(), 1, Some(PointId(4)))
            ]
        );
        assert_eq!(tree.children("").len(), 2);
        assert_eq!(tree.under("s/a").len(), 3);
        assert_eq!(tree.under("s/nothing").len(), 0);
        assert_eq!(tree.children("s/b"), vec![]);
    }

    #[test]
    fn search_pages_in_path_order() {
        let tree = tree(&["s/filler/speed", "s/filler/level", "s/capper/speed"]);
        assert_eq!(tree.search(0..3, "speed", None, 10), vec![PointId(2), PointId(0)]);
        assert_eq!(tree.search(0..3, "SPEED fill", None, 10), vec![PointId(0)]);
        assert_eq!(tree.search(0..3, "", Some("s/capper/speed"), 1), vec![PointId(1)]);
    }
}
