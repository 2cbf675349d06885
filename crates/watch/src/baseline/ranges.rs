//! Numbers as ranges: registers, bytes, objects.

/// Most ranges of one area; two areas of a device with more holes than this are read by a program that gropes about.
const MAX: usize = 256;

/// Ranges, both ends included, in order, that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// Adds a range. False if there is no room for another.
    pub fn add(&mut self, first: u32, last: u32) -> bool {
        let (mut first, mut last) = (first.min(last), first.max(last));
        if self.covers(first, last) {
            return true;
        }
        let from = self.0.partition_point(|range| range.1.saturating_add(1) < first);
        let to = self.0.partition_point(|range| range.0 <= last.saturating_add(1));
        let joined = self.0.get(from..to).unwrap_or_default();
        if joined.is_empty() && self.0.len() >= MAX {
            return false;
        }
        if let (Some(low), Some(high)) = (joined.first(), joined.last()) {
            (first, last) = (first.min(low.0), last.max(high.1));
        }
        self.0.splice(from..to, [(first, last)]);
        true
    }

    /// Whether all of a range is in.
    pub fn covers(&self, first: u32, last: u32) -> bool {
        let at = self.0.partition_point(|range| range.1 < first);
        self.0.get(at).is_some_and(|range| range.0 <= first && last <= range.1)
    }

    /// What of the other is not in this one.
    pub fn missing(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        for (first, last) in other.iter() {
            let mut next = Some(first);
            for (from, to) in self.iter().filter(|(from, to)| *to >= first && *from <= last) {
                if let Some(start) = next.filter(|start| *start < from) {
                    out.push((start, from - 1));
                }
                next = to.checked_add(1);
            }
            out.extend(next.filter(|start| *start <= last).map(|start| (start, last)));
        }
        Self(out)
    }

    /// The ranges.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn of(list: &[(u32, u32)]) -> Ranges {
        let mut ranges = Ranges::default();
        list.iter().for_each(|(first, last)| assert!(ranges.add(*first, *last)));
        ranges
    }

    #[test]
    fn neighbours_become_one() {
        assert_eq!(of(&[(10, 19), (30, 39), (20, 29)]).0, [(10, 39)]);
        assert_eq!(of(&[(10, 10), (12, 12)]).0, [(10, 10), (12, 12)]);
        assert_eq!(of(&[(0, u32::MAX), (5, 6)]).0, [(0, u32::MAX)]);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut ranges = Ranges::default();
        let added = (0..1_000).filter(|at| ranges.add(at * 10, at * 10)).count();
        assert_eq!((added, ranges.0.len()), (MAX, MAX));
        assert!(ranges.add(0, 100_000), "joining makes room");
    }

    proptest! {
        /// The same as sets of numbers.
        #[test]
        fn ranges_are_sets(a in prop::collection::vec((0u32..60, 0u32..9), 0..12), b in prop::collection::vec((0u32..60, 0u32..9), 0..12)) {
            let make = |list: &[(u32, u32)]| of(&list.iter().map(|(first, more)| (*first, first + more)).collect::<Vec<_>>());
            let set = |ranges: &Ranges| ranges.iter().flat_map(|(first, last)| first..=last).collect::<BTreeSet<_>>();
            let (a, b) = (make(&a), make(&b));
            prop_assert!(a.0.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
            let missing: BTreeSet<_> = set(&b).difference(&set(&a)).copied().collect();
            prop_assert_eq!(set(&a.missing(&b)), missing);
            for (first, last) in b.iter() {
                prop_assert_eq!(a.covers(first, last), (first..=last).all(|at| set(&a).contains(&at)));
            }
        }
    }
}
