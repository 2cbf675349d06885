//! How much a device gives at once, and between which of its tags no block may reach. Pure but for the questions.
//!
//! ```text
//!  tags     ▆▆ ▆    ▆▆▆▆  ▆▆▆▆▆▆▆▆     asked: the largest block, then where it ends, then why it ends there
//!  answers  └────┘ ✗└──────────┘ ✗     a hole (the neighbours alone answer)     a limit (the same size one further answers)
//! ```
//! Rationale: only what the plan of the connection would read anyway is asked: tags, and gaps that it would bridge. So
//! the search is about blocks between tags, not about single registers.

use crate::south::modbus::planner::Item;
use model::Fault;
use wire::modbus::Table;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// The data.
    Data(Vec<u8>),
    /// A refusal, or silence that ended when less was asked.
    No,
}

/// Asks the device.
pub(super) trait Ask {
    /// Reads a block.
    ///
    /// # Errors
    /// The device does not answer any more.
    fn read(
        &mut self,
        table: Table,
        first: u16,
        count: u16,
    ) -> impl Future<Output = Result<Said, Fault>> + Send;
}

/// What was learned of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Learned {
    /// Most addresses in one answer, if the device showed a limit.
    pub(super) limit: Option<u16>,
    /// Most addresses that came in one answer.
    pub(super) largest: u16,
    /// Addresses that must not stand in one block with the address before them.
    pub(super) cuts: Vec<u16>,
    /// Tags that the device refuses by themselves.
    pub(super) refused: Vec<Item>,
    /// What was read: first address and data.
    pub(super) read: Vec<(u16, Vec<u8>)>,
    /// Requests ran out before the end.
    pub(super) cut_short: bool,
}

/// Tags that overlap become one: they are read together or not at all.
pub(super) fn merged(items: impl IntoIterator<Item = Item>) -> Vec<Item> {
    let mut sorted: Vec<Item> = items.into_iter().collect();
    sorted.sort_by_key(|item| (item.first, item.width));
    let mut merged: Vec<Item> = Vec::new();
    for item in sorted {
        match merged.last_mut() {
            Some(last) if u32::from(item.first) < last.end() => {
                let end = last.end().max(item.end());
                last.width = u16::try_from(end - u32::from(last.first)).unwrap_or(u16::MAX);
            }
            _ => merged.push(item),
        }
    }
    merged
}

/// Searches one stretch: tags of a table, merged, that the plan would put into one block if blocks had no limit.
pub(super) struct Search<'a, A> {
    pub(super) ask: &'a mut A,
    pub(super) table: Table,
    pub(super) items: &'a [Item],
    /// Most addresses that are ever asked in one request.
    pub(super) most: u16,
    /// Requests that may still be put.
    pub(super) budget: &'a mut u32,
    pub(super) learned: &'a mut Learned,
}

