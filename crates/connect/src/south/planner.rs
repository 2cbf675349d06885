//! Which block reads fetch a set of points with the fewest requests. Pure.
//!
//! ```text
//!  points   ▆▆ ▆    ▆▆▆▆      ░░ exclude ░░   ▆▆
//!  blocks   └────────────┘                    └┘      gaps up to `max_gap` are bridged, exclude never
//! ```
//!
//! Rationale: points sorted by address, each block taking the next one while it may. A block that is allowed stays
//! allowed when its last point is taken away, so taking as many as possible is optimal for consecutive points; the
//! property test holds it against brute force.

/// One point: `width` addresses from `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// First address on the wire.
    pub first: u16,
    /// Registers or bits, at least 1.
    pub width: u16,
}

impl Item {
    pub const fn end(self) -> u32 {
        self.first as u32 + self.width as u32
    }
}

/// What a block may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Most addresses between two points that are read along.
    pub max_gap: u16,
    /// Most addresses in one request. A single wider point gets a block of its own all the same.
    pub max_size: u16,
}

/// One read request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// First address.
    pub first: u16,
    /// Addresses, at least 1.
    pub count: u16,
    /// Which points it fetches: indices into the items given, by address.
    pub items: Vec<u32>,
}

/// Where no block may reach across.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barriers {
    /// Addresses that nothing touches, first and last included.
    pub exclude: Vec<(u16, u16)>,
    /// Addresses that must not stand in one block with the address before them, learned from the device.
    pub cuts: Vec<u16>,
}

impl Barriers {
    fn between(&self, last_start: u16, end: u32, next: u16) -> bool {
        let next32 = u32::from(next);
        self.exclude.iter().any(|(from, to)| u32::from(*from) < next32 && u32::from(*to) >= end)
            || self.cuts.iter().any(|cut| *cut > last_start && *cut <= next)
    }

    /// Whether any excluded address lies in the range.
    pub fn excludes(&self, first: u16, count: u16) -> bool {
        let end = u32::from(first) + u32::from(count);
        self.exclude.iter().any(|(from, to)| u32::from(*from) < end && *to >= first)
    }
}

/// The blocks, by address.
pub fn plan(items: impl IntoIterator<Item = (u32, Item)>, barriers: &Barriers, rules: Rules) -> Vec<Block> {
    let mut sorted: Vec<(u32, Item)> = items.into_iter().collect();
    sorted.sort_by_key(|(_, item)| (item.first, item.width));
    let mut blocks = Vec::new();
    let mut open: Option<Open> = None;
    for (index, item) in sorted {
        match &mut open {
            Some(block) if block.takes(item, barriers, rules) => block.add(index, item),
            _ => blocks.extend(open.replace(Open::new(index, item)).map(Open::close)),
        }
    }
    blocks.extend(open.map(Open::close));
    blocks
}

/// Cuts the points of a refused block in two, at the widest gap near the middle, so that a bad address is found in
/// about log2(points) requests. `None` when there is a single point.
pub fn bisect(block: &Block, item: impl Fn(u32) -> Item) -> Option<(Block, Block)> {
    let middle = block.items.len() / 2;
    let (head, tail) = block.items.split_at_checked(middle).filter(|(head, _)| !head.is_empty())?;
    let build = |indices: &[u32]| {
        let mut all = indices.iter().map(|index| (*index, item(*index)));
        let (index, first) = all.next()?;
        let mut open = Open::new(index, first);
        all.for_each(|(index, item)| open.add(index, item));
        Some(open.close())
    };
    Some((build(head)?, build(tail)?))
}

struct Open {
    first: u16,
    end: u32,
    last_start: u16,
    items: Vec<u32>,
}

impl Open {
    fn new(index: u32, item: Item) -> Self {
        Self { first: item.first, end: item.end(), last_start: item.first, items: vec![index] }
    }

    fn takes(&self, item: Item, barriers: &Barriers, rules: Rules) -> bool {
        let end = self.end.max(item.end());
        u32::from(item.first) <= self.end + u32::from(rules.max_gap)
            && end - u32::from(self.first) <= u32::from(rules.max_size)
            && !barriers.between(self.last_start, self.end, item.first)
    }

    fn add(&mut self, index: u32, item: Item) {
        self.end = self.end.max(item.end());
        self.last_start = item.first;
        self.items.push(index);
    }