impl<A: Ask> Search<'_, A> {
    /// Learns.
    ///
    /// # Errors
    /// The device does not answer any more.
    pub(super) async fn run(mut self) -> Result<(), Fault> {
        let mut at = 0;
        while at < self.items.len() && !self.learned.cut_short {
            let last = self.furthest(at);
            if self.answers(at, last).await? {
                at = last + 1;
            } else if last == at {
                self.refuse(at);
                at += 1;
            } else {
                at = self.narrow(at, last).await?;
            }
        }
        Ok(())
    }

    /// A block of several tags was refused: finds where it ends and why. Returns where to go on.
    async fn narrow(&mut self, at: usize, last: usize) -> Result<usize, Fault> {
        let (mut low, mut high) = (at, last);
        // `at..low` answers (unless empty), `at..=high` does not.
        while low < high && !self.learned.cut_short {
            let middle = low + (high - low) / 2;
            if self.answers(at, middle).await? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low == at {
            self.refuse(at);
            return Ok(at + 1);
        }
        if self.learned.cut_short {
            return Ok(low);
        }
        if !self.answers(low, low).await? {
            self.refuse(low);
            return Ok(low + 1);
        }
        let size = self.size(at, low - 1);
        let shifted = (at + 1..low).find(|from| self.size(*from, low) <= size);
        let limited = match shifted {
            Some(from) => self.answers(from, low).await?,
            None => false,
        };
        if limited {
            self.learned.limit = Some(size);
        } else {
            self.cut(low);
        }
        Ok(low)
    }

    fn refuse(&mut self, index: usize) {
        self.cut(index);
        self.cut(index + 1);
        self.learned.refused.extend(self.items.get(index).copied());
    }

    fn cut(&mut self, index: usize) {
        if let Some(item) = self.items.get(index).filter(|_| index > 0)
            && !self.learned.cuts.contains(&item.first)
        {
            self.learned.cuts.push(item.first);
        }
    }

    /// Addresses of the block from one tag to another.
    fn size(&self, from: usize, to: usize) -> u16 {
        let (Some(from), Some(to)) = (self.items.get(from), self.items.get(to)) else { return 0 };
        u16::try_from(to.end().saturating_sub(u32::from(from.first))).unwrap_or(u16::MAX)
    }

    /// The last tag that fits into a block with the one at `at`.
    fn furthest(&self, at: usize) -> usize {
        let most = self.learned.limit.unwrap_or(self.most);
        (at + 1..self.items.len()).take_while(|to| self.size(at, *to) <= most).last().unwrap_or(at)
    }

    async fn answers(&mut self, from: usize, to: usize) -> Result<bool, Fault> {
        let Some(left) = self.budget.checked_sub(1) else {
            self.learned.cut_short = true;
            return Ok(false);
        };
        *self.budget = left;
        let (first, count) = (self.items.get(from).map_or(0, |item| item.first), self.size(from, to));
        match self.ask.read(self.table, first, count).await? {
            Said::Data(data) => {
                self.learned.largest = self.learned.largest.max(count);
                self.learned.read.push((first, data));
                Ok(true)
            }
            Said::No => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::modbus::planner::{Barriers, Rules, plan};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A device with holes, a limit, and boundaries that no block may cross.
    #[derive(Debug, Default)]
    struct Device {
        holes: BTreeSet<u16>,
        limit: u16,
        boundaries: Vec<u16>,
        asked: Vec<(u16, u16)>,
    }

    impl Device {
        fn gives(&self, first: u16, count: u16) -> bool {
            let end = first + count;
            count <= self.limit
                && self.holes.range(first..end).next().is_none()
                && !self.boundaries.iter().any(|at| *at > first && *at < end)
        }
    }

    impl Ask for Device {
        async fn read(&mut self, _: Table, first: u16, count: u16) -> Result<Said, Fault> {
            self.asked.push((first, count));
            Ok(if self.gives(first, count) { Said::Data(vec![0; usize::from(count) * 2]) } else { Said::No })
        }
    }

    fn search(device: &mut Device, items: &[Item]) -> Learned {
        let (mut learned, mut budget) = (Learned::default(), 2_000);
        let run = Search {
            ask: device,
            table: Table::HoldingRegisters,
            items,
            most: 125,
            budget: &mut budget,
            learned: &mut learned,
        };
        futures_util::FutureExt::now_or_never(run.run()).unwrap().unwrap();
        learned
    }

    fn row(count: u16, width: u16, step: u16) -> Vec<Item> {
        (0..count).map(|n| Item { first: n * step, width }).collect()
    }

    #[test]
    fn a_device_that_gives_all_is_asked_as_the_plan_would() {
        let mut device = Device { limit: 125, ..Device::default() };
        let learned = search(&mut device, &row(125, 2, 2));
        assert_eq!(device.asked, [(0, 124), (124, 124), (248, 2)]);
        assert_eq!((learned.limit, learned.largest), (None, 124));
        assert!(learned.cuts.is_empty() && learned.refused.is_empty());
    }

    #[test]
    fn a_limit_is_told_from_a_hole() {
        let mut device = Device { limit: 60, ..Device::default() };
        let learned = search(&mut device, &row(100, 2, 2));
        assert_eq!((learned.limit, learned.cuts.as_slice()), (Some(60), &[][..]));
        assert!(device.asked.len() < 20, "{:?}", device.asked);
        // Registers 20 to 29 are missing; no tag lies there.
        let mut device = Device { limit: 125, holes: (20..30).collect(), ..Device::default() };
        let items: Vec<Item> =
            row(10, 2, 2).into_iter().chain((15..40).map(|n| Item { first: n * 2, width: 2 })).collect();
        let learned = search(&mut device, &items);
        assert_eq!((learned.limit, learned.cuts.as_slice()), (None, &[30][..]));
        // A tag that is not there.
        let mut device = Device { limit: 125, holes: BTreeSet::from([8]), ..Device::default() };
        let learned = search(&mut device, &row(20, 2, 2));
        assert_eq!(learned.refused, [Item { first: 8, width: 2 }]);
        assert_eq!((learned.limit, learned.cuts.as_slice()), (None, &[8, 10][..]));
    }

    #[test]
    fn overlapping_tags_are_one() {
        let item = |first, width| Item { first, width };
        assert_eq!(merged([item(4, 1), item(0, 2), item(1, 2), item(4, 1)]), [item(0, 3), item(4, 1)]);
    }

    #[test]
    fn it_ends_when_requests_run_out() {
        let mut device = Device { limit: 1, ..Device::default() };
        let (mut learned, mut budget) = (Learned::default(), 5);
        let items = row(50, 1, 1);
        let run = Search {
            ask: &mut device,
            table: Table::Coils,
            items: &items,
            most: 2_000,
            budget: &mut budget,
            learned: &mut learned,
        };
        futures_util::FutureExt::now_or_never(run.run()).unwrap().unwrap();
        assert!(learned.cut_short);
        assert_eq!(device.asked.len(), 5);
    }

    proptest! {
        #[test]
        fn exactly_the_refused_tags_are_found_and_nothing_else_is_touched(
            tags in prop::collection::btree_map(0u16..400, 1u16..5, 1..60),
            holes in prop::collection::btree_set(0u16..400, 0..12),
            boundaries in prop::collection::vec(0u16..400, 0..3),
            limit in 4u16..126,
        ) {
            let items = merged(tags.into_iter().map(|(first, width)| Item { first, width }));
            let mut device = Device { holes, limit, boundaries, asked: Vec::new() };
            let rules = Rules { max_gap: 50, max_size: u16::MAX };
            let numbered = |items: &[Item]| items.iter().copied().enumerate().map(|(n, item)| (n as u32, item)).collect::<Vec<_>>();
            let stretches = plan(numbered(&items), &Barriers::default(), rules);
            let (mut learned, mut budget) = (Learned::default(), 4_000);
            for stretch in &stretches {
                let own: Vec<Item> = stretch.items.iter().map(|n| items[*n as usize]).collect();
                let run = Search { ask: &mut device, table: Table::HoldingRegisters, items: &own, most: 125,
                    budget: &mut budget, learned: &mut learned };
                futures_util::FutureExt::now_or_never(run.run()).unwrap().unwrap();
            }
            prop_assert!(!learned.cut_short);
            let refused: Vec<Item> = items.iter().copied().filter(|item| !device.gives(item.first, item.width)).collect();
            prop_assert_eq!(&refused, &{ let mut it = learned.refused.clone(); it.sort_by_key(|item| item.first); it });
            // Nothing but tags and gaps that the plan would bridge was asked.
            for (first, count) in &device.asked {
                prop_assert!(stretches.iter().any(|it| it.first <= *first && u32::from(*first) + u32::from(*count) <= u32::from(it.first) + u32::from(it.count)));
            }
            let largest = learned.limit.unwrap_or(125);
            prop_assert!(largest <= 125 && learned.largest <= device.limit);
        }
    }
}