    fn close(self) -> Block {
        let count = u16::try_from(self.end - u32::from(self.first)).unwrap_or(u16::MAX);
        Block { first: self.first, count, items: self.items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(first: u16, width: u16) -> Item {
        Item { first, width }
    }

    fn planned(items: &[Item], barriers: &Barriers, rules: Rules) -> Vec<(u16, u16)> {
        let numbered = items.iter().enumerate().map(|(i, item)| (i as u32, *item));
        plan(numbered, barriers, rules).iter().map(|b| (b.first, b.count)).collect()
    }

    const RULES: Rules = Rules { max_gap: 50, max_size: 125 };

    #[test]
    fn merges_up_to_the_gap_and_the_size() {
        let none = Barriers::default();
        assert_eq!(planned(&[item(0, 2), item(52, 1)], &none, RULES), [(0, 53)]);
        assert_eq!(planned(&[item(0, 2), item(53, 1)], &none, RULES), [(0, 2), (53, 1)]);
        assert_eq!(planned(&[item(10, 2), item(0, 4)], &none, RULES), [(0, 12)]);
        let dense: Vec<_> = (0..100).map(|i| item(i * 2, 2)).collect();
        assert_eq!(planned(&dense, &none, RULES), [(0, 124), (124, 76)]);
        assert_eq!(planned(&[item(65_535, 1), item(65_500, 2)], &none, RULES), [(65_500, 36)]);
        assert_eq!(planned(&[item(0, 200)], &none, RULES), [(0, 200)]);
    }

    #[test]
    fn never_across_exclude_or_a_cut() {
        let barriers = Barriers { exclude: vec![(10, 12)], cuts: vec![21] };
        let items = [item(8, 2), item(13, 1), item(20, 1), item(21, 1)];
        assert_eq!(planned(&items, &barriers, RULES), [(8, 2), (13, 8), (21, 1)]);
        assert!(barriers.excludes(12, 1) && barriers.excludes(0, 100) && !barriers.excludes(13, 5));
    }

    #[test]
    fn bisects_down_to_one_point() {
        let items = [item(0, 2), item(2, 2), item(40, 1)];
        let block =
            plan(items.iter().enumerate().map(|(i, it)| (i as u32, *it)), &Barriers::default(), RULES)
                .remove(0);
        let (left, right) = bisect(&block, |i| items[i as usize]).unwrap();
        assert_eq!((left.first, left.count, right.first, right.count), (0, 2, 2, 39));
        assert!(bisect(&left, |i| items[i as usize]).is_none());
    }

    /// Fewest blocks over every way to divide the items into sets, or `None` if a single one is not allowed.
    fn brute(items: &[Item], barriers: &Barriers, rules: Rules) -> usize {
        fn allowed(set: &mut [Item], barriers: &Barriers, rules: Rules) -> bool {
            set.sort_by_key(|i| (i.first, i.width));
            let end = set.iter().map(|i| i.end()).max().unwrap();
            let mut reached = set[0].end();
            let fits = set.windows(2).all(|pair| {
                let ok = u32::from(pair[1].first) <= reached + u32::from(rules.max_gap)
                    && !barriers.between(pair[0].first, reached, pair[1].first);
                reached = reached.max(pair[1].end());
                ok
            });
            fits && end - u32::from(set[0].first) <= u32::from(rules.max_size)
        }
        fn go(rest: &[Item], sets: &mut Vec<Vec<Item>>, best: &mut usize, barriers: &Barriers, rules: Rules) {
            if sets.len() >= *best {
                return;
            }
            let Some((item, rest)) = rest.split_first() else {
                if sets.iter_mut().all(|set| allowed(set, barriers, rules)) {
                    *best = sets.len();
                }
                return;
            };
            for i in 0..sets.len() {
                sets[i].push(*item);
                go(rest, sets, best, barriers, rules);
                let at = sets[i].iter().rposition(|x| x == item).unwrap();
                sets[i].remove(at);
            }
            sets.push(vec![*item]);
            go(rest, sets, best, barriers, rules);
            sets.pop();
        }
        let mut best = items.len() + 1;
        go(items, &mut Vec::new(), &mut best, barriers, rules);
        best
    }

    fn maps(points: std::ops::Range<usize>) -> impl Strategy<Value = (Vec<Item>, Barriers)> {
        let items =
            prop::collection::vec((0u16..160, 1u16..5).prop_map(|(first, width)| item(first, width)), points);
        let exclude =
            prop::collection::vec((0u16..160, 0u16..6).prop_map(|(from, len)| (from, from + len)), 0..3);
        (items, exclude).prop_map(|(mut items, exclude)| {
            let barriers = Barriers { exclude, cuts: Vec::new() };
            items.retain(|item| !barriers.excludes(item.first, item.width));
            (items, barriers)
        })
    }

    proptest! {
        #[test]
        fn as_few_requests_as_brute_force((items, barriers) in maps(1..8), max_gap in 0u16..30, max_size in 8u16..60) {
            prop_assume!(!items.is_empty());
            let rules = Rules { max_gap, max_size };
            let ours = planned(&items, &barriers, rules).len();
            let best = brute(&items, &barriers, rules);
            // 5 % of a handful of requests is none.
            prop_assert_eq!(ours, best, "{:?}", items);
        }

        #[test]
        fn every_block_is_allowed_and_every_point_read_once((items, barriers) in maps(0..200), max_gap in 0u16..60) {
            let rules = Rules { max_gap, max_size: 60 };
            let blocks = plan(items.iter().enumerate().map(|(i, it)| (i as u32, *it)), &barriers, rules);
            let mut seen: Vec<u32> = blocks.iter().flat_map(|b| b.items.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..items.len() as u32).collect::<Vec<_>>());
            for block in &blocks {
                prop_assert!(block.count <= 60);
                prop_assert!(!barriers.excludes(block.first, block.count));
                for index in &block.items {
                    let item = items[*index as usize];
                    prop_assert!(item.first >= block.first);
                    prop_assert!(item.end() <= u32::from(block.first) + u32::from(block.count));
                }
            }
        }
    }
}
